/**
 * What the cloud knows, applied to what the phone knows: which payments have settled, how each allowance stands, and
 * whether the phone forgot payments that it made. The decisions are pure; `reconcile` writes them down.
 */
import type { Allowance, HistoryItem, RefundView, WalletView } from '@tikiwallet/server/contract';
import { updateAllowance, updatePayment, updateRefund } from '../store/records.ts';
import type { Database, StoredAllowance, StoredPayment, StoredRefund } from '../store/schema.ts';

/**
 * Payments of one allowance that have certainly settled. The counter alone does not tell: another shop may not have
 * reported an earlier payment. Only when the settled sum equals everything signed up to that counter is each of
 * them in it.
 */
export function settledByCounter(
  cloud: Pick<Allowance, 'id' | 'settledCounter' | 'settledMinor'>,
  payments: readonly StoredPayment[],
): readonly StoredPayment[] {
  const own = payments.filter(
    (payment) => payment.allowanceId === cloud.id && payment.counter <= cloud.settledCounter,
  );
  const last = own.find((payment) => payment.counter === cloud.settledCounter);
  return last !== undefined && last.cumulativeMinor === BigInt(cloud.settledMinor) ? own : [];
}

export function settledByHistory(
  items: readonly HistoryItem[],
  payments: readonly StoredPayment[],
): readonly StoredPayment[] {
  const hashes = new Set(
    items.flatMap((item) =>
      item.kind === 'offline_payment' && item.paymentHash !== null ? [item.paymentHash] : [],
    ),
  );
  return payments.filter((payment) => hashes.has(payment.id));
}

/** A payment settled that this phone does not remember signing: its memory went back, its next counter is not safe. */
export function hasForgotten(allowance: StoredAllowance, cloud: Pick<Allowance, 'settledCounter'>): boolean {
  return cloud.settledCounter > allowance.lastCounter;
}

export async function reconcile(
  database: Database,
  userId: string,
  facts: { readonly view: WalletView; readonly history: readonly HistoryItem[] },
): Promise<void> {
  const [allowances, payments] = await Promise.all([
    database.getAllFromIndex('allowances', 'userId', userId),
    database.getAllFromIndex('payments', 'userId', userId),
  ]);
  for (const allowance of allowances) {
    const cloud = facts.view.allowances.find((one) => one.id === allowance.id);
    if (cloud === undefined) await noteGone(database, allowance, facts.view);
    else await noteCloudState(database, allowance, cloud);
  }
  const settled = new Set([
    ...facts.view.allowances.flatMap((cloud) => settledByCounter(cloud, payments)),
    ...settledByHistory(facts.history, payments),
  ]);
  for (const payment of settled) {
    await updatePayment(database, payment.id, (one) =>
      one.state === 'settled' ? null : { state: 'settled' },
    );
  }
}

/** The list leaves out what is over and done. One that was loaded after the list was made is not meant. */
async function noteGone(database: Database, allowance: StoredAllowance, view: WalletView): Promise<void> {
  if (allowance.loadedAtMs >= Date.parse(view.asOf) - 5_000 || allowance.cloudStatus === 'closed') return;
  await updateAllowance(database, allowance.id, () => ({ cloudStatus: 'closed', returnsBy: null }));
}

async function noteCloudState(
  database: Database,
  allowance: StoredAllowance,
  cloud: Allowance,
): Promise<void> {
  const forgot = allowance.state === 'active' && hasForgotten(allowance, cloud);
  const isKnown =
    allowance.cloudStatus === cloud.status &&
    allowance.deniedFor === cloud.deniedFor &&
    allowance.returnsBy === cloud.returnsBy;
  if (!forgot && isKnown) return;
  await updateAllowance(database, allowance.id, (one) => ({
    cloudStatus: cloud.status,
    deniedFor: cloud.deniedFor,
    returnsBy: cloud.returnsBy,
    ...(one.state === 'active' && hasForgotten(one, cloud) ? { state: 'frozen' as const } : {}),
  }));
}

/** What the cloud knows of refunds that this phone countersigned, also of those whose receipt never came. */
export async function reconcileRefunds(
  database: Database,
  cloud: readonly Pick<RefundView, 'offerHash' | 'state'>[],
): Promise<void> {
  for (const { offerHash, state } of cloud) {
    await updateRefund(database, offerHash, (refund) =>
      refund.state === state || refund.state === 'settled' ? null : { state, refusalCode: null },
    );
  }
}

/** A refusal comes over a link that nobody trusts: for this long the cloud is asked whether it was true. */
const REFUSED_ASKED_SECONDS = 14 * 24 * 3600;

/** Is there a refund that the cloud may have more to say about? */
export function hasOpenRefund(refunds: readonly StoredRefund[], nowSeconds: number): boolean {
  return refunds.some(({ state, signedAt }) =>
    state === 'refused' ? nowSeconds - signedAt < REFUSED_ASKED_SECONDS : state !== 'settled',
  );
}
