/**
 * A refund that the payer's phone hands in, because the kiosk that gave it stays silent: both signatures are checked as
 * the kiosk's own batch would be, and the kiosk's receipt for exactly this refund.
 *
 * Never: lets a machine that was denied, replaced or quarantined since move more of its merchant's money than the same
 * claim brought. Whoever stole it can write offers and receipts, and a friend of his may have paid there before.
 */
import { and, eq, inArray } from 'drizzle-orm';
import {
  attempt,
  equalBytes,
  fromBase64Url,
  type RefusalCode,
  toHex,
  verifyKioskCertificate,
  verifyRefundOffer,
  verifyRefundReceipt,
} from '@tikiwallet/protocol';
import type { ClaimedRefundBody, ClaimedRefundView } from '../../contract/index.ts';
import type { Tx } from '../db/client.ts';
import { refunds } from '../db/schema/refunds.ts';
import { sales } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { check } from '../trust/index.ts';
import { checkRefund, type ValidRefund } from './check-refunds.ts';
import type { ValidSale } from './check-sales.ts';
import type { Machine } from './ground.ts';
import type { Recording } from './record.ts';
import type { SettleNeeds } from './settle.ts';
import { settleRefunds } from './settle-refunds.ts';

function invalid(detail: string): Error {
  return problem('claim_invalid', { detail });
}

function decoded(body: ClaimedRefundBody) {
  const read = attempt(() => ({
    kioskCertificate: fromBase64Url(body.kioskCertificate),
    offer: fromBase64Url(body.offer),
    acceptance: fromBase64Url(body.acceptance),
    receipt: fromBase64Url(body.receipt),
  }));
  if (!read.ok) throw invalid(read.code);
  return read.value;
}

/** @throws ApiProblem `claim_invalid` with the protocol's code as detail */
export async function verifyClaimedRefund(
  { db, certificates, offline }: SettleNeeds,
  body: ClaimedRefundBody,
  about: { readonly sale: ValidSale; readonly enrolmentId: string },
): Promise<ValidRefund> {
  const objects = decoded(body);
  const { sale, enrolmentId } = about;
  const issuers = await offline.trust.issuers(db);
  const kiosk = check(verifyKioskCertificate(objects.kioskCertificate, issuers));
  if (!kiosk.ok) throw invalid(kiosk.code);
  const { hash } = kiosk.value;
  const own = await certificates.kiosks(db, enrolmentId, [hash]);
  if (own.size === 0) throw invalid('refund_is_for_another_kiosk');
  const offer = check(verifyRefundOffer(objects.offer, kiosk.value));
  if (!offer.ok) throw invalid(offer.code);
  const { kind, refundId, paymentHash, amountMinor } = offer.value;
  if (!equalBytes(paymentHash, sale.payment.hash)) throw invalid('refund_is_for_another_payment');
  const receipt = check(
    verifyRefundReceipt(objects.receipt, kiosk.value, { refundId, paymentHash, amountMinor }),
  );
  if (!receipt.ok) throw invalid(receipt.code);
  const allowanceHash = sale.allowance.certificate.hash;
  const entry = {
    kioskCertificateHash: hash,
    offer: objects.offer,
    allowanceCertificateHash: allowanceHash,
    acceptance: objects.acceptance,
    refundedMinor: receipt.value.refundedMinor,
  };
  const facts = { kiosks: own, allowances: new Map([[toHex(allowanceHash), sale.allowance]]) };
  const place = { sequence: receipt.value.sequence, refundedAt: receipt.value.at };
  const refund = checkRefund({ kind, body: entry }, facts, place);
  if (refund.verdict === 'refused') throw invalid(refund.code);
  return refund;
}

const refused = (code: RefusalCode): ClaimedRefundView => ({ state: 'refused', code });

/**
 * Idempotent by the offer's hash, whichever way it comes. `to.machine` was read under its lock: its end, its quarantine
 * and its batches come before this claim or after it.
 */
export async function settleClaimedRefund(
  tx: Tx,
  refund: ValidRefund,
  to: Recording,
  sale: { readonly wasPaidByClaim: boolean },
): Promise<ClaimedRefundView> {
  const known = await stateOf(tx, refund);
  if (known !== null) return { state: known, code: null };
  if (isOutOfService(to.machine)) {
    const isByClaimAlone = sale.wasPaidByClaim && !(await isSettledByKiosk(tx, refund, to.machine));
    if (!isByClaimAlone) return refused('kiosk_denied');
  }
  const [decision] = await settleRefunds(tx, [refund], to, { byClaim: true });
  if (decision?.kind === 'refused') return refused(decision.code);
  const state = await stateOf(tx, refund);
  if (state === null) throw new Error(`refund ${refund.offer.refundId} was decided and not recorded`);
  return { state, code: null };
}

async function stateOf(tx: Tx, { offer }: ValidRefund) {
  const [row] = await tx
    .select({ state: refunds.state })
    .from(refunds)
    .where(eq(refunds.offerHash, offer.hash));
  return row?.state ?? null;
}

/** Its keys may be in anybody's hands. A denial ends each machine of its kiosk. */
function isOutOfService({ endedAt, quarantinedAt }: Machine): boolean {
  return endedAt !== null || quarantinedAt !== null;
}

/** Then the merchant has the money without the claim, also when the claim was first. */
async function isSettledByKiosk(tx: Tx, { offer }: ValidRefund, machine: Machine): Promise<boolean> {
  const [row] = await tx
    .select({ id: sales.id })
    .from(sales)
    .where(
      and(
        eq(sales.enrolmentId, machine.id),
        eq(sales.paymentHash, offer.paymentHash),
        inArray(sales.outcome, ['settled', 'settled_by_guarantee']),
      ),
    )
    .limit(1);
  return row !== undefined;
}
