/** Shows that whoever asks to have a key certified holds it, bound to the one asking and the one occasion. */
import { equalBytes } from './bytes.ts';
import { hasValidSignature, readObject, readPayload, signObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { MAX_OBJECT_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';

export interface Possession {
  readonly publicKey: Uint8Array;
  /** What for: `allowance` or `kiosk`. */
  readonly context: 'allowance' | 'kiosk';
  /** The occasion: the request's idempotency key, or the enrolment code without its dash. At most 64 bytes. */
  readonly occasion: string;
}

/** The driver's signer is the key itself. */
export function* signProofOfPossession(possession: Possession): Steps<Uint8Array> {
  return yield* signObject([
    PURPOSE.proofOfPossession,
    possession.publicKey,
    possession.context,
    possession.occasion,
  ]);
}

/** @throws Refusal `proof_of_possession_invalid` when it is of another key, purpose or occasion, or unsigned. */
export function* verifyProofOfPossession(bytes: Uint8Array, expected: Possession): Steps<void> {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.proofOfPossession);
  const publicKey = fields.bytes(33);
  const context = fields.text(16);
  if (context !== 'allowance' && context !== 'kiosk') refuse('field_out_of_range');
  const occasion = fields.text(64);
  fields.end();
  const matches =
    equalBytes(publicKey, expected.publicKey) &&
    context === expected.context &&
    occasion === expected.occasion;
  if (!matches || !(yield* hasValidSignature(object, publicKey))) refuse('proof_of_possession_invalid');
}
