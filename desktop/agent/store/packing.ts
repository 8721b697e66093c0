/**
 * A group of deliveries and its outcomes as few large values: a message between threads pays for every object and every
 * buffer in it, and a busy till sends thousands of them a second. Owns the two forms; looks into none of the bytes.
 */
import type { AcceptOutcome } from '../accept-payment.ts';
import type { StoredPayment } from './rows.ts';

/** Byte strings end to end, and where each ends. */
export interface PackedBytes {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

export interface PackedOutcomes {
  /** JSON of the outcomes without their receipts, amounts as decimal text. */
  readonly outcomes: string;
  /** Of the outcomes that have one, in order. */
  readonly receipts: PackedBytes;
}

export function packBytes(parts: readonly Uint8Array[]): PackedBytes {
  const ends: number[] = [];
  let length = 0;
  for (const part of parts) ends.push((length += part.length));
  const bytes = new Uint8Array(length);
  for (const [index, part] of parts.entries()) bytes.set(part, (ends[index] ?? 0) - part.length);
  return { bytes, ends };
}

/** Views of the one piece: whoever keeps a part for longer than the message copies it. */
export function unpackBytes({ bytes, ends }: PackedBytes): readonly Uint8Array[] {
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

export function packOutcomes(outcomes: readonly AcceptOutcome[]): PackedOutcomes {
  const receipts: Uint8Array[] = [];
  const rest = outcomes.map((outcome): FlatOutcome => {
    if (outcome.kind === 'refused') return outcome;
    receipts.push(outcome.receipt);
    return { kind: outcome.kind, payment: flat(outcome.payment) };
  });
  return { outcomes: JSON.stringify(rest), receipts: packBytes(receipts) };
}

/** As JSON can hold it. An amount that somebody adds does not compile before it is written here and read below. */
type FlatPayment = {
  readonly [K in keyof StoredPayment]: StoredPayment[K] extends bigint ? string : StoredPayment[K];
};
type FlatOutcome =
  | Extract<AcceptOutcome, { kind: 'refused' }>
  | { readonly kind: 'accepted' | 'repeated'; readonly payment: FlatPayment };

function flat(payment: StoredPayment): FlatPayment {
  return {
    ...payment,
    amountMinor: payment.amountMinor.toString(),
    refundedMinor: payment.refundedMinor.toString(),
  };
}

function unflat(payment: FlatPayment): StoredPayment {
  return {
    ...payment,
    amountMinor: BigInt(payment.amountMinor),
    refundedMinor: BigInt(payment.refundedMinor),
  };
}

export function unpackOutcomes(packed: PackedOutcomes): readonly AcceptOutcome[] {
  const receipts = unpackBytes(packed.receipts).values();
  return (JSON.parse(packed.outcomes) as readonly FlatOutcome[]).map((outcome) => {
    if (outcome.kind === 'refused') return outcome;
    const { value: receipt } = receipts.next();
    if (receipt === undefined) throw new Error('an outcome came without its receipt');
    return { kind: outcome.kind, receipt, payment: unflat(outcome.payment) };
  });
}
