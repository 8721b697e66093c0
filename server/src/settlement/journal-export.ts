/** The stored journal of one machine as a file that anybody can check (protocol/spec/07-journal.md). Reads only. */
import { asc, desc, eq, inArray, or, sql } from 'drizzle-orm';
import {
  attempt,
  decodeJournalEntry,
  decodeSaleBody,
  encodeJournalOpening,
  encodeJournalRecord,
  type JournalRecordKind,
  toHex,
} from '@tikiwallet/protocol';
import type { Db } from '../db/client.ts';
import { allowances } from '../db/schema/allowances.ts';
import { kioskCertificates, kioskEnrolments } from '../db/schema/kiosks.ts';
import { settlementBatches } from '../db/schema/settlement.ts';
import { issuerCertificates } from '../db/schema/trust.ts';
import { problem } from '../http/problem.ts';

/** Rows in memory at a time. */
const PAGE = 2_000;

/**
 * Hands the file to `write`, piece by piece.
 * @param id A kiosk, whose newest machine is meant, or a machine's enrolment.
 * @returns how many entries it holds
 * @throws ApiProblem `kiosk_not_found`
 */
export async function exportJournal(db: Db, id: string, write: (piece: Uint8Array) => void): Promise<number> {
  const [machine] = await db
    .select({ id: kioskEnrolments.id })
    .from(kioskEnrolments)
    .where(or(eq(kioskEnrolments.id, id), eq(kioskEnrolments.kioskId, id)))
    .orderBy(desc(kioskEnrolments.enrolledAt))
    .limit(1);
  if (machine === undefined) throw problem('kiosk_not_found');
  const put = (kind: JournalRecordKind, bytes: Uint8Array) =>
    write(encodeJournalRecord({ kind, bytes: new Uint8Array(bytes) }));
  write(encodeJournalOpening());
  for (const { certificate } of await db.select().from(issuerCertificates))
    put('issuerCertificate', certificate);
  const certificates = await db
    .select({ certificate: kioskCertificates.certificate })
    .from(kioskCertificates)
    .where(eq(kioskCertificates.enrolmentId, machine.id));
  for (const { certificate } of certificates) put('kioskCertificate', certificate);
  const batches = await db
    .select({ head: settlementBatches.head })
    .from(settlementBatches)
    .where(eq(settlementBatches.enrolmentId, machine.id))
    .orderBy(asc(settlementBatches.toSequence));
  for (const { head } of batches) put('settlementBatch', head);
  return putEntries(db, machine.id, put);
}

async function putEntries(
  db: Db,
  enrolmentId: string,
  put: (kind: JournalRecordKind, bytes: Uint8Array) => void,
): Promise<number> {
  const known = new Set<string>();
  for (let count = 0; ; ) {
    const found = await db.execute<{ bytes: Uint8Array }>(sql`
      select bytes from journal_between(${enrolmentId}::uuid, ${count + 1}::int, ${count + PAGE}::int) order by sequence`);
    const rows = found.map(({ bytes }) => ({ bytes: new Uint8Array(bytes) }));
    const wanted = rows.flatMap(({ bytes }) => allowanceIn(bytes)).filter((hash) => !known.has(toHex(hash)));
    for (const hash of wanted) known.add(toHex(hash));
    for (const certificate of await certificatesOf(db, wanted)) put('allowanceCertificate', certificate);
    for (const { bytes } of rows) put('journalEntry', bytes);
    count += rows.length;
    if (rows.length < PAGE) return count;
  }
}

/** The hash of the allowance certificate that a sale names. */
function allowanceIn(bytes: Uint8Array): readonly Uint8Array[] {
  const entry = attempt(() => decodeJournalEntry(bytes));
  if (!entry.ok || entry.value.kind !== 'sale') return [];
  const sale = attempt(() => decodeSaleBody(entry.value.body));
  return sale.ok ? [sale.value.allowanceCertificateHash] : [];
}

async function certificatesOf(db: Db, hashes: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  if (hashes.length === 0) return [];
  const rows = await db
    .select({ certificate: allowances.certificate })
    .from(allowances)
    .where(inArray(allowances.certificateHash, [...hashes]));
  return rows.map((row) => row.certificate);
}
