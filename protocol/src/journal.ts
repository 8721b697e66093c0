/**
 * The kiosk's journal: append-only entries with a gap-free sequence, each holding the hash of the one before. An
 * entry is not signed by itself; receipts and settlement batches sign the head, and with it everything behind it.
 */
import { encodeCbor, decodeCborAsViews, FieldReader, type CborValue } from './cbor.ts';
import { digest, type Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { MAX_COUNTER, MAX_JOURNAL_ENTRY_BYTES, MAX_OBJECT_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';
import { tierNumber, GUARANTEE_TIERS } from './receipt.ts';
import type { GuaranteeTier } from './acceptance.ts';

/** A kind's number on the wire. Bodies: sale here, override.ts, policy-change.ts; other kinds hold an empty array until their feature gives them one. */
export const JOURNAL_KIND = {
  sale: 1,
  void: 2,
  refund: 3,
  cashIn: 4,
  cashOut: 5,
  dayClose: 6,
  clockJump: 7,
  override: 8,
  policyChange: 9,
  start: 10,
  stop: 11,
} as const;
export type JournalKind = keyof typeof JOURNAL_KIND;

const KIND_OF = new Map<number, JournalKind>();
for (const kind of Object.keys(JOURNAL_KIND) as JournalKind[]) KIND_OF.set(JOURNAL_KIND[kind], kind);

/** The hash "before" entry 1. */
export const GENESIS_HASH: Uint8Array = new Uint8Array(32);

/** What a sale's entry holds: enough for the cloud to check everything again, and for a proof of double spend. */
export interface SaleBody {
  readonly kioskCertificateHash: Uint8Array;
  readonly request: Uint8Array;
  readonly allowanceCertificateHash: Uint8Array;
  readonly payment: Uint8Array;
  readonly tier: GuaranteeTier;
  readonly checks: number;
}

/** What the entry of a void or a refund holds: both signatures, for the cloud to check again. */
export interface RefundBody {
  /** Under which the offer was signed. */
  readonly kioskCertificateHash: Uint8Array;
  readonly offer: Uint8Array;
  /** Under which the sale was paid and the acceptance signed. */
  readonly allowanceCertificateHash: Uint8Array;
  readonly acceptance: Uint8Array;
  /** Given back of the sale so far, this entry included. */
  readonly refundedMinor: bigint;
}

export interface JournalEntry {
  readonly sequence: number;
  readonly previousHash: Uint8Array;
  readonly kind: JournalKind;
  /** Seconds since 1970, trusted time of the kiosk. */
  readonly at: number;
  readonly body: readonly unknown[];
}

export function encodeJournalEntry(
  entry: Omit<JournalEntry, 'body'> & { readonly body: readonly CborValue[] },
): Uint8Array {
  return encodeCbor([
    PURPOSE.journalEntry,
    entry.sequence,
    entry.previousHash,
    JOURNAL_KIND[entry.kind],
    entry.at,
    entry.body,
  ]);
}

/** Its byte strings are views of `bytes`. @throws Refusal for anything but one canonical entry. */
export function decodeJournalEntry(bytes: Uint8Array): JournalEntry {
  const fields = new FieldReader(decodeCborAsViews(bytes, MAX_JOURNAL_ENTRY_BYTES));
  fields.purpose(PURPOSE.journalEntry);
  const sequence = fields.uint(MAX_COUNTER, 1);
  const previousHash = fields.bytes(32);
  const kind = KIND_OF.get(fields.uint(255, 1)) ?? refuse('field_out_of_range');
  const at = fields.timeSeconds();
  const body = fields.array(16);
  fields.end();
  if ((kind === 'start' || kind === 'stop') && body.length > 0) refuse('message_malformed');
  return { sequence, previousHash, kind, at, body };
}

/** An entry's hash: SHA-256 of its bytes. */
export function* journalHash(bytes: Uint8Array): Steps<Uint8Array> {
  return yield* digest(bytes);
}

export function encodeSaleBody(body: SaleBody): readonly CborValue[] {
  return [
    body.kioskCertificateHash,
    body.request,
    body.allowanceCertificateHash,
    body.payment,
    tierNumber(body.tier),
    body.checks,
  ];
}

export function decodeSaleBody(body: readonly unknown[]): SaleBody {
  const fields = new FieldReader(body);
  const sale = {
    kioskCertificateHash: fields.bytes(32),
    request: fields.bytesUpTo(MAX_OBJECT_BYTES),
    allowanceCertificateHash: fields.bytes(32),
    payment: fields.bytesUpTo(MAX_OBJECT_BYTES),
    tier: fields.named(GUARANTEE_TIERS),
    checks: fields.uint(0xffff),
  };
  fields.end();
  return sale;
}

export function encodeRefundBody(body: RefundBody): readonly CborValue[] {
  return [
    body.kioskCertificateHash,
    body.offer,
    body.allowanceCertificateHash,
    body.acceptance,
    body.refundedMinor,
  ];
}

export function decodeRefundBody(body: readonly unknown[]): RefundBody {
  const fields = new FieldReader(body);
  const refund = {
    kioskCertificateHash: fields.bytes(32),
    offer: fields.bytesUpTo(MAX_OBJECT_BYTES),
    allowanceCertificateHash: fields.bytes(32),
    acceptance: fields.bytesUpTo(MAX_OBJECT_BYTES),
    refundedMinor: fields.amountMinor(1n),
  };
  fields.end();
  return refund;
}
