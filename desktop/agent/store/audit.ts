/**
 * The audit of what is stored: the journal's chain, and that each sale's payment row says what its entry says.
 * Reads only. The newest entries are audited before anything is accepted, the older ones in slices afterwards.
 */
import {
  attempt,
  decodeJournalEntry,
  decodeSaleBody,
  readPayment,
  runSync,
  toHex,
  type SyncCrypto,
} from '@tikiwallet/protocol';
import { Quarantined } from './faults.ts';
import type { Journal } from './journal.ts';
import type { KioskDatabase } from './open-database.ts';
import { toNumber } from './rows.ts';

/** About half a second of reading on a small PC: more than any shop holds unsettled. */
const AUDITED_AT_START = 20_000;
const SLICE = 1_000;

interface PaymentRow {
  readonly payment_hash: Buffer;
  readonly amount_minor: bigint;
  readonly counter: bigint;
}

export class Audit {
  readonly #journal: Journal;
  readonly #crypto: SyncCrypto;
  readonly #paymentAt;
  readonly #paymentCount;
  /** Entries 1..this are still to be audited. */
  #unaudited = 0;

  constructor(db: KioskDatabase, journal: Journal, crypto: SyncCrypto) {
    this.#journal = journal;
    this.#crypto = crypto;
    this.#paymentAt = db.prepare<[number], PaymentRow>(
      'SELECT payment_hash, amount_minor, counter FROM payments WHERE sequence = ?',
    );
    this.#paymentCount = db
      .prepare<[number, number], bigint>('SELECT count(*) FROM payments WHERE sequence BETWEEN ? AND ?')
      .pluck();
  }

  /** @throws Quarantined */
  start(headSequence: number): void {
    this.#unaudited = Math.max(0, headSequence - AUDITED_AT_START);
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

  #check(from: number, to: number): void {
    if (to < from) return;
    this.#journal.verify(from, to);
    let sales = 0;
    for (const row of this.#journal.rows(from, to)) {
      const entry = attempt(() => decodeJournalEntry(row.bytes));
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
