/** Repeat by reference on the phone, and the codes of a payment: the same payment in every form, the salt in no open one. */
import { expect, test } from 'vitest';
import {
  decodeAnyDelivery,
  decodeDelivery,
  decodeRepeatDelivery,
  fromQrText,
  isRepeatDelivery,
  isSealedDelivery,
  openSealed,
  toHex,
} from '@tikiwallet/protocol';
import type { StoredPayment } from '../store/schema.ts';
import {
  FakeKiosk,
  makeOffer,
  makePhone,
  makeShop,
  refusal,
  runNeeds,
  type RequestOptions,
} from '../test/world.ts';
import type { PaymentEvent } from './payment-machine.ts';
import { paymentText } from './payment-text.ts';
import { confirmAndSend, needWhole } from './run-payment.ts';
import { payOnce } from './sign-payment.ts';

const never = new AbortController().signal;

/** A phone that has paid once at the kiosk of `shop`. */
async function setUp() {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const kiosk = new FakeKiosk(shop);
  const needs = runNeeds(shop, phone, kiosk);
  const events: PaymentEvent[] = [];
  const pay = async (options: RequestOptions): Promise<StoredPayment> => {
    const offer = await makeOffer(shop, phone, { amountMinor: 100n, ...options });
    await confirmAndSend(offer, needs, (event) => void events.push(event), never);
    const payments = await phone.database.getAll('payments');
    const paid = payments.find(({ requestHash }) => requestHash === offer.requestHash);
    if (paid === undefined) throw new Error('not signed');
    return paid;
  };
  const first = await pay({});
  expect(first).toMatchObject({ state: 'paid', repeatDelivery: null });
  return { shop, phone, kiosk, needs, pay, events };
}

const forms = (kiosk: FakeKiosk) =>
  kiosk.deliveries.map((bytes) => (isRepeatDelivery(decodeAnyDelivery(bytes)) ? 'repeat' : 'whole'));

test('the first payment to a kiosk goes whole, the next ones by reference in less than half the bytes', async () => {
  const { kiosk, pay } = await setUp();
  expect(await pay({ fill: 0x54 })).toMatchObject({ state: 'paid' });
  expect(await pay({ fill: 0x64 })).toMatchObject({ state: 'paid' });
  expect(forms(kiosk)).toEqual(['whole', 'repeat', 'repeat']);
  const [whole, repeat] = kiosk.deliveries.map((bytes) => bytes.length);
  expect(repeat).toBeLessThanOrEqual(160);
  expect(repeat).toBeLessThan((whole ?? 0) / 2);
  expect(kiosk.accepted.size).toBe(3);
});

test('a kiosk that has forgotten the certificate gets the same payment whole at once, and counts it once', async () => {
  const { kiosk, pay, events, phone } = await setUp();
  kiosk.certificates.length = 0;
  const rounds = events.length;
  const paid = await pay({ fill: 0x54 });
  expect(paid).toMatchObject({ state: 'paid', counter: 2, repeatDelivery: null });
  expect(forms(kiosk)).toEqual(['whole', 'repeat', 'whole']);
  expect(kiosk.received.slice(1).map(toHex)).toEqual([toHex(paid.payment), toHex(paid.payment)]);
  expect(events.slice(rounds).map(({ event }) => event)).toEqual([
    'confirmed',
    'sending',
    'sending',
    'receipted',
  ]);
  expect(kiosk.accepted.size).toBe(2);
  expect(await phone.database.count('payments')).toBe(2);
});

test('whoever says without end that the certificate is unknown ends nothing: the money stays held', async () => {
  const { kiosk, pay } = await setUp();
  kiosk.faults.push(...Array.from({ length: 200 }, () => refusal('allowance_certificate_unknown', 409)));
  expect(await pay({ fill: 0x54 })).toMatchObject({ state: 'unconfirmed', refusalCode: null });
});

test('another kiosk of the merchant, or another allowance, is sent the whole', async () => {
  const { shop, phone, pay } = await setUp();
  const other = { ...shop, kiosk: { ...shop.kiosk, kioskId: '00000000-0000-4000-8000-000000000000' } };
  const offer = await makeOffer(shop, phone, { amountMinor: 100n, fill: 0x54 });
  expect((await payOnce({ ...offer, kiosk: other.kiosk }, phone.needs)).repeatDelivery).toBeNull();
  expect((await pay({ fill: 0x64 })).repeatDelivery).not.toBeNull();
});

test('R8 the code of a repeat carries the payment that the radio carries, and the larger code the same again', async () => {
  const { pay, needs } = await setUp();
  const paid = await pay({ fill: 0x54 });
  const small = fromQrText('delivery', await paymentText(paid, needs));
  const whole = await needWhole(paid, needs);
  const large = fromQrText('delivery', await paymentText(whole, needs));
  if (!small.ok || !large.ok) throw new Error('no codes');
  expect(decodeRepeatDelivery(small.value).payment).toEqual(paid.payment);
  expect(decodeDelivery(large.value).payment).toEqual(paid.payment);
  expect(whole).toMatchObject({ id: paid.id, counter: paid.counter, repeatDelivery: null });
});

test('a salt is in no text that the kiosk alone cannot read, first or repeated, and fits a code (R1)', async () => {
  const { shop, phone, pay, needs } = await setUp();
  const first = await payOnce(
    { ...(await makeOffer(shop, phone, { fill: 0x74, amountMinor: 100n, checksPhone: true })) },
    phone.needs,
  );
  const repeated = await pay({ fill: 0x54, checksPhone: true });
  expect(repeated.repeatDelivery).not.toBeNull();
  const salt = toHex(phone.allowance.phoneSalt);
  for (const payment of [first, repeated, { ...repeated, repeatDelivery: null }]) {
    const text = await paymentText(payment, needs);
    expect(isSealedDelivery(text)).toBe(true);
    expect(text.length).toBeLessThanOrEqual(1_000);
    const sealed = fromQrText('sealedDelivery', text);
    if (!sealed.ok) throw new Error(sealed.code);
    expect(toHex(sealed.value).includes(salt)).toBe(false);
    const opened = await openSealed(sealed.value, {
      privateKey: shop.sealingKey.scalar,
      kioskCertificateHash: shop.kiosk.hash,
    });
    if (!opened.ok) throw new Error(opened.code);
    expect(toHex(opened.value).includes(salt)).toBe(true);
  }
});

test('the digits that are compared after paying are in the record before anything is sent', async () => {
  const { shop, phone } = await setUp();
  const offer = await makeOffer(shop, phone, { fill: 0x54, amountMinor: 100n });
  expect((await payOnce(offer, phone.needs)).paidCode).toMatch(/^\d{6}$/);
});
