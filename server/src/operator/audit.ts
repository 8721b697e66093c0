/**
 * The audit log. Owns: the table `operator_acts`, to which rows are only added, in the transaction of the act itself: nothing is done
 * that is not written down, and nothing is written down that was not done. Names in it are shown masked.
 */
import { randomUUIDv7 } from 'node:crypto';
import { desc, eq, lt } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { OperatorActView } from '../../contract/index.ts';
import { maskName } from '../accounts/index.ts';
import type { Db, Tx } from '../db/client.ts';
import { users } from '../db/schema/accounts.ts';
import { kioskEnrolments, kiosks } from '../db/schema/kiosks.ts';
import { operatorActs, type StoredAct, type StoredVerdict } from '../db/schema/operator.ts';
import { problem } from '../http/problem.ts';

/** Who acts, and why. */
export interface ActBy {
  readonly operatorId: string;
  /** Empty where nobody is asked why: a look-up. */
  readonly reason: string;
}

export interface Done {
  readonly act: StoredAct;
  readonly subjectId: string;
  readonly verdict?: StoredVerdict;
  readonly at: Date;
}

export async function writeDown(tx: Tx, { operatorId, reason }: ActBy, done: Done): Promise<void> {
  await tx.insert(operatorActs).values({ id: randomUUIDv7(), operatorId, reason, ...done });
}

/** Whom it was done to. */
const subject = alias(users, 'subject');
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Newest first. @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function listActs(
  db: Db,
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
): Promise<{ items: OperatorActView[]; nextCursor: string | null }> {
  if (cursor !== undefined && !UUID.test(cursor))
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  const rows = await db
    .select({ done: operatorActs, byName: users.username, person: subject.username, till: kiosks.name })
    .from(operatorActs)
    .innerJoin(users, eq(users.id, operatorActs.operatorId))
    .leftJoin(subject, eq(subject.id, operatorActs.subjectId))
    .leftJoin(kioskEnrolments, eq(kioskEnrolments.id, operatorActs.subjectId))
    .leftJoin(kiosks, eq(kiosks.id, kioskEnrolments.kioskId))
    .where(cursor === undefined ? undefined : lt(operatorActs.id, cursor))
    .orderBy(desc(operatorActs.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  return {
    items: page.map(({ done: { operatorId: _operator, at, ...done }, byName, person, till }) => ({
      ...done,
      subjectName: person === null ? till : maskName(person),
      byName,
      at: at.toISOString(),
    })),
    nextCursor: rows.length > limit ? (page.at(-1)?.done.id ?? null) : null,
  };
}
