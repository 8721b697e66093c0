/**
 * Is this journal whole? Sequence, chain, sums, and every signature that the file brings along: requests, payments,
 * receipts and batches. Says the first entry that does not hold, and what is wrong with it.
 */
import { equalBytes, toHex } from './bytes.ts';
import type { KioskCertificate } from './certificates.ts';
import type { Steps } from './crypto.ts';
import { attempt, refuse, type RefusalCode, type Result } from './errors.ts';
import {
  decodeJournalEntry,
  decodeRefundBody,
  decodeSaleBody,
  GENESIS_HASH,
  journalHash,
  type JournalEntry,
} from './journal.ts';
import type { JournalRecord } from './journal-file.ts';
import { RefundedSales, type OfferWords } from './journal-refunds.ts';
import { readCertificates, tried, type Certificates } from './journal-certificates.ts';
import { witnessesOf, type Witnesses } from './journal-witnesses.ts';
import { decodeOverrideBody, type OverrideBody } from './override.ts';
import { readPayment, type Payment } from './payment.ts';
import { verifyPaymentRequest } from './payment-request.ts';
import { verifyReceipt } from './receipt.ts';
import { verifyRefundEntry } from './refund.ts';
import { readRefundOffer, verifyRefundOffer, type RefundKind } from './refund-offer.ts';
import { verifyRefundReceipt } from './refund-receipt.ts';
import { verifySale, verifySettlementBatch } from './settlement.ts';

/** What is wrong with an entry, closed; `code` of the finding says more where a rule refused. */
export const JOURNAL_FAULTS = [
  'entry_unreadable',
  'sequence_not_continuous',
  'chain_broken',
  'sale_unreadable',
  'sale_repeated',
  'kiosk_not_certified',
  'sale_invalid',
  'refund_unreadable',
  'refund_invalid',
  'receipt_invalid',
  'receipt_names_another_entry',
  'batch_invalid',
  'batch_sum_differs',
  'override_unreadable',
  'override_without_its_sale',
  'sale_at_risk_without_override',
  'entry_missing',
] as const;
export type JournalFault = (typeof JOURNAL_FAULTS)[number];

export interface JournalFinding {
  /** The place in the file, counted from 1: what the entry's sequence must be. */
  readonly sequence: number;
  readonly fault: JournalFault;
  readonly code: RefusalCode | null;
}

export interface JournalReport {
  /** The first entry that does not hold; null for a journal that is whole. */
  readonly broken: JournalFinding | null;
  /** Null when nothing in the file is signed, or no root was given. */
  readonly kiosk: KioskCertificate | null;
  readonly headHash: Uint8Array;
  /** Of the entries before the broken one, like every figure below. */
  readonly entries: number;
  readonly sales: number;
  readonly saleSumMinor: bigint;
  /** Voids and refunds. */
  readonly refunds: number;
  readonly refundSumMinor: bigint;
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  /** Sales whose payment's signature was checked, refunds with both, receipts and batches that hold. */
  readonly checkedPayments: number;
  readonly checkedRefunds: number;
  readonly checkedReceipts: number;
  readonly checkedBatches: number;
}

/** @param rootPublicKey Null checks sequence, chain and sums only: without a root no signature means anything. */
export function* checkJournal(
  records: readonly JournalRecord[],
  rootPublicKey: Uint8Array | null,
): Steps<JournalReport> {
  const certificates = rootPublicKey === null ? null : yield* readCertificates(records, rootPublicKey);
  const walk = new Walk(certificates, witnessesOf(records));
  for (const { bytes } of records.filter(({ kind }) => kind === 'journalEntry')) {
    const broken = yield* walk.step(bytes);
    if (broken !== null) return walk.report(broken);
  }
  return walk.report(walk.missing());
}

const finding = (sequence: number, fault: JournalFault, code: RefusalCode | null = null): JournalFinding => ({
  sequence,
  fault,
  code,
});

/** The money of an entry; null for entries without. */
type About =
  | { readonly payment: Payment; readonly isAtRisk: boolean }
  | { readonly refund: OfferWords; readonly refundedMinor: bigint };
type Looked =
  | { readonly finding: null; readonly about: About | null }
  | { readonly finding: JournalFinding; readonly about?: never };

interface Checked {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly about: About | null;
}

function totalsOf(entries: readonly Checked[]) {
  const totals = { sales: 0, saleSumMinor: 0n, refunds: 0, refundSumMinor: 0n };
  for (const { about } of entries) {
    if (about === null) continue;
    if ('payment' in about) {
      totals.sales += 1;
      totals.saleSumMinor += about.payment.amountMinor;
    } else {
      totals.refunds += 1;
      totals.refundSumMinor += about.refund.amountMinor;
    }
  }
  return totals;
}

/** The receipt of a sale or of a refund, by what its entry says. */
function* receiptOf(
  about: About,
  bytes: Uint8Array,
  kiosk: KioskCertificate,
): Steps<{ readonly journalHash: Uint8Array }> {
  if ('payment' in about) {
    const { hash, amountMinor } = about.payment;
    return yield* verifyReceipt(bytes, kiosk, { paymentHash: hash, amountMinor });
  }
  const { refundId, paymentHash, amountMinor } = about.refund;
  const receipt = yield* verifyRefundReceipt(bytes, kiosk, { refundId, paymentHash, amountMinor });
  if (receipt.refundedMinor !== about.refundedMinor) refuse('refund_receipt_is_for_another_refund');
  return receipt;
}

class Walk {
  readonly #certificates: Certificates | null;
  readonly #witnesses: Witnesses;
  readonly #entries: Checked[] = [];
  readonly #sales = new RefundedSales();
  #kiosk: KioskCertificate | null = null;
  #firstAt: number | null = null;
  #lastAt: number | null = null;
  /** Of the entry before, when that was an override: its sale must be this entry. */
  #override: OverrideBody | null = null;
  #payments = 0;
  #refunds = 0;
  #receipts = 0;
  #batches = 0;

  constructor(certificates: Certificates | null, witnesses: Witnesses) {
    this.#certificates = certificates;
    this.#witnesses = witnesses;
  }

  #hashBefore(sequence: number): Uint8Array {
    return this.#entries[sequence - 2]?.hash ?? GENESIS_HASH;
  }

  /** Takes the next entry. @returns what is wrong with it, or null. */
  *step(bytes: Uint8Array): Steps<JournalFinding | null> {
    const before = [this.#payments, this.#refunds, this.#receipts, this.#batches] as const;
    const broken = yield* this.#take(bytes);
    // What was checked of an entry that does not hold is not counted: the figures are of those before it.
    if (broken !== null) [this.#payments, this.#refunds, this.#receipts, this.#batches] = before;
    return broken;
  }

  *#take(bytes: Uint8Array): Steps<JournalFinding | null> {
    const sequence = this.#entries.length + 1;
    const entry = yield* tried(decoded(bytes));
    if (!entry.ok) return finding(sequence, 'entry_unreadable', entry.code);
    if (entry.value.sequence !== sequence) return finding(sequence, 'sequence_not_continuous');
    if (!equalBytes(entry.value.previousHash, this.#hashBefore(sequence)))
      return finding(sequence, 'chain_broken');
    const hash = yield* journalHash(bytes);
    const looked = yield* this.#look(entry.value);
    if (looked.finding !== null) return looked.finding;
    const { about } = looked;
    const override = yield* tried(overrideOf(entry.value));
    if (!override.ok) return finding(sequence, 'override_unreadable', override.code);
    const stranded = this.#checkOverride(sequence, about);
    if (stranded !== null) return stranded;
    const badReceipt = yield* this.#checkReceipts(sequence, hash, about);
    if (badReceipt !== null) return badReceipt;
    this.#entries.push({ bytes, hash, about });
    const badBatch = yield* this.#checkBatches(sequence);
    if (badBatch !== null) this.#entries.pop();
    else this.#seen(entry.value.at, override.value);
    return badBatch;
  }

  /** An override and its sale stand side by side, so that neither is believed without the other. */
  #checkOverride(sequence: number, about: About | null): JournalFinding | null {
    const override = this.#override;
    const sale = about !== null && 'payment' in about ? about : null;
    const isAtRisk = sale?.isAtRisk === true;
    if (override === null) return isAtRisk ? finding(sequence, 'sale_at_risk_without_override') : null;
    const isItsSale = sale !== null && isAtRisk && equalBytes(sale.payment.hash, override.paymentHash);
    return isItsSale ? null : finding(sequence, 'override_without_its_sale');
  }

  #seen(at: number, override: OverrideBody | null): void {
    this.#override = override;
    this.#firstAt ??= at;
    this.#lastAt = at;
  }

  /** What an entry is about, as far as money goes. */
  *#look(entry: JournalEntry): Steps<Looked> {
    switch (entry.kind) {
      case 'sale': {
        const sale = yield* tried(this.#sale(entry));
        return sale.ok ? sale.value : { finding: finding(entry.sequence, 'sale_unreadable', sale.code) };
      }
      case 'void':
      case 'refund': {
        const refund = yield* tried(this.#refund(entry, entry.kind));
        return refund.ok
          ? refund.value
          : { finding: finding(entry.sequence, 'refund_unreadable', refund.code) };
      }
      case 'cashIn':
      case 'cashOut':
      case 'dayClose':
      case 'clockJump':
      case 'override':
      case 'policyChange':
      case 'start':
      case 'stop':
        return { finding: null, about: null };
    }
  }

  #kioskOf({ kiosks }: Certificates, hash: Uint8Array): KioskCertificate | null {
    const kiosk = kiosks.get(toHex(hash));
    if (kiosk === undefined) return null;
    this.#kiosk ??= kiosk;
    return kiosk.kioskId === this.#kiosk.kioskId ? kiosk : null;
  }

  *#refund(entry: JournalEntry, kind: RefundKind): Steps<Looked> {
    const body = decodeRefundBody(entry.body);
    const { offer } = readRefundOffer(body.offer);
    const fits = attempt(() => this.#sales.refunded(kind, body, offer));
    if (!fits.ok) return { finding: finding(entry.sequence, 'refund_invalid', fits.code) };
    const about = { refund: offer, refundedMinor: body.refundedMinor };
    const certificates = this.#certificates;
    if (certificates === null) return { finding: null, about };
    const kiosk = this.#kioskOf(certificates, body.kioskCertificateHash);
    if (kiosk === null) return { finding: finding(entry.sequence, 'kiosk_not_certified') };
    const allowance = certificates.allowances.get(toHex(body.allowanceCertificateHash));
    const checked =
      allowance === undefined
        ? yield* tried(verifyRefundOffer(body.offer, kiosk))
        : yield* tried(verifyRefundEntry({ kind, body }, { kiosk, allowance }));
    if (!checked.ok) return { finding: finding(entry.sequence, 'refund_invalid', checked.code) };
    if (allowance !== undefined) this.#refunds += 1;
    return { finding: null, about };
  }

  *#sale(entry: JournalEntry): Steps<Looked> {
    const body = decodeSaleBody(entry.body);
    const payment = yield* readPayment(body.payment, { hash: body.allowanceCertificateHash });
    const about = { payment, isAtRisk: body.tier === 'at_risk' };
    if (!this.#sales.sold(entry.sequence, payment, body.allowanceCertificateHash))
      return { finding: finding(entry.sequence, 'sale_repeated') };
    const certificates = this.#certificates;
    if (certificates === null) return { finding: null, about };
    const kiosk = this.#kioskOf(certificates, body.kioskCertificateHash);
    if (kiosk === null) return { finding: finding(entry.sequence, 'kiosk_not_certified') };
    const allowance = certificates.allowances.get(toHex(body.allowanceCertificateHash));
    // Without the allowance's certificate the kiosk's half can still be checked.
    const checked =
      allowance === undefined
        ? yield* tried(verifyPaymentRequest(body.request, kiosk))
        : yield* tried(verifySale(body, { kiosk, allowance }));
    if (!checked.ok) return { finding: finding(entry.sequence, 'sale_invalid', checked.code) };
    if (allowance !== undefined) this.#payments += 1;
    return { finding: null, about };
  }

  *#checkReceipts(sequence: number, hash: Uint8Array, about: About | null): Steps<JournalFinding | null> {
    const certificates = this.#certificates;
    if (certificates === null) return null;
    for (const { kind, bytes } of this.#witnesses.receipts.get(sequence) ?? []) {
      if (about === null || (kind === 'receipt') !== 'payment' in about)
        return finding(sequence, 'receipt_names_another_entry');
      const receipt = yield* this.#byAnyCertificate(certificates, (kiosk) => receiptOf(about, bytes, kiosk));
      if (!receipt.ok) return finding(sequence, 'receipt_invalid', receipt.code);
      if (!equalBytes(receipt.value.journalHash, hash))
        return finding(sequence, 'receipt_names_another_entry');
      this.#receipts += 1;
    }
    return null;
  }

  *#checkBatches(sequence: number): Steps<JournalFinding | null> {
    const certificates = this.#certificates;
    if (certificates === null) return null;
    for (const { bytes, fromSequence } of this.#witnesses.batches.get(sequence) ?? []) {
      const signed = this.#entries.slice(fromSequence - 1, sequence);
      const entries = signed.map((entry) => entry.bytes);
      const envelope = { kioskCertificateHash: GENESIS_HASH, batch: bytes, entries };
      const verified = yield* this.#byAnyCertificate(certificates, (kiosk) =>
        verifySettlementBatch(envelope, kiosk),
      );
      if (!verified.ok) return finding(sequence, 'batch_invalid', verified.code);
      const { batch } = verified.value;
      if (!equalBytes(batch.headHash, this.#hashBefore(sequence + 1)))
        return finding(sequence, 'batch_invalid', 'batch_chain_broken');
      const { sales, saleSumMinor } = totalsOf(signed);
      if (batch.saleCount !== sales || batch.saleSumMinor !== saleSumMinor)
        return finding(sequence, 'batch_sum_differs');
      this.#batches += 1;
    }
    return null;
  }

  /** A kiosk signs under the certificate of the day; all of one kiosk are tried. */
  *#byAnyCertificate<T>(
    { kiosks }: Certificates,
    rule: (kiosk: KioskCertificate) => Steps<T>,
  ): Steps<Result<T>> {
    let last: Result<T> = { ok: false, code: 'issuer_unknown' };
    for (const kiosk of kiosks.values()) {
      this.#kiosk ??= kiosk;
      if (kiosk.kioskId !== this.#kiosk.kioskId) continue;
      last = yield* tried(rule(kiosk));
      if (last.ok) return last;
    }
    return last;
  }

  /** Somebody signed for an entry that is not in the file, or an override waits for its sale: the end was cut off. */
  missing(): JournalFinding | null {
    const isShort = this.#certificates !== null && this.#witnesses.lastSequence > this.#entries.length;
    return isShort || this.#override !== null ? finding(this.#entries.length + 1, 'entry_missing') : null;
  }

  report(broken: JournalFinding | null): JournalReport {
    return {
      broken,
      kiosk: this.#kiosk,
      headHash: this.#hashBefore(this.#entries.length + 1),
      entries: this.#entries.length,
      ...totalsOf(this.#entries),
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
      checkedPayments: this.#payments,
      checkedRefunds: this.#refunds,
      checkedReceipts: this.#receipts,
      checkedBatches: this.#batches,
    };
  }
}

// oxlint-disable-next-line require-yield -- the steps around it are a generator
function* overrideOf(entry: JournalEntry): Steps<OverrideBody | null> {
  return entry.kind === 'override' ? decodeOverrideBody(entry.body) : null;
}

// oxlint-disable-next-line require-yield -- the steps around it are a generator
function* decoded(bytes: Uint8Array): Steps<JournalEntry> {
  return decodeJournalEntry(bytes);
}
