/**
 * The requests' table: every request that was ever signed, its nonce and how it ended. Owns the rows; the rules of
 * a sale are sale-requests.ts. A row is written before its QR code is shown and never removed.
 */
import type { SaleState } from '../../ipc/index.ts';
import type { KioskDatabase } from './open-database.ts';
import type { Payments } from './payments.ts';
import { ownBytes, toBind, toNumber } from './rows.ts';

export interface RequestRow {
  readonly requestId: string;
  readonly saleId: string;
  readonly nonce: Uint8Array;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly kioskCertificateHash: Uint8Array;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly issuedAt: number;
  readonly openedAtMs: number;
  readonly bootId: string;
  readonly deadlineMs: number;
  readonly state: SaleState;
}

/** What a payment must know of the request that it pays. */
export type PayableRequest = Omit<RequestRow, 'saleId' | 'nonce' | 'issuedAt'>;

type PayableRow = Omit<Row, 'sale_id' | 'nonce' | 'hash' | 'issued_at'>;

interface Row {
  readonly request_id: string;
  readonly sale_id: string;
  readonly nonce: Buffer;
  readonly hash: Buffer;
  readonly bytes: Buffer;
  readonly kiosk_certificate_hash: Buffer;
  readonly amount_minor: bigint;
  readonly currency: string;
  readonly issued_at: bigint;
  readonly opened_at_ms: bigint;
  readonly boot_id: string;
  readonly deadline_ms: bigint;
  readonly state: SaleState;
}

/** A request on this list is open; one that is not, and whose own column does not say how it ended, was paid. */
const IS_OPEN = 'EXISTS (SELECT 1 FROM open_requests o WHERE o.request_id = requests.request_id)';
const STATE = `CASE WHEN state = 'open' AND NOT ${IS_OPEN} THEN 'paid' ELSE state END AS state`;
const REQUEST = `SELECT request_id, sale_id, nonce, hash, bytes, kiosk_certificate_hash, amount_minor, currency, issued_at,
    opened_at_ms, boot_id, deadline_ms, ${STATE} FROM requests`;

/** What is stored of payments beside their rows. */
export type PaymentRows = Pick<Payments, 'writeRows' | 'isUnwritten'>;

export class Requests {
  readonly #payments: PaymentRows | null;
  readonly #prepared;

  /** @param payments where this connection stores payments */
  constructor(db: KioskDatabase, payments: PaymentRows | null = null) {
    this.#prepared = prepare(db);
    this.#payments = payments;
  }

  /** Nobody looks at the table, or ends a request, before what has paid them is written. */
  get #statements(): ReturnType<typeof prepare> {
    this.#payments?.writeRows();
    return this.#prepared;
  }

  /** What a payment signs. */
  byHash(hash: Uint8Array): PayableRequest | null {
    const row = this.#prepared.byHash.get(toBind(hash));
    if (row === undefined) return null;
    // Asked for every payment, in the middle of a group whose rows wait for their receipts.
    const isPaid = this.#payments?.isUnwritten(row.request_id) ?? false;
    return toPayable(isPaid ? { ...row, state: 'paid' } : row, hash);
  }

  bySale(saleId: string): RequestRow | null {
    return toRequest(this.#statements.bySale.get(saleId));
  }

  /** Oldest first. */
  open(): readonly RequestRow[] {
    return this.#statements.open.all().map(fromRow);
  }

  /** Opened between these moments and neither cancelled nor put away; the newest `limit`, oldest first. */
  recent({ fromMs, toMs, limit }: { fromMs: number; toMs: number; limit: number }): readonly RequestRow[] {
    return this.#statements.recent.all(fromMs, toMs, limit).map(fromRow).reverse();
  }

  newest(): RequestRow | null {
    return toRequest(this.#statements.newest.get());
  }

  insert(row: Omit<RequestRow, 'state'>): void {
    this.#statements.insert.run(
      row.requestId,
      row.saleId,
      row.nonce,
      row.hash,
      row.bytes,
      row.kioskCertificateHash,
      row.amountMinor,
      row.currency,
      row.issuedAt,
      row.openedAtMs,
      row.bootId,
      row.deadlineMs,
    );
  }

  /** Without a payment, which ends its request by itself. Leaves a request that is over as it ended. */
  end(requestId: string, state: Exclude<SaleState, 'open' | 'paid'>): void {
    this.#statements.end.run(state, requestId);
  }

  /** The cashier has seen how it ended. Leaves an open one as it is. */
  putAway(requestId: string): void {
    this.#statements.putAway.run(requestId);
  }
}

function toRequest(row: Row | undefined): RequestRow | null {
  return row === undefined ? null : fromRow(row);
}

function fromRow(row: Row): RequestRow {
  return {
    ...toPayable(row, ownBytes(row.hash)),
    saleId: row.sale_id,
    nonce: ownBytes(row.nonce),
    issuedAt: toNumber(row.issued_at),
  };
}

function toPayable(row: PayableRow, hash: Uint8Array): PayableRequest {
  return {
    requestId: row.request_id,
    hash,
    bytes: ownBytes(row.bytes),
    kioskCertificateHash: ownBytes(row.kiosk_certificate_hash),
    amountMinor: row.amount_minor,
    currency: row.currency,
    openedAtMs: toNumber(row.opened_at_ms),
    bootId: row.boot_id,
    deadlineMs: toNumber(row.deadline_ms),
    state: row.state,
  };
}

function prepare(db: KioskDatabase) {
  return {
    byHash: db.prepare<[Uint8Array], PayableRow>(
      `SELECT request_id, bytes, kiosk_certificate_hash, amount_minor, currency, opened_at_ms, boot_id, deadline_ms, ${STATE}
       FROM requests WHERE hash = ?`,
    ),
    bySale: db.prepare<[string], Row>(`${REQUEST} WHERE sale_id = ?`),
    open: db.prepare<[], Row>(
      `${REQUEST} WHERE request_id IN (SELECT request_id FROM open_requests) ORDER BY rowid`,
    ),
    recent: db.prepare<[number, number, number], Row>(
      `${REQUEST} WHERE opened_at_ms BETWEEN ? AND ? AND state <> 'cancelled' AND put_away = 0
       ORDER BY rowid DESC LIMIT ?`,
    ),
    // By the order of writing: a wall clock that was set back would put an older one first.
    newest: db.prepare<[], Row>(`${REQUEST} ORDER BY rowid DESC LIMIT 1`),
    insert: db.prepare<
      [
        string,
        string,
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
        bigint,
        string,
        number,
        number,
        string,
        number,
      ]
    >(
      `INSERT INTO requests (request_id, sale_id, nonce, hash, bytes, kiosk_certificate_hash, amount_minor, currency,
         issued_at, opened_at_ms, boot_id, deadline_ms, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`,
    ),
    end: db.prepare<[string, string]>(`UPDATE requests SET state = ? WHERE request_id = ? AND ${IS_OPEN}`),
    putAway: db.prepare<[string]>(`UPDATE requests SET put_away = 1 WHERE request_id = ? AND NOT ${IS_OPEN}`),
  };
}
