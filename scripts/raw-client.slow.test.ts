/** The callers of the benchmarks measure nothing but whole answers with 200, however they come and whenever sockets end. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { deliver, type Measured } from './raw-client.ts';

let server: Server | null = null;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  if (server !== null) await once(server, 'close');
  server = null;
});

async function against(
  listener: RequestListener,
  bodies: readonly Uint8Array[],
  maxRequestsPerSocket = 0,
): Promise<Measured> {
  server = createServer(listener);
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return deliver({ port, path: '/in', mediaType: 'text/plain', bodies, callers: 4 });
}

const bodies = Array.from({ length: 40 }, (_, index) => Buffer.from(`body ${index}`));

it('sends every body once, over sockets that end in between, and waits for answers in pieces', async () => {
  const seen: string[] = [];
  const measured = await against(
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        seen.push(Buffer.concat(chunks).toString());
        response.writeHead(200, { 'content-length': 6 });
        response.write('abc');
        setImmediate(() => response.end('def'));
      });
    },
    bodies,
    3,
  );
  expect(seen.toSorted()).toEqual(bodies.map(String).toSorted());
  expect(measured.waitsMs).toHaveLength(bodies.length);
  expect(Math.min(...measured.waitsMs)).toBeGreaterThan(0);
});

it('an answer that is not 200 fails the measurement with what it said', async () => {
  const refuse: RequestListener = (_, response) => {
    response.writeHead(409, { 'content-length': 3 });
    response.end('no!');
  };
  await expect(against(refuse, bodies)).rejects.toThrow(/not accepted: HTTP\/1\.1 409 .*no!/s);
});

it('a connection that ends without an answer fails it, too', async () => {
  await expect(against((request) => request.socket.destroy(), bodies)).rejects.toThrow(
    'the connection ended without an answer',
  );
});
