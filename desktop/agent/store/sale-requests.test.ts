import { comparisonCode } from '@tikiwallet/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IpcError } from '../../ipc/index.ts';

import { codeOf, PAYER_PHONE, TestIssuer, TestKiosk } from '../test/world.ts';
import { withOwnDigits } from './sale-requests.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
});
afterEach(() => kiosk.dispose());

const DAY_MS = 24 * 3600 * 1000;

test('after a restart the newest sale is shown, also when the clock was set back since an older one', () => {
  kiosk.clock.wall += 4 * 60_000;
  const older = kiosk.sell(300n);
  kiosk.acceptOne(issuer.phone().pay(older.envelope).delivery);
  kiosk.clock.wall -= 4 * 60_000;
  const newer = kiosk.sell(500n);
  kiosk.reopen();
  expect(kiosk.desk.sales.shown()).toMatchObject([{ saleId: newer.saleId, state: 'open' }]);
});

test('a sale of another day is not shown after a restart, whichever way the clock went', () => {
  kiosk.sell();
  for (const days of [1, -1]) {
    kiosk.clock.wall += days * DAY_MS;
    expect(kiosk.desk.sales.shown()).toEqual([]);
    kiosk.clock.wall -= days * DAY_MS;
  }
});

test('R24 a request does not outlive its two minutes in a machine that slept or whose counter began again', () => {
  const { pay } = honest();
  const sale = kiosk.sell();
  const delivery = pay(sale.envelope);
  kiosk.clock.wall += 8 * 3600 * 1000;
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('request_expired');
  kiosk.clock.wall -= 8 * 3600 * 1000;
  kiosk.clock.monotonic -= 4_000;
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('request_expired');
  kiosk.clock.monotonic += 4_000;
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
});

test('a request that asks for the payer\u2019s number ends with the process that held the number', () => {
  const phone = issuer.phone();
  const asked = kiosk.sell(1_250n, '+6590000000');
  const { delivery } = phone.pay(asked.envelope);
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('payer_phone_differs');
  kiosk.reopen();
  expect(kiosk.desk.sales.shown()).toMatchObject([{ saleId: asked.saleId, state: 'expired' }]);
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('request_expired');
  expect(kiosk.sell(1_250n).state).toBe('open');
});

test('a number that was typed is known while its sale is open, however many sales end beside it', () => {
  kiosk.serveSeveral(2);
  const asked = kiosk.sell(1_250n, PAYER_PHONE);
  const { delivery } = issuer.phone().pay(asked.envelope);
  for (let count = 0; count < 20; count += 1) {
    const other = kiosk.sell(100n);
    kiosk.desk.run('cancelSale', other.saleId);
  }
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
});

test('a sale that could not be written down takes no number from one that is open', () => {
  kiosk.serveSeveral(2);
  const asked = kiosk.sell(1_250n, PAYER_PHONE);
  const { delivery } = issuer.phone().pay(asked.envelope);
  const { store } = kiosk.desk;
  const write = store.write.bind(store);
  store.write = (action) =>
    write(() => {
      action();
      throw new IpcError('storage_full');
    });
  for (let count = 0; count < 20; count += 1)
    expect(refusedWith(() => kiosk.sell(100n))).toBe('storage_full');
  store.write = write;
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
});

test('a request that asks for no number can still be paid after a restart', () => {
  const { pay } = honest();
  const delivery = pay(kiosk.sell().envelope);
  kiosk.reopen();
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
});

test('a clock that is corrected by seconds ends no sale', () => {
  const { pay } = honest();
  const delivery = pay(kiosk.sell().envelope);
  kiosk.clock.wall += 20_000;
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
});

function refusedWith(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    if (error instanceof IpcError) return error.code;
    throw error;
  }
}

test('a till has one open request until a manager says otherwise, and never more than was said', () => {
  kiosk.sell(100n);
  expect(refusedWith(() => kiosk.sell(200n))).toBe('sale_in_progress');
  expect(refusedWith(() => kiosk.desk.run('setMostOpen', { most: 3, pinHash: null }))).toBe(
    'manager_pin_needed',
  );
  kiosk.serveSeveral(3);
  kiosk.sell(200n);
  kiosk.sell(300n);
  expect(refusedWith(() => kiosk.sell(400n))).toBe('too_many_open_sales');
  kiosk.reopen();
  expect(refusedWith(() => kiosk.sell(400n))).toBe('too_many_open_sales');
  // The schema holds where the code would not.
  expect(() => kiosk.desk.store.write(() => kiosk.desk.store.setMostOpen(9))).toThrow(/CHECK constraint/);
});

test('R24 R40 after kill -9 open requests come back with their time, put away ones stay away, nonces stay used', () => {
  kiosk.serveSeveral(4);
  const [paid, seen, open, asked] = [
    kiosk.sell(100n),
    kiosk.sell(200n),
    kiosk.sell(300n),
    kiosk.sell(400n, '+6598765432'),
  ];
  const delivery = issuer.phone().pay(paid.envelope).delivery;
  kiosk.acceptOne(delivery);
  kiosk.acceptOne(issuer.phone().pay(seen.envelope).delivery);
  kiosk.desk.run('putAwaySale', seen.saleId);
  kiosk.clock.pass(30_000);
  kiosk.reopen();
  expect(kiosk.desk.sales.shown()).toMatchObject([
    { saleId: paid.saleId, state: 'paid', payment: { amountMinor: 100n } },
    { saleId: open.saleId, state: 'open', deadlineMs: open.deadlineMs },
    // The number that was typed went with the process: it is over, and says so.
    { saleId: asked.saleId, state: 'expired' },
  ]);
  expect(kiosk.acceptOne(delivery).kind).toBe('repeated');
  expect(codeOf(kiosk.acceptOne(issuer.phone().pay(paid.envelope).delivery))).toBe('request_already_paid');
  expect(codeOf(kiosk.acceptOne(issuer.phone().pay(open.envelope).delivery))).toBe('accepted');
  kiosk.clock.bootId = 'boot-2';
  kiosk.clock.monotonic = 10;
  const left = kiosk.sell(500n);
  kiosk.clock.bootId = 'boot-3';
  kiosk.reopen();
  expect(kiosk.desk.sales.shown().at(-1)).toMatchObject({ saleId: left.saleId, state: 'expired' });
});

test('no two open requests show the same four digits: one that would is signed anew', () => {
  const hashOf = (head: number) => ({ hash: new Uint8Array(32).fill(head) });
  const [one, two, three] = [hashOf(1), hashOf(2), hashOf(3)];
  const signed = [one, two, one, three];
  const last = withOwnDigits(() => signed.shift() ?? three, [two, one]);
  expect([last, signed]).toEqual([three, []]);
  kiosk.serveSeveral(8);
  const open = Array.from({ length: 8 }, () => kiosk.sell(100n));
  expect(new Set(open.map(({ requestHash }) => comparisonCode(requestHash))).size).toBe(8);
});

test('what is asked of all open customers together stays within what the kiosk may hold', () => {
  kiosk.dispose();
  kiosk = new TestKiosk();
  kiosk.enrol(issuer, { policy: { storedSumMinor: 1_000n, storedCount: 3 } });
  kiosk.serveSeveral(8);
  kiosk.sell(600n);
  expect(refusedWith(() => kiosk.sell(500n))).toBe('kiosk_limit_reached');
  kiosk.sell(300n);
  kiosk.sell(100n);
  expect(refusedWith(() => kiosk.sell(1n))).toBe('kiosk_limit_reached');
});

test('R8 R24 no two open requests can be paid by one payment, in whatever order they are paid', () => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt(1n, 3_000n), { minLength: 2, maxLength: 8 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 24 }),
      (amounts, picks) => {
        const till = new TestKiosk();
        try {
          till.enrol(issuer);
          till.serveSeveral(8);
          const open = amounts.map((amountMinor) => till.sell(amountMinor));
          const signed = open.map((sale) => ({ sale, ...issuer.phone().pay(sale.envelope) }));
          const paid = new Set<string>();
          for (const pick of picks) {
            const one = signed[pick % signed.length];
            if (one === undefined) continue;
            const outcome = till.acceptOne(one.delivery);
            expect(outcome.kind).toBe(paid.has(one.sale.saleId) ? 'repeated' : 'accepted');
            if (outcome.kind !== 'refused') expect(outcome.payment.requestId).toBe(one.sale.requestId);
            paid.add(one.sale.saleId);
            for (const { saleId, amountMinor } of open) {
              const now = till.desk.run('lookAtSale', saleId);
              expect(now.state).toBe(paid.has(saleId) ? 'paid' : 'open');
              expect(now.payment?.amountMinor ?? amountMinor).toBe(amountMinor);
            }
          }
          expect(till.snapshot().unsettled.count).toBe(paid.size);
        } finally {
          till.dispose();
        }
      },
    ),
    { numRuns: 25 },
  );
}, 60_000);

function honest() {
  const phone = issuer.phone();
  return { pay: (envelope: Uint8Array) => phone.pay(envelope).delivery };
}
