import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RegisterResult, TransferResult } from '../../contract/index.ts';
import { freshPhone, startTestServer, type TestServer } from '../../test/test-server.ts';
import { forgetOld } from './housekeeping.ts';

const DAY_MS = 24 * 3_600_000;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const rowsOf = async (table: string) =>
  (await server.database.owner`select 1 from ${server.database.owner(table)}`).length;
const forget = () => forgetOld(server.context.worker, server.clock);

test('what is old goes and what may be needed stays; a forgotten key still moves no money twice', async () => {
  const [from, to] = [await server.customerWith(5_000n), await server.register('customer')];
  const body = {
    role: 'customer',
    phone: freshPhone(),
    username: 'never verified',
    password: 'a fine password',
  };
  await server.expect(RegisterResult, '/v1/auth/register', { body });
  const key = randomUUID();
  const send = (token: string) => {
    const transfer = { phone: to.phone, amountMinor: '700' };
    return server.expect(TransferResult, '/v1/transfers', { body: transfer, token, key });
  };
  const first = await send(from.token);
  expect(await forget()).toBe(0);
  const sessions = await rowsOf('sessions');
  server.clock.advance(2 * DAY_MS);
  await forget();
  expect([await rowsOf('registrations'), await rowsOf('sessions')]).toEqual([0, sessions]);
  server.clock.advance(31 * DAY_MS);
  await forget();
  expect([await rowsOf('sessions'), await rowsOf('idempotency_keys')]).toEqual([0, 0]);
  const login = { phone: from.phone, password: from.password };
  const { body: session } = await server.call('/v1/auth/login', {
    body: login,
    headers: { 'tiki-client': 'agent' },
  });
  const repeat = await send(String(Object(session).accessToken));
  expect(repeat).toEqual(first);
  const [{ balance } = { balance: '' }] = await server.database.owner<{ balance: string }[]>`
    select balance_minor as balance from ledger_accounts where owner_id = ${from.session.user.id}`;
  expect(balance).toBe('4300');
});
