/**
 * The payments' table and the evidence beside it. Owns the rows of what was accepted and how it settled; never
 * decides whether a payment is good, and takes only what has been verified.
 */
import {
  equalBytes,
  toHex,
  type AllowanceCertificate,
  type AllowanceHistory,
  type GuaranteeTier,
  type PayerFacts,
  type Payment,
  type VerifiedPayment,
} from '@tikiwallet/protocol';
import type { SettlementState } from '../../ipc/index.ts';
import type { KioskDatabase } from './open-database.ts';
import { PayerMemory } from './payer-memory.ts';
import { ownBytes, toBind, toNumber, toNumberOrNull, type StoredPayment } from './rows.ts';

/** Enough to prove a case, too little to fill a disk. */
const MAX_EVIDENCE_ROWS = 10_000n;

interface Row {
  readonly payment_hash: Buffer;
  readonly request_id: string;
  readonly sequence: bigint;
  readonly amount_minor: bigint;
  readonly currency: string;
  readonly masked_phone: string;
  readonly tier: GuaranteeTier;
  readonly checks: bigint;
  readonly receipt: Buffer;
  readonly accepted_at: bigint;
  readonly settlement: SettlementState;
  readonly settled_at: bigint | null;
  readonly refusal_code: string | null;
  readonly refunded_minor: bigint;
}

export interface PaymentToStore {
  readonly verified: VerifiedPayment;
  readonly sequence: number;
  /** Asked for when the row is written. */
  readonly receipt: () => Uint8Array;
  readonly acceptedAt: number;
}

interface Unwritten extends PaymentToStore {
  readonly allowanceNumber: bigint;
}

export interface Totals {
  readonly count: number;
  readonly sumMinor: bigint;
}

/** What is known of an earlier payment with the same allowance and counter. */
export interface CounterUse {
  readonly paymentHash: Uint8Array;
  readonly allowanceCertificateHash: Uint8Array;
}

export interface StoredCertificate {
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

export type Spend = Pick<Payment, 'hash' | 'counter' | 'amountMinor' | 'cumulativeMinor'>;

export interface Evidence {
  readonly paymentHash: Uint8Array;
  readonly conflictsWith: Uint8Array;
  readonly allowanceCertificate: Uint8Array;
  readonly payment: Uint8Array;
  readonly requestId: string;
  readonly code: string;
  readonly seenAt: number;
}

const COLUMNS =
  'payment_hash, request_id, sequence, amount_minor, currency, masked_phone, tier, checks, receipt, accepted_at, settlement, settled_at, refusal_code,' +
  ' (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r WHERE r.payment_hash = payments.payment_hash) AS refunded_minor';

/** As many allowances and certificates as a busy shop sees in days. */
const MAX_REMEMBERED = 4_096;

export class Payments {
  readonly #prepared;
  /** What `historyOf` last found or `insert` last wrote, as this connection is the table's only writer. */
  readonly #newest = new Map<string, AllowanceHistory>();
  /** Certificates that are in their table: by allowance the last that was seen of it, for most have one. */
  readonly #storedCertificates = new Map<string, { readonly hash: Uint8Array; readonly number: bigint }>();

  readonly #payers: PayerMemory;
  /** Stored but for their rows, by the requests that they pay. */
  #unwritten = new Map<string, Unwritten>();

  constructor(db: KioskDatabase) {
    this.#prepared = prepare(db);
    this.#payers = new PayerMemory({
      hasPaid: (payer) => this.#statements.hasPaid.get(payer) !== undefined,
      recent: (payer, sinceSeconds) =>
        this.#statements.recent
          .all({ payer, sinceSeconds })
          .map((row) => ({ acceptedAt: toNumber(row.accepted_at), amountMinor: row.amount_minor })),
      allowanceSumMinor: (allowanceId) => this.#statements.allowanceSum.get(allowanceId) ?? 0n,
    });
  }

  /** A transaction was undone: what was remembered of it never happened. */
  forget(): void {
    this.#newest.clear();
    this.#storedCertificates.clear();
    this.#payers.forget();
    this.#unwritten = new Map();
  }

  /** Nobody reads the table without what is stored in it. */
  get #statements(): ReturnType<typeof prepare> {
    this.writeRows();
    return this.#prepared;
  }

  byHash(paymentHash: Uint8Array): { readonly payment: StoredPayment; readonly receipt: Uint8Array } | null {
    const row = this.#statements.byHash.get(paymentHash);
    return row === undefined ? null : { payment: toStored(row), receipt: ownBytes(row.receipt) };
  }

  byRequest(requestId: string): StoredPayment | null {
    const row = this.#statements.byRequest.get(requestId);
    return row === undefined ? null : toStored(row);
  }

  byCounter(allowanceId: string, counter: number): CounterUse | null {
    const row = this.#statements.byCounter.get(allowanceId, counter);
    if (row === undefined) return null;
    return {
      paymentHash: ownBytes(row.payment_hash),
      allowanceCertificateHash: ownBytes(row.allowance_certificate_hash),
    };
  }

  /** Of the payment with the highest counter: no payment of this allowance has a higher one. */
  historyOf(allowanceId: string): AllowanceHistory | null {
    const remembered = this.#newest.get(allowanceId);
    if (remembered !== undefined) return remembered;
    const row = this.#statements.history.get(allowanceId);
    if (row === undefined) return null;
    const history = {
      lastCounter: toNumber(row.counter),
      lastCumulativeMinor: row.cumulative_minor,
      lastHash: ownBytes(row.payment_hash),
    };
    this.#remember(allowanceId, history);
    return history;
  }

  #remember(allowanceId: string, history: AllowanceHistory): void {
    // All at once instead of the oldest: it happens once in so many allowances, and the table still knows.
    if (this.#newest.size >= MAX_REMEMBERED) this.#newest.clear();
    this.#newest.set(allowanceId, history);
  }

  /** Certificates under which a payment was stored and whose hash begins with `reference`: at most two, which is one too many. */
  certificatesNamed(reference: Uint8Array): readonly StoredCertificate[] {
    const below = new Uint8Array(32).fill(0xff);
    below.set(reference);
    return this.#statements.certificatesNamed
      .all(reference, below)
      .map((row) => ({ hash: ownBytes(row.hash), bytes: ownBytes(row.bytes) }));
  }

  /** Who pays, as the limits ask: since `sinceSeconds`, and ever. */
  payerFacts(allowance: AllowanceCertificate, sinceSeconds: number): PayerFacts {
    return this.#payers.facts(allowance, sinceSeconds);
  }

  /** The payment with the highest counter, as a proof of double spend compares it. */
  newestSpend(allowanceId: string): Spend | null {
    const row = this.#statements.history.get(allowanceId);
    if (row === undefined) return null;
    return {
      hash: ownBytes(row.payment_hash),
      counter: toNumber(row.counter),
      amountMinor: row.amount_minor,
      cumulativeMinor: row.cumulative_minor,
    };
  }

  /** The row of each that was stored: at the latest before the transaction ends. */
  writeRows(): void {
    if (this.#unwritten.size === 0) return;
    const rows = this.#unwritten;
    this.#unwritten = new Map();
    for (const row of rows.values()) this.#write(row);
  }

  /** It is stored that this request is paid, and its row does not say so yet. */
  isUnwritten(requestId: string): boolean {
    return this.#unwritten.has(requestId);
  }

  #write({ verified, sequence, receipt, acceptedAt, allowanceNumber }: Unwritten): void {
    const { payment, allowance } = verified;
    this.#prepared.insert.run(
      sequence,
      allowanceNumber,
      payment.counter,
      payment.amountMinor,
      payment.cumulativeMinor,
      acceptedAt,
      toBind(payment.hash),
      verified.requestId,
      allowance.currency,
      allowance.hash,
      allowance.devicePublicKey,
      allowance.maskedPhone,
      verified.tier,
      verified.checks,
      receipt(),
    );
  }

  /** What follows in the same transaction sees it; its row waits for its receipt until {@link writeRows}. */
  insert(entry: PaymentToStore): StoredPayment {
    const { verified, sequence, acceptedAt } = entry;
    const { payment, allowance } = verified;
    const allowanceNumber = this.#storeCertificate(allowance, acceptedAt);
    this.#unwritten.set(verified.requestId, { ...entry, allowanceNumber });
    this.#payers.add(allowance, { acceptedAt, amountMinor: payment.amountMinor });
    const former = this.#newest.get(allowance.allowanceId);
    // What was not remembered is read when it is asked for: only the table knows whether there is a higher one.
    if (former !== undefined && payment.counter > former.lastCounter) {
      this.#remember(allowance.allowanceId, {
        lastCounter: payment.counter,
        lastCumulativeMinor: payment.cumulativeMinor,
        lastHash: payment.hash,
      });
    }
    return {
      paymentHash: toHex(payment.hash),
      requestId: verified.requestId,
      amountMinor: payment.amountMinor,
      currency: allowance.currency,
      maskedPhone: allowance.maskedPhone,
      tier: verified.tier,
      checks: verified.checks,
      sequence,
      acceptedAt,
      settlement: 'on_this_device',
      settledAt: null,
      refusalCode: null,
      refundedMinor: 0n,
    };
  }

  /** @returns the number of its allowance. */
  #storeCertificate(allowance: AllowanceCertificate, acceptedAt: number): bigint {
    const known = this.#storedCertificates.get(allowance.allowanceId);
    if (known !== undefined && equalBytes(known.hash, allowance.hash)) return known.number;
    this.#prepared.insertCertificate.run(
      allowance.hash,
      allowance.allowanceId,
      allowance.bytes,
      allowance.notAfter,
      acceptedAt,
      allowance.devicePublicKey,
    );
    this.#prepared.insertAllowance.run(allowance.allowanceId);
    const number = this.#prepared.numberOf.get(allowance.allowanceId);
    if (number === undefined) throw new Error('an allowance was stored and is not there');
    if (this.#storedCertificates.size >= MAX_REMEMBERED) this.#storedCertificates.clear();
    this.#storedCertificates.set(allowance.allowanceId, { hash: allowance.hash, number });
    return number;
  }

  keepEvidence(evidence: Evidence): void {
    if ((this.#statements.countEvidence.get() ?? 0n) >= MAX_EVIDENCE_ROWS) return;
    this.#statements.insertEvidence.run(
      evidence.paymentHash,
      evidence.conflictsWith,
      evidence.allowanceCertificate,
      evidence.payment,
      evidence.requestId,
      evidence.code,
      evidence.seenAt,
    );
  }

  /** Newest first, strictly below `before`. */
  page(before: number | null, limit: number): readonly StoredPayment[] {
    return this.#statements.page.all(before ?? Number.MAX_SAFE_INTEGER, limit).map(toStored);
  }

  unsettled(): Totals {
    const row = this.#statements.unsettled.get();
    return { count: toNumber(row?.count ?? 0n), sumMinor: row?.sum_minor ?? 0n };
  }

  /** Walks back from the newest: a day's sales, not the whole table. */
  acceptedSince(seconds: number): Totals {
    let count = 0;
    let sumMinor = 0n;
    for (const row of this.#statements.newestFirst.iterate()) {
      if (toNumber(row.accepted_at) < seconds) break;
      count += 1;
      sumMinor += row.amount_minor;
    }
    return { count, sumMinor };
  }

  /** What an entry's payment stands at, or null when that entry is no sale. */
  settlementAt(sequence: number): { readonly state: SettlementState; readonly amountMinor: bigint } | null {
    const row = this.#statements.settlementAt.get(sequence);
    return row === undefined ? null : { state: row.settlement, amountMinor: row.amount_minor };
  }

  salesIn(from: number, to: number): Totals {
    const row = this.#statements.salesIn.get(from, to);
    return { count: toNumber(row?.count ?? 0n), sumMinor: row?.sum_minor ?? 0n };
  }

  sequencesIn(from: number, to: number): readonly number[] {
    return this.#statements.sequencesIn.all(from, to).map((row) => toNumber(row.sequence));
  }

  markSent(from: number, to: number): void {
    this.#statements.markSent.run(from, to);
  }

  settle(
    sequence: number,
    outcome: { readonly state: SettlementState; readonly code: string | null; readonly at: number },
  ): void {
    this.#statements.settle.run(outcome.state, outcome.code, outcome.at, sequence);
  }
}

function toStored(row: Row): StoredPayment {
  return {
    paymentHash: toHex(row.payment_hash),
    requestId: row.request_id,
    amountMinor: row.amount_minor,
    currency: row.currency,
    maskedPhone: row.masked_phone,
    tier: row.tier,
    checks: toNumber(row.checks),
    sequence: toNumber(row.sequence),
    acceptedAt: toNumber(row.accepted_at),
    settlement: row.settlement,
    settledAt: toNumberOrNull(row.settled_at),
    refusalCode: row.refusal_code,
    refundedMinor: row.refunded_minor,
  };
}

interface SumRow {
  readonly count: bigint;
  readonly sum_minor: bigint;
}

/** The number that an allowance goes by in its payments; null while it has none. */
const NUMBER = '(SELECT number FROM allowances WHERE allowance_id = ?)';

function prepare(db: KioskDatabase) {
  return {
    byHash: db.prepare<[Uint8Array], Row>(`SELECT ${COLUMNS} FROM payments WHERE payment_hash = ?`),
    byRequest: db.prepare<[string], Row>(`SELECT ${COLUMNS} FROM payments WHERE request_id = ?`),
    byCounter: db.prepare<[string, number], { payment_hash: Buffer; allowance_certificate_hash: Buffer }>(
      `SELECT payment_hash, allowance_certificate_hash FROM payments WHERE allowance = ${NUMBER} AND counter = ?`,
    ),
    history: db.prepare<
      [string],
      { counter: bigint; amount_minor: bigint; cumulative_minor: bigint; payment_hash: Buffer }
    >(
      `SELECT counter, amount_minor, cumulative_minor, payment_hash FROM payments WHERE allowance = ${NUMBER} ORDER BY counter DESC LIMIT 1`,
    ),
    certificatesNamed: db.prepare<[Uint8Array, Uint8Array], { hash: Buffer; bytes: Buffer }>(
      'SELECT hash, bytes FROM allowance_certificates WHERE hash BETWEEN ? AND ? LIMIT 2',
    ),
    // Certificates of the first versions were stored without their payer.
    insertCertificate: db.prepare<[Uint8Array, string, Uint8Array, number, number, Uint8Array]>(
      `INSERT INTO allowance_certificates (hash, allowance_id, bytes, not_after, first_seen_at, payer) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (hash) DO UPDATE SET payer = excluded.payer WHERE payer IS NULL`,
    ),
    insertAllowance: db.prepare<[string]>(
      'INSERT INTO allowances (allowance_id) VALUES (?) ON CONFLICT (allowance_id) DO NOTHING',
    ),
    numberOf: db.prepare<[string], bigint>(`SELECT ${NUMBER}`).pluck(),
    insert: db.prepare<
      [
        number,
        bigint,
        number,
        bigint,
        bigint,
        number,
        Uint8Array,
        string,
        string,
        Uint8Array,
        Uint8Array,
        string,
        string,
        number,
        Uint8Array,
      ]
    >(
      `INSERT INTO payments (sequence, allowance, counter, amount_minor, cumulative_minor, accepted_at, payment_hash, request_id,
         currency, allowance_certificate_hash, payer, masked_phone, tier, checks, receipt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    hasPaid: db.prepare<[Uint8Array], { one: bigint }>(
      `SELECT 1 AS one FROM allowance_certificates c JOIN allowances a ON a.allowance_id = c.allowance_id
         JOIN payments p ON p.allowance = a.number AND p.payer = c.payer
       WHERE c.payer = ? LIMIT 1`,
    ),
    // Nothing is accepted after its certificate's end: what ended before the window has nothing in it.
    recent: db.prepare<
      [{ payer: Uint8Array; sinceSeconds: number }],
      { accepted_at: bigint; amount_minor: bigint }
    >(
      `SELECT accepted_at, amount_minor FROM payments
       WHERE allowance IN (
           SELECT a.number FROM allowance_certificates c JOIN allowances a ON a.allowance_id = c.allowance_id
           WHERE c.payer = @payer AND c.not_after > @sinceSeconds)
         AND payer = @payer AND accepted_at > @sinceSeconds`,
    ),
    allowanceSum: db
      .prepare<[string], bigint>(
        `SELECT coalesce(sum(amount_minor), 0) FROM payments WHERE allowance = ${NUMBER}`,
      )
      .pluck(),
    countEvidence: db.prepare<[], bigint>('SELECT count(*) FROM double_spend_evidence').pluck(),
    insertEvidence: db.prepare<[Uint8Array, Uint8Array, Uint8Array, Uint8Array, string, string, number]>(
      `INSERT INTO double_spend_evidence (payment_hash, conflicts_with, allowance_certificate, payment, request_id, code, seen_at)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (payment_hash) DO NOTHING`,
    ),
    page: db.prepare<[number, number], Row>(
      `SELECT ${COLUMNS} FROM payments WHERE sequence < ? ORDER BY sequence DESC LIMIT ?`,
    ),
    unsettled: db.prepare<[], SumRow>(
      `SELECT count(*) AS count, coalesce(sum(amount_minor), 0) AS sum_minor FROM payments
       WHERE sequence > (SELECT acknowledged_sequence FROM settlement_cursor) AND settlement IN ('on_this_device', 'sent')`,
    ),
    newestFirst: db.prepare<[], { accepted_at: bigint; amount_minor: bigint }>(
      'SELECT accepted_at, amount_minor FROM payments ORDER BY sequence DESC',
    ),
    settlementAt: db.prepare<[number], { settlement: SettlementState; amount_minor: bigint }>(
      'SELECT settlement, amount_minor FROM payments WHERE sequence = ?',
    ),
    salesIn: db.prepare<[number, number], SumRow>(
      `SELECT count(*) AS count, coalesce(sum(amount_minor), 0) AS sum_minor FROM payments WHERE sequence BETWEEN ? AND ?`,
    ),
    sequencesIn: db.prepare<[number, number], { sequence: bigint }>(
      'SELECT sequence FROM payments WHERE sequence BETWEEN ? AND ?',
    ),
    markSent: db.prepare<[number, number]>(
      `UPDATE payments SET settlement = 'sent' WHERE sequence BETWEEN ? AND ? AND settlement = 'on_this_device'`,
    ),
    settle: db.prepare<[string, string | null, number, number]>(
      'UPDATE payments SET settlement = ?, refusal_code = ?, settled_at = ? WHERE sequence = ?',
    ),
  };
}
