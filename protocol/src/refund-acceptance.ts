/**
 * The refund acceptance: the payer's countersignature on one offer, by the device key of the allowance that paid.
 * Without it a cashier could book a refund for a customer who is not there and pocket the cash.
 */
import type { AllowanceCertificate } from './certificates.ts';
import {
  hasValidSignature,
  objectHash,
  readObject,
  readPayload,
  signObject,
  type UnverifiedObject,
} from './cose.ts';
import type { Steps } from './crypto.ts';
import { MAX_OBJECT_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';

/** As read: which offer it accepts, and nothing of who signed it. */
export interface UnverifiedRefundAcceptance {
  readonly bytes: Uint8Array;
  readonly object: UnverifiedObject;
  readonly offerHash: Uint8Array;
  /** Seconds since 1970 by the phone's clock; told, never trusted. */
  readonly signedAt: number;
}

export interface RefundAcceptance {
  /** The object's hash under the allowance certificate; a malleated signature does not change it. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly offerHash: Uint8Array;
  readonly signedAt: number;
}

/** The driver's signer is the device key of the allowance that paid. Persist the result before it is shown or sent. */
export function* signRefundAcceptance(
  draft: Pick<RefundAcceptance, 'offerHash' | 'signedAt'>,
  allowanceCertificateHash: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject([PURPOSE.refundAcceptance, draft.offerHash, draft.signedAt], {
    externalAad: allowanceCertificateHash,
  });
}

/** Form only, so that a kiosk finds the offer, and in it the sale and the certificate. @throws Refusal */
export function readRefundAcceptance(bytes: Uint8Array): UnverifiedRefundAcceptance {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.refundAcceptance);
  const offerHash = fields.bytes(32);
  const signedAt = fields.timeSeconds();
  fields.end();
  return { bytes, object, offerHash, signedAt };
}

/** Did the allowance's device key sign it under this certificate? Null when not. */
export function* signedRefundAcceptance(
  read: UnverifiedRefundAcceptance,
  allowance: AllowanceCertificate,
): Steps<RefundAcceptance | null> {
  const { bytes, object, offerHash, signedAt } = read;
  if (!(yield* hasValidSignature(object, allowance.devicePublicKey, allowance.hash))) return null;
  return { hash: yield* objectHash(object, allowance.hash), bytes, offerHash, signedAt };
}
