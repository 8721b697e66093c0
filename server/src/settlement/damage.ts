/**
 * What damaged certificates did, by name: kiosks whose stored certificate does not verify, and the sales and refunds that
 * settlement refused for one. Reads only; a person mends (docs/runbooks/reconcile-differs.md).
 */
import { sql } from 'drizzle-orm';
import type { IssuerCertificate } from '@tikiwallet/protocol';
import type { DamageView } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { problem } from '../http/problem.ts';
import { kioskUnder, named, type PlacedView, refusedEntries } from './refused-entries.ts';
import { type Place, refusedThoughIssued } from './refused-though-issued.ts';

/** Looked at in one round trip. */
const PAGE = 500;

export interface DamageOptions {
  readonly issuers: readonly IssuerCertificate[];
  readonly now: Date;
  /** The place of the last finding that is known already. @throws ApiProblem `request_invalid` for one that is none of ours */
  readonly cursor?: string | undefined;
}

/** A finding, and where the next one is looked for from. */
export interface PlacedDamage {
  readonly view: DamageView;
  readonly cursor: string;
}

/** What is looked through, in this order. */
const STAGES = ['kiosks', 'sales_for_allowance', 'refunds', 'sales_for_kiosk'] as const;
type Stage = (typeof STAGES)[number];
/** As a table holds it. */
const MOST_SEQUENCE = 2 ** 31 - 1;
const CURSOR = /^([0-3])_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([0-9]{1,10})$/;

/** One after the other, and never more than a page of the tables in memory: there may be as many as there are tills and sales. */
export async function* findDamage(
  executor: Executor,
  { issuers, now, cursor }: DamageOptions,
): AsyncGenerator<PlacedDamage> {
  const from = readCursor(cursor);
  for (const [index, stage] of STAGES.entries()) {
    if (index < from.stage) continue;
    const after = index === from.stage ? from.place : null;
    for await (const { view, place } of lookThrough(executor, { stage, issuers, now, after }))
      yield { view, cursor: `${index}_${place.enrolment}_${place.sequence}` };
  }
}

/** A page of findings. */
export async function listDamage(
  executor: Executor,
  { limit, ...options }: DamageOptions & { readonly limit: number },
): Promise<{ items: DamageView[]; nextCursor: string | null }> {
  const found: PlacedDamage[] = [];
  for await (const one of findDamage(executor, options)) {
    found.push(one);
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  return {
    items: page.map(({ view }) => view),
    nextCursor: found.length > limit ? (page.at(-1)?.cursor ?? null) : null,
  };
}

/** For a terminal: every finding, however many, a line each. */
export function describeDamage({ what, damaged, kioskName, businessName, ...ids }: DamageView): string {
  const where = `till ${kioskName} (${ids.kioskId}) of ${businessName}`;
  if (what === 'kiosk_certificate') return `${where}: its stored certificate does not verify  <- DIFFER`;
  const of = `entry ${ids.receipt} (${what}, payment ${ids.paymentHash ?? 'unreadable'}, allowance ${ids.allowanceId})`;
  return `${where}: ${of} was refused for the damaged certificate of the ${damaged}  <- DIFFER`;
}

function readCursor(cursor: string | undefined): { readonly stage: number; readonly place: Place | null } {
  if (cursor === undefined) return { stage: 0, place: null };
  const [, stage, enrolment, sequence] = CURSOR.exec(cursor) ?? [];
  if (enrolment === undefined || Number(sequence) > MOST_SEQUENCE)
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  return { stage: Number(stage), place: { enrolment, sequence: Number(sequence) } };
}

interface Look {
  readonly stage: Stage;
  readonly issuers: readonly IssuerCertificate[];
  readonly now: Date;
  readonly after: Place | null;
}

async function* lookThrough(executor: Executor, look: Look): AsyncGenerator<PlacedView> {
  switch (look.stage) {
    case 'kiosks':
      return yield* damagedKiosks(executor, look);
    case 'sales_for_allowance':
      for await (const sale of refusedThoughIssued(executor, look.after)) {
        const { allowanceId, enrolmentId, sequence, paymentKey: paymentHash } = sale;
        const which = { enrolmentId, sequence, allowanceId, paymentHash };
        yield* await named(executor, [{ what: 'sale', damaged: 'allowance', ...which }]);
      }
      return;
    case 'refunds':
    case 'sales_for_kiosk':
      return yield* refusedEntries(executor, { ...look, stage: look.stage });
  }
}

interface CertificateRow extends Record<string, unknown> {
  enrolment: string;
  hash: Uint8Array | null;
  certificate: Uint8Array | null;
  kioskId: string;
  kioskName: string;
  businessName: string;
}

/** Of the certificates that a living machine may still sign under. */
async function* damagedKiosks(executor: Executor, { issuers, now, after }: Look): AsyncGenerator<PlacedView> {
  for (let behind = after?.enrolment ?? null; ; ) {
    // A machine renews its certificate before it ends, so that it has two at the most; it is named once.
    const rows = await executor.execute<CertificateRow>(sql`
      select e.id as enrolment, c.hash, c.certificate, k.id as "kioskId", k.name as "kioskName",
        m.business_name as "businessName"
      from (select id, kiosk_id from kiosk_enrolments where ended_at is null
        and ${behind === null ? sql`true` : sql`id > ${behind}::uuid`} order by id limit ${PAGE}) e
      join kiosks k on k.id = e.kiosk_id join merchants m on m.id = k.merchant_id
      left join kiosk_certificates c on c.enrolment_id = e.id and c.not_after > ${now.toISOString()}::timestamptz
      order by e.id, c.hash`);
    let named: string | null = null;
    for (const { enrolment, hash, certificate, kioskId, kioskName, businessName } of rows) {
      if (hash === null || certificate === null || enrolment === named) continue;
      if (kioskUnder(certificate, hash, issuers) !== null) continue;
      named = enrolment;
      const nothing = { receipt: null, paymentHash: null, allowanceId: null };
      const till = { businessName, kioskName, kioskId };
      const view = { what: 'kiosk_certificate', damaged: 'kiosk', ...till, ...nothing } as const;
      yield { view, place: { enrolment, sequence: 0 } };
    }
    behind = rows.at(-1)?.enrolment ?? null;
    if (behind === null) return;
  }
}
