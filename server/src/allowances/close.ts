/**
 * The phone's last word on an allowance.
 *
 * Owns: the states `closing` and what is kept as evidence for it. Never: moves money; that is `give-back.ts`.
 */
import { and, eq } from 'drizzle-orm';
import {
  attempt,
  type ClosingStatement,
  fromBase64Url,
  readAllowanceCertificate,
  verifyClosingStatement,
} from '@tikiwallet/protocol';
import type { Db, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { allowances } from '../db/schema/allowances.ts';
import { problem } from '../http/problem.ts';
import { check, deny, hasRoomForClosing, must } from '../trust/index.ts';
import { giveBack } from './give-back.ts';
import type { AllowanceNeeds } from './issue.ts';
import type { AllowanceRow } from './views.ts';

const CLOSE_LATER_MS = 15 * 60_000;

export interface CloseRequest {
  readonly userId: string;
  readonly allowanceId: string;
  /** base64url of the signed closing statement. */
  readonly statement: string;
}

/**
 * Denies the allowance everywhere and returns the rest at once if that is safe, later otherwise. Repeatable.
 * @param worker returns the rest: whether that is safe is a question about every shop
 * @throws ApiProblem `allowance_not_found`, `closing_statement_invalid`, `allowance_not_active`, `service_unavailable`
 */
export async function closeAllowance(
  needs: AllowanceNeeds,
  request: CloseRequest,
  worker: Db,
): Promise<AllowanceRow> {
  const { db, clock, offline } = needs;
  const mine = and(eq(allowances.id, request.allowanceId), eq(allowances.userId, request.userId));
  const [found] = await db.select().from(allowances).where(mine);
  if (found === undefined) throw problem('allowance_not_found');
  const { bytes, statement } = readStatement(found, request.statement);
  await inTransaction(db, async (tx) => {
    const [row] = await tx.select().from(allowances).where(mine).for('no key update');
    if (row === undefined) throw problem('allowance_not_found');
    if (isClosedAlready(row, statement)) return;
    await startClosing(tx, row, { bytes, statement, closingAt: new Date(clock.nowMs()) });
  });
  await giveBack({ db: worker, clock, policy: offline.policy }, request.allowanceId);
  const [closed] = await db.select().from(allowances).where(mine);
  if (closed === undefined) throw problem('allowance_not_found');
  return closed;
}

function readStatement(row: AllowanceRow, text: string): { bytes: Uint8Array; statement: ClosingStatement } {
  const decoded = attempt(() => fromBase64Url(text));
  if (!decoded.ok) throw problem('closing_statement_invalid', { detail: decoded.code });
  const { certificate } = must(readAllowanceCertificate(row.certificate));
  const statement = check(verifyClosingStatement(decoded.value, certificate));
  if (!statement.ok) throw problem('closing_statement_invalid', { detail: statement.code });
  return { bytes: decoded.value, statement: statement.value };
}

/** True for a repeat: the phone may have signed the same words again. */
function isClosedAlready(row: AllowanceRow, statement: ClosingStatement): boolean {
  switch (row.status) {
    case 'active':
      return false;
    case 'denied':
      throw problem('allowance_not_active');
    case 'closing':
    case 'closed': {
      const isSame =
        row.closingCounter === statement.lastCounter &&
        row.closingCumulativeMinor === statement.cumulativeMinor;
      // One that expired and was returned by itself needs no statement any more.
      if (isSame || row.closingStatement === null) return true;
      throw problem('allowance_not_active');
    }
  }
}

interface Closing {
  readonly bytes: Uint8Array;
  readonly statement: ClosingStatement;
  readonly closingAt: Date;
}

async function startClosing(
  tx: Tx,
  row: AllowanceRow,
  { bytes, statement, closingAt }: Closing,
): Promise<void> {
  // What has settled cannot be unsaid.
  if (statement.lastCounter < row.settledCounter || statement.cumulativeMinor < row.settledMinor) {
    throw problem('closing_statement_invalid', { detail: 'more has settled than the statement says' });
  }
  // Nothing is lost by waiting: an allowance that nobody closes returns by itself.
  if (!(await hasRoomForClosing(tx, closingAt))) {
    throw problem('service_unavailable', {
      detail: 'too many allowances are being closed',
      retryAfterMs: CLOSE_LATER_MS,
    });
  }
  const deniedVersion = await deny(tx, [
    { kind: 'allowance', subjectId: row.id, reason: 'closing', notAfter: row.notAfter },
  ]);
  await tx
    .update(allowances)
    .set({
      status: 'closing',
      deniedVersion,
      closingStatement: bytes,
      closingCounter: statement.lastCounter,
      closingCumulativeMinor: statement.cumulativeMinor,
      closingAt,
    })
    .where(eq(allowances.id, row.id));
}
