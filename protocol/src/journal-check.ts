/**
 * Is this journal whole? Sequence, chain, sums, and every signature that the file brings along: requests, payments,
 * receipts and batches. Says the first entry that does not hold, and what is wrong with it.
 */
import { equalBytes, toHex } from './bytes.ts';
import {
  verifyAllowanceCertificate,
  verifyKioskCertificate,
  type AllowanceCertificate,
  type KioskCertificate,
} from './certificates.ts';
import { readObject, readPayload } from './cose.ts';
import type { Steps } from './crypto.ts';
import { Refusal, type RefusalCode, type Result } from './errors.ts';
import { verifyIssuerCertificate, type IssuerCertificate } from './issuer-certificate.ts';
import {
  decodeJournalEntry,
  decodeSaleBody,
  GENESIS_HASH,
  journalHash,
  type JournalEntry,
} from './journal.ts';
import type { JournalRecord, JournalRecordKind } from './journal-file.ts';
import { MAX_BATCH_ENTRIES, MAX_COUNTER, MAX_OBJECT_BYTES } from './limits.ts';
import { decodeOverrideBody, type OverrideBody } from './override.ts';
import { readPayment, type Payment } from './payment.ts';
import { verifyPaymentRequest } from './payment-request.ts';
import { PURPOSE } from './purposes.ts';
import { verifyReceipt } from './receipt.ts';
import { verifySale, verifySettlementBatch } from './settlement.ts';
import { verifyTrustBundle } from './trust-bundle.ts';

/** What is wrong with an entry, closed; `code` of the finding says more where a rule refused. */
export const JOURNAL_FAULTS = [
  'entry_unreadable',
  'sequence_not_continuous',
  'chain_broken',
  'sale_unreadable',
  'kiosk_not_certified',
  'sale_invalid',
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
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  /** Sales whose payment's signature was checked, receipts and batches that hold. */
  readonly checkedPayments: number;
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

interface Certificates {
  readonly kiosks: ReadonlyMap<string, KioskCertificate>;
  readonly allowances: ReadonlyMap<string, AllowanceCertificate>;
}

/** A refusal as a value, in the middle of steps. */
function* tried<T>(steps: Steps<T>): Steps<Result<T>> {
  try {
    return { ok: true, value: yield* steps };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, code: error.code };
    throw error;
  }
}

function bytesOf(records: readonly JournalRecord[], kind: JournalRecordKind): readonly Uint8Array[] {
  return records.filter((record) => record.kind === kind).map(({ bytes }) => bytes);
}

/** Those that lead back to the root; what is signed under any other is signed by nobody. */
function* readCertificates(records: readonly JournalRecord[], root: Uint8Array): Steps<Certificates> {
  const issuers: IssuerCertificate[] = [];
  for (const bytes of bytesOf(records, 'trustBundle')) {
    const bundle = yield* tried(verifyTrustBundle(bytes, root));
    if (bundle.ok) issuers.push(...bundle.value.issuers);
  }
  for (const bytes of bytesOf(records, 'issuerCertificate')) {
    const issuer = yield* tried(verifyIssuerCertificate(bytes, root));
    if (issuer.ok) issuers.push(issuer.value);
  }
  const kiosks = new Map<string, KioskCertificate>();
  for (const bytes of bytesOf(records, 'kioskCertificate')) {
    const kiosk = yield* tried(verifyKioskCertificate(bytes, issuers));
    if (kiosk.ok) kiosks.set(toHex(kiosk.value.hash), kiosk.value);
  }
  const allowances = new Map<string, AllowanceCertificate>();
  for (const bytes of bytesOf(records, 'allowanceCertificate')) {
    const allowance = yield* tried(verifyAllowanceCertificate(bytes, issuers));
    if (allowance.ok) allowances.set(toHex(allowance.value.hash), allowance.value);
  }
  return { kiosks, allowances };
}

interface Witness {
  readonly bytes: Uint8Array;
  /** Of a batch; equal to the sequence for a receipt. */
  readonly fromSequence: number;
}

interface Witnesses {
  readonly receipts: ReadonlyMap<number, readonly Witness[]>;
  /** By the last sequence that they sign. */
  readonly batches: ReadonlyMap<number, readonly Witness[]>;
  readonly lastSequence: number;
}

/** Receipts and batches by the entry that they speak of; one that cannot be read speaks of entry 1. */
function witnessesOf(records: readonly JournalRecord[]): Witnesses {
  const receipts = new Map<number, Witness[]>();
  const batches = new Map<number, Witness[]>();
  let lastSequence = 0;
  for (const { kind, bytes } of records) {
    if (kind !== 'receipt' && kind !== 'settlementBatch') continue;
    const { from, to } = placeOf(kind, bytes);
    const map = kind === 'receipt' ? receipts : batches;
    map.set(to, [...(map.get(to) ?? []), { bytes, fromSequence: from }]);
    lastSequence = Math.max(lastSequence, to);
  }
  return { receipts, batches, lastSequence };
}

function placeOf(kind: 'receipt' | 'settlementBatch', bytes: Uint8Array): { from: number; to: number } {
  try {
    const fields = readPayload(readObject(bytes, MAX_OBJECT_BYTES));
    fields.purpose(PURPOSE[kind]);
    if (kind === 'receipt') {
      fields.bytes(32);
      fields.amountMinor(1n);
      fields.uint(255);
      const sequence = fields.uint(MAX_COUNTER, 1);
      return { from: sequence, to: sequence };
    }
    const from = fields.uint(MAX_COUNTER, 1);
    return { from, to: from + fields.uint(MAX_BATCH_ENTRIES) - 1 };
  } catch (error) {
    if (error instanceof Refusal) return { from: 1, to: 1 };
    throw error;
  }
}

const finding = (sequence: number, fault: JournalFault, code: RefusalCode | null = null): JournalFinding => ({
  sequence,
  fault,
  code,
});

class Walk {
  readonly #certificates: Certificates | null;
  readonly #witnesses: Witnesses;
  readonly #entries: { readonly bytes: Uint8Array; readonly hash: Uint8Array; readonly saleMinor: bigint }[] =
    [];
  #kiosk: KioskCertificate | null = null;
  #firstAt: number | null = null;
  #lastAt: number | null = null;
  /** Of the entry before, when that was an override: its sale must be this entry. */
  #override: OverrideBody | null = null;
  #payments = 0;
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
    const [payments, receipts, batches] = [this.#payments, this.#receipts, this.#batches];
    const broken = yield* this.#take(bytes);
    // What was checked of an entry that does not hold is not counted: the figures are of those before it.
    if (broken !== null) [this.#payments, this.#receipts, this.#batches] = [payments, receipts, batches];
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
    const payment = entry.value.kind === 'sale' ? yield* tried(this.#sale(entry.value)) : null;
    if (payment !== null && !payment.ok) return finding(sequence, 'sale_unreadable', payment.code);
    if (payment !== null && payment.value.finding !== null) return payment.value.finding;
    const paid = payment?.value.payment ?? null;
    const override = yield* tried(overrideOf(entry.value));
    if (!override.ok) return finding(sequence, 'override_unreadable', override.code);
    const stranded = this.#checkOverride(sequence, paid, payment?.value.isAtRisk === true);
    if (stranded !== null) return stranded;
    const badReceipt = yield* this.#checkReceipts(sequence, hash, paid);
    if (badReceipt !== null) return badReceipt;
    this.#entries.push({ bytes, hash, saleMinor: paid?.amountMinor ?? -1n });
    const badBatch = yield* this.#checkBatches(sequence);
    if (badBatch !== null) this.#entries.pop();
    else this.#seen(entry.value.at, override.value);
    return badBatch;
  }

  /** An override and its sale stand side by side, so that neither is believed without the other. */
  #checkOverride(sequence: number, payment: Payment | null, isAtRisk: boolean): JournalFinding | null {
    const override = this.#override;
    if (override === null) return isAtRisk ? finding(sequence, 'sale_at_risk_without_override') : null;
    const isItsSale = payment !== null && isAtRisk && equalBytes(payment.hash, override.paymentHash);
    return isItsSale ? null : finding(sequence, 'override_without_its_sale');
  }

  #seen(at: number, override: OverrideBody | null): void {
    this.#override = override;
    this.#firstAt ??= at;
    this.#lastAt = at;
  }

  *#sale(
    entry: JournalEntry,
  ): Steps<{ finding: JournalFinding | null; payment: Payment; isAtRisk: boolean }> {
    const body = decodeSaleBody(entry.body);
    const payment = yield* readPayment(body.payment, { hash: body.allowanceCertificateHash });
    const isAtRisk = body.tier === 'at_risk';
    if (this.#certificates === null) return { finding: null, payment, isAtRisk };
    const kiosk = this.#certificates.kiosks.get(toHex(body.kioskCertificateHash));
    this.#kiosk ??= kiosk ?? null;
    if (kiosk === undefined || kiosk.kioskId !== this.#kiosk?.kioskId)
      return { finding: finding(entry.sequence, 'kiosk_not_certified'), payment, isAtRisk };
    const allowance = this.#certificates.allowances.get(toHex(body.allowanceCertificateHash));
    // Without the allowance's certificate the kiosk's half can still be checked.
    const checked =
      allowance === undefined
        ? yield* tried(verifyPaymentRequest(body.request, kiosk))
        : yield* tried(verifySale(body, { kiosk, allowance }));
    if (!checked.ok)
      return { finding: finding(entry.sequence, 'sale_invalid', checked.code), payment, isAtRisk };
    if (allowance !== undefined) this.#payments += 1;
    return { finding: null, payment, isAtRisk };
  }

  *#checkReceipts(sequence: number, hash: Uint8Array, payment: Payment | null): Steps<JournalFinding | null> {
    if (this.#certificates === null) return null;
    for (const { bytes } of this.#witnesses.receipts.get(sequence) ?? []) {
      if (payment === null) return finding(sequence, 'receipt_names_another_entry');
      const expected = { paymentHash: payment.hash, amountMinor: payment.amountMinor };
      const receipt = yield* this.#byAnyCertificate((kiosk) => verifyReceipt(bytes, kiosk, expected));
      if (!receipt.ok) return finding(sequence, 'receipt_invalid', receipt.code);
      if (!equalBytes(receipt.value.journalHash, hash))
        return finding(sequence, 'receipt_names_another_entry');
      this.#receipts += 1;
    }
    return null;
  }

  *#checkBatches(sequence: number): Steps<JournalFinding | null> {
    if (this.#certificates === null) return null;
    for (const { bytes, fromSequence } of this.#witnesses.batches.get(sequence) ?? []) {
      const signed = this.#entries.slice(fromSequence - 1, sequence);
      const entries = signed.map((entry) => entry.bytes);
      const envelope = { kioskCertificateHash: GENESIS_HASH, batch: bytes, entries };
      const verified = yield* this.#byAnyCertificate((kiosk) => verifySettlementBatch(envelope, kiosk));
      if (!verified.ok) return finding(sequence, 'batch_invalid', verified.code);
      const { batch } = verified.value;
      if (!equalBytes(batch.headHash, this.#hashBefore(sequence + 1)))
        return finding(sequence, 'batch_invalid', 'batch_chain_broken');
      const sales = signed.filter(({ saleMinor }) => saleMinor >= 0n);
      const sumMinor = sales.reduce((sum, { saleMinor }) => sum + saleMinor, 0n);
      if (batch.saleCount !== sales.length || batch.saleSumMinor !== sumMinor)
        return finding(sequence, 'batch_sum_differs');
      this.#batches += 1;
    }
    return null;
  }

  /** A kiosk signs under the certificate of the day; all of one kiosk are tried. */
  *#byAnyCertificate<T>(rule: (kiosk: KioskCertificate) => Steps<T>): Steps<Result<T>> {
    let last: Result<T> = { ok: false, code: 'issuer_unknown' };
    for (const kiosk of this.#certificates?.kiosks.values() ?? []) {
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
    const sales = this.#entries.filter(({ saleMinor }) => saleMinor >= 0n);
    return {
      broken,
      kiosk: this.#kiosk,
      headHash: this.#hashBefore(this.#entries.length + 1),
      entries: this.#entries.length,
      sales: sales.length,
      saleSumMinor: sales.reduce((sum, { saleMinor }) => sum + saleMinor, 0n),
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
      checkedPayments: this.#payments,
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
