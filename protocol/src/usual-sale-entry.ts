/**
 * A sale's journal entry where it lies, for who holds thousands at a time: the one form that honest kiosks write, read in one
 * pass, with places instead of views of its parts.
 *
 * Owns: no rule. What it reads, {@link decodeJournalEntry} and {@link decodeSaleBody} read the same; all else is theirs.
 */
import type { GuaranteeTier } from './acceptance.ts';
import { UsualReader } from './cbor.ts';
import { decodeSaleBody, JOURNAL_KIND, type JournalEntry, type SaleBody } from './journal.ts';
import { MAX_COUNTER, MAX_JOURNAL_ENTRY_BYTES, MAX_OBJECT_BYTES, MAX_TIME_SECONDS } from './limits.ts';
import { PURPOSE } from './purposes.ts';
import { GUARANTEE_TIERS } from './receipt.ts';

const HASH_BYTES = 32;

/** The entry and its body in one. Its byte strings are views of what it was read from, made anew whenever they are asked for. */
export class UsualSaleEntry implements JournalEntry, SaleBody {
  readonly kind = 'sale';
  readonly #bytes: Uint8Array;
  #sequence = 0;
  #at = 0;
  #previousHashAt = 0;
  #kioskHashAt = 0;
  #requestAt = 0;
  #requestEnd = 0;
  #allowanceHashAt = 0;
  #paymentAt = 0;
  #paymentEnd = 0;
  #tier = 0;
  #checks = 0;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Null for everything but a sale in its usual form. */
  static read(bytes: Uint8Array): UsualSaleEntry | null {
    // Of a Buffer, which is Node's kind, views would be Buffers.
    if (bytes.length > MAX_JOURNAL_ENTRY_BYTES || bytes.constructor !== Uint8Array) return null;
    const entry = new UsualSaleEntry(bytes);
    const reader = new UsualReader(bytes, 0);
    return entry.#readHead(reader) && entry.#readBody(reader) && reader.isAtEnd ? entry : null;
  }

  #readHead(reader: UsualReader): boolean {
    if (!reader.takes(0x86) || !reader.takes(PURPOSE.journalEntry)) return false;
    const sequence = reader.uint(1, MAX_COUNTER);
    const previousHashAt = reader.place(HASH_BYTES);
    const isSale = reader.takes(JOURNAL_KIND.sale);
    const at = reader.uint(0, MAX_TIME_SECONDS);
    if (sequence === null || previousHashAt === null || !isSale || at === null) return false;
    this.#sequence = sequence;
    this.#previousHashAt = previousHashAt;
    this.#at = at;
    return true;
  }

  #readBody(reader: UsualReader): boolean {
    if (!reader.takes(0x86)) return false;
    const kioskHashAt = reader.place(HASH_BYTES);
    const requestAt = reader.placeUpTo(MAX_OBJECT_BYTES);
    this.#requestEnd = reader.at;
    const allowanceHashAt = reader.place(HASH_BYTES);
    const paymentAt = reader.placeUpTo(MAX_OBJECT_BYTES);
    this.#paymentEnd = reader.at;
    const tier = reader.uint(1, GUARANTEE_TIERS.length);
    const checks = reader.uint(0, 0xffff);
    if (kioskHashAt === null || requestAt === null || allowanceHashAt === null) return false;
    if (paymentAt === null || tier === null || checks === null) return false;
    this.#kioskHashAt = kioskHashAt;
    this.#requestAt = requestAt;
    this.#allowanceHashAt = allowanceHashAt;
    this.#paymentAt = paymentAt;
    this.#tier = tier;
    this.#checks = checks;
    return true;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get at(): number {
    return this.#at;
  }

  get previousHash(): Uint8Array {
    return this.#bytes.subarray(this.#previousHashAt, this.#previousHashAt + HASH_BYTES);
  }

  get kioskCertificateHash(): Uint8Array {
    return this.#bytes.subarray(this.#kioskHashAt, this.#kioskHashAt + HASH_BYTES);
  }

  get request(): Uint8Array {
    return this.#bytes.subarray(this.#requestAt, this.#requestEnd);
  }

  get allowanceCertificateHash(): Uint8Array {
    return this.#bytes.subarray(this.#allowanceHashAt, this.#allowanceHashAt + HASH_BYTES);
  }

  get payment(): Uint8Array {
    return this.#bytes.subarray(this.#paymentAt, this.#paymentEnd);
  }

  get tier(): GuaranteeTier {
    return GUARANTEE_TIERS[this.#tier - 1] ?? 'at_risk';
  }

  get checks(): number {
    return this.#checks;
  }

  get body(): readonly unknown[] {
    const { kioskCertificateHash, request, allowanceCertificateHash, payment } = this;
    return [kioskCertificateHash, request, allowanceCertificateHash, payment, this.#tier, this.#checks];
  }
}

/** The body of a sale's entry. @throws Refusal for anything but one. */
export function saleBodyOf(entry: JournalEntry): SaleBody {
  return entry instanceof UsualSaleEntry ? entry : decodeSaleBody(entry.body);
}
