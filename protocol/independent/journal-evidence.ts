// What a journal file brings besides its entries (page 07): certificates that lead to the root, receipts, batches.

import { readCborSequence } from './cbor.ts';
import { openSigned } from './cose.ts';
import { fromHex, type Hex, type Reader } from './fields.ts';
import * as journal from './journal-layouts.ts';
import * as layouts from './layouts.ts';
import * as objects from './objects.ts';
import { Refusal, refuse } from './refusal.ts';
import { verifyTrustBundle } from './trust.ts';

/** A receipt or batch, unverified; `place` is the entry that it speaks of. */
export type Word = { readonly message: Hex; readonly place: number };

export type Evidence = {
  readonly entries: readonly Hex[];
  readonly allowances: ReadonlyMap<Hex, objects.Allowance>;
  /** In the order of the file. */
  readonly kiosks: readonly objects.Kiosk[];
  readonly receipts: readonly (Word & { readonly of: 'sale' | 'refund' })[];
  readonly batches: readonly Word[];
};

const purpose = {
  issuer: 1,
  allowance: 2,
  kiosk: 3,
  receipt: 6,
  entry: 7,
  batch: 8,
  bundle: 10,
  refundReceipt: 19,
};

export function readJournalFile(file: Hex, rootPublicKey: Hex): Evidence {
  const [opening, ...items] = readCborSequence(fromHex(file));
  if (opening === undefined) refuse('message_malformed');
  journal.journalOpening(opening);
  const records = items.map(journal.journalRecord);
  const all = (wanted: number) => records.filter((one) => one.purpose === wanted).map((one) => one.bytes);
  const issuers = [
    ...good(all(purpose.issuer), (one) => objects.verifyIssuerCertificate(one, rootPublicKey)),
    ...good(all(purpose.bundle), (one) => verifyTrustBundle(one, rootPublicKey)).flatMap(
      (one) => one.issuers,
    ),
  ];
  const allowances = good(all(purpose.allowance), (one) => objects.verifyAllowanceCertificate(one, issuers));
  const sequence = ({ sequence: at }: { readonly sequence: number }) => at;
  const words = <T>(wanted: number, layout: Reader<T>, placeOf: (fields: T) => number): readonly Word[] =>
    all(wanted).map((message) => ({ message, place: placeIn(message, layout, placeOf) }));
  return {
    entries: all(purpose.entry),
    allowances: new Map(allowances.map((one) => [one.hash, one])),
    kiosks: good(all(purpose.kiosk), (one) => objects.verifyKioskCertificate(one, issuers)),
    receipts: [
      ...words(purpose.receipt, layouts.receipt, sequence).map((one) => ({ ...one, of: 'sale' as const })),
      ...words(purpose.refundReceipt, layouts.refundReceipt, sequence).map((one) => ({
        ...one,
        of: 'refund' as const,
      })),
    ],
    batches: words(purpose.batch, layouts.settlementBatch, (one) => one.fromSequence + one.entryCount - 1),
  };
}

/** What cannot be read speaks of entry 1; a heartbeat before the first entry speaks of none. */
function placeIn<T>(message: Hex, layout: Reader<T>, placeOf: (fields: T) => number): number {
  const [fields] = good([message], (one) => openSigned(one, { payload: layout, header: 'plain' }).fields);
  return fields === undefined ? 1 : placeOf(fields);
}

/** What the check accepts; the rest is left out. */
function good<T>(messages: readonly Hex[], check: (message: Hex) => T): readonly T[] {
  return messages.flatMap((message) => {
    try {
      return [check(message)];
    } catch (error) {
      if (error instanceof Refusal) return [];
      throw error;
    }
  });
}
