/**
 * The seed's online transfer as one would write it in an afternoon: Express, a bearer JWT, and a transaction of one statement
 * after the other for each transfer. Ends with its standard input.
 *
 * `/v1/transfers` keeps what the product's transfer keeps, row by row; `/v1/money-alone` is the seed's own, seven round trips for
 * two balances and a row of history.
 */
import express, { type Request } from 'express';
import { jwtVerify } from 'jose';
import postgres from 'postgres';
import { z } from 'zod';
import { payAsSeed } from './seed.ts';
import { sendByRow } from './seed-online.ts';

const Setup = z.object({ url: z.string(), secret: z.string() });
const { url, secret } = Setup.parse(JSON.parse(process.argv[2] ?? ''));
const MoneyBody = z.object({ to: z.int(), amountMinor: z.literal('1') });
const Claims = z.object({ sub: z.uuid(), sid: z.uuid(), n: z.int() });
const Body = z.object({ phone: z.string(), amountMinor: z.string().regex(/^[1-9][0-9]{0,12}$/) });
const Key = z.uuid();

const sql = postgres(url, { max: 10, onnotice: () => undefined });
const key = new TextEncoder().encode(secret);
const app = express();
app.use(express.json());

async function callerOf(request: Request) {
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  return Claims.parse((await jwtVerify(token, key, { algorithms: ['HS256'] })).payload);
}

app.post('/v1/transfers', async (request, response) => {
  const { sub: userId, sid: sessionId } = await callerOf(request);
  const { phone, amountMinor } = Body.parse(request.body);
  const answer = await sendByRow(sql, {
    ...{ userId, sessionId, phone },
    key: Key.parse(request.headers['idempotency-key']),
    amountMinor: BigInt(amountMinor),
  });
  response.type('json').send(answer);
});
app.post('/v1/money-alone', async (request, response) => {
  const { n } = await callerOf(request);
  await payAsSeed(sql, [n, MoneyBody.parse(request.body).to]);
  response.json({ done: true });
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : 0);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit());
