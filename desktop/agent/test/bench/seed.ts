/**
 * Years of sales in a minute: rows that the store's own audit accepts, written past it. Everything is as an accepted
 * payment leaves it (chain, hashes, sizes, sums) but the signatures, which nothing reads again at the kiosk.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type Database from 'better-sqlite3';
import * as protocol from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { ok } from '../world.ts';
import { AMOUNT_MINOR, type BenchShop } from './shop.ts';

const PAYMENTS_PER_ALLOWANCE = 20;
const DAY_SECONDS = 24 * 3600;

/** Adds `count` stored payments to a shop whose store is closed. */
export function seed(shop: BenchShop, count: number): void {
  shop.beside((db) => {
    // A database that fails half-way is thrown away: nothing here needs to survive a crash.
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    db.pragma('cache_size = -1000000');
    db.pragma('foreign_keys = OFF');
    const writer = new Seeder(shop, db);
    db.exec('BEGIN');
    for (let i = 0; i < count; i += 1) writer.add(i);
    db.exec('COMMIT');
    db.pragma('journal_mode = WAL');
  });
}

class Seeder {
  readonly #shop: BenchShop;
  readonly #crypto = nodeCrypto();
  readonly #insert;
  readonly #acceptedAt: number;
  #sequence: number;
  #hash: Uint8Array;
  #allowance: ReturnType<Seeder['newAllowance']> | null = null;

  constructor(shop: BenchShop, db: Database.Database) {
    this.#shop = shop;
    this.#insert = prepare(db);
    const head = db
      .prepare<[], { sequence: number; hash: Buffer }>(
        'SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1',
      )
      .get();
    this.#sequence = head?.sequence ?? 0;
    this.#hash = new Uint8Array(head?.hash ?? protocol.GENESIS_HASH);
    this.#acceptedAt = Math.floor(Date.now() / 1000) - 2 * DAY_SECONDS;
  }

  add(index: number): void {
    const counter = (index % PAYMENTS_PER_ALLOWANCE) + 1;
    if (counter === 1 || this.#allowance === null) this.#allowance = this.newAllowance();
    const allowance = this.#allowance;
    const requestId = randomUUID();
    const request = noise(320);
    const requestHash = noise(32);
    const payment = unsigned(
      protocol.signPayment(
        {
          counter,
          amountMinor: AMOUNT_MINOR,
          cumulativeMinor: AMOUNT_MINOR * BigInt(counter),
          previousLink: noise(16),
          requestHash,
          signedAt: this.#acceptedAt,
        },
        allowance.hash,
      ),
    );
    const { hash } = ok(protocol.runSync(protocol.readPayment(payment, allowance), this.#crypto));
    this.#journal({ request, payment, allowance });
    const certificate = this.#shop.certificate.hash;
    const times = [this.#acceptedAt, this.#acceptedAt * 1000, this.#shop.clock.bootId, 0] as const;
    this.#insert.request.run(
      requestId,
      randomUUID(),
      noise(16),
      requestHash,
      request,
      certificate,
      AMOUNT_MINOR,
      ...times,
    );
    this.#insert.payment.run(
      ...([hash, requestId, this.#sequence, allowance.number, counter, AMOUNT_MINOR] as const),
      ...([AMOUNT_MINOR * BigInt(counter), allowance.hash, noise(230), this.#acceptedAt] as const),
    );
  }

  #journal(sale: { request: Uint8Array; payment: Uint8Array; allowance: { hash: Uint8Array } }): void {
    this.#sequence += 1;
    const bytes = protocol.encodeJournalEntry({
      sequence: this.#sequence,
      previousHash: this.#hash,
      kind: 'sale',
      at: this.#acceptedAt,
      body: protocol.encodeSaleBody({
        kioskCertificateHash: this.#shop.certificate.hash,
        request: sale.request,
        allowanceCertificateHash: sale.allowance.hash,
        payment: sale.payment,
        tier: 'reserved',
        checks: 0xff,
      }),
    });
    this.#hash = this.#crypto.digest(bytes);
    this.#insert.journal.run(this.#sequence, this.#hash, this.#acceptedAt, bytes);
  }

  newAllowance(): { readonly id: string; readonly number: number | bigint; readonly hash: Uint8Array } {
    const id = randomUUID();
    const hash = new Uint8Array(createHash('sha256').update(id).digest());
    this.#insert.certificate.run(hash, id, noise(230), this.#acceptedAt + DAY_SECONDS, this.#acceptedAt);
    return { id, number: this.#insert.allowance.run(id).lastInsertRowid, hash };
  }
}

function noise(bytes: number): Uint8Array {
  return new Uint8Array(randomBytes(bytes));
}

function unsigned(steps: protocol.Steps<Uint8Array>): Uint8Array {
  return ok(protocol.runSync(steps, nodeCrypto(), () => noise(64)));
}

type Bytes = Uint8Array;

function prepare(db: Database.Database) {
  return {
    request: db.prepare<[string, string, Bytes, Bytes, Bytes, Bytes, bigint, number, number, string, number]>(
      `INSERT INTO requests (request_id, sale_id, nonce, hash, bytes, kiosk_certificate_hash, amount_minor, currency,
         issued_at, opened_at_ms, boot_id, deadline_ms, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'SGD', ?, ?, ?, ?, 'open')`,
    ),
    certificate: db.prepare<[Bytes, string, Bytes, number, number]>(
      'INSERT INTO allowance_certificates (hash, allowance_id, bytes, not_after, first_seen_at) VALUES (?, ?, ?, ?, ?)',
    ),
    journal: db.prepare<[number, Bytes, number, Bytes]>(
      'INSERT INTO journal (sequence, hash, kind, written_at, deny_list_version, bytes) VALUES (?, ?, 1, ?, 0, ?)',
    ),
    allowance: db.prepare<[string]>('INSERT INTO allowances (allowance_id) VALUES (?)'),
    payment: db.prepare<
      [Bytes, string, number, number | bigint, number, bigint, bigint, Bytes, Bytes, number]
    >(
      `INSERT INTO payments (payment_hash, request_id, sequence, allowance, counter, amount_minor, cumulative_minor,
         currency, allowance_certificate_hash, masked_phone, tier, checks, receipt, accepted_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'SGD', ?, '+65****5432', 'reserved', 255, ?, ?)`,
    ),
  };
}
