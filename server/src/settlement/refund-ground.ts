/**
 * Everything that a decision about refunds rests on, read under locks: the sales that they name, and which of them
 * hold already.
 *
 * Owns: the rows of `refund_sums`, which are the locks, in the order of the payments' hashes. They come after the locks
 * of `ground.ts`. Never: changes a sum.
 */
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { type SettledSale, toHex } from '@tikiwallet/protocol';
import type { Tx } from '../db/client.ts';
import { allowances } from '../db/schema/allowances.ts';
import { kioskEnrolments } from '../db/schema/kiosks.ts';
import { refundSums, refunds } from '../db/schema/refunds.ts';
import { payments, sales } from '../db/schema/settlement.ts';
import type { CheckedRefund, ValidRefund } from './check-refunds.ts';
import type { RefundGround } from './decide-refunds.ts';
import type { Machine } from './ground.ts';

/** Call it when the payments of the same batch are recorded: a refund may follow its sale in one batch. */
export async function layRefundGround(
  tx: Tx,
  checked: readonly CheckedRefund[],
  machine: Machine,
): Promise<RefundGround> {
  const valid = checked.filter((refund) => refund.verdict === 'valid');
  if (valid.length === 0)
    return { kioskId: machine.kioskId, sales: new Map(), standing: new Set(), offersById: new Map() };
  // First the locks, then the questions: another connection may just have given back the same money.
  const refunded = await lockSums(tx, valid);
  const known = await settledSales(tx, valid, refunded);
  const refused = await refusedSales(tx, valid, machine);
  return {
    kioskId: machine.kioskId,
    sales: new Map([...refused, ...known]),
    standing: await standingOffers(tx, valid),
    offersById: await offersById(tx, valid, machine),
  };
}

const hashesOf = (valid: readonly ValidRefund[]): Uint8Array[] => [
  ...new Map(valid.map((refund) => [refund.paymentKey, refund.offer.paymentHash])).values(),
];

/** What was given back of each payment; those that were never paid have no row. */
async function lockSums(tx: Tx, valid: readonly ValidRefund[]): Promise<ReadonlyMap<string, bigint>> {
  const hashes = hashesOf(valid);
  await tx.execute(sql`
    insert into refund_sums (payment_hash, credited_minor)
    select payment_hash, from_reserve_minor + from_guarantee_minor from payments
    where ${inArray(payments.paymentHash, hashes)} and outcome in ('settled', 'settled_by_guarantee')
    order by payment_hash
    on conflict do nothing`);
  const rows = await tx
    .select()
    .from(refundSums)
    .where(inArray(refundSums.paymentHash, hashes))
    .orderBy(asc(refundSums.paymentHash))
    .for('update');
  return new Map(rows.map((row) => [toHex(row.paymentHash), row.refundedMinor]));
}

async function settledSales(
  tx: Tx,
  valid: readonly ValidRefund[],
  refunded: ReadonlyMap<string, bigint>,
): Promise<[string, SettledSale][]> {
  const rows = await tx
    .select({
      paymentHash: payments.paymentHash,
      amountMinor: payments.amountMinor,
      outcome: payments.outcome,
      sequence: payments.sequence,
      kioskId: kioskEnrolments.kioskId,
      allowanceCertificateHash: allowances.certificateHash,
    })
    .from(payments)
    .innerJoin(kioskEnrolments, eq(kioskEnrolments.id, payments.enrolmentId))
    .innerJoin(allowances, eq(allowances.id, payments.allowanceId))
    .where(inArray(payments.paymentHash, hashesOf(valid)));
  return rows.map(({ paymentHash, outcome, ...row }) => {
    const key = toHex(paymentHash);
    const isPaid = outcome === 'settled' || outcome === 'settled_by_guarantee';
    return [key, { ...row, isPaid, refundedMinor: refunded.get(key) ?? 0n }];
  });
}

/** Sales of this machine that were refused before their payment could count: nothing of them can be given back. */
async function refusedSales(
  tx: Tx,
  valid: readonly ValidRefund[],
  machine: Machine,
): Promise<[string, SettledSale][]> {
  const rows = await tx
    .select({ sequence: sales.sequence, paymentHash: sales.paymentHash, amountMinor: sales.amountMinor })
    .from(sales)
    .where(
      and(
        eq(sales.enrolmentId, machine.id),
        eq(sales.outcome, 'refused'),
        inArray(
          sales.sequence,
          valid.map(({ offer }) => offer.sequence),
        ),
      ),
    );
  const byPayment = new Map(valid.map((refund) => [refund.paymentKey, refund]));
  return rows.flatMap(({ sequence, paymentHash, amountMinor }): [string, SettledSale][] => {
    const refund = paymentHash === null ? undefined : byPayment.get(toHex(paymentHash));
    if (refund === undefined || amountMinor === null) return [];
    const allowanceCertificateHash = refund.allowance.certificate.hash;
    const { kioskId } = machine;
    const sale = { amountMinor, refundedMinor: 0n, kioskId, allowanceCertificateHash, sequence };
    return [[refund.paymentKey, { ...sale, isPaid: false }]];
  });
}

async function standingOffers(tx: Tx, valid: readonly ValidRefund[]): Promise<ReadonlySet<string>> {
  const offers = valid.map(({ offer }) => offer.hash);
  const rows = await tx
    .select({ offerHash: refunds.offerHash })
    .from(refunds)
    .where(inArray(refunds.offerHash, offers));
  return new Set(rows.map((row) => toHex(row.offerHash)));
}

async function offersById(
  tx: Tx,
  valid: readonly ValidRefund[],
  machine: Machine,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const ids = valid.map(({ offer }) => offer.refundId);
  const rows = await tx
    .select({ refundId: refunds.refundId, offerHash: refunds.offerHash })
    .from(refunds)
    .where(and(eq(refunds.kioskId, machine.kioskId), inArray(refunds.refundId, ids)));
  return new Map(rows.map((row) => [row.refundId, row.offerHash]));
}
