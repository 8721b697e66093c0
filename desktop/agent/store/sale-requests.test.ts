import { afterEach, beforeEach, expect, test } from 'vitest';
import { codeOf, TestIssuer, TestKiosk } from '../test/world.ts';

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
  expect(kiosk.desk.sales.latest()).toMatchObject({ saleId: newer.saleId, state: 'open' });
});

test('a sale of another day is not shown after a restart, whichever way the clock went', () => {
  kiosk.sell();
  for (const days of [1, -1]) {
    kiosk.clock.wall += days * DAY_MS;
    expect(kiosk.desk.sales.latest()).toBeNull();
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
  expect(kiosk.desk.sales.latest()).toMatchObject({ saleId: asked.saleId, state: 'expired' });
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('request_expired');
  expect(kiosk.sell(1_250n).state).toBe('open');
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

function honest() {
  const phone = issuer.phone();
  return { pay: (envelope: Uint8Array) => phone.pay(envelope).delivery };
}
