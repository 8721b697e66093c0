/**
 * Carries withdrawals out at the provider, one step at a time, and asks about those whose messages do not come.
 *
 * Owns: `next_step_at`, `attempt`, `tries`. Never: calls the provider inside a transaction, and never sends an order again
 * before it has asked what became of the first: the provider forgets its idempotency keys after a day.
 */
import { and, asc, eq, lte } from 'drizzle-orm';
import type { ServerContext } from '../../context.ts';
import { inTransaction } from '../../db/retry.ts';
import { withdrawals } from '../../db/schema/money.ts';
import { type Ordered, ProviderUnavailable } from '../port.ts';
import { applyFact, netOf, type WithdrawalRow } from './book.ts';
import { nextStep, type Step, type WithdrawalFact } from './facts.ts';

export type AdvanceNeeds = Pick<ServerContext, 'db' | 'clock' | 'money' | 'log'>;

/** Worked on per round; the next round takes the rest. */
const ROUND = 50;
/** Transfer, pay-out, and one look: more in a row means going in circles. */
const STEPS_IN_A_ROW = 4;
const SHORTEST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** While somebody works on one, nobody else does; both would end in the same, by the provider's keys. */
const LEASE_MS = 60_000;
/** Banks send money back days after they took it. */
const WATCH_PAID_MS = 10 * 24 * 3_600_000;

/** @returns how many steps were done. */
export async function advanceWithdrawals(needs: AdvanceNeeds): Promise<number> {
  const now = new Date(needs.clock.nowMs());
  const due = await needs.db
    .select({ id: withdrawals.id })
    .from(withdrawals)
    .where(lte(withdrawals.nextStepAt, now))
    .orderBy(asc(withdrawals.nextStepAt))
    .limit(ROUND);
  let done = 0;
  for (const { id } of due) done += await advance(needs, id);
  return done;
}

async function advance(needs: AdvanceNeeds, id: string): Promise<number> {
  let done = 0;
  for (; done < STEPS_IN_A_ROW; done += 1) {
    const row = await lease(needs, id);
    if (row === null) return done;
    const step = nextStep(row);
    if (step === null) {
      await schedule(needs, row, null);
      return done;
    }
    try {
      if (!(await take(needs, row, step))) {
        await pause(needs, row, step);
        return done;
      }
    } catch (error) {
      if (!(error instanceof ProviderUnavailable)) throw error;
      needs.log.warn({ withdrawalId: id, step, err: error }, 'a withdrawal could not be moved on now');
      await pause(needs, row, step);
      return done;
    }
  }
  return done;
}

/** Null when it is not due, or somebody else has it. */
async function lease({ db, clock }: AdvanceNeeds, id: string): Promise<WithdrawalRow | null> {
  const now = clock.nowMs();
  const [row] = await db
    .update(withdrawals)
    .set({ nextStepAt: new Date(now + LEASE_MS) })
    .where(and(eq(withdrawals.id, id), lte(withdrawals.nextStepAt, new Date(now))))
    .returning();
  return row ?? null;
}

/** @returns whether anything new became known. */
async function take(needs: AdvanceNeeds, row: WithdrawalRow, step: Step): Promise<boolean> {
  const { money } = needs;
  const account = { withdrawalId: row.id, accountId: row.providerAccountId };
  // After the first try nobody knows what came of it: the provider is asked before it is told again.
  if (step === 'look' || row.tries > 0 || row.payoutId !== null) {
    if (await learn(needs, row, await money.findFacts(account))) return true;
    if (step === 'look') return false;
    // A webhook may have told the same while we asked: then it is nothing new, and the order stands for what is done.
    if (!(await isStill(needs, row, step))) return true;
  }
  const key = `withdrawal:${row.id}:${step}:${row.attempt}`;
  const order = { ...account, amountMinor: netOf(row), currency: row.currency, idempotencyKey: key };
  await count(needs, row);
  switch (step) {
    case 'transfer':
      return settle(needs, row, await money.sendToAccount(order), (reason) => ({
        type: 'transfer_refused',
        reason,
      }));
    case 'pay_out':
      return settle(needs, row, await money.payOut({ ...order, bankId: row.bankId }), (reason) => ({
        type: 'payout_refused',
        reason,
      }));
    case 'recall': {
      if (row.transferId === null) return false;
      return settle(needs, row, await money.recall({ ...order, transferId: row.transferId }), null);
    }
  }
}

async function isStill({ db }: AdvanceNeeds, { id }: WithdrawalRow, step: Step): Promise<boolean> {
  const [row] = await db.select().from(withdrawals).where(eq(withdrawals.id, id));
  return row !== undefined && nextStep(row) === step;
}

/** Before the order goes out, so that a crash after it is known as a try. */
async function count({ db }: AdvanceNeeds, row: WithdrawalRow): Promise<void> {
  await db
    .update(withdrawals)
    .set({ tries: row.tries + 1 })
    .where(eq(withdrawals.id, row.id));
}

async function settle(
  needs: AdvanceNeeds,
  row: WithdrawalRow,
  ordered: Ordered,
  refusal: ((reason: string) => WithdrawalFact) | null,
): Promise<boolean> {
  if (ordered.status === 'done') return learn(needs, row, [ordered.fact]);
  const { reason, isPassing } = ordered;
  if (!isPassing && refusal !== null) return learn(needs, row, [refusal(reason)]);
  needs.log.error(
    { withdrawalId: row.id, reason },
    'the provider refuses an order that must be done: trying again',
  );
  await needs.db
    .update(withdrawals)
    .set({ attempt: row.attempt + 1 })
    .where(eq(withdrawals.id, row.id));
  return false;
}

async function learn(
  needs: AdvanceNeeds,
  row: WithdrawalRow,
  facts: readonly WithdrawalFact[],
): Promise<boolean> {
  let isNew = false;
  for (const fact of facts) {
    const outcome = await inTransaction(needs.db, (tx) => applyFact(needs, tx, row.id, fact));
    if (outcome === 'recorded') isNew = true;
  }
  return isNew;
}

/** Doubling while it fails; half its age while it is waited for. */
async function pause(needs: AdvanceNeeds, row: WithdrawalRow, step: Step): Promise<void> {
  const ageMs = needs.clock.nowMs() - (row.finishedAt ?? row.requestedAt ?? row.createdAt).getTime();
  if (step === 'look' && row.isPaid && ageMs > WATCH_PAID_MS) return schedule(needs, row, null);
  const wantedMs = step === 'look' ? ageMs / 2 : SHORTEST_PAUSE_MS * 2 ** Math.min(row.tries, 20);
  const pauseMs = Math.min(Math.max(wantedMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
  return schedule(needs, row, new Date(needs.clock.nowMs() + pauseMs));
}

/** Unless a fact that came meanwhile has set it: what that asks for is not put off, and never forgotten. */
async function schedule({ db }: AdvanceNeeds, row: WithdrawalRow, nextStepAt: Date | null): Promise<void> {
  const { id, nextStepAt: leasedUntil } = row;
  if (leasedUntil === null) throw new Error(`withdrawal ${id} was not leased`);
  await db
    .update(withdrawals)
    .set({ nextStepAt })
    .where(and(eq(withdrawals.id, id), eq(withdrawals.nextStepAt, leasedUntil)));
}
