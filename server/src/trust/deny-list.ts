/**
 * The deny list: allowances and kiosks that nobody may accept any more, under a version that only grows.
 *
 * Owns: the table `denied_subjects` and the version. Never: takes anything off the list before its certificate ended.
 */
import { and, count, desc, eq, gt, inArray, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { MAX_DENIED } from '@tikiwallet/protocol';
import type { Executor, Tx } from '../db/client.ts';
import { type DenialReason, type DeniedKind, deniedSubjects, trustState } from '../db/schema/trust.ts';

export interface Denial {
  readonly kind: DeniedKind;
  readonly subjectId: string;
  readonly reason: DenialReason;
  /** When its certificate ends; null keeps it listed for ever. */
  readonly notAfter: Date | null;
}

/** Listed a little longer than the certificate lives, for kiosks whose clocks are behind. */
const LISTED_AFTER_END_MS = 2 * 24 * 3600 * 1000;

/**
 * Puts subjects on the list. The row of the version stays locked until the caller commits, so a version is never
 * visible before a lower one: lock it last.
 * @returns the version from which on all of them are listed.
 */
export async function deny(tx: Tx, denials: readonly Denial[]): Promise<number> {
  const [state] = await tx.select({ version: trustState.denyListVersion }).from(trustState).for('update');
  if (state === undefined) throw new Error('trust was never set up');
  const ids = denials.map((denial) => denial.subjectId);
  const listed = await tx
    .select({ subjectId: deniedSubjects.subjectId, version: deniedSubjects.version })
    .from(deniedSubjects)
    .where(inArray(deniedSubjects.subjectId, ids));
  const known = new Set(listed.map((row) => row.subjectId));
  const fresh = denials.filter((denial) => !known.has(denial.subjectId));
  if (fresh.length === 0) return listed.reduce((highest, row) => Math.max(highest, row.version), 0);
  const version = state.version + 1;
  await tx.update(trustState).set({ denyListVersion: version }).where(eq(trustState.id, 1));
  await tx.insert(deniedSubjects).values(
    fresh.map(({ notAfter, ...denial }) => ({
      ...denial,
      version,
      listedUntil: notAfter === null ? null : new Date(notAfter.getTime() + LISTED_AFTER_END_MS),
    })),
  );
  return version;
}

/**
 * The version now, held still until the caller's transaction ends: what is written under it cannot be overtaken by a
 * denial that it does not know of.
 */
export async function holdDenyListVersion(tx: Tx): Promise<number> {
  const [state] = await tx.select({ version: trustState.denyListVersion }).from(trustState).for('share');
  if (state === undefined) throw new Error('trust was never set up');
  return state.version;
}

/** Kept free of closings: a double spend or a loss must be listed whatever else is. */
const KEPT_FOR_FRAUD = 4_000;

/** Of those, kept free of losses: a proven double spend is listed also when very many say that they lost a phone. */
const KEPT_FOR_DOUBLE_SPENDS = 500;

const isListed = (kind: DeniedKind, now: Date): SQL | undefined =>
  and(
    eq(deniedSubjects.kind, kind),
    or(isNull(deniedSubjects.listedUntil), gt(deniedSubjects.listedUntil, now)),
  );

/**
 * Whether one more allowance may be listed just because its holder closes it. A kiosk that names a version is taken at
 * its word for everything under it, so nothing may be denied under a version and missing from its list.
 */
export async function hasRoomForClosing(executor: Executor, now: Date): Promise<boolean> {
  return (await countAllowances(executor, now)) < MAX_DENIED - KEPT_FOR_FRAUD;
}

/** Whether one more allowance may be listed on its holder's word that it is lost, pushing none off the list. */
export async function hasRoomForLoss(executor: Executor, now: Date): Promise<boolean> {
  return (await countAllowances(executor, now)) < MAX_DENIED - KEPT_FOR_DOUBLE_SPENDS;
}

async function countAllowances(executor: Executor, now: Date): Promise<number> {
  const [listed] = await executor
    .select({ count: count() })
    .from(deniedSubjects)
    .where(isListed('allowance', now));
  return listed?.count ?? 0;
}

/**
 * The UUIDs that a bundle of this deny-list version and time lists, sorted; above the protocol's bound the oldest closings
 * are left out first. Asked again later for a former bundle, it answers the same.
 */
export async function listedIds(
  executor: Executor,
  kind: DeniedKind,
  bundle: { readonly denyListVersion: number; readonly issuedAt: number },
): Promise<readonly string[]> {
  const now = new Date(bundle.issuedAt * 1000);
  const rows = await executor
    .select({ subjectId: deniedSubjects.subjectId })
    .from(deniedSubjects)
    .where(and(isListed(kind, now), lte(deniedSubjects.version, bundle.denyListVersion)))
    .orderBy(sql`${deniedSubjects.reason} = 'closing'`, desc(deniedSubjects.version))
    .limit(MAX_DENIED);
  return rows.map((row) => row.subjectId).sort();
}
