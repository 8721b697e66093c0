/**
 * The refund offer: what a kiosk would give back of one sale, signed before it is shown, and the envelope that a QR
 * code carries. It promises nothing by itself; only the payer's countersignature makes a refund of it.
 */
import { toUuid } from './bytes.ts';
import { decodeCbor, encodeCbor, FieldReader } from './cbor.ts';
import { verifyKioskCertificate, type KioskCertificate } from './certificates.ts';
import {
  hasValidSignature,
  objectHash,
  readObject,
  readPayload,
  signObject,
  type UnverifiedObject,
} from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import type { IssuerCertificate } from './issuer-certificate.ts';
import {
  MAX_ADDRESSES,
  MAX_COUNTER,
  MAX_ENVELOPE_BYTES,
  MAX_OBJECT_BYTES,
  MAX_REFUND_OFFER_TTL_SECONDS,
} from './limits.ts';
import { readAddresses } from './payment-request.ts';
import { PURPOSE } from './purposes.ts';

/** A void undoes a whole sale of which nothing was given back; a refund gives back any part of what is left. */
export type RefundKind = 'void' | 'refund';
const KINDS: readonly RefundKind[] = ['void', 'refund'];

export interface RefundOffer {
  /** The object's hash under the kiosk certificate: what the payer's acceptance signs. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  /** UUID, drawn when somebody asks for the refund: the identity under which it counts once. */
  readonly refundId: string;
  readonly paymentHash: Uint8Array;
  readonly kind: RefundKind;
  readonly amountMinor: bigint;
  /** Of the sale's entry in the kiosk's journal: the kiosk's word that it has stored the payment. */
  readonly sequence: number;
  /** Seconds since 1970, the kiosk's trusted time. */
  readonly issuedAt: number;
  readonly ttlSeconds: number;
  /** `http://host:port`, at most four, tried in order. */
  readonly addresses: readonly string[];
}

/** The driver's signer is the kiosk's signing key. */
export function* signRefundOffer(
  draft: Omit<RefundOffer, 'hash' | 'bytes' | 'refundId'> & { readonly refundIdBytes: Uint8Array },
  kioskCertificateHash: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.refundOffer,
      draft.refundIdBytes,
      draft.paymentHash,
      KINDS.indexOf(draft.kind) + 1,
      draft.amountMinor,
      draft.sequence,
      draft.issuedAt,
      draft.ttlSeconds,
      draft.addresses,
    ],
    { externalAad: kioskCertificateHash },
  );
}

/** Checks form and signature against an already verified kiosk certificate; time and sale are the caller's question. */
export function* verifyRefundOffer(bytes: Uint8Array, kiosk: KioskCertificate): Steps<RefundOffer> {
  const { object, offer } = readRefundOffer(bytes);
  if (!(yield* hasValidSignature(object, kiosk.signingPublicKey, kiosk.hash)))
    refuse('refund_offer_signature_invalid');
  return { hash: yield* objectHash(object, kiosk.hash), ...offer };
}

/** Form only: who signed it is not asked. @throws Refusal */
export function readRefundOffer(bytes: Uint8Array): {
  readonly object: UnverifiedObject;
  readonly offer: Omit<RefundOffer, 'hash'>;
} {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.refundOffer);
  const offer = {
    bytes,
    refundId: toUuid(fields.bytes(16)),
    paymentHash: fields.bytes(32),
    kind: fields.named(KINDS),
    amountMinor: fields.amountMinor(1n),
    sequence: fields.uint(MAX_COUNTER, 1),
    issuedAt: fields.timeSeconds(),
    ttlSeconds: fields.uint(MAX_REFUND_OFFER_TTL_SECONDS, 1),
    addresses: readAddresses(fields.array(MAX_ADDRESSES)),
  };
  fields.end();
  return { object, offer };
}

/** What the QR code on the kiosk's screen carries. */
export function encodeRefundEnvelope(kioskCertificate: Uint8Array, offer: Uint8Array): Uint8Array {
  return encodeCbor([PURPOSE.refundEnvelope, kioskCertificate, offer]);
}

/** The phone's side: certificate chain, offer signature. Dates, deny list and the payment are the caller's. */
export function* openRefundEnvelope(
  bytes: Uint8Array,
  issuers: readonly IssuerCertificate[],
): Steps<{ readonly kiosk: KioskCertificate; readonly offer: RefundOffer }> {
  const fields = new FieldReader(decodeCbor(bytes, MAX_ENVELOPE_BYTES));
  fields.purpose(PURPOSE.refundEnvelope);
  const certificateBytes = fields.bytesUpTo(MAX_OBJECT_BYTES);
  const offerBytes = fields.bytesUpTo(MAX_OBJECT_BYTES);
  fields.end();
  const kiosk = yield* verifyKioskCertificate(certificateBytes, issuers);
  return { kiosk, offer: yield* verifyRefundOffer(offerBytes, kiosk) };
}
