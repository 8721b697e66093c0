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
import { createApp } from '../app.ts';
import type { Executor } from '../db/client.ts';
import { COMMANDS } from '../operator/commands.ts';
import { openAccount, postTransfers, statementCsv } from './index.ts';

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
  const postOne = async (note: string) => {
    const entries = [
      { accountId: opening, amountMinor: -1n },
      { accountId: pocket, amountMinor: 1n },
    ];
    const id = randomUUIDv7();
    await worker.transaction((tx) =>
      postTransfers(tx, [
        { id, kind: 'opening', idempotencyKey: randomUUID(), reference: { note }, entries },
      ]),
    );
    await server.database.owner.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update ledger_transfers set created_at = created_at - interval '1 minute' where id = ${id}`;
    });
  };
  const query = {
    kind: 'user_online',
    ownerId: userId,
    currency: 'SGD',
    period: day(),
    timeZone: server.context.offline.policy.timeZone,
  } as const;
  const pieces: string[] = [];
  let reads = 0;
  const read = <T>(work: (tx: Executor) => Promise<T>) => {
    reads += 1;
    return db.transaction(work);
  };
  for await (const piece of statementCsv(read, query)) {
    pieces.push(piece);
    // What comes meanwhile belongs to the next one, however early its transfer says that it was.
    if (pieces.length === 2) await postOne(`late ${reads}`);
  }
  expect(reads).toBe(4);
  const linesOf = (text: string) => text.trimEnd().split('\r\n');
  expect(pieces.map((piece) => linesOf(piece).length)).toEqual([2, 1_000, 1_000, 300, 1]);
  const answer = await server.call(`/v1/statement?day=${day()}`, { token: person.token });
  expect(linesOf(String(answer.body))).toHaveLength(linesOf(pieces.join('')).length + 1);
  expect(answer.body).toContain('late 2');
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

test('slow readers, as many as the pool has connections, keep nobody from anything; one person has only so many', async () => {
  const { databaseConnections } = server.context.config;
  const OF_ONE = 4;
  const open: ReadableStream[] = [];
  // Asked without a socket, which would take a short statement whole, whoever reads it how slowly.
  const app = createApp(server.context);
  const begin = async (person: Person) => {
    const answer = await app.request(`/v1/statement?day=${day()}`, {
      headers: { authorization: `Bearer ${person.token}` },
    });
    if (answer.status === 200 && answer.body !== null) open.push(answer.body);
    return answer;
  };
  const people: Person[] = [ayu];
  while (people.length * OF_ONE < databaseConnections) people.push(await server.customerWith(100n));
  try {
    // Nobody takes what is written: each has begun, and waits for its reader.
    for (const person of people)
      for (let n = 0; n < OF_ONE; n += 1) expect((await begin(person)).status).toBe(200);
    expect(open.length).toBeGreaterThanOrEqual(databaseConnections);
    const refused = await begin(ayu);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect((await server.call('/readyz')).status).toBe(200);
    const [held] = await server.database.owner<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity
      where datname = current_database() and state = 'idle in transaction'`;
    expect(held?.n).toBe(0);
    expect((await statement(budi)).at(-2)).toMatch(/^closing_balance/);
  } finally {
    await Promise.all(open.map((body) => body.cancel()));
  }
  // Who is gone holds nothing.
  await expect.poll(async () => (await begin(ayu)).status).toBe(200);
  await Promise.all(open.slice(-1).map((body) => body.cancel()));
});
