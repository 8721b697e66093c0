/**
 * Journals that contradicted themselves: what an operator looks at, and the word that a till may go on. Never: changes what is stored of
 * a journal; a till that still says something else is stopped again by its next batch.
 */
import { and, desc, eq, inArray, isNotNull, isNull } from 'drizzle-orm';
import { toHex } from '@tikiwallet/protocol';
import type { QuarantineView } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { merchants } from '../db/schema/accounts.ts';
import { kioskEnrolments, kiosks } from '../db/schema/kiosks.ts';
import { brokenChains } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { type ActBy, writeDown } from './audit.ts';

/** A till that keeps contradicting itself adds a row with every try; the newest say enough. */
const BREAKS_SHOWN = 200;

export async function listQuarantines(db: Db): Promise<QuarantineView[]> {
  const rows = await db
    .select({
      machine: kioskEnrolments,
      // A till's row has secrets beside these.
      kiosk: { id: kiosks.id, name: kiosks.name, lastContactAt: kiosks.lastContactAt },
      businessName: merchants.businessName,
    })
    .from(kioskEnrolments)
    .innerJoin(kiosks, eq(kiosks.id, kioskEnrolments.kioskId))
    .innerJoin(merchants, eq(merchants.id, kioskEnrolments.merchantId))
    .where(and(isNotNull(kioskEnrolments.quarantinedAt), isNull(kioskEnrolments.endedAt)))
    .orderBy(desc(kioskEnrolments.quarantinedAt));
  if (rows.length === 0) return [];
  const ids = rows.map(({ machine }) => machine.id);
  const breaks = await db
    .select({
      enrolmentId: brokenChains.enrolmentId,
      sequence: brokenChains.sequence,
      storedHash: brokenChains.storedHash,
      createdAt: brokenChains.createdAt,
    })
    .from(brokenChains)
    .where(inArray(brokenChains.enrolmentId, ids))
    .orderBy(desc(brokenChains.createdAt))
    .limit(BREAKS_SHOWN);
  return rows.flatMap(({ machine, kiosk, businessName }) =>
    machine.quarantinedAt === null
      ? []
      : [
          {
            id: machine.id,
            kioskId: kiosk.id,
            kioskName: kiosk.name,
            businessName,
            quarantinedAt: machine.quarantinedAt.toISOString(),
            settledSequence: machine.settledSequence,
            lastContactAt: kiosk.lastContactAt?.toISOString() ?? null,
            breaks: breaks
              .filter(({ enrolmentId }) => enrolmentId === machine.id)
              .map(({ sequence, storedHash, createdAt }) => ({
                sequence,
                storedHash: toHex(storedHash),
                at: createdAt.toISOString(),
              })),
          },
        ],
  );
}

/** @throws ApiProblem `kiosk_not_found` for a machine that is in no quarantine */
export async function releaseQuarantine(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  enrolmentId: string,
  by: ActBy,
): Promise<QuarantineView[]> {
  await inTransaction(db, async (tx) => {
    const released = await tx
      .update(kioskEnrolments)
      .set({ quarantinedAt: null })
      .where(
        and(
          eq(kioskEnrolments.id, enrolmentId),
          isNotNull(kioskEnrolments.quarantinedAt),
          isNull(kioskEnrolments.endedAt),
        ),
      )
      .returning({ id: kioskEnrolments.id });
    if (released.length === 0) throw problem('kiosk_not_found');
    const at = new Date(clock.nowMs());
    await writeDown(tx, by, { act: 'quarantine_released', subjectId: enrolmentId, at });
  });
  return listQuarantines(db);
}
