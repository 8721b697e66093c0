/**
 * The journal's table: appends entries to the chain and proves that the chain holds. Owns sequence numbers; never
 * changes or removes an entry, and appends only inside a transaction of the caller.
 */
import {
  decodeJournalEntry,
  encodeJournalEntry,
  equalBytes,
  GENESIS_HASH,
  JOURNAL_KIND,
  type CborValue,
  type JournalKind,
  type SyncCrypto,
} from '@tikiwallet/protocol';
import { attempt } from '@tikiwallet/protocol';
import { Quarantined } from './faults.ts';
import type { KioskDatabase } from './open-database.ts';
import { ownBytes, toBind, toNumber } from './rows.ts';

export interface JournalHead {
  readonly sequence: number;
  readonly hash: Uint8Array;
}

export interface JournalDraft {
  readonly kind: JournalKind;
  /** Trusted seconds. */
  readonly at: number;
  readonly body: readonly CborValue[];
  /** The list in force when this is written. */
  readonly denyListVersion: number;
}

export interface JournalRow {
  readonly sequence: number;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly denyListVersion: number;
}

interface Row {
  readonly sequence: bigint;
  readonly hash: Buffer;
  readonly kind: bigint;
  readonly bytes: Buffer;
  readonly deny_list_version: bigint;
}

export class Journal {
  readonly #crypto: SyncCrypto;
  readonly #insert;
  readonly #newest;
  readonly #one;
  readonly #range;

  constructor(db: KioskDatabase, crypto: SyncCrypto) {
    this.#crypto = crypto;
    this.#insert = db.prepare<[number, Uint8Array, number, number, number, Uint8Array]>(
      'INSERT INTO journal (sequence, hash, kind, written_at, deny_list_version, bytes) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#newest = db.prepare<[], Row>('SELECT * FROM journal ORDER BY sequence DESC LIMIT 1');
    this.#one = db.prepare<[number], Row>('SELECT * FROM journal WHERE sequence = ?');
    this.#range = db.prepare<[number, number], Row>(
      'SELECT * FROM journal WHERE sequence BETWEEN ? AND ? ORDER BY sequence',
    );
  }

  head(): JournalHead {
    const row = this.#newest.get();
    return row === undefined
      ? { sequence: 0, hash: GENESIS_HASH }
      : { sequence: toNumber(row.sequence), hash: ownBytes(row.hash) };
  }

  append(head: JournalHead, draft: JournalDraft): JournalHead {
    const sequence = head.sequence + 1;
    const bytes = encodeJournalEntry({
      sequence,
      previousHash: head.hash,
      kind: draft.kind,
      at: draft.at,
      body: draft.body,
    });
    const hash = this.#crypto.digest(bytes);
    this.#insert.run(
      sequence,
      toBind(hash),
      JOURNAL_KIND[draft.kind],
      draft.at,
      draft.denyListVersion,
      bytes,
    );
    return { sequence, hash };
  }

  /** The hash of entry `sequence`; of the genesis for 0. */
  hashAt(sequence: number): Uint8Array | null {
    if (sequence === 0) return GENESIS_HASH;
    const row = this.#one.get(sequence);
    return row === undefined ? null : ownBytes(row.hash);
  }

  *rows(from: number, to: number): Generator<JournalRow> {
    for (const row of this.#range.iterate(from, to)) {
      yield {
        sequence: toNumber(row.sequence),
        hash: ownBytes(row.hash),
        bytes: ownBytes(row.bytes),
        denyListVersion: toNumber(row.deny_list_version),
      };
    }
  }

  /** Reads `from..to` again and follows the chain. @throws Quarantined at the first entry that does not hold. */
  verify(from: number, to: number): void {
    let expected = from;
    let previousHash = this.hashAt(from - 1);
    for (const row of this.rows(from, to)) {
      const entry = attempt(() => decodeJournalEntry(row.bytes));
      const holds =
        row.sequence === expected &&
        entry.ok &&
        entry.value.sequence === row.sequence &&
        previousHash !== null &&
        equalBytes(entry.value.previousHash, previousHash) &&
        equalBytes(this.#crypto.digest(row.bytes), row.hash);
      if (!holds)
        throw new Quarantined('journal_chain_broken', `entry ${expected} does not continue the chain`);
      previousHash = row.hash;
      expected += 1;
    }
    if (expected !== to + 1) throw new Quarantined('journal_chain_broken', `entry ${expected} is missing`);
  }
}
