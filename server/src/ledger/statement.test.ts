import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { refund } from '../../test/simulated-refunds.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { COMMANDS } from '../operator/commands.ts';
import { openAccount, postTransfers, readStatement, statementCsv } from './index.ts';

let server: TestServer;
let ayu: Person;
let budi: Person;
beforeAll(async () => {
  server = await startTestServer();
  ayu = await server.customerWith(5_000n);
  budi = await server.register('customer');
  for (const [amountMinor, note] of [
    ['1250', '=HYPERLINK("http://evil")'],
    ['250', 'tea, and cake'],
  ]) {
    await server.call('/v1/transfers', {
      body: { phone: budi.phone, amountMinor, note },
      token: ayu.token,
      key: randomUUID(),
    });
  }
});
afterAll(() => server.close());

const day = (shift = 0) => {
  const at = new Date(server.clock.nowMs() + shift * 24 * 3_600_000);
  return new Intl.DateTimeFormat('en-CA', { timeZone: server.context.offline.policy.timeZone }).format(at);
};
/** Cells without the times and ids that differ from run to run. */
async function statement(person: Person, of = day()): Promise<string[]> {
  const answer = await server.call(`/v1/statement?day=${of}`, { token: person.token });
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  return String(answer.body)
    .split('\r\n')
    .map((line) => line.replace(/^[^,]*,/, '').replace(/,\d*,,,$/, ''));
}

test('a day begins and ends with the balance, and every line between leads from one to the other', async () => {
  const lines = await statement(ayu);
  expect(lines[0]).toBe('kind,amount,currency,balance,counterparty,note,entry,receipt,till,payment_id');
  expect(lines[1]).toBe('opening_balance,,SGD,0.00,,');
  expect(lines[2]).toMatch(/^top_up,50\.00,SGD,50\.00,/);
  expect(lines[3]).toMatch(/^user_transfer,-12\.50,SGD,37\.50,.*,"'=HYPERLINK\(""http:\/\/evil""\)"$/);
  expect(lines[4]).toMatch(/^user_transfer,-2\.50,SGD,35\.00,.*,"tea, and cake"$/);
  expect(lines[5]).toBe('closing_balance,,SGD,35.00,,');
  expect((await statement(budi)).at(-2)).toBe('closing_balance,,SGD,15.00,,');
});

test('a month holds its days, from the balance before the first to the one after the last', async () => {
  const read = (query: string) => server.call(`/v1/statement?${query}`, { token: ayu.token });
  const month = day().slice(0, 7);
  const answer = await read(`month=${month}`);
  expect(answer.headers.get('content-disposition')).toContain(`tikiwallet-${month}.csv`);
  const lines = String(answer.body).trim().split('\r\n');
  const entries = (of: readonly string[]) => of.filter((line) => /^\d{4}-\d\d-\d\dT/.test(line));
  expect(entries(lines)).toEqual(expect.arrayContaining(entries(await statement(ayu))));
  expect(lines[1]).toMatch(new RegExp(`^${month},opening_balance`));
  for (const query of [`month=${month}&day=${day()}`, 'month=9999-01', 'month=2026-13', 'month=0000-01'])
    expect([query, (await read(query)).code]).toEqual([query, 'request_invalid']);
});

test('a sale and what was given back of it are told by receipt, till and payment, in the day as in the month', async () => {
  const merchant = await server.register('merchant');
  const kiosk = await SimulatedKiosk.open(server, merchant, 'Door, left');
  const wallet = await (await SimulatedPhone.withMoney(server, 2_000n)).load(1_000n);
  const sale = kiosk.sell(wallet, 700n);
  refund(kiosk, wallet, { payment: sale, amountMinor: 200n });
  await kiosk.settle();
  const entries = async (query: string) =>
    String((await server.call(`/v1/statement?${query}`, { token: merchant.token })).body)
      .split('\r\n')
      .filter((line) => line.includes('T'));
  const lines = await entries(`day=${day()}`);
  expect(lines.map((line) => line.split(',').slice(-4))).toEqual([
    [expect.stringMatching(/^\d+$/), '"Door', ' left"', toHex(sale.hash)],
    [expect.stringMatching(/^\d+$/), '"Door', ' left"', toHex(sale.hash)],
  ]);
  expect(lines.map((line) => line.split(',')[1])).toEqual(['offline_payment', 'offline_refund']);
  // Both are entries of the journal, in its order; the customer's receipts say the same numbers.
  const [first = '', second = ''] = lines.map((line) => line.split(',').at(-4));
  expect(Number(second)).toBe(Number(first) + 1);
  expect(await entries(`month=${day().slice(0, 7)}`)).toEqual(lines);
});

test('a day before anything is empty at zero; a day that has not begun is refused', async () => {
  expect(await statement(ayu, day(-3))).toEqual([
    'kind,amount,currency,balance,counterparty,note,entry,receipt,till,payment_id',
    'opening_balance,,SGD,0.00,,',
    'closing_balance,,SGD,0.00,,',
    '',
  ]);
  const early = await server.call(`/v1/statement?day=${day(2)}`, { token: ayu.token });
  expect([early.status, early.code]).toEqual([400, 'request_invalid']);
  // No calendar of the database has a year of none.
  const never = await server.call('/v1/statement?day=0000-01-01', { token: ayu.token });
  expect([never.status, never.code]).toEqual([400, 'request_invalid']);
});

test('a merchant’s statement is the balance’s, not the owner’s', async () => {
  const merchant = await server.register('merchant');
  expect((await statement(merchant)).slice(1)).toEqual([
    'opening_balance,,SGD,0.00,,',
    'closing_balance,,SGD,0.00,,',
    '',
  ]);
});

test('the operator’s command writes the same bytes to a new file, and nothing where it is asked for nonsense', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-statement-'));
  const run = (...args: readonly string[]) => COMMANDS['statement']?.run(server.context.db, args);
  try {
    const file = join(folder, 'ayu.csv');
    expect(await run('customer', ayu.session.user.id, day(), file)).toBe(`${file} is written.`);
    const answer = await server.call(`/v1/statement?day=${day()}`, { token: ayu.token });
    expect(readFileSync(file, 'utf8')).toBe(answer.body);
    // What was exported before may be evidence.
    await expect(run('customer', budi.session.user.id, day(), file)).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(readFileSync(file, 'utf8')).toBe(answer.body);
    for (const wrong of [
      ['operator', ayu.session.user.id, day()],
      ['customer', 'ayu', day()],
      ['merchant', ayu.session.user.id, 'yesterday'],
    ])
      await expect(run(...wrong, join(folder, 'none.csv'))).rejects.toMatchObject({
        code: 'request_invalid',
      });
    expect(readdirSync(folder)).toEqual(['ayu.csv']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a long one is read and written by the page, every line once, and leads from its opening to its closing', async () => {
  const person = await server.register('customer');
  const { db, worker } = server.context;
  const COUNT = 2_300;
  const userId = person.session.user.id;
  const opening = await openAccount(db, { kind: 'opening', currency: 'SGD' });
  const pocket = await openAccount(db, {
    kind: 'user_online',
    ownerId: userId,
    holderId: userId,
    currency: 'SGD',
  });
  const transfers = Array.from({ length: COUNT }, (_, n) => ({
    id: randomUUIDv7(),
    kind: 'opening' as const,
    idempotencyKey: randomUUID(),
    reference: { note: `number ${n}` },
    entries: [
      { accountId: opening, amountMinor: -1n },
      { accountId: pocket, amountMinor: 1n },
    ],
  }));
  await worker.transaction((tx) => postTransfers(tx, transfers));
  const query = {
    kind: 'user_online',
    ownerId: userId,
    currency: 'SGD',
    period: day(),
    timeZone: server.context.offline.policy.timeZone,
  } as const;
  const pieces: string[] = [];
  await db.transaction(async (tx) => {
    for await (const piece of statementCsv(await readStatement(tx, query), query)) pieces.push(piece);
  });
  const linesOf = (text: string) => text.trimEnd().split('\r\n');
  expect(pieces.map((piece) => linesOf(piece).length)).toEqual([2, 1_000, 1_000, 300, 1]);
  const answer = await server.call(`/v1/statement?day=${day()}`, { token: person.token });
  expect(answer.body).toBe(pieces.join(''));
  const cells = linesOf(pieces.slice(1, -1).join('')).map((line) => line.split(','));
  expect(cells.map((line) => line[4])).toEqual(cells.map((_, n) => `${((n + 1) / 100).toFixed(2)}`));
  expect(new Set(cells.map((line) => line[7])).size).toBe(COUNT);
  expect(pieces.at(-1)).toContain('closing_balance,,SGD,23.00');
});

test('who asks for the head of a statement keeps nobody from theirs', async () => {
  const { databaseConnections } = server.context.config;
  const heads = Array.from({ length: databaseConnections }, () =>
    server.call(`/v1/statement?day=${day()}`, { method: 'HEAD', token: ayu.token }),
  );
  for (const { status, body } of await Promise.all(heads)) expect([status, body]).toEqual([200, '']);
  expect((await statement(budi)).at(-2)).toMatch(/^closing_balance/);
});
