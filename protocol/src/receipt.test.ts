/** The receipt: the word of the kiosk that was paid, about the payment that was made, and of nobody else (R28). */
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, malleated, resigned, withFields } from '../scripts/tamper.ts';
import { crypto, makePayment, makeRequest, makeWorld, newKey, NOW, ok } from '../test/world.ts';
import type { CborValue } from './cbor.ts';
import {
  runSync,
  signReceipt,
  tierNumber,
  verifyReceipt,
  type GuaranteeTier,
  type Receipt,
} from './index.ts';

const world = makeWorld();
const request = makeRequest(world);
const payment = makePayment(world, request);
const receipt: Receipt = {
  paymentHash: payment.hash,
  amountMinor: 1_250n,
  tier: 'reserved',
  sequence: 12,
  journalHash: new Uint8Array(32).fill(3),
  acceptedAt: NOW + 31,
  checks: 255,
};
const expected = { paymentHash: payment.hash, amountMinor: 1_250n };
const refused = (code: string) => ({ ok: false, code });
const sign = (word: Receipt) => ok(runSync(signReceipt(word, world.kiosk.hash), crypto, world.kioskKey.sign));
const verify = (bytes: Uint8Array, kiosk = world.kiosk, about = expected) =>
  runSync(verifyReceipt(bytes, kiosk, about), crypto);

describe('a receipt', () => {
  it.each<GuaranteeTier>(['locked', 'reserved', 'at_risk'])('is read as the kiosk signed it: %s', (tier) => {
    expect(ok(verify(sign({ ...receipt, tier })))).toEqual({ ...receipt, tier });
  });

  it('is refused with any field changed', () => {
    const bytes = sign(receipt);
    fieldsOf(bytes).forEach((value, index, fields) => {
      const code = index === 0 ? 'object_has_wrong_purpose' : 'receipt_signature_invalid';
      expect(verify(withFields(bytes, fields.with(index, changed(value))))).toEqual(refused(code));
    });
  });

  it('of another payment, or of another amount, is refused', () => {
    const bytes = sign(receipt);
    expect(verify(bytes, world.kiosk, { ...expected, paymentHash: new Uint8Array(32) })).toEqual(
      refused('receipt_is_for_another_payment'),
    );
    expect(verify(bytes, world.kiosk, { ...expected, amountMinor: 1_249n })).toEqual(
      refused('receipt_is_for_another_payment'),
    );
  });

  it('of another kiosk, or under another certificate of the same key, is refused (R28)', () => {
    const bytes = sign(receipt);
    expect(verify(bytes, { ...world.kiosk, signingPublicKey: newKey().publicKey })).toEqual(
      refused('receipt_signature_invalid'),
    );
    expect(verify(bytes, { ...world.kiosk, hash: new Uint8Array(32) })).toEqual(
      refused('receipt_signature_invalid'),
    );
  });

  it.each<[string, number, CborValue]>([
    ['an amount of zero', 2, 0],
    ['a tier of zero', 3, 0],
    ['a fourth tier', 3, 4],
    ['sequence 0', 4, 0],
    ['a hash of 16 bytes', 5, new Uint8Array(16)],
    ['more bits than there are checks', 7, 0x1_0000],
  ])('with %s is refused though the kiosk signed', (_what, index, value) => {
    const by = { ...world.kioskKey, externalAad: world.kiosk.hash };
    expect(verify(resigned(sign(receipt), fieldsOf(sign(receipt)).with(index, value), by))).toEqual(
      refused('field_out_of_range'),
    );
  });

  it('with a malleated signature says the same', () => {
    expect(ok(verify(malleated(sign(receipt))))).toEqual(receipt);
  });
});

it('tiers are 1 locked, 2 reserved, 3 at risk on the wire', () => {
  expect((['locked', 'reserved', 'at_risk'] as const).map(tierNumber)).toEqual([1, 2, 3]);
});
