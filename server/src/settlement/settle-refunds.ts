/**
 * Voids and refunds become money: from the merchant's balance to the payer's online wallet, inside the transaction
 * that brought them.
 *
 * Owns: the tables of refunds, transfers of kind `offline_refund`, and the queue of those that the merchant's balance
 * did not cover: each new credit of the merchant pays the oldest first. Never: takes a balance below zero, or gives a
 * payer money that the guarantee fund had paid for that payer's overspending - the fund gets its share back first.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { toHex } from '@tikiwallet/protocol';
import type { Tx } from '../db/client.ts';
import { runPrepared } from '../db/prepared.ts';
import { debts } from '../db/schema/settlement.ts';
import { refundEntries, refundSums, refunds } from '../db/schema/refunds.ts';
import { recoverDebts } from '../debts/recover.ts';
import { findAccounts, type NewTransfer, type PostResult, postTransfers } from '../ledger/index.ts';
import type { CheckedRefund, ValidRefund } from './check-refunds.ts';
import { decideRefunds, type RefundDecision } from './decide-refunds.ts';
import type { Recording } from './record.ts';
import { layRefundGround } from './refund-ground.ts';

/** Tried again with one credit of the merchant; the next credit takes the rest. */
const ROUND = 200;

interface Payable {
  readonly offerHash: Uint8Array;
  readonly paymentHash: Uint8Array;
  readonly userId: string;
  readonly allowanceId: string;
  readonly amountMinor: bigint;
  readonly maskedPhone: string;
}

/**
 * Decides, pays what can be paid, and writes both down. Call it after the payments of the same batch are posted and
 * recorded, also without refunds: what waits may be covered now.
 * @returns what became of each of `checked`, in order
 */
export async function settleRefunds(
  tx: Tx,
  checked: readonly CheckedRefund[],
  to: Recording,
  how: { readonly byClaim: boolean },
): Promise<readonly RefundDecision[]> {
  const ground = await layRefundGround(tx, checked, to.machine);
  const decisions = decideRefunds(checked, ground);
  const fresh = decisions.flatMap(({ kind, refund }) =>
    kind === 'new' && refund.verdict === 'valid' ? [refund] : [],
  );
  const waiting = await lockWaiting(tx, to);
  const payable = [...waiting, ...fresh.map(payableOf)];
  await countSums(tx, fresh);
  const paid = await pay(tx, payable, to);
  await recordRefunds(tx, fresh, { to, paid, ...how });
  await endWaiting(
    tx,
    waiting.filter((one) => paid.has(toHex(one.offerHash))),
    to,
  );
  if (!how.byClaim) await recordEntries(tx, decisions, to);
  return decisions;
}

function payableOf({ offer, allowance }: ValidRefund): Payable {
  return {
    offerHash: offer.hash,
    paymentHash: offer.paymentHash,
    userId: allowance.userId,
    allowanceId: allowance.certificate.allowanceId,
    amountMinor: offer.amountMinor,
    maskedPhone: allowance.certificate.maskedPhone,
  };
}

/** Of this merchant, oldest first. What another settler holds at this moment is paid by that one. */
async function lockWaiting(tx: Tx, { machine, currency }: Recording): Promise<readonly Payable[]> {
  const waiting = tx
    .select({
      offerHash: refunds.offerHash,
      paymentHash: refunds.paymentHash,
      userId: refunds.userId,
      allowanceId: refunds.allowanceId,
      amountMinor: refunds.amountMinor,
      maskedPhone: refunds.maskedPhone,
    })
    .from(refunds)
    .where(
      and(
        eq(refunds.merchantId, machine.merchantId),
        eq(refunds.currency, currency),
        eq(refunds.state, 'waiting'),
      ),
    )
    .orderBy(asc(refunds.id))
    .limit(ROUND)
    .for('update', { skipLocked: true });
  return await runPrepared(tx, waiting);
}

/** The table's CHECK refuses what `decide-refunds.ts` should never let through. */
async function countSums(tx: Tx, fresh: readonly ValidRefund[]): Promise<void> {
  const sums = new Map<string, { readonly hash: Uint8Array; readonly minor: bigint }>();
  for (const { offer, paymentKey } of fresh) {
    const minor = (sums.get(paymentKey)?.minor ?? 0n) + offer.amountMinor;
    sums.set(paymentKey, { hash: offer.paymentHash, minor });
  }
  for (const { hash, minor } of sums.values()) {
    await tx
      .update(refundSums)
      .set({ refundedMinor: sql`${refundSums.refundedMinor} + ${minor.toString()}::bigint` })
      .where(eq(refundSums.paymentHash, hash));
  }
}

/** @returns hex of the offers that were paid; the others lack the merchant's money and wait. */
async function pay(tx: Tx, payable: readonly Payable[], to: Recording): Promise<ReadonlySet<string>> {
  if (payable.length === 0) return new Set();
  const owed = await lockDebts(tx, payable);
  const ownerIds = [...new Set(payable.map((one) => one.userId))];
  const online = await findAccounts(tx, { kind: 'user_online', ownerIds, currency: to.currency });
  const planned = payable.map((one) => {
    const key = toHex(one.paymentHash);
    const debt = owed.get(key) ?? 0n;
    const toFundMinor = debt < one.amountMinor ? debt : one.amountMinor;
    owed.set(key, debt - toFundMinor);
    return { one, toFundMinor, transfer: transferOf({ one, toFundMinor, online }, to) };
  });
  const results = await postTransfers(
    tx,
    planned.map(({ transfer }) => transfer),
  );
  const paid = planned.filter((_, index) => isPaid(results[index]));
  for (const { one, toFundMinor } of paid) {
    if (toFundMinor === 0n) continue;
    await tx
      .update(debts)
      .set({ recoveredMinor: sql`${debts.recoveredMinor} + ${toFundMinor.toString()}::bigint` })
      .where(eq(debts.paymentHash, one.paymentHash));
  }
  // Like every inflow: what this person owes for other payments comes first. Only now, because the transfers above have
  // repaid what was planned: one refund's rest must not repay the debt of another refund's payment once more.
  for (const { one, toFundMinor, transfer } of paid) {
    const { userId } = one;
    const amountMinor = one.amountMinor - toFundMinor;
    await recoverDebts(tx, { userId, currency: to.currency, amountMinor, transferId: transfer.id });
  }
  return new Set(paid.map(({ one }) => toHex(one.offerHash)));
}

function isPaid(result: PostResult | undefined): boolean {
  switch (result?.status) {
    case 'posted':
    case 'already_posted':
      return true;
    case 'insufficient_funds':
      return false;
    case 'idempotency_key_reused':
    case undefined:
      // Its key stands for its offer alone: a mistake of ours.
      throw new Error(`a refund was ${result?.status}`);
  }
}

/** What the payer still owes the guarantee fund for these very payments, by hex of the payment's hash. */
async function lockDebts(tx: Tx, payable: readonly Payable[]): Promise<Map<string, bigint>> {
  const rows = await tx
    .select({
      paymentHash: debts.paymentHash,
      amountMinor: debts.amountMinor,
      recovered: debts.recoveredMinor,
    })
    .from(debts)
    .where(
      inArray(
        debts.paymentHash,
        payable.map((one) => one.paymentHash),
      ),
    )
    .orderBy(asc(debts.id))
    .for('update');
  return new Map(
    rows.flatMap(({ paymentHash, amountMinor, recovered }) =>
      paymentHash === null ? [] : [[toHex(paymentHash), amountMinor - recovered] as const],
    ),
  );
}

function transferOf(
  {
    one,
    toFundMinor,
    online,
  }: { readonly one: Payable; readonly toFundMinor: bigint; readonly online: ReadonlyMap<string, string> },
  to: Recording,
): NewTransfer {
  const payer = online.get(one.userId);
  if (payer === undefined) throw new Error(`user ${one.userId} has no online wallet in ${to.currency}`);
  const legs = [
    { accountId: to.machine.merchantAccountId, amountMinor: -one.amountMinor },
    { accountId: to.guaranteeAccountId, amountMinor: toFundMinor },
    { accountId: payer, amountMinor: one.amountMinor - toFundMinor },
  ];
  return {
    id: randomUUIDv7(),
    kind: 'offline_refund',
    idempotencyKey: `offline_refund:${toHex(one.offerHash)}`,
    reference: {
      payerText: to.businessName,
      payeeText: one.maskedPhone,
      paymentHash: toHex(one.paymentHash),
      allowanceId: one.allowanceId,
    },
    entries: legs.filter((leg) => leg.amountMinor !== 0n),
  };
}

async function recordRefunds(
  tx: Tx,
  fresh: readonly ValidRefund[],
  how: { readonly to: Recording; readonly paid: ReadonlySet<string>; readonly byClaim: boolean },
): Promise<void> {
  if (fresh.length === 0) return;
  const { to, paid, byClaim } = how;
  const { machine, now } = to;
  await tx.insert(refunds).values(
    fresh.map((refund) => {
      const isSettled = paid.has(refund.offerKey);
      const { offer, allowance } = refund;
      return {
        offerHash: offer.hash,
        refundId: offer.refundId,
        kioskId: machine.kioskId,
        enrolmentId: machine.id,
        sequence: refund.sequence,
        merchantId: machine.merchantId,
        paymentHash: offer.paymentHash,
        allowanceId: allowance.certificate.allowanceId,
        userId: allowance.userId,
        kind: offer.kind,
        amountMinor: offer.amountMinor,
        currency: to.currency,
        maskedPhone: allowance.certificate.maskedPhone,
        offer: offer.bytes,
        acceptance: refund.acceptance,
        byClaim,
        state: isSettled ? ('settled' as const) : ('waiting' as const),
        hasWaited: !isSettled,
        refundedAt: new Date(refund.refundedAt * 1000),
        recordedAt: now,
        settledAt: isSettled ? now : null,
      };
    }),
  );
}

async function endWaiting(tx: Tx, ended: readonly Payable[], { now }: Recording): Promise<void> {
  if (ended.length === 0) return;
  await tx
    .update(refunds)
    .set({ state: 'settled', settledAt: now })
    .where(
      inArray(
        refunds.offerHash,
        ended.map((one) => one.offerHash),
      ),
    );
}

async function recordEntries(
  tx: Tx,
  decisions: readonly RefundDecision[],
  { machine, now }: Recording,
): Promise<void> {
  if (decisions.length === 0) return;
  await tx.insert(refundEntries).values(
    decisions.map((decision) => {
      const { refund } = decision;
      return {
        enrolmentId: machine.id,
        sequence: refund.sequence,
        kioskId: machine.kioskId,
        merchantId: machine.merchantId,
        offerHash: decision.kind === 'refused' ? null : decision.refund.offer.hash,
        code: decision.kind === 'refused' ? decision.code : null,
        recordedAt: new Date(refund.refundedAt * 1000),
        receivedAt: now,
      };
    }),
  );
}
