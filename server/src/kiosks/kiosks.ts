/**
 * A merchant's kiosks: created, listed, given enrolment codes, suspended for a while, denied for ever.
 *
 * Owns: the tables `kiosks` and `kiosk_events`. Never: touches a kiosk of another merchant, or says that one exists.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, asc, eq, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { KioskView } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db, Executor, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { type KioskEventKind, kioskEnrolments, kioskEvents, kiosks } from '../db/schema/kiosks.ts';
import { settlementBatches } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { deny, type OfflinePolicy } from '../trust/index.ts';
import { hashCode, makeCode, showCode } from './enrolment-code.ts';

export interface KioskNeeds {
  readonly db: Db;
  readonly clock: Clock;
  readonly policy: Pick<OfflinePolicy, 'enrolmentCodeSeconds' | 'kioskCertificateSeconds'>;
}

export interface NewKiosk {
  readonly merchantId: string;
  readonly name: string;
  readonly currency: string;
  /** Names this write for ever. */
  readonly key: string;
}

export async function createKiosk(needs: KioskNeeds, kiosk: NewKiosk): Promise<KioskView> {
  const { key: idempotencyKey, ...columns } = kiosk;
  const createdAt = new Date(needs.clock.nowMs());
  await needs.db
    .insert(kiosks)
    .values({ id: randomUUIDv7(), idempotencyKey, ...columns, createdAt, ...freshCode(needs) })
    .onConflictDoNothing({ target: kiosks.idempotencyKey });
  const [view] = await readViews(needs, eq(kiosks.idempotencyKey, idempotencyKey));
  if (view === undefined) throw new Error('the kiosk was not stored');
  return view;
}

/** In the order of their making. */
export function listKiosks(
  needs: { readonly db: Executor; readonly clock: Clock },
  merchantId: string,
): Promise<KioskView[]> {
  return readViews(needs, eq(kiosks.merchantId, merchantId));
}

/**
 * A new code in place of any older one. A machine that is enrolled stays so until another one uses the code.
 * @throws ApiProblem `kiosk_not_found`, `kiosk_denied`, `kiosk_suspended`
 */
export async function renewCode(needs: KioskNeeds, merchantId: string, kioskId: string): Promise<KioskView> {
  const mine = and(eq(kiosks.id, kioskId), eq(kiosks.merchantId, merchantId));
  const [kiosk] = await needs.db
    .select({ status: kiosks.status, suspendedAt: kiosks.suspendedAt })
    .from(kiosks)
    .where(mine);
  if (kiosk === undefined) throw problem('kiosk_not_found');
  if (kiosk.status === 'denied') throw problem('kiosk_denied');
  if (kiosk.suspendedAt !== null) throw problem('kiosk_suspended');
  await needs.db.update(kiosks).set(freshCode(needs)).where(mine);
  const [view] = await readViews(needs, eq(kiosks.id, kioskId));
  if (view === undefined) throw problem('kiosk_not_found');
  return view;
}

/** Who does it, in whose name. */
export interface KioskAct {
  readonly merchantId: string;
  readonly userId: string;
}

/**
 * It sells nothing from its next contact on; what it holds it hands in as ever. Repeatable; the first moment stays.
 * @throws ApiProblem `kiosk_not_found`, `kiosk_denied`
 */
export function suspendKiosk(needs: KioskNeeds, by: KioskAct, kioskId: string): Promise<KioskView> {
  return changeStanding(needs, by, kioskId, 'suspended');
}

/** It sells again from its next contact on. Repeatable. @throws ApiProblem `kiosk_not_found`, `kiosk_denied` */
export function resumeKiosk(needs: KioskNeeds, by: KioskAct, kioskId: string): Promise<KioskView> {
  return changeStanding(needs, by, kioskId, 'resumed');
}

/**
 * Blocks a lost or stolen kiosk for ever: its calls are refused from now on, what it has not handed in is taken from
 * nobody but the customers who hold its receipts, and phones and kiosks learn it from the list. Repeatable.
 * @throws ApiProblem `kiosk_not_found`
 */
export function denyKiosk(needs: KioskNeeds, by: KioskAct, kioskId: string): Promise<KioskView> {
  return changeStanding(needs, by, kioskId, 'denied');
}

async function changeStanding(
  needs: KioskNeeds,
  by: KioskAct,
  kioskId: string,
  kind: KioskEventKind,
): Promise<KioskView> {
  const at = new Date(needs.clock.nowMs());
  const { merchantId, userId } = by;
  await inTransaction(needs.db, async (tx) => {
    const mine = and(eq(kiosks.id, kioskId), eq(kiosks.merchantId, merchantId));
    // Not its key: who settles holds the machine and names the till, and this waits for the machine.
    const [kiosk] = await tx.select().from(kiosks).where(mine).for('no key update');
    if (kiosk === undefined) throw problem('kiosk_not_found');
    if (kiosk.status === 'denied' && kind !== 'denied') throw problem('kiosk_denied');
    if (isSo(kiosk, kind)) return;
    await tx
      .insert(kioskEvents)
      .values({ id: randomUUIDv7(), kioskId, merchantId, kind, byUserId: userId, at });
    if (kind === 'denied') return denyInside(tx, { kioskId, endedAt: at, policy: needs.policy });
    await tx
      .update(kiosks)
      .set({ suspendedAt: kind === 'suspended' ? at : null })
      .where(mine);
  });
  const [view] = await readViews(needs, eq(kiosks.id, kioskId));
  if (view === undefined) throw problem('kiosk_not_found');
  return view;
}

function isSo({ status, suspendedAt }: typeof kiosks.$inferSelect, kind: KioskEventKind): boolean {
  if (kind === 'denied') return status === 'denied';
  return (suspendedAt !== null) === (kind === 'suspended');
}

interface Ending {
  readonly kioskId: string;
  readonly endedAt: Date;
  readonly policy: KioskNeeds['policy'];
}

async function denyInside(tx: Tx, { kioskId, endedAt, policy }: Ending): Promise<void> {
  const gone = {
    status: 'denied',
    suspendedAt: null,
    enrolmentCode: null,
    enrolmentCodeHash: null,
  } as const;
  await tx
    .update(kioskEnrolments)
    .set({ endedAt, endedReason: 'denied' })
    .where(and(eq(kioskEnrolments.kioskId, kioskId), isNull(kioskEnrolments.endedAt)));
  // The code's hash is a key: taking it away waits for all who name the till, and none of them waits for the machine any more.
  await tx.update(kiosks).set(gone).where(eq(kiosks.id, kioskId));
  // A till that no machine ever became has no certificate, and what was certified ends: the list has room for who can still sell.
  const machines = await tx.$count(kioskEnrolments, eq(kioskEnrolments.kioskId, kioskId));
  if (machines === 0) return;
  const notAfter = new Date(endedAt.getTime() + policy.kioskCertificateSeconds * 1000);
  await deny(tx, [{ kind: 'kiosk', subjectId: kioskId, reason: 'lost', notAfter }]);
}

function freshCode({ clock, policy }: KioskNeeds) {
  const code = makeCode();
  const enrolmentExpiresAt = new Date(clock.nowMs() + policy.enrolmentCodeSeconds * 1000);
  return { enrolmentCode: code, enrolmentCodeHash: hashCode(code), enrolmentExpiresAt };
}

/** The machine that lives, or the one that lived when the kiosk was denied. */
const isCurrent = or(isNull(kioskEnrolments.endedAt), eq(kioskEnrolments.endedReason, 'denied'));

async function readViews({ db, clock }: { db: Executor; clock: Clock }, which: SQL): Promise<KioskView[]> {
  const rows = await db
    .select({
      kiosk: kiosks,
      settledSequence: kioskEnrolments.settledSequence,
      quarantinedAt: kioskEnrolments.quarantinedAt,
      lastSettledAt: sql<Date | null>`(
        select max(${settlementBatches.receivedAt}) from ${settlementBatches}
        where ${settlementBatches.enrolmentId} = ${kioskEnrolments.id})`.mapWith(
        settlementBatches.receivedAt,
      ),
    })
    .from(kiosks)
    .leftJoin(kioskEnrolments, and(eq(kioskEnrolments.kioskId, kiosks.id), isCurrent))
    .where(which)
    .orderBy(asc(kiosks.createdAt), asc(kiosks.id));
  const now = clock.nowMs();
  return rows.map(({ kiosk, settledSequence, quarantinedAt, lastSettledAt }) => ({
    id: kiosk.id,
    name: kiosk.name,
    status: kiosk.status,
    createdAt: kiosk.createdAt.toISOString(),
    lastContactAt: kiosk.lastContactAt?.toISOString() ?? null,
    settledSequence: settledSequence ?? 0,
    lastSettledAt: lastSettledAt?.toISOString() ?? null,
    quarantinedAt: quarantinedAt?.toISOString() ?? null,
    suspendedAt: kiosk.suspendedAt?.toISOString() ?? null,
    enrolment: validCode(kiosk, now),
  }));
}

function validCode(kiosk: typeof kiosks.$inferSelect, nowMs: number): KioskView['enrolment'] {
  const { enrolmentCode, enrolmentExpiresAt } = kiosk;
  if (enrolmentCode === null || enrolmentExpiresAt === null || enrolmentExpiresAt.getTime() <= nowMs)
    return null;
  return { code: showCode(enrolmentCode), expiresAt: enrolmentExpiresAt.toISOString() };
}
