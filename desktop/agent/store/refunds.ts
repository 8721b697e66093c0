/**
 * The refunds' tables: what was offered and what was given back. Owns the rows; never decides whether something may be
 * given back, and takes only what has been verified. That a sale gives back no more than it took is also in the schema.
 */
import { toHex, type RefundKind, type VerifiedRefund } from '@tikiwallet/protocol';
import type { RefundReason, RefundSettlement, RefundState, SettlementState } from '../../ipc/index.ts';
import type { KioskDatabase } from './open-database.ts';
import { ownBytes, toNumber, toNumberOrNull, type StoredRefund } from './rows.ts';

export interface RefundOfferRow {
  readonly refundId: string;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly kioskCertificateHash: Uint8Array;
  readonly paymentHash: Uint8Array;
  readonly kind: RefundKind;
  readonly amountMinor: bigint;
  readonly reason: RefundReason;
  readonly openedAtMs: number;
  readonly bootId: string;
  readonly deadlineMs: number;
  readonly state: RefundState;
}

/** A stored sale, as a refund looks at it. */
export interface RefundableRow {
  readonly paymentHash: Uint8Array;
  readonly sequence: number;
  readonly amountMinor: bigint;
  readonly refundedMinor: bigint;
  readonly currency: string;
  readonly maskedPhone: string;
  readonly settlement: SettlementState;
  /** The certificate under which it was paid. */
  readonly allowanceCertificate: Uint8Array;
}

interface OfferRow {
  readonly refund_id: string;
  readonly hash: Buffer;
  readonly bytes: Buffer;
  readonly kiosk_certificate_hash: Buffer;
  readonly payment_hash: Buffer;
  readonly kind: RefundKind;
  readonly amount_minor: bigint;
  readonly reason: RefundReason;
  readonly opened_at_ms: bigint;
  readonly boot_id: string;
  readonly deadline_ms: bigint;
  readonly state: RefundState;
}

interface SaleRow {
  readonly payment_hash: Buffer;
  readonly sequence: bigint;
  readonly amount_minor: bigint;
  readonly refunded_minor: bigint;
  readonly currency: string;
  readonly masked_phone: string;
  readonly settlement: SettlementState;
  readonly allowance_certificate: Buffer;
}

interface RefundRow {
  readonly refund_id: string;
  readonly payment_hash: Buffer;
  readonly kind: RefundKind;
  readonly reason: RefundReason;
  readonly sequence: bigint;
  readonly amount_minor: bigint;
  readonly refunded_minor: bigint;
  readonly receipt: Buffer;
  readonly given_back_at: bigint;
  readonly settlement: RefundSettlement;
  readonly settled_at: bigint | null;
  readonly refusal_code: string | null;
}

export interface RefundToStore {
  readonly verified: VerifiedRefund;
  readonly sequence: number;
  readonly receipt: Uint8Array;
  readonly atSeconds: number;
}

export class Refunds {
  readonly #statements;

  constructor(db: KioskDatabase) {
    this.#statements = prepare(db);
  }

  offer(refundId: string): RefundOfferRow | null {
    return toOffer(this.#statements.offerById.get(refundId));
  }

  offerByHash(hash: Uint8Array): RefundOfferRow | null {
    return toOffer(this.#statements.offerByHash.get(hash));
  }

  openOffers(): readonly RefundOfferRow[] {
    return this.#statements.openOffers.all().map(asOffer);
  }

  insertOffer(row: Omit<RefundOfferRow, 'state'>): void {
    this.#statements.insertOffer.run(
      row.refundId,
      row.hash,
      row.bytes,
      row.kioskCertificateHash,
      row.paymentHash,
      row.kind,
      row.amountMinor,
      row.reason,
      row.openedAtMs,
      row.bootId,
      row.deadlineMs,
    );
  }

  /** Leaves an offer that is over as it ended. */
  endOffer(refundId: string, state: Exclude<RefundState, 'open'>): void {
    this.#statements.endOffer.run(state, refundId);
  }

  /** The sale that this kiosk stored under this entry of its journal, with what was given back of it. */
  saleAt(sequence: number): RefundableRow | null {
    return toSale(this.#statements.saleAt.get(sequence));
  }

  saleOf(paymentHash: Uint8Array): RefundableRow | null {
    return toSale(this.#statements.saleOf.get(paymentHash));
  }

  byId(refundId: string): { readonly refund: StoredRefund; readonly receipt: Uint8Array } | null {
    const row = this.#statements.byId.get(refundId);
    return row === undefined ? null : { refund: asRefund(row), receipt: ownBytes(row.receipt) };
  }

  /** Oldest first. */
  ofPayment(paymentHash: Uint8Array): readonly StoredRefund[] {
    return this.#statements.ofPayment.all(paymentHash).map(asRefund);
  }

  /** Walks back from the newest, as sales are counted. */
  givenBackSince(seconds: number): bigint {
    let sumMinor = 0n;
    for (const row of this.#statements.newestFirst.iterate()) {
      if (toNumber(row.given_back_at) < seconds) break;
      sumMinor += row.amount_minor;
    }
    return sumMinor;
  }

  /** Inside the caller's transaction, which also holds the journal's entry. */
  insert({ verified, sequence, receipt, atSeconds }: RefundToStore): void {
    const { offer, acceptance, refundedMinor } = verified;
    this.#statements.insert.run(
      offer.refundId,
      offer.paymentHash,
      sequence,
      offer.amountMinor,
      refundedMinor,
      acceptance.bytes,
      receipt,
      atSeconds,
    );
  }

  /** What the refund in an entry stands at, or null when that entry is none. */
  settlementAt(sequence: number): RefundSettlement | null {
    return this.#statements.settlementAt.get(sequence) ?? null;
  }

  sequencesIn(from: number, to: number): readonly number[] {
    return this.#statements.sequencesIn.all(from, to).map(toNumber);
  }

  markSent(from: number, to: number): void {
    this.#statements.markSent.run(from, to);
  }

  settle(
    sequence: number,
    outcome: { readonly state: RefundSettlement; readonly code: string | null; readonly at: number },
  ): void {
    this.#statements.settle.run(outcome.state, outcome.code, outcome.at, sequence);
  }
}

function toOffer(row: OfferRow | undefined): RefundOfferRow | null {
  return row === undefined ? null : asOffer(row);
}

function asOffer(row: OfferRow): RefundOfferRow {
  return {
    refundId: row.refund_id,
    hash: ownBytes(row.hash),
    bytes: ownBytes(row.bytes),
    kioskCertificateHash: ownBytes(row.kiosk_certificate_hash),
    paymentHash: ownBytes(row.payment_hash),
    kind: row.kind,
    amountMinor: row.amount_minor,
    reason: row.reason,
    openedAtMs: toNumber(row.opened_at_ms),
    bootId: row.boot_id,
    deadlineMs: toNumber(row.deadline_ms),
    state: row.state,
  };
}

function toSale(row: SaleRow | undefined): RefundableRow | null {
  if (row === undefined) return null;
  return {
    paymentHash: ownBytes(row.payment_hash),
    sequence: toNumber(row.sequence),
    amountMinor: row.amount_minor,
    refundedMinor: row.refunded_minor,
    currency: row.currency,
    maskedPhone: row.masked_phone,
    settlement: row.settlement,
    allowanceCertificate: ownBytes(row.allowance_certificate),
  };
}

function asRefund(row: RefundRow): StoredRefund {
  return {
    refundId: row.refund_id,
    paymentHash: toHex(row.payment_hash),
    kind: row.kind,
    reason: row.reason,
    sequence: toNumber(row.sequence),
    amountMinor: row.amount_minor,
    refundedMinor: row.refunded_minor,
    givenBackAt: toNumber(row.given_back_at),
    settlement: row.settlement,
    settledAt: toNumberOrNull(row.settled_at),
    refusalCode: row.refusal_code,
  };
}

const SALE = `SELECT p.payment_hash, p.sequence, p.amount_minor, p.currency, p.masked_phone, p.settlement,
    c.bytes AS allowance_certificate,
    (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r WHERE r.payment_hash = p.payment_hash) AS refunded_minor
  FROM payments p JOIN allowance_certificates c ON c.hash = p.allowance_certificate_hash`;
const REFUND = 'SELECT r.*, o.kind, o.reason FROM refunds r JOIN refund_offers o USING (refund_id)';

function prepare(db: KioskDatabase) {
  return {
    offerById: db.prepare<[string], OfferRow>('SELECT * FROM refund_offers WHERE refund_id = ?'),
    offerByHash: db.prepare<[Uint8Array], OfferRow>('SELECT * FROM refund_offers WHERE hash = ?'),
    openOffers: db.prepare<[], OfferRow>("SELECT * FROM refund_offers WHERE state = 'open' ORDER BY rowid"),
    insertOffer: db.prepare<
      [string, Uint8Array, Uint8Array, Uint8Array, Uint8Array, string, bigint, string, number, string, number]
    >(
      `INSERT INTO refund_offers (refund_id, hash, bytes, kiosk_certificate_hash, payment_hash, kind, amount_minor, reason,
         opened_at_ms, boot_id, deadline_ms, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`,
    ),
    endOffer: db.prepare<[string, string]>(
      "UPDATE refund_offers SET state = ? WHERE refund_id = ? AND state = 'open'",
    ),
    saleAt: db.prepare<[number], SaleRow>(`${SALE} WHERE p.sequence = ?`),
    saleOf: db.prepare<[Uint8Array], SaleRow>(`${SALE} WHERE p.payment_hash = ?`),
    byId: db.prepare<[string], RefundRow>(`${REFUND} WHERE r.refund_id = ?`),
    ofPayment: db.prepare<[Uint8Array], RefundRow>(`${REFUND} WHERE r.payment_hash = ? ORDER BY r.sequence`),
    insert: db.prepare<[string, Uint8Array, number, bigint, bigint, Uint8Array, Uint8Array, number]>(
      `INSERT INTO refunds (refund_id, payment_hash, sequence, amount_minor, refunded_minor, acceptance, receipt, given_back_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    newestFirst: db.prepare<[], Pick<RefundRow, 'given_back_at' | 'amount_minor'>>(
      'SELECT given_back_at, amount_minor FROM refunds ORDER BY sequence DESC',
    ),
    settlementAt: db
      .prepare<[number], RefundSettlement>('SELECT settlement FROM refunds WHERE sequence = ?')
      .pluck(),
    sequencesIn: db
      .prepare<[number, number], bigint>('SELECT sequence FROM refunds WHERE sequence BETWEEN ? AND ?')
      .pluck(),
    markSent: db.prepare<[number, number]>(
      `UPDATE refunds SET settlement = 'sent' WHERE sequence BETWEEN ? AND ? AND settlement = 'on_this_device'`,
    ),
    settle: db.prepare<[string, string | null, number, number]>(
      'UPDATE refunds SET settlement = ?, refusal_code = ?, settled_at = ? WHERE sequence = ?',
    ),
  };
}
