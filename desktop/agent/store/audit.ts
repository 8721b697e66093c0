/**
 * The audit of what is stored: the journal's chain, and that the row of each sale and each refund says what its entry says.
 * Reads only. The newest entries are audited before anything is accepted, the older ones in slices afterwards.
 */
import {
  attempt,
  decodeJournalEntry,
  decodeRefundBody,
  decodeSaleBody,
  equalBytes,
  readPayment,
  runSync,
  toHex,
  type SyncCrypto,
} from '@tikiwallet/protocol';
import { Quarantined } from './faults.ts';
import type { Journal } from './journal.ts';
import type { KioskDatabase } from './open-database.ts';
import { toNumber } from './rows.ts';

/**
 * Before anything is sold: what the cloud has not acknowledged, and the newest entries in any case. At most so many, about half
 * a second of reading on a small PC: more than any shop holds unsettled.
 */
const AUDITED_AT_START = { least: 1_000, most: 20_000 };
const SLICE = 1_000;

interface PaymentRow {
  readonly payment_hash: Buffer;
  readonly amount_minor: bigint;
  readonly counter: bigint;
}

interface RefundRow {
  readonly acceptance: Buffer;
  readonly refunded_minor: bigint;
  /** Of the offer. */
  readonly bytes: Buffer;
}

export class Audit {
  readonly #journal: Journal;
  readonly #crypto: SyncCrypto;
  readonly #paymentAt;
  readonly #paymentCount;
  readonly #refundAt;
  readonly #refundCount;
  readonly #atStart: typeof AUDITED_AT_START;
  /** Entries 1..this are still to be audited. */
  #unaudited = 0;

  constructor(db: KioskDatabase, journal: Journal, crypto: SyncCrypto, atStart = AUDITED_AT_START) {
    this.#journal = journal;
    this.#atStart = atStart;
    this.#crypto = crypto;
    this.#paymentAt = db.prepare<[number], PaymentRow>(
      'SELECT payment_hash, amount_minor, counter FROM payments WHERE sequence = ?',
    );
    this.#paymentCount = db
      .prepare<[number, number], bigint>('SELECT count(*) FROM payments WHERE sequence BETWEEN ? AND ?')
      .pluck();
    this.#refundAt = db.prepare<[number], RefundRow>(
      `SELECT r.acceptance, r.refunded_minor, o.bytes FROM refunds r JOIN refund_offers o USING (refund_id)
       WHERE r.sequence = ?`,
    );
    this.#refundCount = db
      .prepare<[number, number], bigint>('SELECT count(*) FROM refunds WHERE sequence BETWEEN ? AND ?')
      .pluck();
  }

  /** @throws Quarantined */
  start(headSequence: number, acknowledgedSequence: number): void {
    const { least, most } = this.#atStart;
    const due = Math.max(headSequence - acknowledgedSequence, least);
    this.#unaudited = Math.max(0, headSequence - Math.min(due, most));
    this.#check(this.#unaudited + 1, headSequence);
  }

  /** One more slice of the past. @returns whether there is more. @throws Quarantined */
  next(): boolean {
    if (this.#unaudited === 0) return false;
    const from = Math.max(1, this.#unaudited - SLICE + 1);
    this.#check(from, this.#unaudited);
    this.#unaudited = from - 1;
    return this.#unaudited > 0;
  }

  /** All of the past, where something was found to be wrong before. @throws Quarantined */
  finish(): void {
    for (let hasMore = true; hasMore; ) hasMore = this.next();
  }

  #check(from: number, to: number): void {
    if (to < from) return;
    this.#journal.verify(from, to);
    let sales = 0;
    let refunds = 0;
    for (const row of this.#journal.rows(from, to)) {
      const entry = attempt(() => decodeJournalEntry(row.bytes));
      if (entry.ok && (entry.value.kind === 'void' || entry.value.kind === 'refund')) {
        refunds += 1;
        if (!this.#refundMatches(row.sequence, entry.value.body))
          throw new Quarantined(
            'payments_differ_from_journal',
            `the refund of entry ${row.sequence} is not the one that was given back`,
          );
      }
      if (!entry.ok || entry.value.kind !== 'sale') continue;
      sales += 1;
      if (!this.#paymentMatches(row.sequence, entry.value.body)) {
        throw new Quarantined(
          'payments_differ_from_journal',
          `the payment of entry ${row.sequence} is not the one that was accepted`,
        );
      }
    }
    if (sales !== toNumber(this.#paymentCount.get(from, to) ?? 0n)) {
      throw new Quarantined('payments_differ_from_journal', `entries ${from} to ${to} hold ${sales} sales`);
    }
    if (refunds !== toNumber(this.#refundCount.get(from, to) ?? 0n))
      throw new Quarantined(
        'payments_differ_from_journal',
        `entries ${from} to ${to} hold ${refunds} refunds`,
      );
  }

  /** A row too few would let the same sale give back more than it took. */
  #refundMatches(sequence: number, body: readonly unknown[]): boolean {
    const row = this.#refundAt.get(sequence);
    const refund = attempt(() => decodeRefundBody(body));
    return (
      row !== undefined &&
      refund.ok &&
      equalBytes(refund.value.offer, row.bytes) &&
      equalBytes(refund.value.acceptance, row.acceptance) &&
      refund.value.refundedMinor === row.refunded_minor
    );
  }

  #paymentMatches(sequence: number, body: readonly unknown[]): boolean {
    const row = this.#paymentAt.get(sequence);
    const sale = attempt(() => decodeSaleBody(body));
    if (row === undefined || !sale.ok) return false;
    const payment = runSync(
      readPayment(sale.value.payment, { hash: sale.value.allowanceCertificateHash }),
      this.#crypto,
    );
    return (
      payment.ok &&
      toHex(payment.value.hash) === toHex(row.payment_hash) &&
      payment.value.amountMinor === row.amount_minor &&
      payment.value.counter === toNumber(row.counter)
    );
  }
}
