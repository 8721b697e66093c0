/** Proof of possession: of this key, for this purpose, on this occasion, and of nothing else. */
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, resigned, withFields } from '../scripts/tamper.ts';
import { crypto, newKey, ok } from '../test/world.ts';
import { runSync, signProofOfPossession, verifyProofOfPossession, type Possession } from './index.ts';

const key = newKey();
const possession: Possession = { publicKey: key.publicKey, context: 'allowance', occasion: 'occasion-1' };
const bytes = ok(runSync(signProofOfPossession(possession), crypto, key.sign));
const verify = (given: Uint8Array, expected = possession) =>
  runSync(verifyProofOfPossession(given, expected), crypto);
const invalid = { ok: false, code: 'proof_of_possession_invalid' };

describe('a proof of possession', () => {
  it('convinces whoever expects exactly it', () => {
    expect(verify(bytes).ok).toBe(true);
  });

  it.each<[string, Possession]>([
    ['another key', { ...possession, publicKey: newKey().publicKey }],
    ['another purpose', { ...possession, context: 'kiosk' }],
    ['another occasion', { ...possession, occasion: 'occasion-2' }],
    ['an occasion that only begins alike', { ...possession, occasion: 'occasion-' }],
  ])('does not convince of %s', (_what, expected) => {
    expect(verify(bytes, expected)).toEqual(invalid);
  });

  it('is refused with any field changed', () => {
    fieldsOf(bytes).forEach((value, index, fields) => {
      const early = new Map([
        [0, 'object_has_wrong_purpose'],
        [2, 'field_out_of_range'],
      ]);
      const code = early.get(index) ?? 'proof_of_possession_invalid';
      expect(verify(withFields(bytes, fields.with(index, changed(value))))).toEqual({ ok: false, code });
    });
  });

  it('signed by another key than it names is refused', () => {
    expect(verify(resigned(bytes, fieldsOf(bytes), newKey()))).toEqual(invalid);
  });

  it('with an occasion of 65 bytes is refused', () => {
    const long = resigned(bytes, fieldsOf(bytes).with(3, 'x'.repeat(65)), key);
    expect(verify(long)).toEqual({ ok: false, code: 'field_out_of_range' });
  });
});
