/**
 * The kiosk as one would write it in an afternoon, and a fair one: Express, jose with each phone's key imported from its
 * certificate, and one durable transaction for each payment. It does the same job: both signatures, request open and
 * amount right, counter used once, a signed receipt only after the commit. Both libraries are used as their own
 * documentation has it, with nothing added that costs and nothing left out. Ends with its standard input.
 */
import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import express from 'express';
import { generateKeyPair, jwtVerify, SignJWT, type JWK } from 'jose';

interface Setup {
  readonly path: string;
  readonly issuer: JWK;
}
const setup = JSON.parse(process.argv[2] ?? '') as Setup;
const ES256 = { algorithms: ['ES256'] };

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

const receiptKey = (await generateKeyPair('ES256')).privateKey;

interface CertificateClaims {
  readonly jti: string;
  readonly cnf: { readonly jwk: JWK };
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
  // jose keeps the issuer's key, which is one object, and refuses what has expired.
  const { payload: certificate } = await jwtVerify<CertificateClaims>(body.certificate, setup.issuer, ES256);
  const { payload: payment } = await jwtVerify<PaymentClaims>(body.payment, certificate.cnf.jwk, ES256);
  const request = findRequest.get(body.requestId);
  const amount = Number(payment.amount);
  if (request?.paid !== 0 || request.amount !== amount) throw new Error('request');
  const id = randomUUID();
  const receipt = await new SignJWT({ id, requestId: body.requestId, amount })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuedAt()
    .sign(receiptKey);
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

const app = express();
app.use(express.json());
app.post('/', async (request, response) => {
  try {
    response.json({ receipt: await accept(request.body as Body) });
  } catch (error) {
    response.status(422).send(String(error));
  }
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(JSON.stringify({ plain: typeof address === 'object' ? address?.port : 0 }));
});
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
