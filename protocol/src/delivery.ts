/**
 * What carries a payment to the kiosk: the delivery with the allowance certificate in it, and the repeat delivery, which
 * names a certificate that the kiosk has stored already. Neither is signed by itself: what is in it beyond the payment
 * only helps to find things, and the payment's hash, which its signature covers, decides whether the right one was found.
 */
import { equalBytes } from './bytes.ts';
import { decodeCbor, encodeCbor, endOfByteString, FieldReader, headBytes } from './cbor.ts';
import { readAllowanceCertificate, type AllowanceCertificate } from './certificates.ts';
import type { UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { CERTIFICATE_REFERENCE_BYTES, MAX_ENVELOPE_BYTES, MAX_OBJECT_BYTES } from './limits.ts';
import { readPayment, requirePaymentForm, type Payment } from './payment.ts';
import { PURPOSE } from './purposes.ts';

/** Phone to kiosk, by any channel. The payment's request hash says which request it pays. */
export interface Delivery {
  readonly allowanceCertificate: Uint8Array;
  readonly payment: Uint8Array;
  /** Opens the phone commitment, when the request asked for it; then every channel seals the delivery. */
  readonly phoneSalt: Uint8Array | null;
}

/** The same to a kiosk that has accepted a payment under this certificate before. */
export interface RepeatDelivery {
  /** {@link certificateReference}. */
  readonly certificateReference: Uint8Array;
  readonly payment: Uint8Array;
  readonly phoneSalt: Uint8Array | null;
}

/** A certificate as the kiosk has it: read, its issuer's signature to be checked by whoever uses it. */
export interface ReadCertificate {
  readonly allowance: AllowanceCertificate;
  readonly allowanceObject: UnverifiedObject;
}

/** A payment whose form and identity are known and nothing else: no signature has been checked. */
export interface IdentifiedPayment extends ReadCertificate {
  readonly payment: Payment;
  /** Opens the certificate's phone commitment; the phone sends it when the request asks for it. */
  readonly phoneSalt: Uint8Array | null;
}

/** Head of a certificate's hash: it selects among those that a kiosk has stored, and proves nothing. */
export function certificateReference(certificateHash: Uint8Array): Uint8Array {
  return new Uint8Array(certificateHash.subarray(0, CERTIFICATE_REFERENCE_BYTES));
}

export function encodeDelivery(delivery: Delivery): Uint8Array {
  return encodeCbor([PURPOSE.delivery, delivery.allowanceCertificate, delivery.payment, delivery.phoneSalt]);
}

export function encodeRepeatDelivery(delivery: RepeatDelivery): Uint8Array {
  return encodeCbor([
    PURPOSE.repeatDelivery,
    delivery.certificateReference,
    delivery.payment,
    delivery.phoneSalt,
  ]);
}

/** Either of the two, with the certificate in it or with its name. @throws Refusal; the objects inside are still unread. */
export function decodeAnyDelivery(bytes: Uint8Array): Delivery | RepeatDelivery {
  const usual = readUsualForm(bytes);
  if (usual !== null) return usual;
  const value = decodeCbor(bytes, MAX_ENVELOPE_BYTES);
  const isRepeat = Array.isArray(value) && value[0] === PURPOSE.repeatDelivery;
  return isRepeat ? readRepeatDelivery(value) : readDelivery(value);
}

/** @throws Refusal; the objects inside are still unread. */
export function decodeDelivery(bytes: Uint8Array): Delivery {
  return readUsualForm(bytes) ?? readDelivery(decodeCbor(bytes, MAX_ENVELOPE_BYTES));
}

/** @throws Refusal; the payment inside is still unread. */
export function decodeRepeatDelivery(bytes: Uint8Array): RepeatDelivery {
  return readRepeatDelivery(decodeCbor(bytes, MAX_ENVELOPE_BYTES));
}

export function isRepeatDelivery(delivery: Delivery | RepeatDelivery): delivery is RepeatDelivery {
  return 'certificateReference' in delivery;
}

const NULL = 0xf6;

/**
 * A whole delivery without a phone salt, in exactly the bytes that {@link encodeDelivery} gives it: what nearly every phone
 * sends. Its parts are views of it. Null for anything else: the rules read it, and name what is wrong.
 */
function readUsualForm(bytes: Uint8Array): Delivery | null {
  if (bytes.length > MAX_ENVELOPE_BYTES || bytes[0] !== 0x84 || bytes[1] !== PURPOSE.delivery) return null;
  const certificateEnd = endOfByteString(bytes, 2);
  if (certificateEnd === null) return null;
  const paymentEnd = endOfByteString(bytes, certificateEnd);
  if (paymentEnd === null || bytes.length !== paymentEnd + 1 || bytes[paymentEnd] !== NULL) return null;
  const allowanceCertificate = bytes.subarray(2 + headBytes(bytes, 2), certificateEnd);
  const payment = bytes.subarray(certificateEnd + headBytes(bytes, certificateEnd), paymentEnd);
  if (allowanceCertificate.length > MAX_OBJECT_BYTES || payment.length > MAX_OBJECT_BYTES) return null;
  return { allowanceCertificate, payment, phoneSalt: null };
}

function readDelivery(value: unknown): Delivery {
  const fields = new FieldReader(value);
  fields.purpose(PURPOSE.delivery);
  const allowanceCertificate = fields.bytesUpTo(MAX_OBJECT_BYTES);
  return { allowanceCertificate, ...readRest(fields) };
}

function readRepeatDelivery(value: unknown): RepeatDelivery {
  const fields = new FieldReader(value);
  fields.purpose(PURPOSE.repeatDelivery);
  const certificateReference = fields.bytes(CERTIFICATE_REFERENCE_BYTES);
  return { certificateReference, ...readRest(fields) };
}

function readRest(fields: FieldReader): Pick<Delivery, 'payment' | 'phoneSalt'> {
  const payment = fields.bytesUpTo(MAX_OBJECT_BYTES);
  const phoneSalt = fields.bytesOrNull(16);
  fields.end();
  return { payment, phoneSalt };
}

/** Reads a delivery down to the payment's identity, so that a repeat is recognised before anything costly. */
export function* identifyPayment(delivery: Delivery): Steps<IdentifiedPayment> {
  const { certificate, object } = yield* readAllowanceCertificate(delivery.allowanceCertificate);
  const read = { allowance: certificate, allowanceObject: object };
  return yield* identifyUnder(read, delivery);
}

/** The same under a certificate that was read before. */
export function* identifyUnder(
  certificate: ReadCertificate,
  delivery: Pick<Delivery, 'payment' | 'phoneSalt'>,
): Steps<IdentifiedPayment> {
  const { allowance, allowanceObject } = certificate;
  const payment = yield* readPayment(delivery.payment, allowance);
  return { allowance, allowanceObject, payment, phoneSalt: delivery.phoneSalt };
}

/**
 * The one stored certificate that a repeat delivery names. None is refused, and so are two: to choose would be to guess,
 * and the whole delivery needs no guess. A payment that no certificate could make readable says so first: the phone that is
 * told of its certificate would only send the same payment again.
 * @throws Refusal `allowance_certificate_unknown`, or that of the payment's form
 */
export function selectCertificate<C>(
  delivery: Pick<RepeatDelivery, 'certificateReference' | 'payment'>,
  stored: readonly C[],
  hashOf: (certificate: C) => Uint8Array,
): C {
  const { certificateReference: reference, payment } = delivery;
  const named = stored.filter((one) => equalBytes(certificateReference(hashOf(one)), reference));
  const [only] = named;
  if (only === undefined || named.length > 1) {
    requirePaymentForm(payment);
    refuse('allowance_certificate_unknown');
  }
  return only;
}
