/** A batch that pays with one transfer shows people what it showed when each payment had its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import { HistoryItem, pageOf } from '../../contract/index.ts';
import { tellBothWays, walkHistory } from '../../test/both-ways.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { readFreshMoney } from '../money/fresh-money.ts';
import type { SettlementTransfers } from '../settlement/post-payments.ts';
import { readHistory, reconcile } from './index.ts';

interface Story {
  readonly server: TestServer;
  readonly merchant: Person;
  readonly payer: Person;
  readonly other: Person;
  /** Hex of each payment's hash, in the order of selling. */
  readonly sold: readonly string[];
}

/** A day with payments of two phones mixed: a batch of nine sales, one of one, one of two. */
async function tell(transfers: SettlementTransfers): Promise<Story> {
  const server = await startTestServer({ env: { TIKI_SETTLEMENT_TRANSFERS: transfers } });
  const merchant = await server.register('merchant', { agent: true });
  const kiosk = await SimulatedKiosk.open(server, merchant, 'Door');
  const [first, second] = [
    await SimulatedPhone.withMoney(server, 5_000n),
    await SimulatedPhone.withMoney(server, 5_000n),
  ];
  const [mine, theirs] = [await first.load(1_000n), await second.load(1_000n)];
  const sold: string[] = [];
  const sell = (wallet: typeof mine, amount: bigint) => sold.push(toHex(kiosk.sell(wallet, amount).hash));
  for (let n = 1; n <= 9; n += 1) sell(n % 3 === 0 ? theirs : mine, BigInt(n));
  await kiosk.settle();
  sell(mine, 10n);
  await kiosk.settle(kiosk.batch({ from: kiosk.journal.length, to: kiosk.journal.length }));
  const from = kiosk.journal.length + 1;
  sell(mine, 11n);
  sell(theirs, 12n);
  await kiosk.settle(kiosk.batch({ from, to: kiosk.journal.length }));
  return { server, merchant, payer: first.person, other: second.person, sold };
}

let together: Story;
let apart: Story;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ together, apart, close } = await tellBothWays(tell));
}, 60_000);
afterAll(() => close());

const walk = ({ server }: Story, person: Person, limit: number) => walkHistory(server, person, limit);

/** Without what differs from one installation to another. */
const shown = ({ sold }: Story, items: readonly HistoryItem[]) =>
  items.map(({ id: _id, at: _at, paymentHash, orderId: _order, counterparty, ...item }) => ({
    ...item,
    counterparty: counterparty?.replace(/\d{4}$/, ''),
    payment: paymentHash === null ? null : sold.indexOf(paymentHash),
  }));

test('a batch is one transfer, a payment alone has its own, and the books add up', async () => {
  const kinds = async ({ server }: Story) => [
    ...(await server.database.owner`
      select kind, count(*)::int as n from ledger_transfers where kind like 'offline%' group by 1 order by 1`),
  ];
  expect(await kinds(together)).toEqual([
    { kind: 'offline_payment', n: 1 },
    { kind: 'offline_payments', n: 2 },
  ]);
  expect(await kinds(apart)).toEqual([{ kind: 'offline_payment', n: 12 }]);
  for (const { server } of [together, apart])
    expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});

test.each(['merchant', 'payer', 'other'] as const)(
  'the history of the %s has a line a payment, and every page size walks it without a line lost or twice',
  async (who) => {
    const whole = await walk(together, together[who], 50);
    expect(whole.filter(({ paymentHash }) => paymentHash !== null).length).toBe(
      { merchant: 12, payer: 8, other: 4 }[who],
    );
    expect(shown(together, whole)).toEqual(shown(apart, await walk(apart, apart[who], 50)));
    expect(new Set(whole.map(({ id }) => id)).size).toBe(whole.length);
    for (const limit of [1, 2, 3, 5, 7]) expect(await walk(together, together[who], limit)).toEqual(whole);
  },
);

test('what comes in between two pages moves none of their lines', async () => {
  const { server, merchant } = together;
  const page = (cursor = '') =>
    server.expect(pageOf(HistoryItem), `/v1/history?limit=5${cursor}`, { token: merchant.token });
  const first = await page();
  const before = await walk(together, merchant, 50);
  const kiosk = await SimulatedKiosk.open(server, merchant, 'Window');
  const wallet = await (await SimulatedPhone.withMoney(server, 2_000n)).load(1_000n);
  for (let n = 0; n < 3; n += 1) kiosk.sell(wallet, 100n);
  await kiosk.settle();
  const second = await page(`&cursor=${first.nextCursor ?? ''}`);
  expect([...first.items, ...second.items]).toEqual(before.slice(0, 10));
});

test('a cursor that an older release gave out goes on where it stood, and one that is none is refused', async () => {
  const { server, merchant } = together;
  const whole = await walk(together, merchant, 50);
  const alone = whole.find(({ id }) => !id.includes('-'));
  const page = await server.expect(pageOf(HistoryItem), `/v1/history?limit=50&cursor=${alone?.id ?? ''}`, {
    token: merchant.token,
  });
  expect(page.items).toEqual(whole.slice(whole.findIndex(({ id }) => id === alone?.id) + 1));
  for (const cursor of ['1-', '1-0', '-1', '1-2-3', '1-x'])
    expect((await server.call(`/v1/history?cursor=${cursor}`, { token: merchant.token })).code).toBe(
      'request_invalid',
    );
});

test('a statement has a line a payment, with receipt, till, payment and the balance after it', async () => {
  const linesOf = async ({ server, merchant, sold }: Story) => {
    const answer = await server.call('/v1/statement', { token: merchant.token });
    return String(answer.body)
      .split('\r\n')
      .map((line) => line.split(','))
      .filter((line) => line[1] === 'offline_payment')
      .map((line) => [
        ...line.slice(2, 5),
        line[5]?.replace(/\d{4}$/, ''),
        ...line.slice(8, 10),
        sold.indexOf(line[10] ?? ''),
      ]);
  };
  const lines = await linesOf(together);
  const ofDoor = lines.filter((line) => line[5] === 'Door');
  expect(ofDoor.map((line) => line.at(-1))).toEqual(together.sold.map((_, at) => at));
  expect(ofDoor).toEqual(await linesOf(apart));
});

test('what was spent offline counts as fresh money whichever way it was written', async () => {
  const spent = ({ server, payer }: Story) =>
    readFreshMoney(server.context.db, {
      userId: payer.session.user.id,
      currency: 'SGD',
      since: new Date(0),
    });
  expect((await spent(together)).spentOfflineMinor).toBe(48n);
  expect(await spent(together)).toEqual(await spent(apart));
});

test('R52: as its tenant a history has the own lines of a shared transfer and nobody else’s', async () => {
  const { server, merchant, payer, other } = together;
  const { asTenant } = server.context;
  const as = (person: Person) => {
    const { id: userId } = person.session.user;
    return { userId, merchantId: null };
  };
  // The query names the victim, the transaction somebody else: the database shows nothing.
  for (const [reader, victim] of [
    [payer, other],
    [other, payer],
    [payer, merchant],
  ] as const) {
    const query = { holderId: victim.session.user.id, limit: 50 };
    expect((await asTenant(as(reader), (tx) => readHistory(tx, query))).entries).toEqual([]);
  }
  // Of the transfer's rows, as one of its payers: the own entry and the own payments.
  const seen = await asTenant(as(payer), async (tx) => ({
    entries: await tx.execute(
      `select distinct a.holder_id from ledger_entries e join ledger_accounts a on a.id = e.account_id`,
    ),
    payments: await tx.execute(
      `select distinct a.user_id from payments p join allowances a on a.id = p.allowance_id`,
    ),
    sales: await tx.execute('select 1 from sales'),
  }));
  expect(seen).toMatchObject({
    entries: [{ holder_id: payer.session.user.id }],
    payments: [{ user_id: payer.session.user.id }],
    sales: [],
  });
});
