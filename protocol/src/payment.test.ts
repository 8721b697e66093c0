/** The payment and the closing statement: one changed field and it is not the phone's word (R21). */
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, malleated, resigned, withFields } from '../scripts/tamper.ts';
import {
  crypto,
  makeDelivery,
  makeFacts,
  makePayment,
  makeRequest,
  makeWorld,
  newKey,
  NOW,
  ok,
} from '../test/world.ts';
import type { CborValue } from './cbor.ts';
import { objectHash, readObject } from './cose.ts';
import {
  hasPaymentSignature,
  identifyPayment,
  linkOf,
  readPayment,
  runSync,
  signClosingStatement,
  verifyClosingStatement,
  verifyPayment,
  type ClosingStatement,
} from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const payment = makePayment(world, request);
const delivery = makeDelivery(world, payment);
const refused = (code: string) => ({ ok: false, code });
const byPhone = { ...world.phoneKey, externalAad: world.allowance.hash };

/** The kiosk's whole answer to a delivery of these payment bytes. */
function accept(paymentBytes: Uint8Array) {
  const identified = runSync(identifyPayment({ ...delivery, payment: paymentBytes }), crypto);
  return identified.ok
    ? runSync(verifyPayment(identified.value, makeFacts(world, request)), crypto)
    : identified;
}

describe('a payment', () => {
  it('is accepted as the phone signed it', () => {
    expect(accept(payment.bytes).ok).toBe(true);
  });

  it.each([
    ['purpose', 0, 'object_has_wrong_purpose'],
    ['counter', 1, 'payment_signature_invalid'],
    ['amount', 2, 'payment_amount_differs_from_request'],
    ['cumulative sum', 3, 'payment_cumulative_inconsistent'],
    ['previous link', 4, 'payment_chain_broken'],
    ['request hash', 5, 'payment_is_for_another_request'],
    ['time', 6, 'payment_signature_invalid'],
  ])('with its %s changed is refused (R21)', (_name, index, code) => {
    const fields = fieldsOf(payment.bytes);
    const tampered = withFields(payment.bytes, fields.with(index, changed(fields[index] ?? null)));
    expect(accept(tampered)).toEqual(refused(code));
  });

  it('binds shop, kiosk, amount, currency and nonce through the hash of the request (R21)', () => {
    fieldsOf(request.bytes).forEach((value, index, fields) => {
      if (index === 0) return;
      const byKiosk = { ...world.kioskKey, externalAad: world.kiosk.hash };
      const other = readObject(resigned(request.bytes, fields.with(index, changed(value)), byKiosk), 2_048);
      const hash = ok(runSync(objectHash(other, world.kiosk.hash), crypto));
      const facts = makeFacts(world, { ...request, hash });
      const identified = ok(runSync(identifyPayment(delivery), crypto));
      expect(runSync(verifyPayment(identified, facts), crypto)).toEqual(
        refused('payment_is_for_another_request'),
      );
    });
  });

  it('of another key, or under another certificate of the same key, does not verify', () => {
    const stranger = { ...world.allowance, devicePublicKey: newKey().publicKey };
    const renewed = { ...world.allowance, hash: new Uint8Array(32) };
    for (const allowance of [stranger, renewed]) {
      const read = ok(runSync(readPayment(payment.bytes, allowance), crypto));
      expect(ok(runSync(hasPaymentSignature(read, allowance), crypto))).toBe(false);
    }
  });

  it.each([
    ['a counter of zero', 1, 0],
    ['a counter beyond the bound', 1, 2 ** 31],
    ['an amount of zero (R26)', 2, 0],
    ['an amount beyond 2^53 (R26)', 2, 2n ** 53n],
    ['a cumulative sum of zero', 3, 0],
    ['a link of 32 bytes', 4, new Uint8Array(32)],
    ['a request hash of 16 bytes', 5, new Uint8Array(16)],
    ['a time after 2106', 6, 2 ** 32],
  ])('with %s is refused though the phone signed', (_what, index, value) => {
    const bytes = resigned(payment.bytes, fieldsOf(payment.bytes).with(index, value), byPhone);
    expect(accept(bytes)).toEqual(refused('field_out_of_range'));
  });

  it('with a negative amount is refused (R26)', () => {
    const fields: CborValue[] = fieldsOf(payment.bytes).with(2, -5n);
    expect(accept(resigned(payment.bytes, fields, byPhone))).toEqual(refused('message_malformed'));
  });

  it('with a malleated signature is accepted as the same payment (R23)', () => {
    const accepted = ok(accept(malleated(payment.bytes)));
    expect(accepted.payment.hash).toEqual(payment.hash);
  });
});

describe('the link to the previous payment', () => {
  it('is the first 16 bytes of its hash, as a copy', () => {
    const hash = Buffer.from(payment.hash);
    const link = linkOf(hash);
    hash.fill(0);
    expect(link).toEqual(payment.hash.slice(0, 16));
  });
});

describe('a closing statement', () => {
  const sign = (draft: ClosingStatement, key = world.phoneKey) =>
    ok(runSync(signClosingStatement(draft, world.allowance.hash), crypto, key.sign));
  const verify = (bytes: Uint8Array) => runSync(verifyClosingStatement(bytes, world.allowance), crypto);

  it.each([
    ['nothing was paid', 0, 0n],
    ['one payment', 1, 5n],
    ['the whole cap', 3, 5_000n],
  ])('says that %s', (_what, lastCounter, cumulativeMinor) => {
    const statement = { lastCounter, cumulativeMinor, signedAt: NOW };
    expect(ok(verify(sign(statement)))).toEqual(statement);
  });

  it.each([
    ['more than the cap', 3, 5_001n, 'payment_exceeds_allowance'],
    ['a sum without a payment', 0, 1n, 'payment_cumulative_inconsistent'],
    ['a payment without a sum', 1, 0n, 'payment_cumulative_inconsistent'],
  ])('that claims %s is refused', (_what, lastCounter, cumulativeMinor, code) => {
    expect(verify(sign({ lastCounter, cumulativeMinor, signedAt: NOW }))).toEqual(refused(code));
  });

  it("with a counter before the certificate's first is refused", () => {
    const later = { ...world.allowance, firstCounter: 5 };
    const bytes = sign({ lastCounter: 4, cumulativeMinor: 5n, signedAt: NOW });
    expect(runSync(verifyClosingStatement(bytes, later), crypto)).toEqual(
      refused('payment_cumulative_inconsistent'),
    );
    const first = sign({ lastCounter: 5, cumulativeMinor: 5n, signedAt: NOW });
    expect(runSync(verifyClosingStatement(first, later), crypto).ok).toBe(true);
  });

  it('of another key, or with any field changed, is refused', () => {
    const bytes = sign({ lastCounter: 1, cumulativeMinor: 5n, signedAt: NOW });
    expect(verify(sign({ lastCounter: 1, cumulativeMinor: 5n, signedAt: NOW }, newKey()))).toEqual(
      refused('statement_signature_invalid'),
    );
    fieldsOf(bytes).forEach((value, index, fields) => {
      const code = index === 0 ? 'object_has_wrong_purpose' : 'statement_signature_invalid';
      expect(verify(withFields(bytes, fields.with(index, changed(value))))).toEqual(refused(code));
    });
  });

  it('is no payment, and a payment is no statement', () => {
    expect(verify(payment.bytes)).toEqual(refused('object_has_wrong_purpose'));
  });
});
