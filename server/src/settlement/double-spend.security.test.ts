import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { contradicts, readAllowanceCertificate, readPayment } from '@tikiwallet/protocol';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { openTwoShops, startServerOfShops } from '../../test/two-shops.ts';
import { reconcile } from '../ledger/index.ts';
import { must } from '../trust/index.ts';

let server: TestServer;
let a: SimulatedKiosk;
let b: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
beforeAll(async () => {
  server = await startServerOfShops();
});
afterAll(() => server.close());
beforeEach(async () => {
  ({ first: a, second: b, phone, wallet } = await openTwoShops(server));
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});

interface Case {
  rule: string;
  allowance_certificate: Uint8Array;
  first_bytes: Uint8Array;
  second_bytes: Uint8Array;
}
const casesOf = (one: OfflineWallet) => server.database.owner<Case[]>`
  select rule, allowance_certificate, first_bytes, second_bytes from double_spend_cases
  where allowance_id = ${one.allowance.allowanceId}`;
const debtsOf = (one: OfflineWallet) => server.database.owner<{ amount_minor: string }[]>`
  select amount_minor from debts where allowance_id = ${one.allowance.allowanceId} order by id`;

describe('a cloned wallet at two offline kiosks (R32)', () => {
  test('is accepted by both, found at settlement with one proof, denied, and on the next deny list', async () => {
    const copy = clone(wallet);
    a.sell(wallet, 3_000n);
    b.sell(copy, 3_500n);
    expect(await a.settle()).toEqual(['settled']);
    expect(await b.settle()).toEqual(['settled_by_guarantee']);

    const cases = await casesOf(wallet);
    expect(cases).toHaveLength(1);
    const [found] = cases;
    // The proof stands by itself: certificate and two payments, both signed by the certified key.
    const { certificate } = must(
      readAllowanceCertificate(new Uint8Array(found?.allowance_certificate ?? [])),
    );
    const first = must(readPayment(new Uint8Array(found?.first_bytes ?? []), certificate));
    const second = must(readPayment(new Uint8Array(found?.second_bytes ?? []), certificate));
    expect(contradicts(first, second)).toBe(true);
    expect(found?.rule).toBe('same_counter');

    // Both shops have their money: the reserve first, the guarantee for the rest, and the rest is a debt.
    expect(await a.availableMinor()).toBe(3_000n);
    expect(await b.availableMinor()).toBe(3_500n);
    expect(await debtsOf(wallet)).toEqual([{ amount_minor: '1500' }]);
    expect(await phone.allowance(wallet)).toMatchObject({
      status: 'denied',
      settledMinor: '5000',
      reservedMinor: '0',
    });

    const trust = await a.syncTrust();
    expect(trust.deniedAllowances.has(wallet.allowance.allowanceId)).toBe(true);
    const request = a.request(10n);
    expect(a.judge(wallet, request, pay(wallet, request))).toBe('allowance_denied');
  });

  test('owes, and gets no new allowance until that is settled', async () => {
    const copy = clone(wallet);
    a.sell(wallet, 5_000n);
    b.sell(copy, 5_000n);
    await a.settle();
    await b.settle();
    const key = crypto.randomUUID();
    const body = phone.allowanceBody(1_000n, key);
    const answer = await server.call('/v1/allowances', { body, key, token: phone.person.token });
    expect(answer.code).toBe('debt_unpaid');
  });

  test('is found by the sums when the counters differ', async () => {
    const copy = clone(wallet);
    a.sell(wallet, 2_000n);
    const skipped = { ...copy, counter: 1 };
    b.sell(skipped, 2_000n);
    await a.settle();
    expect(await b.settle()).toEqual(['settled']);
    expect((await casesOf(wallet)).map((one) => one.rule)).toEqual(['cumulative_sum']);
  });

  test('leaves one proof however many payments contradict each other, in one batch or in many', async () => {
    const copies = [clone(wallet), clone(wallet), clone(wallet)];
    for (const copy of copies) {
      const request = a.request(100n);
      a.write(request, copy, pay(copy, request));
    }
    expect(await a.settle()).toEqual(['settled', 'settled', 'settled']);
    b.sell(clone(wallet), 100n);
    await b.settle();
    expect(await casesOf(wallet)).toHaveLength(1);
  });

  test('raced by both kiosks at once still leaves one proof and no cent too much', async () => {
    const rounds = Array.from({ length: 6 }, async () => {
      const mine = await phone.load(1_000n);
      return { mine, copy: clone(mine) };
    });
    const pairs = (await Promise.allSettled(rounds)).flatMap((one) =>
      one.status === 'fulfilled' ? [one.value] : [],
    );
    expect(pairs.length).toBeGreaterThan(0);
    for (const { mine, copy } of pairs) {
      a.sell(mine, 600n);
      b.sell(copy, 600n);
    }
    await Promise.all([a.settle(), b.settle(), a.settle(), b.settle()]);
    for (const { mine } of pairs) {
      expect(await casesOf(mine)).toHaveLength(1);
      expect(await debtsOf(mine)).toEqual([{ amount_minor: '200' }]);
    }
    expect((await a.availableMinor()) + (await b.availableMinor())).toBe(BigInt(pairs.length) * 1_200n);
  });

  test('beyond what the guarantee pays a merchant in a month is disputed, with its code', async () => {
    const copies = [clone(wallet), clone(wallet), clone(wallet)];
    a.sell(wallet, 5_000n);
    await a.settle();
    for (const copy of copies) {
      const request = b.request(2_500n);
      b.write(request, copy, pay(copy, request));
    }
    expect(await b.settle()).toEqual([
      'settled_by_guarantee',
      'settled_by_guarantee',
      'disputed:payment_exceeds_allowance',
    ]);
    expect(await b.availableMinor()).toBe(5_000n);
    // A new month, a new guarantee.
    server.clock.advance(32 * 24 * 3600 * 1000);
    await b.syncTrust();
    const other = await (await SimulatedPhone.withMoney(server, 5_000n)).load(2_000n);
    const copy = clone(other);
    b.sell(other, 2_000n);
    const request = b.request(2_000n);
    b.write(request, copy, pay(copy, request));
    expect(await b.settle(b.batch({ from: 4, to: 5 }))).toEqual(['settled', 'settled_by_guarantee']);
  });
});

test('shops that double-spend among themselves get no more than the fund has for everybody in a month', async () => {
  const small = await startTestServer({
    env: { TIKI_GUARANTEE_MONTH_MINOR: '3000', TIKI_GUARANTEE_ALL_MONTH_MINOR: '4000' },
  });
  try {
    const outcomes: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      const fresh = await (await SimulatedPhone.withMoney(small, 2_000n)).load(2_000n);
      const shop = await SimulatedKiosk.open(small, await small.register('merchant'));
      const copy = clone(fresh);
      shop.sell(fresh, 2_000n);
      const request = shop.request(2_000n);
      shop.write(request, copy, pay(copy, request));
      outcomes.push(...(await shop.settle()));
    }
    expect(outcomes).toEqual([
      ...['settled', 'settled_by_guarantee'],
      ...['settled', 'settled_by_guarantee'],
      ...['settled', 'disputed:payment_counter_not_increasing'],
    ]);
    expect(await reconcile(small.context.db)).toMatchObject({ sound: true });
  } finally {
    await small.close();
  }
});

describe('an honest phone', () => {
  test('that pays at many shops in any order of settling is never accused', async () => {
    for (const [shop, amount] of [
      [a, 100n],
      [b, 250n],
      [a, 300n],
      [b, 1n],
      [a, 4_349n],
    ] as const)
      shop.sell(wallet, amount);
    expect(await b.settle()).toEqual(['settled', 'settled']);
    expect(await a.settle()).toEqual(['settled', 'settled', 'settled']);
    expect(await casesOf(wallet)).toEqual([]);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'active', reservedMinor: '0' });
  });

  /** No case, no debt, no line on the deny list. */
  async function expectNotAccused(): Promise<void> {
    expect(await casesOf(wallet)).toEqual([]);
    expect(await debtsOf(wallet)).toEqual([]);
    expect(await phone.allowance(wallet)).toMatchObject({ deniedFor: null });
    expect((await a.syncTrust()).deniedAllowances.has(wallet.allowance.allowanceId)).toBe(false);
  }

  test('that a kiosk refused and that paid elsewhere is not accused, whatever the kiosk journals afterwards (R32)', async () => {
    const request = a.request(400n);
    // Signed and counted by the phone, refused by the kiosk: as far as anybody knows, never taken.
    const refused = pay(wallet, request);
    b.sell(wallet, 1_000n);
    a.sell(wallet, 200n);
    expect(await b.settle()).toEqual(['settled']);
    expect(await a.settle()).toEqual(['settled']);
    await expectNotAccused();
    // The kiosk takes it after all, out of turn: the sums of what came after had counted it.
    a.write(request, wallet, refused);
    expect(await a.settle()).toEqual(['settled', 'settled']);
    await expectNotAccused();
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '1600', reservedMinor: '3400' });
  });

  test('whose payment a kiosk journals, hands in and re-sends more than once pays once and is not accused (R32)', async () => {
    const request = a.request(400n);
    const payment = pay(wallet, request);
    a.write(request, wallet, payment);
    a.write(request, wallet, payment);
    // Another shop presents it too, as its own.
    b.write(request, wallet, payment);
    expect(await a.settle()).toEqual(['settled', 'settled']);
    expect(await a.settle()).toEqual(['settled', 'settled']);
    expect(await b.settle()).toEqual([expect.stringMatching(/^refused:/)]);
    // The same words under another signature are the same payment.
    const draft = { counter: payment.counter, cumulativeMinor: payment.cumulativeMinor };
    const again = pay({ ...wallet, lastHash: wallet.allowance.hash }, request, {
      ...draft,
      signedAt: payment.signedAt,
    });
    expect(again.hash).toEqual(payment.hash);
    expect(again.bytes).not.toEqual(payment.bytes);
    a.write(request, wallet, again);
    expect(await a.settle()).toEqual(['settled', 'settled', 'settled']);
    await expectNotAccused();
    expect(await a.availableMinor()).toBe(400n);
    expect(await b.availableMinor()).toBe(0n);
  });

  test('that signed twice for one request, of which the kiosk accepted one, is not accused (R32)', async () => {
    for (const accepted of [0, 1]) {
      const request = a.request(300n);
      const signed = [pay(wallet, request), pay(wallet, request)];
      a.write(request, wallet, signed[accepted] ?? pay(wallet, request));
    }
    b.sell(wallet, 100n);
    expect(await b.settle()).toEqual(['settled']);
    expect(await a.settle()).toEqual(['settled', 'settled']);
    await expectNotAccused();
  });

  test('whose kiosk settles late, after the phone closed its wallet, is not accused (R32)', async () => {
    const request = b.request(250n);
    const refused = pay(wallet, request);
    a.sell(wallet, 500n);
    await phone.close(wallet);
    b.write(request, wallet, refused);
    expect(await b.settle()).toEqual(['settled']);
    expect(await a.settle()).toEqual(['settled']);
    expect(await casesOf(wallet)).toEqual([]);
    expect(await debtsOf(wallet)).toEqual([]);
    expect(await phone.allowance(wallet)).toMatchObject({ deniedFor: 'closing' });
  });
});
