/**
 * A merchant's kiosks: created, listed, given enrolment codes, denied.
 *
 * Owns: the table `kiosks`. Never: touches a kiosk of another merchant, or says that one exists.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, asc, eq, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { KioskView } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db, Executor } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { kioskEnrolments, kiosks } from '../db/schema/kiosks.ts';
import { settlementBatches } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { deny, type OfflinePolicy } from '../trust/index.ts';
import { hashCode, makeCode, showCode } from './enrolment-code.ts';

export interface KioskNeeds {
  readonly db: Db;
  readonly clock: Clock;
  readonly policy: Pick<OfflinePolicy, 'enrolmentCodeSeconds'>;
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
 * @throws ApiProblem `kiosk_not_found`, `kiosk_denied`
 */
export async function renewCode(needs: KioskNeeds, merchantId: string, kioskId: string): Promise<KioskView> {
  const mine = and(eq(kiosks.id, kioskId), eq(kiosks.merchantId, merchantId));
  const [kiosk] = await needs.db.select({ status: kiosks.status }).from(kiosks).where(mine);
  if (kiosk === undefined) throw problem('kiosk_not_found');
  if (kiosk.status === 'denied') throw problem('kiosk_denied');
  await needs.db.update(kiosks).set(freshCode(needs)).where(mine);
  const [view] = await readViews(needs, eq(kiosks.id, kioskId));
  if (view === undefined) throw problem('kiosk_not_found');
  return view;
}

/**
 * Blocks a lost or stolen kiosk for ever: its calls are refused from now on, what it has not handed in is taken from
 * nobody but the customers who hold its receipts, and phones and kiosks learn it from the list. Repeatable.
 * @throws ApiProblem `kiosk_not_found`
 */
export async function denyKiosk(needs: KioskNeeds, merchantId: string, kioskId: string): Promise<KioskView> {
  const endedAt = new Date(needs.clock.nowMs());
  const mine = and(eq(kiosks.id, kioskId), eq(kiosks.merchantId, merchantId));
  await inTransaction(needs.db, async (tx) => {
    const gone = { status: 'denied', enrolmentCode: null, enrolmentCodeHash: null } as const;
    const denied = await tx.update(kiosks).set(gone).where(mine).returning({ id: kiosks.id });
    if (denied.length === 0) throw problem('kiosk_not_found');
    await tx
      .update(kioskEnrolments)
      .set({ endedAt, endedReason: 'denied' })
      .where(and(eq(kioskEnrolments.kioskId, kioskId), isNull(kioskEnrolments.endedAt)));
    await deny(tx, [{ kind: 'kiosk', subjectId: kioskId, reason: 'lost', notAfter: null }]);
  });
  const [view] = await readViews(needs, mine ?? eq(kiosks.id, kioskId));
  if (view === undefined) throw problem('kiosk_not_found');
  return view;
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
    enrolment: validCode(kiosk, now),
  }));
}

function validCode(kiosk: typeof kiosks.$inferSelect, nowMs: number): KioskView['enrolment'] {
  const { enrolmentCode, enrolmentExpiresAt } = kiosk;
  if (enrolmentCode === null || enrolmentExpiresAt === null || enrolmentExpiresAt.getTime() <= nowMs)
    return null;
  return { code: showCode(enrolmentCode), expiresAt: enrolmentExpiresAt.toISOString() };
}
