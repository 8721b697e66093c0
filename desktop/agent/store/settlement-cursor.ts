/**
 * How far the cloud has taken the journal over, and the one signed batch that is on its way. Owns these two rows;
 * what they mean is settle/batches.ts.
 */
import type { KioskDatabase } from './open-database.ts';
import { ownBytes, toNumber, toNumberOrNull } from './rows.ts';

export interface Cursor {
  /** Everything up to here has been taken over. */
  readonly acknowledgedSequence: number;
  /** The deny list that the cloud knows to be in force here. */
  readonly denyListVersion: number;
  readonly lastContactAt: number | null;
  readonly lastSettledAt: number | null;
}

export interface OutgoingBatch {
  readonly fromSequence: number;
  /** `fromSequence - 1` for a heartbeat. */
  readonly toSequence: number;
  readonly hash: Uint8Array;
  readonly head: Uint8Array;
  readonly kioskCertificateHash: Uint8Array;
  readonly denyListVersion: number;
}

interface CursorRow {
  readonly acknowledged_sequence: bigint;
  readonly deny_list_version: bigint;
  readonly last_contact_at: bigint | null;
  readonly last_settled_at: bigint | null;
}

interface OutgoingRow {
  readonly from_sequence: bigint;
  readonly to_sequence: bigint;
  readonly hash: Buffer;
  readonly head: Buffer;
  readonly kiosk_certificate_hash: Buffer;
  readonly deny_list_version: bigint;
}

export class SettlementCursor {
  readonly #readCursor;
  readonly #writeCursor;
  readonly #readOutgoing;
  readonly #writeOutgoing;
  readonly #dropOutgoing;

  constructor(db: KioskDatabase) {
    this.#readCursor = db.prepare<[], CursorRow>('SELECT * FROM settlement_cursor WHERE id = 1');
    this.#writeCursor = db.prepare<[number, number, number | null, number | null]>(
      `UPDATE settlement_cursor SET acknowledged_sequence = ?, deny_list_version = ?, last_contact_at = ?, last_settled_at = ?
       WHERE id = 1`,
    );
    this.#readOutgoing = db.prepare<[], OutgoingRow>('SELECT * FROM outgoing_batch WHERE id = 1');
    this.#writeOutgoing = db.prepare<[number, number, Uint8Array, Uint8Array, Uint8Array, number]>(
      `INSERT OR REPLACE INTO outgoing_batch (id, from_sequence, to_sequence, hash, head, kiosk_certificate_hash, deny_list_version)
       VALUES (1, ?, ?, ?, ?, ?, ?)`,
    );
    this.#dropOutgoing = db.prepare('DELETE FROM outgoing_batch');
  }

  read(): Cursor {
    const row = this.#readCursor.get();
    if (row === undefined) throw new Error('the settlement cursor is missing');
    return {
      acknowledgedSequence: toNumber(row.acknowledged_sequence),
      denyListVersion: toNumber(row.deny_list_version),
      lastContactAt: toNumberOrNull(row.last_contact_at),
      lastSettledAt: toNumberOrNull(row.last_settled_at),
    };
  }

  write(cursor: Cursor): void {
    this.#writeCursor.run(
      cursor.acknowledgedSequence,
      cursor.denyListVersion,
      cursor.lastContactAt,
      cursor.lastSettledAt,
    );
  }

  outgoing(): OutgoingBatch | null {
    const row = this.#readOutgoing.get();
    if (row === undefined) return null;
    return {
      fromSequence: toNumber(row.from_sequence),
      toSequence: toNumber(row.to_sequence),
      hash: ownBytes(row.hash),
      head: ownBytes(row.head),
      kioskCertificateHash: ownBytes(row.kiosk_certificate_hash),
      denyListVersion: toNumber(row.deny_list_version),
    };
  }

  keepOutgoing(batch: OutgoingBatch): void {
    this.#writeOutgoing.run(
      batch.fromSequence,
      batch.toSequence,
      batch.hash,
      batch.head,
      batch.kioskCertificateHash,
      batch.denyListVersion,
    );
  }

  dropOutgoing(): void {
    this.#dropOutgoing.run();
  }
}
