import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import {
  CBOR_MEDIA_TYPE,
  HistoryItem,
  MerchantSummary,
  pageOf,
  SaleView,
  Session,
} from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    maxConnections: 16,
    env: { TIKI_ALLOWANCE_OUTSTANDING_MAX_MINOR: '100000' },
  });
});
afterAll(() => server.close());
afterEach(async () => {
  // R50: whatever a test did, every entry is matched and every balance is the sum of its entries.
  const books = await reconcile(server.context.db);
  expect(books).toMatchObject({ sound: true });
  expect(books.sums.every((sum) => sum.sumMinor === 0n)).toBe(true);
});

/** How many rows each table of money and evidence holds. */
async function rowCounts(): Promise<Record<string, number>> {
  const tables = [
    'journal_pieces',
    'settlement_batches',
    'payments',
    'sales',
    'debts',
    'double_spend_cases',
    'broken_chains',
    'denied_subjects',
    'ledger_transfers',
    'ledger_entries',
    'kiosk_certificates',
  ];
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const [row] = await server.database.owner<
      { n: number }[]
    >`select count(*)::int as n from ${server.database.owner(table)}`;
    counts[table] = row?.n ?? -1;
  }
  return counts;
}

async function shopAndPhone(loadMinor = 5_000n) {
  const merchant = await server.register('merchant');
  const kiosk = await SimulatedKiosk.open(server, merchant);
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  return { merchant, kiosk, phone, wallet: await phone.load(loadMinor) };
}

describe('the offline story', () => {
  test('a booked payment names its hash where the release before looks for it', async () => {
    const { kiosk, wallet } = await shopAndPhone();
    const payment = kiosk.sell(wallet, 700n);
    await kiosk.settle();
    const rows = await server.database.owner`
      select 1 from ledger_transfers where kind = 'offline_payment' and reference->>'paymentHash' = ${toHex(payment.hash)}`;
    expect(rows).toHaveLength(1);
  });

  test('three sales made without internet settle: the merchant gains what the reserve loses', async () => {
    const { merchant, kiosk, phone, wallet } = await shopAndPhone();
    kiosk.append('start');
    const payments = [kiosk.sell(wallet, 1_250n), kiosk.sell(wallet, 300n), kiosk.sell(wallet, 99n)];
    expect(await kiosk.settle()).toEqual(['settled', 'settled', 'settled']);

    expect(await kiosk.summary()).toMatchObject({
      availableMinor: '1649',
      settledTodayMinor: '1649',
      settledTodayCount: 3,
    });
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '5000', offlineMinor: '3351' });
    expect(await phone.allowance(wallet)).toMatchObject({
      status: 'active',
      settledMinor: '1649',
      reservedMinor: '3351',
      settledCounter: 3,
    });

    const hashes = payments.map((payment) => toHex(payment.hash)).reverse();
    const sales = await server.expect(pageOf(SaleView), '/v1/merchant/sales', { token: merchant.token });
    expect(sales.items.map((sale) => [sale.paymentHash, sale.state])).toEqual(
      hashes.map((hash) => [hash, 'settled']),
    );
    const paid = await server.expect(pageOf(HistoryItem), '/v1/history', { token: phone.person.token });
    expect(paid.items.slice(0, 3)).toMatchObject(
      hashes.map((paymentHash) => ({ kind: 'offline_payment', paymentHash, counterparty: 'Warung Sari' })),
    );
    const sold = await server.expect(pageOf(HistoryItem), '/v1/history', { token: merchant.token });
    expect(sold.items.map((item) => [item.kind, item.paymentHash])).toEqual(
      hashes.map((hash) => ['sale', hash]),
    );
  });

  test('sales are paged newest first, each once', async () => {
    const { merchant, kiosk, wallet } = await shopAndPhone();
    for (let i = 1; i <= 5; i += 1) kiosk.sell(wallet, BigInt(i));
    await kiosk.settle();
    const amounts: string[] = [];
    let cursor = '';
    do {
      const path = `/v1/merchant/sales?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page = await server.expect(pageOf(SaleView), path, { token: merchant.token });
      amounts.push(...page.items.map((sale) => sale.amountMinor));
      cursor = page.nextCursor ?? '';
    } while (cursor !== '');
    expect(amounts).toEqual(['5', '4', '3', '2', '1']);
  });
});

describe('delivery (R47, R48)', () => {
  test('R48: a second identical delivery answers the same bytes and writes no row', async () => {
    const { kiosk, wallet } = await shopAndPhone();
    kiosk.sell(wallet, 500n);
    kiosk.sell(wallet, 700n);
    const envelope = kiosk.batch();
    const first = await kiosk.handIn(envelope);
    const before = await rowCounts();
    const again = await kiosk.handIn(envelope);
    expect(again.bytes).toEqual(first.bytes);
    expect(await rowCounts()).toEqual(before);
    expect(await kiosk.availableMinor()).toBe(1_200n);
  });

  test('R48: a connection that is cut after the commit and before the answer costs nothing: the retry hears the first answer', async () => {
    const { kiosk, wallet } = await shopAndPhone();
    kiosk.sell(wallet, 900n);
    const envelope = kiosk.batch();
    const { hostname, port } = new URL(server.origin);
    const socket = connect({ host: hostname, port: Number(port) });
    // It never reads: whatever the server answers is lost with the connection.
    socket.pause();
    socket.write(
      [
        'POST /v1/kiosk/settlements HTTP/1.1',
        `host: ${hostname}`,
        `authorization: Kiosk ${kiosk.token}`,
        `content-type: ${CBOR_MEDIA_TYPE}`,
        `content-length: ${envelope.length}`,
        '\r\n',
      ].join('\r\n'),
    );
    socket.write(envelope);
    const batches = () => server.database.owner<{ acknowledgement: Uint8Array }[]>`
      select acknowledgement from settlement_batches b join kiosk_enrolments e on e.id = b.enrolment_id
      where e.kiosk_id = ${kiosk.kioskId}`;
    await vi.waitFor(async () => expect(await batches()).toHaveLength(1), { timeout: 15_000 });
    socket.destroy();
    const [stored] = await batches();
    const before = await rowCounts();
    const again = await kiosk.handIn(envelope);
    expect(again.bytes).toEqual(new Uint8Array(stored?.acknowledgement ?? []));
    expect(await rowCounts()).toEqual(before);
    expect(await kiosk.availableMinor()).toBe(900n);
  });

  test('R47: split, overlapping, repeated and late batches end in the same ledger', async () => {
    const { kiosk, phone, wallet } = await shopAndPhone();
    for (const amount of [100n, 200n, 300n, 400n, 500n, 600n]) kiosk.sell(wallet, amount);
    const pieces = [
      [1, 2],
      [1, 3],
      [2, 3],
      [1, 4],
      [4, 6],
      [1, 6],
      [1, 1],
      [3, 5],
      [1, 6],
    ];
    for (const [from = 1, to = 1] of pieces) {
      expect(await kiosk.settle(kiosk.batch({ from, to }))).toEqual(Array(to - from + 1).fill('settled'));
    }
    expect(await kiosk.availableMinor()).toBe(2_100n);
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '2100', settledCounter: 6 });
  });

  test('R47: a gap is refused with the highest sequence that stands, and nothing is taken', async () => {
    const { kiosk, wallet } = await shopAndPhone();
    for (let i = 0; i < 4; i += 1) kiosk.sell(wallet, 100n);
    await kiosk.settle(kiosk.batch({ from: 1, to: 1 }));
    const before = await rowCounts();
    const { status, problem } = await kiosk.handIn(kiosk.batch({ from: 3, to: 4 }));
    expect(status).toBe(409);
    expect(problem).toMatchObject({ code: 'batch_gap', highestSequence: 1 });
    expect(await rowCounts()).toEqual(before);
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 4 }))).toEqual(['settled', 'settled', 'settled']);
  });

  test('R47: truncated or unreadable bytes are refused by code and leave no trace', async () => {
    const { kiosk, wallet } = await shopAndPhone();
    kiosk.sell(wallet, 100n);
    const envelope = kiosk.batch();
    const before = await rowCounts();
    for (const bytes of [
      envelope.subarray(0, envelope.length - 3),
      new Uint8Array(0),
      new Uint8Array([0x80]),
    ]) {
      expect((await kiosk.handIn(bytes)).problem).toMatchObject({ code: 'batch_malformed' });
    }
    expect((await kiosk.handIn(new Uint8Array(600_000))).problem).toMatchObject({
      code: 'request_too_large',
    });
    expect(await rowCounts()).toEqual(before);
  });

  test('R49: twenty concurrent deliveries of one batch credit once and answer alike', async () => {
    const { kiosk, wallet } = await shopAndPhone();
    kiosk.sell(wallet, 1_000n);
    kiosk.sell(wallet, 1_500n);
    const envelope = kiosk.batch();
    const answers = await Promise.all(Array.from({ length: 20 }, () => kiosk.handIn(envelope)));
    expect(new Set(answers.map((answer) => toHex(answer.bytes))).size).toBe(1);
    expect(await kiosk.availableMinor()).toBe(2_500n);
  });

  test('R49: concurrent batches that overlap in every way credit each payment once', async () => {
    const { kiosk, wallet } = await shopAndPhone();
    for (let i = 1; i <= 8; i += 1) kiosk.sell(wallet, BigInt(i * 10));
    const tries = Array.from({ length: 24 }, (_, i) =>
      kiosk.handIn(kiosk.batch({ from: 1 + (i % 3), to: 4 + (i % 5) })),
    );
    await Promise.all(tries);
    expect(await kiosk.settle()).toEqual(Array(8).fill('settled'));
    expect(await kiosk.availableMinor()).toBe(360n);
  });

  test('many kiosks that sell to the same phones settle at once without a deadlock', async () => {
    const merchant = await server.register('merchant');
    const kiosks = await Promise.all(
      ['A', 'B', 'C', 'D'].map((name) => SimulatedKiosk.open(server, merchant, name)),
    );
    const phones = await Promise.all(
      Array.from({ length: 4 }, () => SimulatedPhone.withMoney(server, 5_000n)),
    );
    const wallets = await Promise.all(phones.map((phone) => phone.load(4_000n)));
    for (const [i, kiosk] of kiosks.entries()) {
      const order = i % 2 === 0 ? wallets : wallets.toReversed();
      for (const wallet of order) for (let n = 0; n < 3; n += 1) kiosk.sell(wallet, 10n);
    }
    await Promise.all(kiosks.map((kiosk) => kiosk.settle()));
    expect(await kiosks[0]?.availableMinor()).toBe(480n);
  }, 60_000);

  test('a full batch of 500 sales is taken in one go', async () => {
    const merchant = await server.register('merchant');
    const kiosk = await SimulatedKiosk.open(server, merchant);
    const wallets: OfflineWallet[] = [];
    for (let i = 0; i < 10; i += 1)
      wallets.push(await (await SimulatedPhone.withMoney(server, 1_000n)).load(1_000n));
    for (let i = 0; i < 500; i += 1) {
      const wallet = wallets[i % wallets.length];
      if (wallet !== undefined) kiosk.sell(wallet, BigInt(1 + (i % 7)));
    }
    expect(await kiosk.settle()).toEqual(Array(500).fill('settled'));
    expect((await kiosk.summary()).settledTodayCount).toBe(500);
  }, 60_000);

  test('the same payment at two places of one journal counts once', async () => {
    const { kiosk, phone, wallet } = await shopAndPhone();
    const request = kiosk.request(400n);
    const payment = pay(wallet, request);
    kiosk.write(request, wallet, payment);
    kiosk.write(request, wallet, payment);
    expect(await kiosk.settle()).toEqual(['settled', 'settled']);
    expect(await kiosk.availableMinor()).toBe(400n);
    expect(await kiosk.summary()).toMatchObject({ settledTodayMinor: '400', settledTodayCount: 1 });
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '400' });
  });

  test("yesterday's sales are not today's", async () => {
    const { merchant, kiosk, wallet } = await shopAndPhone();
    kiosk.sell(wallet, 10n);
    await kiosk.settle();
    server.clock.advance(24 * 3600 * 1000);
    const body = { phone: merchant.phone, password: merchant.password };
    const { accessToken: token } = await server.expect(Session, '/v1/auth/login', { body });
    const summary = await server.expect(MerchantSummary, '/v1/merchant/summary', { token });
    expect(summary).toMatchObject({ availableMinor: '10', settledTodayMinor: '0', settledTodayCount: 0 });
  });
});
