/** Who has paid what here is the same question whether memory or the table answers it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { putBack } from '../test/former-schema.ts';
import { TestIssuer, TestKiosk, type TestPhone } from '../test/world.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
});
afterEach(() => kiosk.dispose());

function pay(phone: TestPhone): void {
  expect(kiosk.acceptOne(phone.pay(kiosk.sell().envelope).delivery).kind).toBe('accepted');
}

function factsOf(phone: TestPhone, sinceSeconds = 0) {
  const { hasPaidHere, recent, allowanceSumMinor } = kiosk.desk.store.payments.payerFacts(
    phone.allowance,
    sinceSeconds,
  );
  return { hasPaidHere, count: recent.length, allowanceSumMinor };
}

test('what a phone paid is told by its key, whatever allowance it used, before and after a restart', () => {
  const first = issuer.phone();
  const second = issuer.phone({ key: first.key });
  const stranger = issuer.phone();
  for (const phone of [first, first, second]) pay(phone);
  const [amountMinor = 0n] = kiosk.desk.store.payments.page(null, 1).map((payment) => payment.amountMinor);
  for (const restart of [false, true]) {
    if (restart) kiosk.reopen();
    expect(factsOf(first)).toEqual({ hasPaidHere: true, count: 3, allowanceSumMinor: 2n * amountMinor });
    expect(factsOf(second)).toEqual({ hasPaidHere: true, count: 3, allowanceSumMinor: amountMinor });
    expect(factsOf(stranger)).toEqual({ hasPaidHere: false, count: 0, allowanceSumMinor: 0n });
  }
});

test('a window holds what was accepted after its beginning, also under an allowance that has ended since', () => {
  const now = kiosk.desk.store.now().seconds;
  const phone = issuer.phone({ notAfter: now + 60 });
  pay(phone);
  kiosk.reopen();
  expect(factsOf(phone, now - 1).count).toBe(1);
  kiosk.reopen();
  expect(factsOf(phone, now).count).toBe(0);
  expect(factsOf(phone, now + 3_600).count).toBe(0);
});

test('a database of before knows the payers of its allowances, and learns those that it never wrote down', () => {
  const known = issuer.phone();
  const unknown = issuer.phone();
  for (const phone of [known, unknown]) pay(phone);
  kiosk.desk.store.close();
  // Before certificates said whose they are; the second payment as the versions before 0003 left it.
  putBack(kiosk.path, 8, (db) => {
    db.exec('DROP TRIGGER payments_have_one_payer');
    db.prepare('UPDATE payments SET payer = NULL WHERE allowance_id = ?').run(unknown.allowance.allowanceId);
    db.exec(
      `CREATE TRIGGER payments_have_one_payer BEFORE UPDATE OF payer ON payments BEGIN SELECT RAISE(ABORT, 'as it was'); END`,
    );
  });
  kiosk.reopen();
  expect(factsOf(known)).toMatchObject({ hasPaidHere: true, count: 1 });
  expect(factsOf(unknown)).toMatchObject({ hasPaidHere: false, count: 0 });
  pay(unknown);
  kiosk.reopen();
  expect(factsOf(unknown)).toMatchObject({ hasPaidHere: true, count: 1 });
});
