/** The refund receipt: the kiosk's signed word that a refund is stored. Made in the transaction, released after its commit. */
import { fromUuid, equalBytes, toUuid } from './bytes.ts';
import type { KioskCertificate } from './certificates.ts';
import { hasValidSignature, readObject, readPayload, signObject } from './cose.ts';
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
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.refundReceipt);
  const refundId = toUuid(fields.bytes(16));
  const paymentHash = fields.bytes(32);
  const amountMinor = fields.amountMinor(1n);
  const refundedMinor = fields.amountMinor(1n);
  const sequence = fields.uint(MAX_COUNTER, 1);
  const journalHash = fields.bytes(32);
  const at = fields.timeSeconds();
  fields.end();
  if (!(yield* hasValidSignature(object, kiosk.signingPublicKey, kiosk.hash)))
    refuse('refund_receipt_signature_invalid');
  const isOfThisRefund =
    refundId === expected.refundId &&
    equalBytes(paymentHash, expected.paymentHash) &&
    amountMinor === expected.amountMinor &&
    refundedMinor >= amountMinor;
  if (!isOfThisRefund) refuse('refund_receipt_is_for_another_refund');
  return { refundId, paymentHash, amountMinor, refundedMinor, sequence, journalHash, at };
}
