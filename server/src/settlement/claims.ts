/**
 * A customer's receipt stands in for the journal of a kiosk that is lost: both signed halves and the receipt are
 * checked as the kiosk's own batch would be, and the merchant is paid from the customer's reserve.
 *
 * Owns: the table `claims`. Never: pays a payment that was settled by any way before, or draws on the guarantee fund -
 * whoever has a stolen kiosk's keys can write receipts, and may move nobody's money but the payer's own.
 */
import { eq } from 'drizzle-orm';
import {
  attempt,
  fromBase64Url,
  type KioskCertificate,
  type Receipt,
  toHex,
  verifyAllowanceCertificate,
  verifyKioskCertificate,
  verifyReceipt,
} from '@tikiwallet/protocol';
import type { ClaimBody, ClaimState, ClaimView } from '../../contract/index.ts';
import type { Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { claims } from '../db/schema/claims.ts';
import { kioskCertificates } from '../db/schema/kiosks.ts';
import type { SaleOutcome } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { check } from '../trust/index.ts';
import type { ValidRefund } from './check-refunds.ts';
import { checkSale, type ValidSale } from './check-sales.ts';
import { settleClaimedRefund, verifyClaimedRefund } from './claimed-refunds.ts';
import { decide } from './decide.ts';
import { layGround, lockMachine, storedHashes } from './ground.ts';
import { postPayments } from './post-payments.ts';
import { drawOnAllowances, proveDoubleSpends, type Recording, recordPayments } from './record.ts';
import { recordingOf, type SettleNeeds } from './settle.ts';
import { settleRefunds } from './settle-refunds.ts';

type Objects = Readonly<Record<Exclude<keyof ClaimBody, 'refund'>, Uint8Array>>;

type SaleClaimView = Omit<ClaimView, 'refund'>;

/** Everything that a claim says, believed: every signature checked, and the payer is the one who asks. */
interface VerifiedClaim {
  readonly userId: string;
  readonly enrolmentId: string;
  readonly objects: Objects;
  readonly sale: ValidSale;
  readonly receipt: Receipt;
  readonly refund: ValidRefund | null;
}

/**
 * Idempotent by the payment's hash.
 * @throws ApiProblem `claim_invalid` with the protocol's code as detail
 */
export async function settleClaim(
  needs: SettleNeeds,
  claimant: { readonly userId: string; readonly body: ClaimBody },
): Promise<ClaimView> {
  const { userId, body } = claimant;
  const sale = await verifyClaim(needs, userId, readObjects(body));
  const refund = body.refund === undefined ? null : await verifyClaimedRefund(needs, body.refund, sale);
  const claim = { ...sale, refund };
  return inTransaction(needs.db, (tx) => settleInside(tx, needs, claim));
}

function invalid(detail: string): Error {
  return problem('claim_invalid', { detail });
}

function readObjects(body: ClaimBody): Objects {
  const read = attempt(() => ({
    receipt: fromBase64Url(body.receipt),
    request: fromBase64Url(body.request),
    payment: fromBase64Url(body.payment),
    kioskCertificate: fromBase64Url(body.kioskCertificate),
    allowanceCertificate: fromBase64Url(body.allowanceCertificate),
  }));
  if (!read.ok) throw invalid(read.code);
  return read.value;
}

async function verifyClaim(
  needs: SettleNeeds,
  userId: string,
  objects: Objects,
): Promise<Omit<VerifiedClaim, 'refund'>> {
  const { db, certificates, offline } = needs;
  const issuers = await offline.trust.issuers(db);
  const kiosk = check(verifyKioskCertificate(objects.kioskCertificate, issuers));
  if (!kiosk.ok) throw invalid(kiosk.code);
  const certificate = check(verifyAllowanceCertificate(objects.allowanceCertificate, issuers));
  if (!certificate.ok) throw invalid(certificate.code);
  const known = await certificates.allowances(db, [certificate.value.hash]);
  const allowance = known.get(toHex(certificate.value.hash));
  // Somebody else's is told like one that never was.
  if (allowance === undefined || allowance.userId !== userId)
    throw invalid('not an allowance of this account');
  const [enrolled] = await db
    .select({ enrolmentId: kioskCertificates.enrolmentId })
    .from(kioskCertificates)
    .where(eq(kioskCertificates.hash, kiosk.value.hash));
  if (enrolled === undefined) throw invalid('not a kiosk of ours');
  const { sale, receipt } = checkHalves(objects, kiosk.value, allowance);
  return { userId, enrolmentId: enrolled.enrolmentId, objects, sale, receipt };
}

/** The sale as settlement checks it, and the receipt about exactly this payment, signed by the same kiosk. */
function checkHalves(
  objects: Objects,
  kiosk: KioskCertificate,
  allowance: ValidSale['allowance'],
): { readonly sale: ValidSale; readonly receipt: Receipt } {
  const body = {
    kioskCertificateHash: kiosk.hash,
    request: objects.request,
    allowanceCertificateHash: allowance.certificate.hash,
    payment: objects.payment,
    tier: 'reserved',
    checks: 0,
  } as const;
  const facts = {
    kiosks: new Map([[toHex(kiosk.hash), kiosk]]),
    allowances: new Map([[toHex(allowance.certificate.hash), allowance]]),
  };
  const sale = checkSale(body, facts, { sequence: 0, acceptedAt: 0 });
  if (sale.verdict === 'refused') throw invalid(sale.code);
  const { hash: paymentHash, amountMinor } = sale.payment;
  const receipt = check(verifyReceipt(objects.receipt, kiosk, { paymentHash, amountMinor }));
  if (!receipt.ok) throw invalid(receipt.code);
  const { sequence, acceptedAt } = receipt.value;
  return { sale: { ...sale, sequence, acceptedAt }, receipt: receipt.value };
}

/** What a claim may take from the fund. */
const NO_GUARANTEE = { guaranteeMonthMinor: 0n, guaranteeAllMonthMinor: 0n };

const STATE_OF: Readonly<Record<SaleOutcome, ClaimState>> = {
  settled: 'paid',
  settled_by_guarantee: 'paid',
  disputed: 'not_covered',
  refused: 'refused',
};

async function settleInside(tx: Tx, needs: SettleNeeds, claim: VerifiedClaim): Promise<ClaimView> {
  // The locks of settlement in their order: a batch of this kiosk with the same payment waits, or was first.
  const machine = await lockMachine(tx, claim.enrolmentId);
  const now = new Date(needs.clock.nowMs());
  const recording = await recordingOf(tx, needs, machine, now);
  const sale = await settleSale(tx, claim, recording);
  if (claim.refund === null) {
    // The merchant may have been credited: what waits for its money is paid first.
    if (sale.byClaim) await settleRefunds(tx, [], recording, { byClaim: true });
    return { ...sale, refund: null };
  }
  const wasPaidByClaim = sale.byClaim && sale.state === 'paid';
  return { ...sale, refund: await settleClaimedRefund(tx, claim.refund, recording, { wasPaidByClaim }) };
}

async function settleSale(tx: Tx, claim: VerifiedClaim, recording: Recording): Promise<SaleClaimView> {
  const { machine, now } = recording;
  const month = now.toISOString().slice(0, 7);
  const ground = await layGround(tx, [claim.sale], {
    ...{ machine, month },
    limits: NO_GUARANTEE,
    locksFirst: true,
  });
  const [known] = await tx.select().from(claims).where(eq(claims.paymentHash, claim.sale.payment.hash));
  const standing = ground.standing.get(claim.sale.paymentKey);
  const view = (state: ClaimState, claimedAt: Date, byClaim: boolean) =>
    viewOf(claim, recording, { state, claimedAt, byClaim });
  if (standing !== undefined)
    return view(STATE_OF[standing.outcome], known?.claimedAt ?? now, known?.state === 'paid');
  if (known !== undefined) return view(known.state, known.claimedAt, false);
  const decisions = decide([claim.sale], ground);
  const [decided] = decisions.payments;
  if (decided === undefined) throw new Error('a new payment was not decided');
  const state = STATE_OF[decided.outcome];
  if (state === 'paid') {
    const transferId = await postPayments(tx, [decided], recording);
    await recordPayments(tx, [decided], { ...recording, transferId });
  }
  await drawOnAllowances(tx, [decided], ground.allowances);
  await recordClaim(tx, claim, { recording, state });
  await proveDoubleSpends(tx, decisions.doubleSpends, ground.allowances, now);
  return view(state, now, state === 'paid');
}

async function recordClaim(
  tx: Tx,
  { userId, objects, sale, receipt }: VerifiedClaim,
  { recording, state }: { readonly recording: Recording; readonly state: ClaimState },
): Promise<void> {
  const { machine, currency, now } = recording;
  const place = { from: receipt.sequence, to: receipt.sequence };
  const stored = (await storedHashes(tx, machine.id, place)).get(receipt.sequence);
  await tx.insert(claims).values({
    paymentHash: sale.payment.hash,
    allowanceId: sale.allowance.certificate.allowanceId,
    userId,
    enrolmentId: machine.id,
    kioskId: machine.kioskId,
    merchantId: machine.merchantId,
    state,
    sequence: receipt.sequence,
    contradictsJournal: stored !== undefined && toHex(stored) !== toHex(receipt.journalHash),
    amountMinor: sale.payment.amountMinor,
    currency,
    maskedPhone: sale.allowance.certificate.maskedPhone,
    receipt: objects.receipt,
    request: objects.request,
    payment: objects.payment,
    acceptedAt: new Date(receipt.acceptedAt * 1000),
    claimedAt: now,
  });
}

function viewOf(
  { sale, receipt }: VerifiedClaim,
  { machine, businessName, currency }: Recording,
  how: { readonly state: ClaimState; readonly claimedAt: Date; readonly byClaim: boolean },
): SaleClaimView {
  return {
    paymentHash: sale.paymentKey,
    state: how.state,
    byClaim: how.byClaim,
    amountMinor: sale.payment.amountMinor.toString(),
    currency,
    businessName,
    kioskId: machine.kioskId,
    sequence: receipt.sequence,
    acceptedAt: new Date(receipt.acceptedAt * 1000).toISOString(),
    claimedAt: how.claimedAt.toISOString(),
  };
}
