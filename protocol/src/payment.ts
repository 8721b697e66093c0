/** What a phone signs under an allowance: payments, and the statement that closes it. */
import type { AllowanceCertificate } from './certificates.ts';
import { equalBytes } from './bytes.ts';
import { USUAL_MINOR, UsualReader } from './cbor.ts';
import {
  hasValidSignature,
  readObject,
  readPayload,
  signedBytes,
  signObject,
  type UnverifiedObject,
} from './cose.ts';
import { digest, verifySignature, type Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { LINK_BYTES, MAX_COUNTER, MAX_OBJECT_BYTES, MAX_TIME_SECONDS } from './limits.ts';
import { PURPOSE } from './purposes.ts';

export interface Payment {
  /** The object's hash under the allowance certificate: the payment's identity at every hop, to the last table. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly counter: number;
  readonly amountMinor: bigint;
  /** Spent from the allowance so far, this payment included. */
  readonly cumulativeMinor: bigint;
  /** First 16 bytes of the previous payment's hash; of the certificate's hash for the first payment. */
  readonly previousLink: Uint8Array;
  /** Hash of the whole request: payee, kiosk, amount, currency, nonce. */
  readonly requestHash: Uint8Array;
  /** Seconds since 1970 by the phone's clock; told, never trusted. */
  readonly signedAt: number;
}

export type PaymentFields = Omit<Payment, 'hash' | 'bytes'>;

/** The link that the next payment carries. */
export function linkOf(hash: Uint8Array): Uint8Array {
  return new Uint8Array(hash.subarray(0, LINK_BYTES));
}

export function isLinkTo(link: Uint8Array, hash: Uint8Array): boolean {
  if (link.length !== LINK_BYTES || hash.length < LINK_BYTES) return false;
  for (let at = 0; at < LINK_BYTES; at += 1) if (link[at] !== hash[at]) return false;
  return true;
}

/** The driver's signer is the phone's device key. Persist the result before it is shown or sent. */
export function* signPayment(
  draft: Omit<Payment, 'hash' | 'bytes'>,
  allowanceCertificateHash: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.payment,
      draft.counter,
      draft.amountMinor,
      draft.cumulativeMinor,
      draft.previousLink,
      draft.requestHash,
      draft.signedAt,
    ],
    { externalAad: allowanceCertificateHash },
  );
}

/** @throws Refusal for what is a payment under no certificate. */
export function requirePaymentForm(bytes: Uint8Array): void {
  readFields(readObject(bytes, MAX_OBJECT_BYTES));
}

/** Form and identity only. */
export function* readPayment(
  bytes: Uint8Array,
  allowance: Pick<AllowanceCertificate, 'hash'>,
): Steps<Payment> {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readFields(object);
  const signed = signedBytes(object, allowance.hash);
  const payment = { hash: yield* digest(signed), bytes, ...fields };
  readAs.set(payment, { under: allowance.hash, signed, signature: object.signature });
  return payment;
}

/** What every honest phone signs. Null for anything else: the rules read it, and name what is wrong. */
export function readUsualFields(
  bytes: Uint8Array,
  payloadAt: number,
  payloadEnd: number,
): PaymentFields | null {
  const reader = new UsualReader(bytes, payloadAt, payloadEnd);
  if (!reader.takes(0x87) || !reader.takes(PURPOSE.payment)) return null;
  const counter = reader.uint(1, MAX_COUNTER);
  const amount = reader.uint(1, USUAL_MINOR);
  const cumulative = reader.uint(1, USUAL_MINOR);
  const previousLink = reader.bytes(LINK_BYTES);
  const requestHash = reader.bytes(32);
  const signedAt = reader.uint(0, MAX_TIME_SECONDS);
  if (counter === null || amount === null || cumulative === null) return null;
  if (previousLink === null || requestHash === null || signedAt === null || !reader.isAtEnd) return null;
  const amounts = { amountMinor: BigInt(amount), cumulativeMinor: BigInt(cumulative) };
  return { counter, ...amounts, previousLink, requestHash, signedAt };
}

function readFields(object: UnverifiedObject): PaymentFields {
  const usual = readUsualFields(object.payload, 0, object.payload.length);
  if (usual !== null) return usual;
  const fields = readPayload(object);
  fields.purpose(PURPOSE.payment);
  const counter = fields.uint(MAX_COUNTER, 1);
  const amountMinor = fields.amountMinor(1n);
  const cumulativeMinor = fields.amountMinor(1n);
  const previousLink = fields.bytes(LINK_BYTES);
  const requestHash = fields.bytes(32);
  const signedAt = fields.timeSeconds();
  fields.end();
  return { counter, amountMinor, cumulativeMinor, previousLink, requestHash, signedAt };
}

/** What a payment was read from and under, so that its signature is checked without reading it again. */
interface Reading {
  readonly under: Uint8Array;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}
const readAs = new WeakMap<Payment, Reading>();

/** Did the allowance's device key sign this payment under this certificate? */
export function* hasPaymentSignature(payment: Payment, allowance: AllowanceCertificate): Steps<boolean> {
  const reading = readAs.get(payment);
  if (reading !== undefined && equalBytes(reading.under, allowance.hash))
    return yield* verifySignature(allowance.devicePublicKey, reading.signed, reading.signature);
  return yield* isSignedAsPayment(payment.bytes, allowance);
}

/** The same of bytes whose fields nobody has read: what they say is still the reader's question. @throws Refusal */
export function* isSignedAsPayment(bytes: Uint8Array, allowance: AllowanceCertificate): Steps<boolean> {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  return yield* hasValidSignature(object, allowance.devicePublicKey, allowance.hash);
}

/** The phone's last word on an allowance: it signed nothing past this. A later payment is then provable fraud. */
export interface ClosingStatement {
  readonly lastCounter: number;
  readonly cumulativeMinor: bigint;
  readonly signedAt: number;
}

/** The driver's signer is the device key. `lastCounter` 0 means that nothing was ever paid. */
export function* signClosingStatement(
  draft: ClosingStatement,
  allowanceCertificateHash: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject(
    [PURPOSE.closingStatement, draft.lastCounter, draft.cumulativeMinor, draft.signedAt],
    { externalAad: allowanceCertificateHash },
  );
}

export function* verifyClosingStatement(
  bytes: Uint8Array,
  allowance: AllowanceCertificate,
): Steps<ClosingStatement> {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.closingStatement);
  const lastCounter = fields.uint(MAX_COUNTER);
  const cumulativeMinor = fields.amountMinor();
  const signedAt = fields.timeSeconds();
  fields.end();
  if (!(yield* hasValidSignature(object, allowance.devicePublicKey, allowance.hash))) {
    refuse('statement_signature_invalid');
  }
  // What is given back is the cap less this sum: a statement that cannot be true must not reach the arithmetic.
  if (cumulativeMinor > allowance.capMinor) refuse('payment_exceeds_allowance');
  if ((lastCounter === 0) !== (cumulativeMinor === 0n)) refuse('payment_cumulative_inconsistent');
  if (lastCounter !== 0 && lastCounter < allowance.firstCounter) refuse('payment_cumulative_inconsistent');
  return { lastCounter, cumulativeMinor, signedAt };
}
