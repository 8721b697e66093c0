/** A customer gives a top-up up. */
import { and, eq, isNull } from 'drizzle-orm';
import type { TopUp } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { topUps } from '../db/schema/money.ts';
import { problem } from '../http/problem.ts';
import { handleMoneyEvent } from './events.ts';
import { showTopUp } from './top-up-views.ts';
import { findTopUp, findTopUpRow } from './top-ups.ts';
import { tryAgain } from './try-again.ts';

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'money' | 'log'>;

/**
 * The customer gives up: the checkout is closed, so that nobody pays it later by mistake. One that was paid meanwhile
 * stays paid.
 * @throws ApiProblem `top_up_not_found`, `top_up_not_open`, `payment_provider_unavailable`
 */
export async function cancelTopUp(needs: Needs, userId: string, id: string): Promise<TopUp> {
  const { db, clock, money } = needs;
  const row = await findTopUpRow(db, userId, id);
  if (row.status !== 'awaiting_payment') {
    if (row.cancelledAt !== null) return showTopUp(db, row);
    throw problem('top_up_not_open');
  }
  await db
    .update(topUps)
    .set({ cancelledAt: new Date(clock.nowMs()) })
    .where(and(eq(topUps.id, id), isNull(topUps.cancelledAt)));
  const { checkoutId } = row;
  if (checkoutId !== null) {
    await money.closeCheckout(checkoutId).catch(tryAgain);
    const event = await money.askAbout(checkoutId).catch(tryAgain);
    if (event !== null) await handleMoneyEvent(needs, event);
  }
  return findTopUp(db, userId, id);
}
