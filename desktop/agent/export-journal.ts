/**
 * `npm run export-journal -- FILE`: the kiosk's journal as one file that anybody can check, with the receipts, the
 * certificates and the batch on its way. Opens the database for reading only, beside a running agent or without one;
 * never migrates, never writes to the data folder.
 */
import Database from 'better-sqlite3';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeJournalOpening,
  encodeJournalRecord,
  equalBytes,
  runSync,
  toBase64Url,
  verifyTrustRecord,
  type JournalRecordKind,
} from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { ConfigInvalid, readConfig } from './config.ts';

/** What the file is made of after the issuers, in this order: each a kind of record and the question for its bytes. */
const PARTS: readonly (readonly [JournalRecordKind, string])[] = [
  ['kioskCertificate', 'SELECT bytes FROM kiosk_certificates ORDER BY not_after'],
  ['allowanceCertificate', 'SELECT bytes FROM allowance_certificates'],
  ['journalEntry', 'SELECT bytes FROM journal ORDER BY sequence'],
  ['receipt', 'SELECT receipt FROM payments ORDER BY sequence'],
  ['refundReceipt', 'SELECT receipt FROM refunds ORDER BY sequence'],
  ['settlementBatch', 'SELECT head FROM outgoing_batch'],
];

export interface Exported {
  readonly entries: number;
  /** base64url of the pinned root; null before enrolment. */
  readonly rootPublicKey: string | null;
}

/** Writes a new file. @throws Error when it exists already or the database cannot be read. */
export function exportJournal(databasePath: string, file: string): Exported {
  const db = new Database(databasePath, { readonly: true, fileMustExist: true, timeout: 5_000 });
  try {
    const target = openSync(file, 'wx', 0o600);
    try {
      // One snapshot: a sale in between must not give a receipt without its entry.
      const exported = db.transaction(() => writeAll(db, target))();
      fsyncSync(target);
      return exported;
    } catch (error) {
      // Half a journal would look like a broken one.
      rmSync(file);
      throw error;
    } finally {
      closeSync(target);
    }
  } finally {
    db.close();
  }
}

function writeAll(db: Database.Database, target: number): Exported {
  let entries = 0;
  const root = db.prepare<[], Buffer>('SELECT root_public_key FROM kiosk').pluck().get();
  writeSync(target, encodeJournalOpening());
  if (root !== undefined)
    for (const bytes of issuersOf(db, new Uint8Array(root)))
      writeSync(target, encodeJournalRecord({ kind: 'issuerCertificate', bytes }));
  for (const [kind, question] of PARTS) {
    for (const bytes of db.prepare<[], Buffer>(question).pluck().iterate()) {
      writeSync(target, encodeJournalRecord({ kind, bytes: new Uint8Array(bytes) }));
      if (kind === 'journalEntry') entries += 1;
    }
  }
  return { entries, rootPublicKey: root === undefined ? null : toBase64Url(new Uint8Array(root)) };
}

/**
 * Every issuer that a bundle in force ever named: certificates outlive the bundle that they came with. The bundle itself is
 * not exported; kept after a delta, it is a record of this kiosk's that nobody else reads.
 */
function issuersOf(db: Database.Database, rootPublicKey: Uint8Array): readonly Uint8Array[] {
  const stored = db.prepare<[], Buffer>('SELECT bytes FROM issuer_certificates ORDER BY received_at, bytes');
  const kept = stored
    .pluck()
    .all()
    .map((bytes) => new Uint8Array(bytes));
  const record = db.prepare<[], Buffer>('SELECT trust_bundle FROM kiosk').pluck().get();
  if (record === undefined) return kept;
  // A database of an earlier version has kept none before its next contact.
  const trust = runSync(verifyTrustRecord(new Uint8Array(record), rootPublicKey), nodeCrypto());
  const current = trust.ok ? trust.value.issuers.map(({ bytes }) => bytes) : [];
  return [...kept, ...current.filter((bytes) => !kept.some((one) => equalBytes(one, bytes)))];
}

function main([file, ...more]: readonly string[]): number {
  if (file === undefined || more.length > 0) {
    console.error('usage: npm run export-journal -- FILE    (TIKI_KIOSK_DATA names the data folder)');
    return 2;
  }
  try {
    const { dataFolder } = readConfig(process.env);
    const databasePath = join(dataFolder, 'kiosk.sqlite');
    if (!existsSync(databasePath)) {
      console.error(`${databasePath} does not exist; TIKI_KIOSK_DATA names the kiosk's data folder.`);
      return 1;
    }
    const { entries, rootPublicKey } = exportJournal(databasePath, file);
    const root = rootPublicKey === null ? '' : ` --root ${rootPublicKey}`;
    console.log(
      `${file} holds ${entries} entries. Anybody checks it with:\n  npx tikiwallet verify-journal ${file}${root}`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigInvalid) && !(error instanceof Error && 'code' in error)) throw error;
    console.error(error.message);
    return 1;
  }
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
