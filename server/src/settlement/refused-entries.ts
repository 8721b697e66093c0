/**
 * Sales and refunds that settlement refused for a damaged certificate of ours, a page of a journal's entries at a time. Reads only.
 */
import { eq, inArray, sql } from 'drizzle-orm';
import {
  attempt,
  decodeJournalEntry,
  decodeRefundBody,
  decodeSaleBody,
  equalBytes,
  type IssuerCertificate,
  type KioskCertificate,
  readRefundOffer,
  toHex,
  verifyKioskCertificate,
} from '@tikiwallet/protocol';
import type { DamageView } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { pgByteaArray, pgPlainArray } from '../db/pg-array.ts';
import { merchants } from '../db/schema/accounts.ts';
import { kioskEnrolments, kiosks } from '../db/schema/kiosks.ts';
import { check } from '../trust/index.ts';
import type { Place } from './refused-though-issued.ts';

/** Looked at in one round trip. */
const PAGE = 500;

/** A finding, and where it is. */
export interface PlacedView {
  readonly view: DamageView;
  readonly place: Place;
}

/** Null where the stored bytes do not verify, or are another kiosk's. */
export function kioskUnder(
  certificate: Uint8Array,
  hash: Uint8Array,
  issuers: readonly IssuerCertificate[],
): KioskCertificate | null {
  const judged = check(verifyKioskCertificate(new Uint8Array(certificate), issuers));
  return judged.ok && equalBytes(judged.value.hash, new Uint8Array(hash)) ? judged.value : null;
}

interface Finding {
  readonly what: 'sale' | 'refund';
  readonly damaged: 'allowance' | 'kiosk';
  readonly enrolmentId: string;
  readonly sequence: number;
  readonly allowanceId: string | null;
  readonly paymentHash: string | null;
}

interface RefusedRow extends Record<string, unknown>, Place {
  code: string;
  /** Null where the journal has lost it. */
  entry: Uint8Array | null;
  kioskId: string;
}

export interface RefusedLook {
  readonly stage: 'refunds' | 'sales_for_kiosk';
  readonly issuers: readonly IssuerCertificate[];
  /** The entry behind which is looked. */
  readonly after: Place | null;
}

/**
 * Refunds refused for either certificate, and sales refused for the kiosk's. For an allowance's they are named until they are made
 * good: by a claim of the phone, or by a correction under `refused_refund:` and the refund's id. For a kiosk's, while that is
 * damaged: under a whole one, the same words may be said for good reason.
 */
export async function* refusedEntries(
  executor: Executor,
  { stage, issuers, after }: RefusedLook,
): AsyncGenerator<PlacedView> {
  for (let behind = after; ; ) {
    const rows = await readRefused(executor, stage, behind);
    yield* await named(executor, await judge(executor, issuers, rows));
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    behind = last;
  }
}

function readRefused(
  executor: Executor,
  stage: RefusedLook['stage'],
  after: Place | null,
): Promise<readonly RefusedRow[]> {
  const which =
    stage === 'refunds'
      ? sql`refund_entries r where r.offer_hash is null and r.code in ('issuer_unknown', 'refund_is_for_another_kiosk')`
      : sql`sales r where r.outcome = 'refused' and r.code = 'payment_is_for_another_shop'
          and not exists (select 1 from payments p where p.payment_hash = r.payment_hash)`;
  return executor.execute<RefusedRow>(sql`
    select r.enrolment_id as enrolment, r.sequence, r.code, r.kiosk_id as "kioskId", j.bytes as entry
    from (select r.* from ${which}
      and ${after === null ? sql`true` : sql`(r.enrolment_id, r.sequence) > (${after.enrolment}::uuid, ${after.sequence}::int)`}
      order by r.enrolment_id, r.sequence limit ${PAGE}) r
    -- Never fewer than were looked at: that would be taken for the end of them.
    left join lateral journal_between(r.enrolment_id, r.sequence, r.sequence) j on true
    order by 1, 2`);
}

/** Which of them were refused for a damaged certificate of ours and are not made good. */
async function judge(
  executor: Executor,
  issuers: readonly IssuerCertificate[],
  rows: readonly RefusedRow[],
): Promise<readonly Finding[]> {
  const read = rows.flatMap((row) => {
    const said = row.entry === null ? null : readSaid(new Uint8Array(row.entry));
    return said === null ? [] : [{ row, said }];
  });
  if (read.length === 0) return [];
  const stored = await executor.execute<StoredRow>(sql`
    select a.id as "allowanceId", c.certificate, exists (
        select 1 from refunds f where f.kiosk_id = r.kiosk_id and f.refund_id = r.refund_id) or exists (
        select 1 from ledger_transfers t where t.idempotency_key = 'refused_refund:' || r.refund_id::text) as "isMadeGood"
    from unnest(${pgByteaArray(read.map(({ said }) => said.allowanceHash))}::bytea[],
      ${pgByteaArray(read.map(({ said }) => said.kioskHash))}::bytea[],
      ${pgPlainArray(read.map(({ row }) => row.enrolment))}::uuid[],
      ${pgPlainArray(read.map(({ row }) => row.kioskId))}::uuid[],
      ${pgPlainArray(read.map(({ said }) => said.refundId))}::uuid[])
      with ordinality as r (allowance_hash, kiosk_hash, enrolment_id, kiosk_id, refund_id, place)
    left join allowances a on a.certificate_hash = r.allowance_hash
    left join kiosk_certificates c on c.hash = r.kiosk_hash and c.enrolment_id = r.enrolment_id
    order by r.place`);
  return read.flatMap(({ row, said }, index) => {
    const { allowanceId, certificate, isMadeGood } = stored[index] ?? { allowanceId: null };
    if (allowanceId === null || isMadeGood) return [];
    const isAllowance = row.code === 'issuer_unknown';
    const isDamaged =
      isAllowance || (certificate && kioskUnder(certificate, said.kioskHash, issuers) === null);
    if (!isDamaged) return [];
    const { what, paymentHash } = said;
    const damaged = isAllowance ? ('allowance' as const) : ('kiosk' as const);
    return [{ what, damaged, enrolmentId: row.enrolment, sequence: row.sequence, allowanceId, paymentHash }];
  });
}

interface StoredRow extends Record<string, unknown> {
  allowanceId: string | null;
  certificate: Uint8Array | null;
  isMadeGood: boolean;
}

/** What an entry says of itself; null for one that cannot be read. */
function readSaid(bytes: Uint8Array) {
  const entry = attempt(() => decodeJournalEntry(bytes));
  if (!entry.ok) return null;
  const { kind, body } = entry.value;
  if (kind === 'sale') {
    const sale = attempt(() => decodeSaleBody(body));
    return sale.ok
      ? { what: 'sale' as const, ...hashesOf(sale.value), refundId: null, paymentHash: null }
      : null;
  }
  const refund = attempt(() => {
    const read = decodeRefundBody(body);
    const { refundId, paymentHash } = readRefundOffer(read.offer).offer;
    return { what: 'refund' as const, ...hashesOf(read), refundId, paymentHash: toHex(paymentHash) };
  });
  return refund.ok ? refund.value : null;
}

const hashesOf = (body: {
  readonly kioskCertificateHash: Uint8Array;
  readonly allowanceCertificateHash: Uint8Array;
}) => ({ kioskHash: body.kioskCertificateHash, allowanceHash: body.allowanceCertificateHash });

/** With the names by which people know shop and till. */
export async function named(executor: Executor, findings: readonly Finding[]): Promise<PlacedView[]> {
  if (findings.length === 0) return [];
  const rows = await executor
    .select({
      id: kioskEnrolments.id,
      kioskId: kiosks.id,
      kioskName: kiosks.name,
      businessName: merchants.businessName,
    })
    .from(kioskEnrolments)
    .innerJoin(kiosks, eq(kiosks.id, kioskEnrolments.kioskId))
    .innerJoin(merchants, eq(merchants.id, kioskEnrolments.merchantId))
    .where(inArray(kioskEnrolments.id, [...new Set(findings.map(({ enrolmentId }) => enrolmentId))]));
  const known = new Map(rows.map(({ id, ...names }) => [id, names]));
  return findings.flatMap(({ enrolmentId: enrolment, sequence, ...rest }) => {
    const names = known.get(enrolment);
    if (names === undefined) return [];
    return [{ view: { ...rest, ...names, receipt: sequence }, place: { enrolment, sequence } }];
  });
}
