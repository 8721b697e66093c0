/** The receipt: the kiosk's signed word that a payment is stored. Made in the transaction, released after its commit. */
import { equalBytes } from './bytes.ts';
import type { GuaranteeTier } from './acceptance.ts';
import type { KioskCertificate } from './certificates.ts';
import { hasValidSignature, readObject, readPayload, signObject, type UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { MAX_COUNTER, MAX_OBJECT_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';

/** In the order of their numbers on the wire. */
export const GUARANTEE_TIERS: readonly GuaranteeTier[] = ['locked', 'reserved', 'at_risk'];

/** A tier's number on the wire: 1 locked, 2 reserved, 3 at risk. */
export function tierNumber(tier: GuaranteeTier): number {
  return GUARANTEE_TIERS.indexOf(tier) + 1;
}

export interface Receipt {
  readonly paymentHash: Uint8Array;
  readonly amountMinor: bigint;
  readonly tier: GuaranteeTier;
  /** The sale's place in the kiosk's journal; the number a person quotes. */
  readonly sequence: number;
  /** Hash of that journal entry: commits the kiosk to everything before it. */
  readonly journalHash: Uint8Array;
  readonly acceptedAt: number;
  /** Bit set of {@link CHECK}. */
  readonly checks: number;
}

/** The driver's signer is the kiosk's signing key. */
export function* signReceipt(receipt: Receipt, kioskCertificateHash: Uint8Array): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.receipt,
      receipt.paymentHash,
      receipt.amountMinor,
      tierNumber(receipt.tier),
      receipt.sequence,
      receipt.journalHash,
      receipt.acceptedAt,
      receipt.checks,
    ],
    { externalAad: kioskCertificateHash },
  );
}

/** The phone's side: signed by the kiosk it paid, and about the payment it made. */
export function* verifyReceipt(
  bytes: Uint8Array,
  kiosk: KioskCertificate,
  expected: { readonly paymentHash: Uint8Array; readonly amountMinor: bigint },
): Steps<Receipt> {
  const { object, receipt } = readReceipt(bytes);
  if (!(yield* hasValidSignature(object, kiosk.signingPublicKey, kiosk.hash)))
    refuse('receipt_signature_invalid');
  const { paymentHash, amountMinor } = receipt;
  if (!equalBytes(paymentHash, expected.paymentHash) || amountMinor !== expected.amountMinor) {
    refuse('receipt_is_for_another_payment');
  }
  return receipt;
}

/** Form only: who signed it is not asked. @throws Refusal */
export function readReceipt(bytes: Uint8Array): {
  readonly object: UnverifiedObject;
  readonly receipt: Receipt;
} {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.receipt);
  const receipt = {
    paymentHash: fields.bytes(32),
    amountMinor: fields.amountMinor(1n),
    tier: fields.named(GUARANTEE_TIERS),
    sequence: fields.uint(MAX_COUNTER, 1),
    journalHash: fields.bytes(32),
    acceptedAt: fields.timeSeconds(),
    checks: fields.uint(0xffff),
  };
  fields.end();
  return { object, receipt };
}
