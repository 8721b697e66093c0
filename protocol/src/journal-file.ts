/**
 * A whole journal as one file: what a kiosk or the cloud exports, and what anybody can check. A CBOR sequence
 * (RFC 8742): an opening, then records that name what they hold by its purpose. Form only; what it is worth is
 * journal-check.ts's question.
 */
import { decodeFirst } from 'cborg';
import { decodeCbor, encodeCbor, FieldReader } from './cbor.ts';
import { refuse } from './errors.ts';
import { MAX_JOURNAL_ENTRY_BYTES, MAX_OBJECT_BYTES, MAX_TRUST_BUNDLE_BYTES } from './limits.ts';
import { PURPOSE } from './purposes.ts';

const KINDS = {
  issuerCertificate: MAX_OBJECT_BYTES,
  allowanceCertificate: MAX_OBJECT_BYTES,
  kioskCertificate: MAX_OBJECT_BYTES,
  receipt: MAX_OBJECT_BYTES,
  refundReceipt: MAX_OBJECT_BYTES,
  journalEntry: MAX_JOURNAL_ENTRY_BYTES,
  settlementBatch: MAX_OBJECT_BYTES,
  trustBundle: MAX_TRUST_BUNDLE_BYTES,
} as const;
export type JournalRecordKind = keyof typeof KINDS;
const KIND_OF = new Map<number, JournalRecordKind>();
for (const kind of Object.keys(KINDS) as JournalRecordKind[]) KIND_OF.set(PURPOSE[kind], kind);

/** Framing of a record: an array of two, a number, the head of a byte string. */
const FRAMING_BYTES = 8;

export interface JournalRecord {
  readonly kind: JournalRecordKind;
  readonly bytes: Uint8Array;
}

/** The first item of every journal file. */
export function encodeJournalOpening(): Uint8Array {
  return encodeCbor([PURPOSE.journalFile]);
}

/** Every further item: append it. Entries stand in their order; everything else may stand anywhere. */
export function encodeJournalRecord({ kind, bytes }: JournalRecord): Uint8Array {
  return encodeCbor([PURPOSE[kind], bytes]);
}

/** @throws Refusal when this is no journal file; what the records hold is still unread. */
export function decodeJournalFile(bytes: Uint8Array): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  let isOpen = false;
  for (const item of itemsOf(bytes)) {
    const fields = new FieldReader(decodeCbor(item, MAX_TRUST_BUNDLE_BYTES + FRAMING_BYTES));
    if (isOpen) records.push(readRecord(fields));
    else fields.purpose(PURPOSE.journalFile);
    fields.end();
    isOpen = true;
  }
  if (!isOpen) refuse('message_malformed');
  return records;
}

function readRecord(fields: FieldReader): JournalRecord {
  const kind = KIND_OF.get(fields.uint(255, 1)) ?? refuse('object_has_wrong_purpose');
  return { kind, bytes: fields.bytesUpTo(KINDS[kind]) };
}

/** Only cuts: each item is read again, strictly. */
function* itemsOf(bytes: Uint8Array): Generator<Uint8Array> {
  let rest = bytes;
  while (rest.length > 0) {
    let after: Uint8Array;
    try {
      [, after] = decodeFirst(rest);
    } catch (error) {
      // cborg throws plain errors for malformed input.
      refuse('message_malformed', error);
    }
    yield rest.subarray(0, rest.length - after.length);
    rest = after;
  }
}
