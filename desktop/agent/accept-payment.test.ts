import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSync, toHex, verifyReceipt } from '@tikiwallet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  crypto,
  codeOf,
  KIOSK_ID,
  malleate,
  noise,
  NOW_SECONDS,
  ok,
  PAYER_PHONE,
  TestIssuer,
  TestKiosk,
} from './test/world.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
});
afterEach(() => kiosk.dispose());

test('an accepted payment is stored with a receipt that the phone can verify', () => {
  const sale = kiosk.sell(1_250n);
  const { delivery, payment } = issuer.phone().pay(sale.envelope);
  const outcome = kiosk.acceptOne(delivery);
  expect(outcome.kind).toBe('accepted');
  if (outcome.kind === 'refused') return;
  const certificate = kiosk.desk.store.memory.kiosk?.certificate;
  if (certificate === undefined) throw new Error('not enrolled');
  const receipt = ok(
    runSync(
      verifyReceipt(outcome.receipt, certificate, { paymentHash: payment.hash, amountMinor: 1_250n }),
      crypto,
    ),
  );
  expect(receipt.sequence).toBe(outcome.payment.sequence);
  expect(kiosk.snapshot().unsettled).toEqual({ count: 1, sumMinor: 1_250n });
  expect(kiosk.snapshot().today).toEqual({ count: 1, sumMinor: 1_250n, refundedMinor: 0n });
});

test('a repeat of an accepted payment is answered with the same receipt and counts once, whatever has expired since', () => {
  const sale = kiosk.sell();
  const { delivery } = issuer.phone().pay(sale.envelope);
  const first = kiosk.acceptOne(delivery);
  kiosk.clock.pass(200 * 24 * 3600 * 1000);
  kiosk.reopen();
  const again = kiosk.acceptOne(delivery);
  expect(again.kind).toBe('repeated');
  if (first.kind === 'refused' || again.kind === 'refused') throw new Error('refused');
  expect(toHex(again.receipt)).toBe(toHex(first.receipt));
  expect(kiosk.snapshot().unsettled.count).toBe(1);
});

test('R23 the same payment with a malleated signature is the same payment', () => {
  const sale = kiosk.sell();
  const phone = issuer.phone();
  const { delivery, payment } = phone.pay(sale.envelope);
  kiosk.acceptOne(delivery);
  const other = phone.deliver(malleate(payment.bytes));
  expect(kiosk.acceptOne(other).kind).toBe('repeated');
  expect(kiosk.snapshot().unsettled.count).toBe(1);
});

test('R8 the same bytes twice in one group are accepted once and repeated once', () => {
  const sale = kiosk.sell();
  const { delivery } = issuer.phone().pay(sale.envelope);
  expect(kiosk.accept(delivery, delivery).map(codeOf)).toEqual(['accepted', 'repeated']);
});

test('a request that is paid takes no other payment, also not one of the same group', () => {
  const sale = kiosk.sell();
  const first = issuer.phone().pay(sale.envelope);
  const second = issuer.phone().pay(sale.envelope);
  expect(kiosk.accept(first.delivery, second.delivery).map(codeOf)).toEqual([
    'accepted',
    'request_already_paid',
  ]);
});

test('R25 one counter with two contents is refused and kept as evidence', () => {
  const phone = issuer.phone();
  const sale = kiosk.sell();
  const honest = phone.pay(sale.envelope);
  kiosk.acceptOne(honest.delivery);
  const next = kiosk.sell();
  const twin = phone.pay(next.envelope, { counter: 1, cumulativeMinor: 1_250n });
  expect(codeOf(kiosk.acceptOne(twin.delivery))).toBe('already_accepted_with_different_bytes');
  expect(kiosk.snapshot().unsettled.count).toBe(1);
});

test('R25 a counter below the last one is refused and a gap is allowed', () => {
  const phone = issuer.phone();
  const first = phone.pay(kiosk.sell().envelope, { counter: 5, cumulativeMinor: 9_000n });
  expect(codeOf(kiosk.acceptOne(first.delivery))).toBe('accepted');
  const rollback = phone.pay(kiosk.sell().envelope, { counter: 4, cumulativeMinor: 10_250n });
  expect(codeOf(kiosk.acceptOne(rollback.delivery))).toBe('payment_counter_not_increasing');
});

test('a bad delivery in a group spoils none of the others', () => {
  const sale = kiosk.sell();
  const { delivery } = issuer.phone().pay(sale.envelope);
  const codes = kiosk.accept(noise(300), delivery, new Uint8Array(0), noise(5_000)).map(codeOf);
  expect(codes[1]).toBe('accepted');
  expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
});

test('R8 what a group in a failed transaction knew is forgotten with it', () => {
  const phone = issuer.phone();
  const known = phone.pay(kiosk.sell().envelope);
  expect(codeOf(kiosk.acceptOne(known.delivery))).toBe('accepted');
  const sale = kiosk.sell();
  const { delivery } = phone.pay(sale.envelope);
  const { store } = kiosk.desk;
  expect(() =>
    store.write(() => {
      expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
      throw new Error('the group could not be committed');
    }),
  ).toThrow('could not be committed');
  expect(kiosk.snapshot().unsettled.count).toBe(1);
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('repeated');
  expect(codeOf(kiosk.acceptOne(known.delivery))).toBe('repeated');
});

test('R21 a payment with any byte changed is refused', () => {
  const sale = kiosk.sell();
  const { delivery } = issuer.phone().pay(sale.envelope);
  for (let at = 0; at < delivery.length; at += 7) {
    const changed = new Uint8Array(delivery);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(kiosk.acceptOne(changed).kind, `byte ${at}`).toBe('refused');
  }
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
});

test('R26 the cap of an allowance holds to the last unit', () => {
  const phone = issuer.phone({ capMinor: 2_500n });
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell(1_250n).envelope).delivery))).toBe('accepted');
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell(1_250n).envelope).delivery))).toBe('accepted');
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell(1n).envelope).delivery))).toBe(
    'payment_exceeds_allowance',
  );
});

test('R26 an amount that no money has opens no sale, and one payment holds to the last unit of its limit', () => {
  for (const amountMinor of [0n, -1n, 10n ** 15n + 1n, 2n ** 53n, 2n ** 63n])
    expect(() => kiosk.sell(amountMinor), String(amountMinor)).toThrow('amount_invalid');
  expect(() => kiosk.sell(20_001n)).toThrow('amount_exceeds_payment_limit');
  const pay = (amountMinor: bigint) =>
    codeOf(kiosk.acceptOne(issuer.phone().pay(kiosk.sell(amountMinor).envelope).delivery));
  expect([pay(19_999n), pay(20_000n), pay(1n)]).toEqual(['accepted', 'accepted', 'accepted']);
});

test('R26 the sum that a kiosk may hold counts the earlier payments of the same group', () => {
  const other = new TestKiosk();
  other.enrol(issuer, { policy: { storedCount: 1 } });
  expect(codeOf(other.acceptOne(issuer.phone().pay(other.sell().envelope).delivery))).toBe('accepted');
  expect(() => other.sell()).toThrow('kiosk_limit_reached');
  other.dispose();
});

test('R26 one payer within a window is counted over restarts and over its allowances', () => {
  const shop = new TestKiosk();
  shop.enrol(issuer, { policy: { splitCount: 2, hourCount: 3, dayCount: 5 } });
  const phone = issuer.phone();
  const pay = (by = phone) => {
    const sale = shop.sell(100n);
    const code = codeOf(shop.acceptOne(by.pay(sale.envelope).delivery));
    if (code !== 'accepted') shop.desk.run('cancelSale', sale.saleId);
    return code;
  };
  expect([pay(), pay(), pay()]).toEqual(['accepted', 'accepted', 'split_sale_suspected']);
  expect(pay(issuer.phone())).toBe('accepted');
  shop.reopen();
  // The next allowance of the same phone is the same payer.
  const again = issuer.phone({ key: phone.key });
  expect(pay(again)).toBe('split_sale_suspected');
  shop.clock.pass(120_000);
  expect([pay(again), pay(again)]).toEqual(['accepted', 'payer_count_per_hour_exceeded']);
  shop.dispose();
});

test('R26 what merchant and kiosk set lower counts at once and over a restart, and is journalled', () => {
  const phone = issuer.phone();
  kiosk.desk.run('setLimits', { owner: 'merchant', limits: { firstPaymentMinor: 500n }, pinHash: null });
  kiosk.desk.run('setLimits', {
    owner: 'kiosk',
    limits: { perPaymentMinor: 1_000n, firstPaymentMinor: 900n },
    pinHash: null,
  });
  expect(() => kiosk.sell(1_001n)).toThrow('amount_exceeds_payment_limit');
  kiosk.reopen();
  expect(kiosk.snapshot().limits.perPaymentMinor).toBe(1_000n);
  const pay = (amountMinor: bigint) =>
    codeOf(kiosk.acceptOne(phone.pay(kiosk.sell(amountMinor).envelope).delivery));
  expect(pay(501n)).toBe('first_payment_exceeds_limit');
  const lift = { owner: 'merchant', limits: {} } as const;
  expect(() => kiosk.desk.run('setLimits', { ...lift, pinHash: null })).toThrow('manager_pin_needed');
  kiosk.setPin();
  kiosk.desk.run('setLimits', { ...lift, pinHash: kiosk.tryPin() });
  expect(kiosk.desk.store.memory.limitSettings).toEqual([
    {},
    { perPaymentMinor: 1_000n, firstPaymentMinor: 900n },
  ]);
  const zero = {
    owner: 'kiosk',
    limits: { hourCount: 0, perPaymentMinor: 1_000n, firstPaymentMinor: 1n },
  } as const;
  expect(() => kiosk.desk.run('setLimits', { ...zero, pinHash: null })).toThrow('call_invalid');
  expect(kiosk.snapshot().limits.perPaymentMinor).toBe(1_000n);
});

test("the payer's number is checked against what the cashier typed, and stays off the disk", () => {
  const wrong = kiosk.sell(100n, '+6598765433');
  expect(codeOf(kiosk.acceptOne(issuer.phone().pay(wrong.envelope).delivery))).toBe('payer_phone_differs');
  kiosk.desk.run('cancelSale', wrong.saleId);
  const sale = kiosk.sell(100n, PAYER_PHONE);
  const phone = issuer.phone();
  const { delivery, payment } = phone.pay(sale.envelope);
  const withoutSalt = phone.deliver(payment.bytes);
  expect(codeOf(kiosk.acceptOne(withoutSalt))).toBe('payer_phone_differs');
  const open = { saleId: sale.saleId, amountMinor: 100n, addresses: [], ttlSeconds: 120 };
  expect(() => kiosk.desk.run('openSale', { ...open, payerPhone: '+6598765433' })).toThrow('call_invalid');
  expect(kiosk.desk.run('openSale', { ...open, payerPhone: PAYER_PHONE }).requestId).toBe(sale.requestId);
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
  // Without the question, the next customer is asked for nothing.
  expect(codeOf(kiosk.acceptOne(issuer.phone().pay(kiosk.sell(100n).envelope).delivery))).toBe('accepted');
  kiosk.desk.store.close();
  const onDisk = readdirSync(kiosk.folder).map((name) => readFileSync(join(kiosk.folder, name)));
  expect(onDisk.some((bytes) => bytes.includes(PAYER_PHONE) || bytes.includes('+6598765433'))).toBe(false);
  kiosk.reopen();
});

test('R24 a request is open for two minutes of monotonic time and not a moment longer', () => {
  const sale = kiosk.sell();
  const { delivery } = issuer.phone().pay(sale.envelope);
  kiosk.clock.pass(120_000);
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('request_expired');
});

test('R24 a request outlives the process but not the boot', () => {
  const first = kiosk.sell();
  const { delivery } = issuer.phone().pay(first.envelope);
  kiosk.reopen();
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
  const second = kiosk.sell();
  const late = issuer.phone().pay(second.envelope);
  kiosk.clock.bootId = 'boot-2';
  kiosk.clock.monotonic = 1;
  kiosk.reopen();
  expect(codeOf(kiosk.acceptOne(late.delivery))).toBe('request_expired');
});

test('R27 an expired allowance is refused', () => {
  const phone = issuer.phone({ notAfter: NOW_SECONDS + 60 });
  kiosk.clock.pass(61_000);
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell().envelope).delivery))).toBe('certificate_expired');
});

test('R27 an allowance that the newest bundle denies is refused, also when its certificate was known good', () => {
  const phone = issuer.phone();
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell().envelope).delivery))).toBe('accepted');
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  const denied = [phone.allowance.allowanceId];
  expect(
    kiosk.desk.run('refreshTrust', issuer.trust(certificate, { version: 2, denyListVersion: 1, denied })),
  ).toEqual({ ok: true, limits: null });
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell().envelope).delivery))).toBe('allowance_denied');
});

test('R31 an older trust bundle is refused and changes nothing', () => {
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  expect(kiosk.desk.run('refreshTrust', issuer.trust(certificate, { version: 5 }))).toEqual({
    ok: true,
    limits: null,
  });
  expect(kiosk.desk.run('refreshTrust', issuer.trust(certificate, { version: 4 }))).toEqual({
    ok: false,
    code: 'trust_bundle_older_than_known',
  });
  expect(kiosk.desk.store.memory.kiosk?.trust.version).toBe(5);
});

test('the issuer key is rotated while this kiosk is offline: it goes on selling, and again after it hears of it', () => {
  const rotated = issuer.rotated();
  const offline = kiosk.acceptOne(rotated.phone().pay(kiosk.sell().envelope).delivery);
  expect(codeOf(offline)).toBe('accepted');
  const certificate = rotated.kioskCertificate(kiosk.publicKeys, { notAfter: NOW_SECONDS + 100 * 24 * 3600 });
  expect(kiosk.desk.run('refreshTrust', rotated.trust(certificate, { version: 2 }))).toEqual({
    ok: true,
    limits: null,
  });
  for (const phone of [rotated.phone(), issuer.phone({}, rotated)])
    expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell().envelope).delivery))).toBe('accepted');
});

test('R31 an issuer key that was rotated out and has leaked signs no bundle any more, whatever its version', () => {
  const rotated = issuer.rotated();
  const denied = [rotated.phone().allowance.allowanceId];
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  const newest = { version: 2, denyListVersion: 1, denied };
  expect(kiosk.desk.run('refreshTrust', rotated.trust(certificate, newest))).toEqual({
    ok: true,
    limits: null,
  });
  for (const version of [3, 1_000_000, 2_147_483_647]) {
    const leaked = issuer.trust(certificate, { version, denyListVersion: 2, denied: [] });
    expect(kiosk.desk.run('refreshTrust', leaked)).toEqual({ ok: false, code: 'issuer_key_superseded' });
  }
  kiosk.reopen();
  expect(kiosk.desk.store.memory.kiosk?.trust.deniedAllowances.size).toBe(1);
});

test('a leaked issuer key that named a high version does not lock its successor out of this kiosk', () => {
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  const leaked = issuer.trust(certificate, { version: 1_000_000, denyListVersion: 1_000_000 });
  expect(kiosk.desk.run('refreshTrust', leaked)).toEqual({ ok: true, limits: null });
  const rotated = issuer.rotated().trust(certificate, { version: 2, denyListVersion: 1 });
  expect(kiosk.desk.run('refreshTrust', rotated)).toEqual({ ok: true, limits: null });
  kiosk.reopen();
  expect(kiosk.desk.store.memory.kiosk?.trust.version).toBe(2);
});

test('R31 a deny list that goes back under a higher version is refused', () => {
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  const trust = (version: number, denyListVersion: number) =>
    issuer.trust(certificate, { version, denyListVersion });
  expect(kiosk.desk.run('refreshTrust', trust(5, 3))).toEqual({ ok: true, limits: null });
  const older = { ok: false, code: 'trust_bundle_older_than_known' };
  expect(kiosk.desk.run('refreshTrust', trust(6, 2))).toEqual(older);
  const jump = { ok: false, code: 'trust_bundle_version_jumps' };
  expect(kiosk.desk.run('refreshTrust', trust(2_147_483_647, 3))).toEqual(jump);
});

test('R27 a certificate of a stranger is refused', () => {
  const phone = new TestIssuer().phone({}, issuer);
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell().envelope).delivery))).toBe('issuer_unknown');
});

test('R30 a wall clock set back stops acceptance and a repeat is still answered', () => {
  const paid = issuer.phone().pay(kiosk.sell().envelope);
  kiosk.acceptOne(paid.delivery);
  const pending = issuer.phone().pay(kiosk.sell().envelope);
  kiosk.clock.wall -= 3_600_000;
  expect(codeOf(kiosk.acceptOne(pending.delivery))).toBe('clock_behind_trusted_time');
  expect(codeOf(kiosk.acceptOne(paid.delivery))).toBe('repeated');
  expect(kiosk.snapshot().isClockBehind).toBe(true);
  kiosk.reopen();
  expect(() => kiosk.sell()).toThrow('clock_behind_trusted_time');
});

test('a payment is for the request that it signs, whichever is on the screen', () => {
  const phone = issuer.phone();
  const sale = kiosk.sell();
  const unknown = phone.pay(sale.envelope, { requestHash: new Uint8Array(32).fill(7) });
  expect(codeOf(kiosk.acceptOne(unknown.delivery))).toBe('request_not_open');
  const late = issuer.phone().pay(sale.envelope);
  kiosk.desk.run('cancelSale', sale.saleId);
  const next = kiosk.sell(900n);
  expect(kiosk.acceptOne(late.delivery)).toEqual({
    kind: 'refused',
    code: 'request_not_open',
    requestId: sale.requestId,
  });
  expect(codeOf(kiosk.acceptOne(issuer.phone().pay(next.envelope).delivery))).toBe('accepted');
});

/** As the cloud says it: by a refused question, and by the signed list. */
const STOPS = {
  kiosk_suspended: () => kiosk.desk.run('noteSuspended', null),
  kiosk_denied: () => {
    const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array();
    const news = { version: 2, denyListVersion: 1, deniedKiosks: [KIOSK_ID] };
    kiosk.desk.run('refreshTrust', issuer.trust(certificate, news));
  },
} as const;

test.each(['kiosk_suspended', 'kiosk_denied'] as const)(
  '%s closes what nobody has paid, refuses its payment by name, and leaves what is committed',
  (code) => {
    kiosk.serveSeveral(2);
    const paid = kiosk.sell(300n);
    const { delivery: committed } = issuer.phone().pay(paid.envelope);
    expect(codeOf(kiosk.acceptOne(committed))).toBe('accepted');
    const open = kiosk.sell(500n);
    const { delivery: late } = issuer.phone().pay(open.envelope);
    STOPS[code]();
    expect(kiosk.desk.run('lookAtSale', open.saleId).state).toBe('cancelled');
    expect(kiosk.accept(late, committed).map(codeOf)).toEqual([code, 'repeated']);
    kiosk.reopen();
    expect(kiosk.accept(late, committed).map(codeOf)).toEqual([code, 'repeated']);
    expect(kiosk.snapshot().unsettled).toEqual({ count: 1, sumMinor: 300n });
    expect(kiosk.desk.run('lookAtSale', paid.saleId).state).toBe('paid');
  },
);

test('a till whose suspension is lifted takes no payment for a request that the suspension closed', () => {
  const open = kiosk.sell(500n);
  const { delivery } = issuer.phone().pay(open.envelope);
  STOPS.kiosk_suspended();
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array();
  kiosk.desk.run('refreshTrust', issuer.trust(certificate, { version: 2 }));
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('request_not_open');
  expect(kiosk.sell(500n).state).toBe('open');
});
