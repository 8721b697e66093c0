/**
 * Whose money a withdrawal takes, and how much of it may go now.
 *
 * Owns: the limits of a withdrawal. Writes nothing.
 */
import { and, eq, gt, ne, sql } from 'drizzle-orm';
import type { WithdrawalTerms } from '../../../contract/index.ts';
import type { ServerContext } from '../../context.ts';
import type { Executor, Tx } from '../../db/client.ts';
import { users } from '../../db/schema/accounts.ts';
import { withdrawals } from '../../db/schema/money.ts';
import { refunds } from '../../db/schema/refunds.ts';
import { debts } from '../../db/schema/settlement.ts';
import { problem } from '../../http/problem.ts';
import { balances, findAccount, lockBalances, openAccount } from '../../ledger/index.ts';
import { readFreshMoney, withdrawableMinor } from '../fresh-money.ts';
import type { WithdrawalRules } from '../policy.ts';

export type TermsNeeds = Pick<ServerContext, 'config' | 'clock'>;

/** A customer's online wallet or a merchant's balance. */
export interface Pocket {
  readonly userId: string;
  readonly kind: 'user_online' | 'merchant_available';
  /** The user, or the merchant. */
  readonly ownerId: string;
}

const DAY_MS = 24 * 3_600_000;

export function rulesFor({ config }: TermsNeeds, pocket: Pocket): WithdrawalRules {
  return pocket.kind === 'user_online' ? config.money.customer : config.money.merchant;
}

interface Room {
  readonly balanceMinor: bigint;
  readonly heldMinor: bigint;
  /** Left of the day's limit. */
  readonly dayMinor: bigint;
  /** Went out within a day without a code. */
  readonly uncodedMinor: bigint;
}

async function readRoom(executor: Executor, needs: TermsNeeds, pocket: Pocket): Promise<Room> {
  const { currency } = needs.config;
  const nowMs = needs.clock.nowMs();
  const owned = await balances(executor, { kind: pocket.kind, ownerIds: [pocket.ownerId], currency });
  const balanceMinor = owned.get(pocket.ownerId) ?? 0n;
  const [out] = await executor
    .select({
      all: sql<string>`coalesce(sum(${withdrawals.amountMinor}), 0)`,
      uncoded: sql<string>`coalesce(sum(${withdrawals.amountMinor}) filter (where not ${withdrawals.confirmedByCode}), 0)`,
    })
    .from(withdrawals)
    .where(
      and(
        eq(withdrawals.userId, pocket.userId),
        gt(withdrawals.requestedAt, new Date(nowMs - DAY_MS)),
        ne(withdrawals.state, 'returned'),
      ),
    );
  const leftMinor = rulesFor(needs, pocket).dayMaxMinor - BigInt(out?.all ?? 0);
  return {
    balanceMinor,
    heldMinor: await readHeld(executor, needs, pocket, balanceMinor),
    dayMinor: leftMinor < 0n ? 0n : leftMinor,
    uncodedMinor: BigInt(out?.uncoded ?? 0),
  };
}

/** A customer's fresh money; at a merchant, what refunds that wait will take. */
async function readHeld(
  executor: Executor,
  needs: TermsNeeds,
  pocket: Pocket,
  balanceMinor: bigint,
): Promise<bigint> {
  const { currency, money } = needs.config;
  if (pocket.kind === 'user_online') {
    const since = new Date(needs.clock.nowMs() - money.holdSeconds * 1000);
    const fresh = await readFreshMoney(executor, { userId: pocket.userId, currency, since });
    return balanceMinor - withdrawableMinor(fresh, money.freshWithdrawalMinor);
  }
  const [waiting] = await executor
    .select({ sum: sql<string>`coalesce(sum(${refunds.amountMinor}), 0)` })
    .from(refunds)
    .where(and(eq(refunds.merchantId, pocket.ownerId), eq(refunds.state, 'waiting')));
  const waitingMinor = BigInt(waiting?.sum ?? 0);
  return waitingMinor < balanceMinor ? waitingMinor : balanceMinor;
}

export async function readTerms(
  executor: Executor,
  needs: TermsNeeds,
  pocket: Pocket,
): Promise<WithdrawalTerms> {
  const rules = rulesFor(needs, pocket);
  const { balanceMinor, heldMinor, dayMinor } = await readRoom(executor, needs, pocket);
  const free = balanceMinor - heldMinor;
  return {
    currency: needs.config.currency,
    minMinor: rules.minMinor.toString(),
    maxMinor: (free < dayMinor ? free : dayMinor).toString(),
    heldMinor: heldMinor.toString(),
    holdHours: Math.ceil(needs.config.money.holdSeconds / 3600),
    feeFixedMinor: rules.feeFixedMinor.toString(),
    feeBasisPoints: rules.feeBasisPoints,
  };
}

/** What {@link judge} finds stays true until the transaction ends. @returns the pocket's account */
export async function lockPocket(tx: Tx, { config }: TermsNeeds, pocket: Pocket): Promise<string> {
  const { currency } = config;
  const account = await findAccount(tx, { kind: pocket.kind, ownerId: pocket.ownerId, currency });
  await lockBalances(tx, [account, await openAccount(tx, { kind: 'pay_outs_in_transit', currency })]);
  return account;
}

/**
 * Whether an amount may go now, and whether a code is asked for it because of its size.
 * @throws ApiProblem `debt_unpaid`, `insufficient_funds`, `withdrawal_limit_reached`, `money_on_hold`
 */
export async function judge(
  executor: Executor,
  needs: TermsNeeds,
  pocket: Pocket,
  amountMinor: bigint,
): Promise<{ readonly isLarge: boolean }> {
  const owes = await executor
    .select({ id: debts.id })
    .from(debts)
    .where(and(eq(debts.userId, pocket.userId), sql`${debts.recoveredMinor} < ${debts.amountMinor}`))
    .limit(1);
  if (owes.length > 0) throw problem('debt_unpaid');
  const [person] = await executor
    .select({ from: users.withdrawalsFrom })
    .from(users)
    .where(eq(users.id, pocket.userId));
  // Their number was changed without the old one: whoever has it must have time to see that.
  if ((person?.from?.getTime() ?? 0) > needs.clock.nowMs()) throw problem('money_on_hold');
  const room = await readRoom(executor, needs, pocket);
  if (amountMinor > room.balanceMinor) throw problem('insufficient_funds');
  if (amountMinor > room.dayMinor) throw problem('withdrawal_limit_reached');
  if (amountMinor > room.balanceMinor - room.heldMinor) throw problem('money_on_hold');
  return { isLarge: room.uncodedMinor + amountMinor > rulesFor(needs, pocket).codeAboveMinor };
}
