/**
 * The seed's online transfer as one would write it in an afternoon: Express, a bearer JWT, and a transaction of seven round
 * trips for each transfer. Ends with its standard input.
 */
import express from 'express';
import { jwtVerify } from 'jose';
import postgres from 'postgres';
import { z } from 'zod';
import { payAsSeed } from './seed.ts';

const Setup = z.object({ url: z.string(), secret: z.string() });
const { url, secret } = Setup.parse(JSON.parse(process.argv[2] ?? ''));
const Body = z.object({ to: z.int(), amountMinor: z.literal('1') });

const sql = postgres(url, { max: 10, onnotice: () => undefined });
const key = new TextEncoder().encode(secret);
const app = express();
app.use(express.json());
app.post('/v1/transfers', async (request, response) => {
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] });
  const { to } = Body.parse(request.body);
  await payAsSeed(sql, [Number(payload.sub), to]);
  response.json({ done: true });
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : 0);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit());
