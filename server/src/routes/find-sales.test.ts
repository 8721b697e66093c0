/** The six digits that two people saw beside "paid" find their sale in the shop's list; another shop's digits find nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { type Payment, paidCode, toHex } from '@tikiwallet/protocol';
import { pageOf, SaleView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { listSales } from '../settlement/index.ts';
import { must } from '../trust/index.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
let merchant: Person;
let stranger: Person;
let sales: readonly Payment[];

beforeAll(async () => {
  server = await startTestServer();
  merchant = await server.register('merchant');
  stranger = await server.register('merchant');
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  const wallet = await phone.load(5_000n);
  const kiosk = await SimulatedKiosk.open(server, merchant, 'Counter');
  sales = [kiosk.sell(wallet, 1_250n), kiosk.sell(wallet, 300n), kiosk.sell(wallet, 99n)];
  await kiosk.settle();
  await SimulatedKiosk.open(server, stranger, 'Elsewhere');
});
afterAll(() => server.close());

const list = (search: string, { token }: Person = merchant) =>
  server.expect(pageOf(SaleView), `/v1/merchant/sales?search=${encodeURIComponent(search)}`, { token });
const codeOf = ({ requestHash, hash }: Payment) => must(paidCode(requestHash, hash));

test('the six digits of each sale find that sale, also with the space that the screens show', async () => {
  for (const sale of sales) {
    const code = codeOf(sale);
    const { items, nextCursor } = await list(code);
    expect(items.map(({ paymentHash }) => paymentHash)).toEqual([toHex(sale.hash)]);
    expect(nextCursor).toBeNull();
    expect((await list(`${code.slice(0, 3)} ${code.slice(3)}`)).items).toEqual(items);
  }
});

test('digits of no sale, and another shop’s, find nothing', async () => {
  const codes = sales.map(codeOf);
  const none = ['000000', '123456', '999999', '314159'].filter((code) => !codes.includes(code));
  for (const code of none) expect((await list(code)).items).toEqual([]);
  for (const code of codes) expect((await list(code, stranger)).items).toEqual([]);
});

test('several sales with one code are all found, the newest first, and each once', async () => {
  const owner = postgres(server.database.ownerUrl, { max: 1 });
  // Of so many some share a code: like the first sale in all but their hash.
  await owner`insert into payments (payment_hash, allowance_id, enrolment_id, sequence, merchant_id, counter, amount_minor,
      cumulative_minor, bytes, outcome, from_reserve_minor, from_guarantee_minor, settled_at)
    select sha256(int4send(n)), allowance_id, enrolment_id, n, merchant_id, n, amount_minor,
      cumulative_minor, bytes, outcome, from_reserve_minor, from_guarantee_minor, settled_at
    from (select * from payments limit 1) p, generate_series(101, 5100) n`;
  await owner`insert into sales (enrolment_id, sequence, kiosk_id, merchant_id, counted, outcome, payment_hash, amount_minor, currency,
      masked_phone, accepted_at, settled_at)
    select enrolment_id, sequence, kiosk_id, merchant_id, true, outcome, payment_hash, amount_minor, 'SGD', '', settled_at, settled_at
    from payments p cross join lateral (select kiosk_id from sales limit 1) k where sequence > 100 order by sequence`;
  const rows = await owner<{ hash: Uint8Array; request: Uint8Array }[]>`
    select payment_hash as hash, substring(bytes from octet_length(bytes) - 102 for 32) as request from payments order by sequence desc`;
  await owner.end();
  const byCode = Map.groupBy(rows, ({ hash, request }) => must(paidCode(request, hash)));
  const [shared] = [...byCode].filter(([, found]) => found.length > 1);
  if (shared === undefined) throw new Error('no two of five thousand share one of a million codes');
  const [code, found] = shared;
  expect((await list(code)).items.slice(0, found.length).map(({ paymentHash }) => paymentHash)).toEqual(
    found.map(({ hash }) => toHex(hash)),
  );
});

test('a receipt, and a payment’s hash, are looked up and not looked for, whatever the shop has sold', async () => {
  const owner = postgres(server.database.ownerUrl, { max: 1 });
  const [{ merchantId } = { merchantId: '' }] = await owner<
    { merchantId: string }[]
  >`select merchant_id as "merchantId" from sales limit 1`;
  const [first] = sales;
  if (first === undefined) throw new Error('nothing was sold');
  /** How many rows of `sales` one search has read. */
  const readBy = (search: string) =>
    server.context.db.transaction(async (tx) => {
      // Of this connection, since it last told its figures.
      const rowsRead = async () => {
        const [read] = await tx.execute<{ n: string }>(sql`
          select coalesce(sum(seq_tup_read + idx_tup_fetch), 0) as n from pg_stat_xact_user_tables where relname = 'sales'`);
        return Number(read?.n);
      };
      const before = await rowsRead();
      const found = await listSales(tx, { merchantId, limit: 30, cursor: undefined, search });
      const rows = (await rowsRead()) - before;
      return { found: found.items.map(({ paymentHash }) => paymentHash), rows };
    });
  try {
    // Others have sold as much: what is said of one shop says nothing of all.
    await owner`analyze`;
    const byNumber = await readBy('1');
    expect(byNumber.found).toEqual([toHex(first.hash)]);
    expect(byNumber.rows).toBeLessThan(50);
    expect((await readBy('999999')).rows).toBeLessThan(50);
    // Too old to be among those that are looked through for refused ones.
    await owner`insert into sales (enrolment_id, sequence, kiosk_id, merchant_id, counted, outcome, code, payment_hash, amount_minor,
        currency, masked_phone, accepted_at, settled_at)
      select enrolment_id, n, kiosk_id, merchant_id, true, 'refused', 'issuer_unknown', sha256(int4send(-n)), 100, 'SGD', '', settled_at,
        settled_at
      from (select * from sales limit 1) s, generate_series(10001, 30100) n`;
    await owner`analyze`;
    const byHash = await readBy(toHex(first.hash).slice(0, 12));
    expect(byHash.found).toEqual([toHex(first.hash)]);
    // The newest 20,000 are looked through for refused ones, and no more.
    expect(byHash.rows).toBeLessThan(20_100);
    expect((await readBy('1')).rows).toBeLessThan(50);
  } finally {
    await owner.end();
  }
});
