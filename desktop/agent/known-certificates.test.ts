/** Repeat by reference at the kiosk: the same payment, whichever way it comes, and nobody's certificate but its own. */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { certificateReference, encodeRepeatDelivery } from '@tikiwallet/protocol';
import { codeOf, newKey, TestIssuer, TestKiosk, type TestPhone } from './test/world.ts';

let issuer: TestIssuer;
let kiosk: TestKiosk;

beforeEach(() => {
  issuer = new TestIssuer();
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
});
afterEach(() => kiosk.dispose());

const known = (): TestPhone => {
  const phone = issuer.phone();
  expect(codeOf(kiosk.acceptOne(phone.pay(kiosk.sell().envelope).delivery))).toBe('accepted');
  return phone;
};
const payByReference = (phone: TestPhone) => {
  const sale = kiosk.sell();
  const { payment, delivery } = phone.pay(sale.envelope);
  return { sale, payment, delivery, repeat: phone.repeat(payment.bytes) };
};

test('a phone that has paid here pays by reference, also after the kiosk was restarted', () => {
  const phone = known();
  expect(codeOf(kiosk.acceptOne(payByReference(phone).repeat))).toBe('accepted');
  kiosk.reopen();
  expect(codeOf(kiosk.acceptOne(payByReference(phone).repeat))).toBe('accepted');
});

test('R8 the same payment whole, by reference and in one group counts once, with one receipt', () => {
  const phone = known();
  const { delivery, repeat } = payByReference(phone);
  const outcomes = [
    ...kiosk.accept(repeat, delivery, repeat),
    kiosk.acceptOne(delivery),
    kiosk.acceptOne(repeat),
  ];
  expect(outcomes.map(codeOf)).toEqual(['accepted', 'repeated', 'repeated', 'repeated', 'repeated']);
  const receipts = outcomes.map((outcome) => (outcome.kind === 'refused' ? '' : outcome.receipt.join()));
  expect(new Set(receipts).size).toBe(1);
  expect(kiosk.snapshot().unsettled.count).toBe(2);
});

test('an unknown certificate is told to the phone and shown with the open sale; the same payment then comes whole', () => {
  const { sale, delivery, repeat } = payByReference(issuer.phone());
  expect(kiosk.acceptOne(repeat)).toEqual({
    kind: 'refused',
    code: 'allowance_certificate_unknown',
    requestId: sale.requestId,
  });
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
  expect(codeOf(kiosk.acceptOne(repeat))).toBe('repeated');
});

test('in one group a certificate is known as soon as a payment under it is stored, and not a moment before', () => {
  const phone = issuer.phone();
  const { delivery, repeat } = payByReference(phone);
  expect(kiosk.accept(repeat, delivery, repeat).map(codeOf)).toEqual([
    'allowance_certificate_unknown',
    'accepted',
    'repeated',
  ]);
});

test('a refused payment makes no certificate known: only what was stored can be named', () => {
  const phone = issuer.phone();
  const { payment } = phone.pay(kiosk.sell().envelope, { amountMinor: 499n });
  expect(codeOf(kiosk.acceptOne(phone.deliver(payment.bytes)))).toBe('payment_amount_differs_from_request');
  expect(codeOf(kiosk.acceptOne(phone.repeat(payment.bytes)))).toBe('allowance_certificate_unknown');
});

test('what a group in a failed transaction made known is forgotten with it', () => {
  const phone = issuer.phone();
  const { delivery, repeat } = payByReference(phone);
  const { store } = kiosk.desk;
  const write = store.write.bind(store);
  store.write = (action) =>
    write(() => {
      action();
      throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
    });
  expect(() => kiosk.accept(delivery, repeat)).toThrow('full');
  store.write = write;
  expect(codeOf(kiosk.acceptOne(repeat))).toBe('allowance_certificate_unknown');
});

test('a payment that names the certificate of somebody else is signed by nobody, and costs them nothing', () => {
  const victim = known();
  const thief = issuer.phone();
  const sale = kiosk.sell();
  const { payment } = thief.pay(sale.envelope, {
    counter: victim.counter + 1,
    cumulativeMinor: victim.cumulativeMinor + sale.amountMinor,
    previousLink: victim.previousHash.slice(0, 16),
  });
  const certificateOfVictim = certificateReference(victim.allowance.hash);
  const stolen = encodeRepeatDelivery({
    certificateReference: certificateOfVictim,
    payment: payment.bytes,
    phoneSalt: null,
  });
  expect(codeOf(kiosk.acceptOne(stolen))).toBe('payment_signature_invalid');
  expect(kiosk.snapshot().unsettled.count).toBe(1);
});

test('two stored certificates of one reference name nobody: both phones send theirs whole', () => {
  const phone = known();
  const db = new Database(kiosk.path);
  const hash = Buffer.from(phone.allowance.hash);
  hash[31] = (hash[31] ?? 0) ^ 1;
  db.prepare(
    `INSERT INTO allowance_certificates (hash, allowance_id, bytes, not_after, first_seen_at) VALUES (?, 'x', ?, 0, 0)`,
  ).run(hash, Buffer.from(newKey().publicKey));
  db.close();
  kiosk.reopen();
  const { delivery, repeat } = payByReference(phone);
  expect(codeOf(kiosk.acceptOne(repeat))).toBe('allowance_certificate_unknown');
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('accepted');
});

test('R27 a certificate that is denied is as bad by reference as whole', () => {
  const phone = known();
  const { repeat } = payByReference(phone);
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  const denied = [phone.allowance.allowanceId];
  const bundle = issuer.trust(certificate, { version: 2, denyListVersion: 1, denied });
  expect(kiosk.desk.run('refreshTrust', bundle)).toEqual({ ok: true, limits: null });
  expect(codeOf(kiosk.acceptOne(repeat))).toBe('allowance_denied');
});
