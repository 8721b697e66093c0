/**
 * The money of payments that settlement decided: one transfer for all of a batch (decisions/0029-one-transfer-a-batch.md).
 *
 * Owns: those transfers, their keys and their references. Never: decides, or posts what the caller will not record as payments in
 * the same transaction: that a payment is new is what keeps its transfer from being posted twice.
 */
import { randomUUIDv7 } from 'node:crypto';
import type { Tx } from '../db/client.ts';
import { type NewTransfer, postDecided } from '../ledger/index.ts';
import { publish } from '../observe/facts.ts';
import type { NewPayment } from './decide.ts';
import type { Recording } from './record.ts';

/**
 * One transfer for all that a batch pays, or `each` payment its own, as the release before writes and reads them
 * (decisions/0029-one-transfer-a-batch.md).
 */
export type SettlementTransfers = 'batch' | 'each';

/**
 * Reserve (and guarantee) to merchant, in one transfer; a payment that is alone in it is named by the transfer's key.
 * @returns the transfer that several payments share; null when each has its own, or none was paid
 */
export async function postPayments(
  tx: Tx,
  paid: readonly NewPayment[],
  to: Recording,
): Promise<string | null> {
  const covered = paid.filter(isCovered);
  const isShared = to.transfers === 'batch' && covered.length > 1;
  const transfers = isShared
    ? [sharedTransfer(covered, to)]
    : covered.map((payment) => ownTransfer(payment, to));
  // Sums were decided, and payments found to be new, under the locks of their allowances: a refusal now would be a mistake
  // of ours, not of a phone.
  await postDecided(tx, transfers, to.currency);
  if (covered.length > 0) publish('offlinePaid', { count: covered.length });
  return isShared ? (transfers[0]?.id ?? null) : null;
}

const isCovered = ({ outcome }: NewPayment) => outcome === 'settled' || outcome === 'settled_by_guarantee';

/**
 * Its hash stands in its key, and by the hash stand its allowance and its kiosk in `payments`. The reference repeats the hash alone: the
 * release before looks for it there (decisions/0025), and phones know their payments by it. The next one may leave it out.
 */
function ownTransfer(payment: NewPayment, to: Recording): NewTransfer {
  const { paymentKey, allowance, sequence } = payment.sale;
  return {
    id: randomUUIDv7(),
    kind: 'offline_payment',
    idempotencyKey: `offline_payment:${paymentKey}`,
    reference: {
      payerText: allowance.certificate.maskedPhone,
      payeeText: to.businessName,
      paymentHash: paymentKey,
      kioskName: to.kioskName,
      sequence,
    },
    entries: entriesOf([payment], to),
  };
}

/**
 * Its payments name it, so it names none of them but the first, by its key. The merchant's lines are the sales of that machine from
 * the first to the last of them that are counted and paid: a sequence is settled once.
 */
function sharedTransfer(covered: readonly NewPayment[], to: Recording): NewTransfer {
  const sequences = covered.map(({ sale }) => sale.sequence);
  return {
    id: randomUUIDv7(),
    kind: 'offline_payments',
    idempotencyKey: `offline_payments:${covered[0]?.sale.paymentKey}`,
    reference: {
      payeeText: to.businessName,
      kioskName: to.kioskName,
      machineId: to.machine.id,
      first: Math.min(...sequences),
      last: Math.max(...sequences),
      count: covered.length,
    },
    entries: entriesOf(covered, to),
  };
}

/** An entry an account: what each reserve gave, what the guarantee fund gave, and all of it to the merchant. */
function entriesOf(covered: readonly NewPayment[], to: Recording): NewTransfer['entries'] {
  const reserves = new Map<string, bigint>();
  let guaranteeMinor = 0n;
  let amountMinor = 0n;
  for (const { sale, fromReserveMinor, fromGuaranteeMinor } of covered) {
    const { reserveAccountId } = sale.allowance;
    reserves.set(reserveAccountId, (reserves.get(reserveAccountId) ?? 0n) - fromReserveMinor);
    guaranteeMinor -= fromGuaranteeMinor;
    amountMinor += sale.payment.amountMinor;
  }
  const entries = Array.from(reserves, ([accountId, minor]) => ({ accountId, amountMinor: minor }));
  entries.push({ accountId: to.guaranteeAccountId, amountMinor: guaranteeMinor });
  entries.push({ accountId: to.machine.merchantAccountId, amountMinor });
  return entries.filter((entry) => entry.amountMinor !== 0n);
}
