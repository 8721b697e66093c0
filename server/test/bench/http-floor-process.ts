/**
 * What HTTP alone costs: one thread of node:http that takes the very requests of an online transfer, reads their body, knows their
 * token and answers as many bytes as the product does, and does nothing else. Ends with its standard input.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { jwtVerify } from 'jose';
import { z } from 'zod';

const Setup = z.object({ secret: z.string(), headers: z.record(z.string(), z.string()), body: z.string() });
const { secret, headers, body } = Setup.parse(JSON.parse(process.argv[2] ?? ''));
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

const key = new TextEncoder().encode(secret);
/** As the product does: a token that was verified is known again. */
const known = new Set<string>();
const isKnown = async (token: string) => {
  if (known.has(token)) return true;
  await jwtVerify(token, key, { algorithms: ['HS256'] });
  known.add(token);
  return true;
};

const read = (request: IncomingMessage) =>
  new Promise<string>((resolve) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => resolve(Buffer.concat(pieces).toString()));
  });

const server = createServer((request, response) => {
  const { authorization = '', 'idempotency-key': named } = request.headers;
  void read(request).then(async (text) => {
    const wanted: unknown = JSON.parse(text);
    const isRight =
      typeof wanted === 'object' && wanted !== null && 'phone' in wanted && UUID.test(String(named));
    const mayCome = isRight && (await isKnown(authorization.slice('Bearer '.length)));
    response.writeHead(mayCome ? 200 : 400, { ...headers, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : 0);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit());
