/**
 * The proof of a double spend as one object that stands by itself: the allowance certificate, the issuer certificate
 * behind it, and two objects that no honest phone signs both. Whoever has the root's public key can check it; no
 * kiosk, no cloud and no database is asked.
 */
import { decodeCbor, encodeCbor, FieldReader } from './cbor.ts';
import {
  verifyAllowanceCertificate,
  verifyIssuerCertificate,
  type AllowanceCertificate,
  type IssuerCertificate,
} from './certificates.ts';
import { readObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { contradicts } from './double-spend.ts';
import { refuse } from './errors.ts';
import { MAX_OBJECT_BYTES, MAX_PROOF_BYTES } from './limits.ts';
import {
  hasPaymentSignature,
  readPayment,
  verifyClosingStatement,
  type ClosingStatement,
  type Payment,
} from './payment.ts';
import { PURPOSE } from './purposes.ts';

/** Which rule of page 10 the two objects break. */
export type DoubleSpendRule = 'same_counter' | 'cumulative_sum' | 'closing_statement';

/** The parts as they stand in the file: nothing has been checked. */
export interface DoubleSpendProofParts {
  readonly issuerCertificate: Uint8Array;
  readonly allowanceCertificate: Uint8Array;
  /** A payment, or the closing statement that the second one goes beyond. */
  readonly first: Uint8Array;
  /** A payment. */
  readonly second: Uint8Array;
}

interface ProvenParties {
  readonly issuer: IssuerCertificate;
  readonly allowance: AllowanceCertificate;
  readonly second: Payment;
}

export type DoubleSpendProof = ProvenParties &
  (
    | { readonly rule: 'same_counter' | 'cumulative_sum'; readonly first: Payment }
    | { readonly rule: 'closing_statement'; readonly first: ClosingStatement }
  );

export function encodeDoubleSpendProof(parts: DoubleSpendProofParts): Uint8Array {
  return encodeCbor([
    PURPOSE.doubleSpendProof,
    parts.issuerCertificate,
    parts.allowanceCertificate,
    parts.first,
    parts.second,
  ]);
}

/** Form only. @throws Refusal when this is no proof file at all. */
export function decodeDoubleSpendProof(bytes: Uint8Array): DoubleSpendProofParts {
  const fields = new FieldReader(decodeCbor(bytes, MAX_PROOF_BYTES));
  fields.purpose(PURPOSE.doubleSpendProof);
  const parts = {
    issuerCertificate: fields.bytesUpTo(MAX_OBJECT_BYTES),
    allowanceCertificate: fields.bytesUpTo(MAX_OBJECT_BYTES),
    first: fields.bytesUpTo(MAX_OBJECT_BYTES),
    second: fields.bytesUpTo(MAX_OBJECT_BYTES),
  };
  fields.end();
  return parts;
}

/**
 * Dates are held against nothing but each other: a double spend stays proven when its certificates have expired.
 * @throws Refusal, `payments_do_not_contradict` when everything is signed and nothing is proven.
 */
export function* verifyDoubleSpendProof(
  parts: DoubleSpendProofParts,
  rootPublicKey: Uint8Array,
): Steps<DoubleSpendProof> {
  const issuer = yield* verifyIssuerCertificate(parts.issuerCertificate, rootPublicKey);
  const allowance = yield* verifyAllowanceCertificate(parts.allowanceCertificate, [issuer]);
  const second = yield* signedPayment(parts.second, allowance);
  const parties = { issuer, allowance, second };
  if (isClosingStatement(parts.first)) {
    const first = yield* verifyClosingStatement(parts.first, allowance);
    // The phone signed that nothing lies beyond this statement.
    const isBeyond = second.counter > first.lastCounter || second.cumulativeMinor > first.cumulativeMinor;
    if (!isBeyond) refuse('payments_do_not_contradict');
    return { ...parties, rule: 'closing_statement', first };
  }
  const first = yield* signedPayment(parts.first, allowance);
  if (!contradicts(first, second)) refuse('payments_do_not_contradict');
  return { ...parties, rule: first.counter === second.counter ? 'same_counter' : 'cumulative_sum', first };
}

function* signedPayment(bytes: Uint8Array, allowance: AllowanceCertificate): Steps<Payment> {
  const payment = yield* readPayment(bytes, allowance);
  if (!(yield* hasPaymentSignature(payment, allowance))) refuse('payment_signature_invalid');
  return payment;
}

/** By its purpose alone: the fields are read by the rule of that purpose. */
function isClosingStatement(bytes: Uint8Array): boolean {
  const { payload } = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = decodeCbor(payload, payload.length);
  return Array.isArray(fields) && fields[0] === PURPOSE.closingStatement;
}
