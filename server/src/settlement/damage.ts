/**
 * What damaged certificates did, by name: kiosks whose stored certificate does not verify, and the sales and refunds that
 * settlement refused for one. Reads only; a person mends (docs/runbooks/reconcile-differs.md).
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
import { merchants } from '../db/schema/accounts.ts';
import { kioskEnrolments, kiosks } from '../db/schema/kiosks.ts';
import { check } from '../trust/index.ts';
import { findRefusedThoughIssued } from './refused-though-issued.ts';

/** Looked at in one round trip. */
const PAGE = 500;

export async function findDamage(
  executor: Executor,
  issuers: readonly IssuerCertificate[],
  now: Date,
): Promise<readonly DamageView[]> {
  const sales = await findRefusedThoughIssued(executor);
  return [
    ...(await damagedKiosks(executor, issuers, now)),
    ...(await named(
      executor,
      sales.map(({ allowanceId, enrolmentId, sequence, paymentKey }) => ({
        ...({ what: 'sale', damaged: 'allowance', enrolmentId, sequence, allowanceId } as const),
        paymentHash: paymentKey,
      })),
    )),
    ...(await named(executor, await refusedEntries(executor, issuers))),
  ];
}

interface CertificateRow extends Record<string, unknown> {
  hash: Uint8Array;
  certificate: Uint8Array;
  kioskId: string;
  kioskName: string;
  businessName: string;
}

/** Of the certificates that a living machine may still sign under. */
async function damagedKiosks(
  executor: Executor,
  issuers: readonly IssuerCertificate[],
  now: Date,
): Promise<DamageView[]> {
  const found = new Map<string, DamageView>();
  for (let after = ''; ; ) {
    const rows = await executor.execute<CertificateRow>(sql`
      select c.hash, c.certificate, k.id as "kioskId", k.name as "kioskName", m.business_name as "businessName"
      from kiosk_certificates c join kiosk_enrolments e on e.id = c.enrolment_id and e.ended_at is null
      join kiosks k on k.id = e.kiosk_id join merchants m on m.id = k.merchant_id
      where c.not_after > ${now.toISOString()}::timestamptz and c.hash > decode(${after}, 'hex')
      order by c.hash limit ${PAGE}`);
    for (const { hash, certificate, kioskId, kioskName, businessName } of rows) {
      if (kioskUnder(certificate, hash, issuers) !== null) continue;
      const what = 'kiosk_certificate' as const;
      const nothing = { receipt: null, paymentHash: null, allowanceId: null };
      found.set(kioskId, { what, damaged: 'kiosk', businessName, kioskName, kioskId, ...nothing });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return [...found.values()];
    after = toHex(new Uint8Array(last.hash));
  }
}

/** Null where the stored bytes do not verify, or are another kiosk's. */
function kioskUnder(
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

interface RefusedRow extends Record<string, unknown> {
  enrolmentId: string;
  sequence: number;
  code: string;
  entry: Uint8Array;
  kioskId: string;
}

/**
 * Refunds refused for either certificate, and sales refused for the kiosk's. For an allowance's they are named until they are made
 * good: by a claim of the phone, or by a correction under `refused_refund:` and the refund's id. For a kiosk's, while that is
 * damaged: under a whole one, the same words may be said for good reason.
 */
async function refusedEntries(
  executor: Executor,
  issuers: readonly IssuerCertificate[],
): Promise<readonly Finding[]> {
  const rows = await executor.execute<RefusedRow>(sql`
    select r.enrolment_id as "enrolmentId", r.sequence, r.code, r.kiosk_id as "kioskId", j.bytes as entry
    from refund_entries r cross join lateral journal_between(r.enrolment_id, r.sequence, r.sequence) j
    where r.offer_hash is null and r.code in ('issuer_unknown', 'refund_is_for_another_kiosk')
    union all
    select s.enrolment_id, s.sequence, s.code, s.kiosk_id, j.bytes
    from sales s cross join lateral journal_between(s.enrolment_id, s.sequence, s.sequence) j
    where s.outcome = 'refused' and s.code = 'payment_is_for_another_shop'
      and not exists (select 1 from payments p where p.payment_hash = s.payment_hash)
    order by 1, 2`);
  const found: Finding[] = [];
  for (const row of rows) {
    const finding = await judge(executor, issuers, row);
    if (finding !== null) found.push(finding);
  }
  return found;
}

async function judge(
  executor: Executor,
  issuers: readonly IssuerCertificate[],
  row: RefusedRow,
): Promise<Finding | null> {
  const said = readSaid(new Uint8Array(row.entry));
  if (said === null) return null;
  const [stored] = await executor.execute<StoredRow>(sql`
    select (select id from allowances where certificate_hash = decode(${toHex(said.allowanceHash)}, 'hex')) as "allowanceId",
      (select certificate from kiosk_certificates where hash = decode(${toHex(said.kioskHash)}, 'hex')
        and enrolment_id = ${row.enrolmentId}) as certificate,
      exists (select 1 from refunds where kiosk_id = ${row.kioskId} and refund_id = ${said.refundId}) or exists (
        select 1 from ledger_transfers where idempotency_key = 'refused_refund:' || ${said.refundId}::text) as "isMadeGood"`);
  const allowanceId = stored?.allowanceId ?? null;
  if (stored === undefined || allowanceId === null || stored.isMadeGood) return null;
  const { enrolmentId, sequence } = row;
  const finding = { what: said.what, enrolmentId, sequence, allowanceId, paymentHash: said.paymentHash };
  if (row.code === 'issuer_unknown') return { ...finding, damaged: 'allowance' };
  const isDamaged =
    stored.certificate !== null && kioskUnder(stored.certificate, said.kioskHash, issuers) === null;
  return isDamaged ? { ...finding, damaged: 'kiosk' } : null;
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
async function named(executor: Executor, findings: readonly Finding[]): Promise<DamageView[]> {
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
  return findings.flatMap(({ enrolmentId, sequence, ...rest }) => {
    const names = known.get(enrolmentId);
    return names === undefined ? [] : [{ ...rest, ...names, receipt: sequence }];
  });
}
