/** The refund receipt: the kiosk's signed word that a refund is stored. Made in the transaction, released after its commit. */
import { fromUuid, equalBytes, toUuid } from './bytes.ts';
import type { KioskCertificate } from './certificates.ts';
import { hasValidSignature, readObject, readPayload, signObject, type UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { MAX_COUNTER, MAX_OBJECT_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';

export interface RefundReceipt {
  /** UUID. */
  readonly refundId: string;
  readonly paymentHash: Uint8Array;
  readonly amountMinor: bigint;
  /** Given back of this sale so far, this refund included. */
  readonly refundedMinor: bigint;
  /** The refund's place in the kiosk's journal; the number a person quotes. */
  readonly sequence: number;
  /** Hash of that journal entry: commits the kiosk to everything before it. */
  readonly journalHash: Uint8Array;
  readonly at: number;
}

/** The driver's signer is the kiosk's signing key. */
export function* signRefundReceipt(
  receipt: RefundReceipt,
  kioskCertificateHash: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.refundReceipt,
      fromUuid(receipt.refundId),
      receipt.paymentHash,
      receipt.amountMinor,
      receipt.refundedMinor,
      receipt.sequence,
      receipt.journalHash,
      receipt.at,
    ],
    { externalAad: kioskCertificateHash },
  );
}

/** The phone's side: signed under the certificate of the offer, and about the refund that it accepted. */
export function* verifyRefundReceipt(
  bytes: Uint8Array,
  kiosk: KioskCertificate,
  expected: Pick<RefundReceipt, 'refundId' | 'paymentHash' | 'amountMinor'>,
): Steps<RefundReceipt> {
  const { object, receipt } = readRefundReceipt(bytes);
  if (!(yield* hasValidSignature(object, kiosk.signingPublicKey, kiosk.hash)))
    refuse('refund_receipt_signature_invalid');
  const isOfThisRefund =
    receipt.refundId === expected.refundId &&
    equalBytes(receipt.paymentHash, expected.paymentHash) &&
    receipt.amountMinor === expected.amountMinor &&
    receipt.refundedMinor >= receipt.amountMinor;
  if (!isOfThisRefund) refuse('refund_receipt_is_for_another_refund');
  return receipt;
}

/** Form only: who signed it is not asked. @throws Refusal */
export function readRefundReceipt(bytes: Uint8Array): {
  readonly object: UnverifiedObject;
  readonly receipt: RefundReceipt;
} {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.refundReceipt);
  const receipt = {
    refundId: toUuid(fields.bytes(16)),
    paymentHash: fields.bytes(32),
    amountMinor: fields.amountMinor(1n),
    refundedMinor: fields.amountMinor(1n),
    sequence: fields.uint(MAX_COUNTER, 1),
    journalHash: fields.bytes(32),
    at: fields.timeSeconds(),
  };
  fields.end();
  return { object, receipt };
}
