/** Deliveries: what carries a payment decides nothing about it, and a repeat fits where a certificate would not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOf, malleated } from '../scripts/tamper.ts';
import { crypto, makeDelivery, makeFacts, makePayment, makeRequest, makeWorld, ok } from '../test/world.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import {
  attempt,
  certificateReference,
  decodeAnyDelivery,
  decodeDelivery,
  decodeRepeatDelivery,
  encodeDelivery,
  encodeRepeatDelivery,
  identifyPayment,
  identifyUnder,
  isRepeatDelivery,
  MAX_ENVELOPE_BYTES,
  readAllowanceCertificate,
  runSync,
  selectCertificate,
  toQrText,
  verifyPayment,
  type Delivery,
  type RepeatDelivery,
} from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const payment = makePayment(world, request);
const delivery = makeDelivery(world, payment);
const repeat: RepeatDelivery = {
  certificateReference: certificateReference(world.allowance.hash),
  payment: payment.bytes,
  phoneSalt: null,
};
const refused = (code: string) => ({ ok: false, code });
const swapped = (parts: Pick<Delivery, 'allowanceCertificate' | 'payment'>) => ({
  allowanceCertificate: parts.payment,
  payment: parts.allowanceCertificate,
});
/** The certificate's length in four bytes. */
const longerHead = (bytes: Uint8Array) =>
  new Uint8Array([...bytes.subarray(0, 2), 0x5a, 0, 0, ...bytes.subarray(3, 5), ...bytes.subarray(5)]);
const read = (bytes: Uint8Array) => {
  const { certificate, object } = ok(runSync(readAllowanceCertificate(bytes), crypto));
  return { allowance: certificate, allowanceObject: object };
};

describe('a delivery', () => {
  const bytes = encodeDelivery(delivery);

  it('comes back as it was, with and without the salt', () => {
    expect(decodeDelivery(bytes)).toEqual(delivery);
    const salted = { ...delivery, phoneSalt: world.phoneSalt };
    expect(decodeDelivery(encodeDelivery(salted))).toEqual(salted);
  });

  it('is the one form of what it carries, and as it is without any byte of it', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const other = bytes.with(at, byte);
        const decoded = attempt(() => decodeDelivery(other));
        if (decoded.ok) expect(encodeDelivery(decoded.value)).toEqual(other);
      }),
      { numRuns: 1_000 },
    );
    for (let length = 0; length < bytes.length; length += 1)
      expect(attempt(() => decodeDelivery(bytes.subarray(0, length))).ok).toBe(false);
  });

  it.each([24, 255, 256, 2_048])('may hold objects of %i bytes', (length) => {
    const parts = {
      allowanceCertificate: new Uint8Array(length),
      payment: new Uint8Array(24),
      phoneSalt: null,
    };
    expect(decodeDelivery(encodeDelivery(parts))).toEqual(parts);
    expect(decodeDelivery(encodeDelivery({ ...parts, ...swapped(parts) }))).toMatchObject(swapped(parts));
  });

  it('of an object above its bound is refused, wherever it stands', () => {
    const parts = {
      allowanceCertificate: new Uint8Array(2_049),
      payment: new Uint8Array(24),
      phoneSalt: null,
    };
    for (const sent of [parts, { ...parts, ...swapped(parts) }])
      expect(attempt(() => decodeDelivery(encodeDelivery(sent)))).toEqual(refused('field_out_of_range'));
  });

  it.each([
    ['with a length longer than needed', (whole: Uint8Array) => longerHead(whole)],
    ['with a byte behind it', (whole: Uint8Array) => new Uint8Array([...whole, 0xf6])],
    ['with something else in the place of the salt', (whole: Uint8Array) => whole.with(-1, 0xf5)],
  ])('%s is refused', (_what, change) => {
    expect(attempt(() => decodeDelivery(change(bytes))).ok).toBe(false);
    expect(attempt(() => decodeAnyDelivery(change(bytes))).ok).toBe(false);
  });

  it('in another shape is refused', () => {
    const items = itemsOf(bytes);
    const decode = (values: readonly CborValue[]) => attempt(() => decodeDelivery(encodeCbor(values)));
    expect(decode(items.with(0, 14))).toEqual(refused('object_has_wrong_purpose'));
    expect(decode(items.with(1, new Uint8Array(2_049)))).toEqual(refused('field_out_of_range'));
    expect(decode(items.with(2, null))).toEqual(refused('message_malformed'));
    expect(decode(items.with(3, new Uint8Array(15)))).toEqual(refused('field_out_of_range'));
    expect(decode([...items, 0])).toEqual(refused('message_malformed'));
    expect(attempt(() => decodeDelivery(new Uint8Array(MAX_ENVELOPE_BYTES + 1)))).toEqual(
      refused('message_too_large'),
    );
  });

  it('holds certificate and payment in 360 bytes, and one QR code of 1,000 characters (R1)', () => {
    expect(bytes.length).toBeLessThanOrEqual(360);
    expect(toQrText('delivery', bytes).length).toBeLessThanOrEqual(1_000);
  });
});

describe('a repeat delivery', () => {
  const bytes = encodeRepeatDelivery(repeat);

  it('comes back as it was, with and without the salt', () => {
    expect(decodeRepeatDelivery(bytes)).toEqual(repeat);
    const salted = { ...repeat, phoneSalt: world.phoneSalt };
    expect(decodeRepeatDelivery(encodeRepeatDelivery(salted))).toEqual(salted);
  });

  it('is told from a whole one by its purpose', () => {
    expect(isRepeatDelivery(decodeAnyDelivery(bytes))).toBe(true);
    expect(isRepeatDelivery(decodeAnyDelivery(encodeDelivery(delivery)))).toBe(false);
    expect(attempt(() => decodeRepeatDelivery(encodeDelivery(delivery)))).toEqual(
      refused('object_has_wrong_purpose'),
    );
    expect(attempt(() => decodeDelivery(bytes))).toEqual(refused('object_has_wrong_purpose'));
  });

  it('holds a payment of millions of rupiah, the hundredth of its allowance, in 160 bytes', () => {
    const usual = makePayment(world, request, {
      counter: 100,
      amountMinor: 125_000_000n,
      cumulativeMinor: 3_500_000_000n,
    });
    expect(bytes.length).toBeLessThanOrEqual(155);
    expect(encodeRepeatDelivery({ ...repeat, payment: usual.bytes }).length).toBeLessThanOrEqual(160);
  });

  it('gives the payment the identity that the whole delivery gives it', () => {
    const whole = ok(runSync(identifyPayment(delivery), crypto));
    const again = ok(
      runSync(identifyUnder(read(world.allowance.bytes), decodeRepeatDelivery(bytes)), crypto),
    );
    expect(again.payment.hash).toEqual(whole.payment.hash);
    expect(ok(runSync(verifyPayment(again, makeFacts(world, request)), crypto)).payment.hash).toEqual(
      payment.hash,
    );
  });

  it('under the certificate of somebody else is a payment that nobody signed', () => {
    const abroad = makeWorld();
    const other = read(abroad.allowance.bytes);
    const identified = ok(runSync(identifyUnder(other, repeat), crypto));
    expect(identified.payment.hash).not.toEqual(payment.hash);
    const trust = { ...world.trust, issuers: [...world.trust.issuers, ...abroad.trust.issuers] };
    const facts = makeFacts(world, request, { trust, certificateIsKnownGood: true });
    const first = { ...identified.payment, previousLink: other.allowance.hash.slice(0, 16) };
    expect(runSync(verifyPayment({ ...identified, payment: first }, facts), crypto)).toEqual(
      refused('payment_signature_invalid'),
    );
  });
});

describe('the certificate of a reference', () => {
  const hash = (last: number) => Uint8Array.from({ length: 32 }, (_, at) => (at < 8 ? 1 : last));
  const select = (stored: readonly Uint8Array[], bytes = payment.bytes) => {
    const delivery = { certificateReference: certificateReference(hash(0)), payment: bytes };
    return attempt(() => selectCertificate(delivery, stored, (one) => one));
  };

  it('is the one whose hash begins with it', () => {
    expect(select([new Uint8Array(32), hash(5)])).toEqual({ ok: true, value: hash(5) });
  });

  it('is unknown when there is none, and when there are two: nobody chooses between them', () => {
    expect(select([new Uint8Array(32)])).toEqual(refused('allowance_certificate_unknown'));
    expect(select([hash(5), hash(6)])).toEqual(refused('allowance_certificate_unknown'));
  });

  it('does not hide that the payment is none: to send the whole delivery would not help', () => {
    expect(select([], payment.bytes.slice(1))).toEqual(refused('message_malformed'));
    expect(select([hash(5), hash(6)], encodeRepeatDelivery(repeat))).toEqual(refused('message_malformed'));
    expect(select([], world.kiosk.bytes)).toEqual(refused('algorithm_not_allowed'));
  });

  it('does not change with the signature on the certificate', () => {
    const other = read(malleated(world.allowance.bytes)).allowance;
    expect(certificateReference(other.hash)).toEqual(repeat.certificateReference);
  });
});
