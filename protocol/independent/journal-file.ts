// A whole journal (page 07): entry after entry, with all that the file holds about them, until one does not hold.

import type { Hex } from './fields.ts';
import { type Evidence, readJournalFile } from './journal-evidence.ts';
import * as journal from './journal-layouts.ts';
import * as objects from './objects.ts';
import * as refunds from './refunds.ts';
import { demand, Refusal, type RefusalCode } from './refusal.ts';
import * as settlement from './settlement.ts';

type Finding =
  | 'entry_unreadable'
  | 'sequence_not_continuous'
  | 'chain_broken'
  | 'sale_unreadable'
  | 'sale_repeated'
  | 'kiosk_not_certified'
  | 'sale_invalid'
  | 'refund_unreadable'
  | 'refund_invalid'
  | 'override_unreadable'
  | 'override_without_its_sale'
  | 'sale_at_risk_without_override'
  | 'receipt_invalid'
  | 'receipt_names_another_entry'
  | 'batch_invalid'
  | 'batch_sum_differs'
  | 'entry_missing';

/** Ends the walk; every one is caught where the walk began. */
class Found extends Error {
  readonly fault: Finding;
  readonly code: RefusalCode | null;

  constructor(fault: Finding, code: RefusalCode | null = null) {
    super(fault);
    this.fault = fault;
    this.code = code;
  }
}

function holds(condition: boolean, fault: Finding): asserts condition {
  if (!condition) throw new Found(fault);
}

/** A refusal becomes the finding, with its code. */
function reading<T>(fault: Finding, task: () => T): T {
  try {
    return task();
  } catch (error) {
    if (error instanceof Refusal) throw new Found(fault, error.code);
    throw error;
  }
}

type Sale = refunds.Given & {
  readonly sequence: number;
  readonly paymentHash: Hex;
  readonly allowanceHash: Hex;
  readonly isAtRisk: boolean;
};
type Refund = {
  readonly refundId: string;
  readonly paymentHash: Hex;
  readonly amountMinor: bigint;
  /** As the entry says it. */
  readonly refundedMinor: bigint;
};
type Frame = ReturnType<typeof objects.readJournalFrame>;
type Held = Frame & {
  readonly sale: Sale | null;
  readonly refund: Refund | null;
  /** The payment that an override lets through. */
  readonly override: Hex | null;
  /** Whether the phone's signature was checked. */
  readonly isSignatureChecked: boolean;
};
type Walk = {
  readonly evidence: Evidence;
  readonly held: Held[];
  /** By payment hash, with what was given back so far. */
  readonly sales: Map<Hex, Sale>;
  kioskId: string | null;
  checkedReceipts: number;
  checkedBatches: number;
};

const noHash = '00'.repeat(32);

export function verifyJournalFile(file: Hex, rootPublicKey: Hex) {
  const evidence = readJournalFile(file, rootPublicKey);
  const walk: Walk = {
    evidence,
    held: [],
    sales: new Map(),
    kioskId: null,
    checkedReceipts: 0,
    checkedBatches: 0,
  };
  try {
    for (const message of evidence.entries) takeEntry(walk, message);
    checkNothingIsMissing(walk);
    return report(walk, null);
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    return report(walk, { sequence: walk.held.length + 1, fault: error.fault, code: error.code });
  }
}

function takeEntry(walk: Walk, message: Hex): void {
  const frame = reading('entry_unreadable', () => objects.readJournalFrame(message));
  const last = walk.held.at(-1);
  holds(frame.sequence === walk.held.length + 1, 'sequence_not_continuous');
  holds(frame.previousHash === (last?.hash ?? noHash), 'chain_broken');
  const entry = { ...frame, ...readBody(walk, message, frame) };
  const overridden = last?.override ?? null;
  const atRisk = entry.sale?.isAtRisk ? entry.sale.paymentHash : null;
  holds(overridden === null || overridden === atRisk, 'override_without_its_sale');
  holds(overridden === atRisk, 'sale_at_risk_without_override');
  const receipts = checkReceipts(walk, entry);
  const batches = checkBatches(walk, entry);
  walk.held.push(entry);
  walk.checkedReceipts += receipts;
  walk.checkedBatches += batches;
  if (entry.sale !== null) walk.sales.set(entry.sale.paymentHash, entry.sale);
  const given = entry.refund && walk.sales.get(entry.refund.paymentHash);
  if (!given || !entry.refund) return;
  const refundedMinor = given.refundedMinor + entry.refund.amountMinor;
  walk.sales.set(given.paymentHash, { ...given, refundedMinor });
}

function readBody(walk: Walk, message: Hex, frame: Frame): Omit<Held, keyof Frame> {
  const nothing = { sale: null, refund: null, override: null, isSignatureChecked: false };
  switch (frame.kind) {
    case 'sale':
      return { ...nothing, ...readSale(walk, message, frame) };
    case 'void':
    case 'refund':
      return { ...nothing, ...readRefund(walk, message) };
    case 'override': {
      const { paymentHash } = reading('override_unreadable', () => objects.readOverrideEntry(message));
      return { ...nothing, override: paymentHash };
    }
    default:
      return nothing;
  }
}

function readSale(walk: Walk, message: Hex, frame: Frame) {
  const { allowances } = walk.evidence;
  const { body, payment } = reading('sale_unreadable', () => {
    const sale = journal.saleBody(frame.body);
    return { body: sale, payment: objects.openPayment(sale.payment, sale.allowanceCertificateHash) };
  });
  holds(!walk.sales.has(payment.hash), 'sale_repeated');
  const kiosk = certifiedKiosk(walk, body.kioskCertificateHash);
  const allowance = allowances.get(body.allowanceCertificateHash);
  reading('sale_invalid', () =>
    allowance === undefined
      ? objects.verifyPaymentRequest(body.request, kiosk)
      : settlement.verifySale(message, kiosk, allowance),
  );
  const sale: Sale = {
    sequence: frame.sequence,
    paymentHash: payment.hash,
    allowanceHash: body.allowanceCertificateHash,
    amountMinor: payment.fields.amountMinor,
    refundedMinor: 0n,
    isAtRisk: body.tier === 'at_risk',
  };
  return { sale, isSignatureChecked: allowance !== undefined };
}

function readRefund(walk: Walk, message: Hex) {
  const { entry, offer } = reading('refund_unreadable', () => {
    const read = objects.readRefundEntry(message);
    return { entry: read, offer: refunds.readRefundOffer(read.body.offer) };
  });
  const { body } = entry;
  reading('refund_invalid', () => {
    const isNew = walk.held.every((one) => one.refund?.refundId !== offer.refundId);
    demand(isNew, 'refund_id_used_twice');
    const sale = walk.sales.get(offer.paymentHash);
    demand(sale !== undefined, 'refund_is_for_another_payment');
    const isOfPayer = sale.allowanceHash === body.allowanceCertificateHash;
    demand(isOfPayer, 'refund_acceptance_signature_invalid');
    refunds.checkAmount({ ...offer, kind: entry.kind }, sale);
    const given = sale.refundedMinor + offer.amountMinor;
    demand(sale.sequence === offer.sequence, 'refund_entry_inconsistent');
    demand(body.refundedMinor === given, 'refund_entry_inconsistent');
  });
  const kiosk = certifiedKiosk(walk, body.kioskCertificateHash);
  const allowance = walk.evidence.allowances.get(body.allowanceCertificateHash);
  reading('refund_invalid', () => refunds.checkRefundEntry(entry, kiosk, allowance));
  return {
    refund: { ...offer, refundedMinor: body.refundedMinor },
    isSignatureChecked: allowance !== undefined,
  };
}

/** The first sale says which kiosk's journal this is. */
function certifiedKiosk(walk: Walk, hash: Hex): objects.Kiosk {
  const kiosk = walk.evidence.kiosks.find((one) => one.hash === hash);
  holds(kiosk !== undefined, 'kiosk_not_certified');
  walk.kioskId ??= kiosk.kioskId;
  holds(kiosk.kioskId === walk.kioskId, 'kiosk_not_certified');
  return kiosk;
}

/** Under every certificate of the kiosk; none of them good is a finding with the last one's code. */
function underItsKiosk<T>(walk: Walk, fault: Finding, task: (kiosk: objects.Kiosk) => T): T {
  const { kiosks } = walk.evidence;
  walk.kioskId ??= kiosks[0]?.kioskId ?? null;
  let found = new Found(fault, 'issuer_unknown');
  for (const kiosk of kiosks.filter((one) => one.kioskId === walk.kioskId)) {
    try {
      return reading(fault, () => task(kiosk));
    } catch (error) {
      if (!(error instanceof Found)) throw error;
      found = error;
    }
  }
  throw found;
}

function checkReceipts(walk: Walk, { sale, refund, sequence, hash }: Held): number {
  const receipts = walk.evidence.receipts.filter((one) => one.place === sequence);
  for (const { message, of } of receipts) {
    const named = of === 'sale' ? sale : refund;
    holds(named !== null, 'receipt_names_another_entry');
    const { journalHash } = underItsKiosk(walk, 'receipt_invalid', (kiosk) =>
      of === 'sale'
        ? objects.verifyReceipt(message, kiosk, sale)
        : verifyRefundReceipt(message, kiosk, refund),
    );
    holds(journalHash === hash, 'receipt_names_another_entry');
  }
  return receipts.length;
}

function verifyRefundReceipt(message: Hex, kiosk: objects.Kiosk, refund: Refund | null) {
  const receipt = refunds.verifyRefundReceipt(message, kiosk, refund);
  const isItsSum = receipt.refundedMinor === refund?.refundedMinor;
  demand(isItsSum, 'refund_receipt_is_for_another_refund');
  return receipt;
}

function checkBatches(walk: Walk, entry: Held): number {
  const entries = [...walk.held, entry];
  const batches = walk.evidence.batches.filter((one) => one.place === entry.sequence);
  for (const { message } of batches) {
    const { covered, batch } = underItsKiosk(walk, 'batch_invalid', (kiosk) => {
      const signed = settlement.verifyBatch(message, kiosk);
      const start = signed.fromSequence - 1;
      const own = entries.slice(start, signed.toSequence);
      const before = start === 0 ? noHash : entries[start - 1]?.hash;
      demand(before === signed.previousHash, 'batch_chain_broken');
      settlement.checkBatchChain(signed, own);
      return { covered: own, batch: signed };
    });
    const sales = covered.flatMap((one) => one.sale ?? []);
    const isSum = sales.length === batch.saleCount && sumOf(sales) === batch.saleSumMinor;
    holds(isSum, 'batch_sum_differs');
  }
  return batches.length;
}

function checkNothingIsMissing({ evidence, held }: Walk): void {
  const words = [...evidence.receipts, ...evidence.batches];
  const isNamed = words.some((one) => one.place > held.length);
  holds(!isNamed && (held.at(-1)?.override ?? null) === null, 'entry_missing');
}

type Broken = { readonly sequence: number; readonly fault: Finding; readonly code: RefusalCode | null };

/** The figures are of the entries that hold. */
function report({ held, kioskId, checkedReceipts, checkedBatches }: Walk, broken: Broken | null) {
  const sales = held.flatMap((one) => one.sale ?? []);
  const given = held.flatMap((one) => one.refund ?? []);
  const signed = held.filter((one) => one.isSignatureChecked);
  return {
    broken,
    headHash: held.at(-1)?.hash ?? noHash,
    entries: held.length,
    sales: sales.length,
    saleSumMinor: sumOf(sales),
    refunds: given.length,
    refundSumMinor: sumOf(given),
    firstAt: held[0]?.at ?? null,
    lastAt: held.at(-1)?.at ?? null,
    checkedPayments: signed.filter((one) => one.sale !== null).length,
    checkedRefunds: signed.filter((one) => one.refund !== null).length,
    checkedReceipts,
    checkedBatches,
    kioskId,
  };
}

function sumOf(amounts: readonly { readonly amountMinor: bigint }[]): bigint {
  return amounts.reduce((sum, one) => sum + one.amountMinor, 0n);
}
