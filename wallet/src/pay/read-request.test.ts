/** What the phone refuses to offer for confirmation, and what it shows of what it offers (R28, R29). */
import { expect, test } from 'vitest';
import {
  comparisonCode,
  fromHex,
  fromQrText,
  signKioskCertificate,
  toHex,
  toQrText,
  verifyKioskCertificate,
} from '@tikiwallet/protocol';
import { id, makePhone, makeRequestText, makeShop, newKey, NOW, ok, read } from '../test/world.ts';
import { displayName } from './display-name.ts';
import { payOnce } from './sign-payment.ts';

async function setUp() {
  const shop = await makeShop();
  return { shop, phone: await makePhone(shop) };
}

test('an honest request becomes an offer with the certificate’s name, the amount and the comparison code', async () => {
  const { shop, phone } = await setUp();
  const outcome = await read(await makeRequestText(shop), shop, phone);
  if (outcome.kind !== 'offer') throw new Error(outcome.kind);
  expect(outcome.offer).toMatchObject({
    merchantName: 'Warung Sari',
    merchantPhone: '+6591234567',
    leftAfterMinor: 3_750n,
    expiresAt: NOW + 130,
  });
  expect(outcome.offer.comparisonCode).toBe(comparisonCode(fromHex(outcome.offer.requestHash)));
});

test('text pasted with line breaks around it is read all the same', async () => {
  const { shop, phone } = await setUp();
  expect((await read(`\n ${await makeRequestText(shop)}\r\n`, shop, phone)).kind).toBe('offer');
});

test.each([
  ['https://example.com', 'qr_not_recognised'],
  ['TIKI1:P:ABC', 'qr_not_a_request'],
  ['TIKI1:R:????', 'message_malformed'],
])('%s is %s', async (text, code) => {
  const { shop, phone } = await setUp();
  expect(await read(text, shop, phone)).toMatchObject({ kind: 'refused', code });
});

test('R28: a changed bit anywhere in the envelope is never offered', async () => {
  const { shop, phone } = await setUp();
  const bytes = fromQrText('request', await makeRequestText(shop));
  if (!bytes.ok) throw new Error(bytes.code);
  for (let at = 0; at < bytes.value.length; at += 7) {
    const changed = bytes.value.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    expect((await read(toQrText('request', changed), shop, phone)).kind, `byte ${at}`).toBe('refused');
  }
});

test('R28: a kiosk certified by a stranger, an expired request, a denied kiosk and a foreign currency are refused', async () => {
  const { shop, phone } = await setUp();
  const stranger = await makeShop();
  expect(await read(await makeRequestText(stranger), shop, phone)).toMatchObject({ code: 'issuer_unknown' });
  const text = await makeRequestText(shop);
  expect(await read(text, shop, phone, { nowSeconds: NOW + 130 })).toMatchObject({ code: 'request_expired' });
  expect(await read(text, shop, phone, { nowSeconds: NOW + 91 * 86_400 })).toMatchObject({
    code: 'certificate_expired',
  });
  expect(await read(text, shop, phone, { clockIsPlausible: false })).toMatchObject({
    code: 'clock_behind_trusted_time',
  });
  expect(await read(text, shop, phone, { trust: null })).toMatchObject({ code: 'trust_missing' });
  const denied = await makeShop({ denied: [id(0x22)] });
  expect(await read(await makeRequestText(denied), denied, phone)).toMatchObject({ code: 'kiosk_denied' });
  const euros = await makeShop({ currency: 'EUR' });
  expect(await read(await makeRequestText(euros), euros, phone)).toMatchObject({
    code: 'payment_currency_differs_from_request',
  });
});

test('R28: a request without a signature, or signed by another shop than its certificate names, is refused', async () => {
  const { shop, phone } = await setUp();
  // A second kiosk of the same issuer: everything about it is genuine, except that it speaks in the first one's name.
  const other = await newKey();
  const otherCertificate = await ok(
    signKioskCertificate(
      {
        merchantName: 'Warung Budi',
        merchantPhone: '+6598888888',
        currency: 'SGD',
        signingPublicKey: other.publicKey,
        sealingPublicKey: shop.sealingKey.publicKey,
        perPaymentMinor: 20_000n,
        notBefore: NOW,
        notAfter: NOW + 86_400,
      },
      { issuerKeyId: shop.issuerKeyId, merchantId: id(0x12), kioskId: id(0x23) },
    ),
    shop.issuer.sign,
  );
  const otherKiosk = await ok(verifyKioskCertificate(otherCertificate, shop.trust.issuers));
  const genuine = await makeRequestText(shop);
  const envelope = fromQrText('request', genuine);
  if (!envelope.ok) throw new Error(envelope.code);
  const byOther = { ...shop, kiosk: otherKiosk, kioskKey: other };
  const wrongMerchant = [
    // The other's request under the first one's certificate, and the other way round.
    await makeRequestText({ ...byOther, kioskCertificate: shop.kioskCertificate }),
    await makeRequestText({ ...byOther, kiosk: shop.kiosk, kioskCertificate: shop.kioskCertificate }),
    await makeRequestText({ ...shop, kioskCertificate: otherCertificate }),
  ];
  for (const text of wrongMerchant)
    expect(await read(text, shop, phone)).toMatchObject({ code: 'request_signature_invalid', subject: null });
  const unsigned = envelope.value.slice();
  unsigned.fill(0, unsigned.length - 64);
  expect(await read(toQrText('request', unsigned), shop, phone)).toMatchObject({
    code: 'request_signature_invalid',
    subject: null,
  });
  expect(await read(genuine, shop, phone)).toMatchObject({ offer: { merchantName: 'Warung Sari' } });
});

test('limits: what is left, what one payment may be, what several loads hold together', async () => {
  const { shop, phone } = await setUp();
  expect(await read(await makeRequestText(shop, { amountMinor: 5_000n }), shop, phone)).toMatchObject({
    kind: 'offer',
  });
  expect(await read(await makeRequestText(shop, { amountMinor: 5_001n }), shop, phone)).toMatchObject({
    code: 'offline_money_too_little',
  });
  const two = [phone.allowance, { ...phone.allowance, id: 'second' }];
  expect(
    await read(await makeRequestText(shop, { amountMinor: 5_001n }), shop, phone, { allowances: two }),
  ).toMatchObject({ code: 'offline_money_split', limitMinor: 5_000n });
  expect(await read(await makeRequestText(shop, { amountMinor: 20_001n }), shop, phone)).toMatchObject({
    code: 'payment_exceeds_limit',
    limitMinor: 20_000n,
  });
  const rich = [
    { ...phone.allowance, capMinor: 10_000n, perPaymentMinor: 3_000n },
    { ...phone.allowance, id: 'second', capMinor: 10_000n, perPaymentMinor: 5_000n },
  ];
  // What the phone may pay at most is named, not what the load that was looked at first may.
  expect(
    await read(await makeRequestText(shop, { amountMinor: 5_001n }), shop, phone, { allowances: rich }),
  ).toMatchObject({ code: 'payment_exceeds_limit', limitMinor: 5_000n });
  const ended = [{ ...phone.allowance, notAfter: NOW }];
  expect(await read(await makeRequestText(shop), shop, phone, { allowances: ended })).toMatchObject({
    code: 'offline_money_expired',
  });
  const used = [{ ...phone.allowance, lastCounter: 30 }];
  expect(await read(await makeRequestText(shop), shop, phone, { allowances: used })).toMatchObject({
    code: 'allowance_counter_limit_reached',
  });
  expect(await read(await makeRequestText(shop), shop, phone, { allowances: [] })).toMatchObject({
    code: 'no_offline_money',
  });
});

test('the phone’s number is opened only for a shop that asked for it', async () => {
  const { shop, phone } = await setUp();
  for (const [fill, checksPhone] of [
    [0x44, true],
    [0x54, false],
  ] as const) {
    const outcome = await read(
      await makeRequestText(shop, { fill, checksPhone, amountMinor: 10n }),
      shop,
      phone,
    );
    if (outcome.kind !== 'offer') throw new Error(outcome.kind);
    const { delivery } = await payOnce(outcome.offer, phone.needs);
    expect(toHex(delivery).includes(toHex(phone.allowance.phoneSalt))).toBe(checksPhone);
  }
});

test.each([
  ['Warung\u202EiraS', 'WarungiraS'],
  ['\u2066Bank\u2069\u200B', 'Bank'],
  ['Shop\u0000\u0007', 'Shop'],
  ['  Kopi \u00A0 Tiam  ', 'Kopi Tiam'],
  ['Z\u0300\u0301\u0302\u0303\u0304algo', 'Z\u0300\u0301algo'],
  ['\u3164\u3164', ''],
  ['مطعم السلام', 'مطعم السلام'],
])('R29: the name %j is shown as %j', (name, shown) => {
  expect(displayName(name).normalize('NFKC')).toBe(shown.normalize('NFKC'));
});
