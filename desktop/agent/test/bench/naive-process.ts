/**
 * The kiosk as one would write it in an afternoon, and a fair one: node:http, JWS verified through WebCrypto with the
 * keys imported as jose does it, and one durable transaction for each payment. It does the same job: both signatures,
 * request open and amount right, counter used once, a signed receipt only after the commit. Ends with its standard
 * input.
 */
import { randomUUID, webcrypto, type JsonWebKey } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import Database from 'better-sqlite3';

interface Setup {
  readonly path: string;
  readonly issuer: JsonWebKey;
}
const setup = JSON.parse(process.argv[2] ?? '') as Setup;
const ES256 = { name: 'ECDSA', hash: 'SHA-256' };
const P256 = { name: 'ECDSA', namedCurve: 'P-256' };
const { subtle } = webcrypto;

const db = new Database(setup.path);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`CREATE TABLE requests (id TEXT PRIMARY KEY, amount INTEGER NOT NULL, paid INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE payments (id TEXT PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, allowance TEXT NOT NULL, counter INTEGER NOT NULL,
    amount INTEGER NOT NULL, certificate TEXT NOT NULL, payment TEXT NOT NULL, receipt TEXT NOT NULL, UNIQUE (allowance, counter))`);
const findRequest = db.prepare<[string], { amount: number; paid: number }>(
  'SELECT amount, paid FROM requests WHERE id = ?',
);
const pay = db.prepare<[string]>('UPDATE requests SET paid = 1 WHERE id = ? AND paid = 0');
const insert = db.prepare<[string, string, string, number, number, string, string, string]>(
  'INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
);

const issuerKey = await importKey(setup.issuer);
const receiptKey = (await subtle.generateKey(P256, false, ['sign', 'verify'])).privateKey;

function importKey(jwk: JsonWebKey): Promise<webcrypto.CryptoKey> {
  return subtle.importKey('jwk', jwk, P256, false, ['verify']);
}

async function verified<T>(
  token: string,
  keyOf: (claims: T) => webcrypto.CryptoKey | Promise<webcrypto.CryptoKey>,
): Promise<T> {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string };
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as T;
  const data = Buffer.from(`${header}.${payload}`);
  const holds = await subtle.verify(ES256, await keyOf(claims), Buffer.from(signature, 'base64url'), data);
  if (alg !== 'ES256' || !holds) throw new Error('signature');
  return claims;
}

interface CertificateClaims {
  readonly jti: string;
  readonly cnf: { readonly jwk: JsonWebKey };
  readonly exp: number;
}
interface PaymentClaims {
  readonly counter: number;
  readonly amount: string;
}
interface Body {
  readonly requestId: string;
  readonly certificate: string;
  readonly payment: string;
}

async function accept(body: Body): Promise<string> {
  const certificate = await verified<CertificateClaims>(body.certificate, () => issuerKey);
  const payment = await verified<PaymentClaims>(body.payment, () => importKey(certificate.cnf.jwk));
  const request = findRequest.get(body.requestId);
  const amount = Number(payment.amount);
  if (request?.paid !== 0 || request.amount !== amount || certificate.exp < Date.now() / 1000)
    throw new Error('request');
  const id = randomUUID();
  const claims = [{ alg: 'ES256' }, { id, requestId: body.requestId, amount, iat: Date.now() }];
  const input = claims.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = await subtle.sign(ES256, receiptKey, Buffer.from(input));
  const receipt = `${input}.${Buffer.from(signature).toString('base64url')}`;
  const commit = db.transaction(() => {
    if (pay.run(body.requestId).changes !== 1) throw new Error('paid');
    insert.run(
      id,
      body.requestId,
      certificate.jti,
      payment.counter,
      amount,
      body.certificate,
      body.payment,
      receipt,
    );
  });
  commit.immediate();
  return receipt;
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request as AsyncIterable<string>) text += chunk;
  return text;
}

const server = createServer((request, response) => {
  read(request)
    .then((text) => accept(JSON.parse(text) as Body))
    .then(
      (receipt) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ receipt })),
      (error: unknown) => response.writeHead(422).end(String(error)),
    );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(JSON.stringify({ plain: typeof address === 'object' ? address?.port : 0 }));
});
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
