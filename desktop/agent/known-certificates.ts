/**
 * The allowance certificates that this kiosk need not look at twice: read and verified ones by their bytes, and, for repeat
 * deliveries, the stored ones by their reference. Owns the two caches; believes nothing that the store has not stored, and
 * leaves dates, denials and limits to the decision on each payment.
 */
import {
  attempt,
  readAllowanceCertificate,
  runSync,
  selectCertificate,
  type ReadCertificate,
  type RepeatDelivery,
  type Result,
} from '@tikiwallet/protocol';
import type { KioskStore } from './store/kiosk-store.ts';

/** As many as a busy shop sees in days. */
const MAX_CACHED = 4_096;

export interface FoundCertificate extends ReadCertificate {
  /** All its bytes as text, the signature included: another signature is another thing to verify. */
  readonly key: string;
  /** The issuer's signature was verified on exactly these bytes. */
  readonly isKnownGood: boolean;
}

type Store = Pick<KioskStore, 'crypto' | 'payments'>;

export class KnownCertificates {
  readonly #store: Store;
  /** By key, in the order in which they came. */
  readonly #verified = new Map<string, FoundCertificate>();
  /** Reference to the one stored certificate that it names. */
  readonly #references = new Map<string, FoundCertificate>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Of a whole delivery. */
  read(bytes: Uint8Array): Result<FoundCertificate> {
    const { crypto } = this.#store;
    const key = latin1(bytes);
    const known = this.#verified.get(key);
    if (known !== undefined) return { ok: true, value: known };
    // A copy, for it may be kept: what comes in is a part of everything that came in with it.
    const read = runSync(readAllowanceCertificate(new Uint8Array(bytes)), crypto);
    if (!read.ok) return read;
    const { certificate, object } = read.value;
    return { ok: true, value: { allowance: certificate, allowanceObject: object, key, isKnownGood: false } };
  }

  /** Of a repeat delivery: the one certificate under which a payment is stored here, or none. */
  named(delivery: RepeatDelivery): Result<FoundCertificate> {
    const reference = delivery.certificateReference;
    const name = latin1(reference);
    const known = this.#references.get(name);
    if (known !== undefined) return { ok: true, value: this.#verified.get(known.key) ?? known };
    const stored = this.#store.payments.certificatesNamed(reference);
    const selected = attempt(() => selectCertificate(delivery, stored, ({ hash }) => hash));
    if (!selected.ok) return selected;
    const found = this.read(selected.value.bytes);
    if (found.ok) {
      if (this.#references.size >= MAX_CACHED) this.#references.clear();
      this.#references.set(name, found.value);
    }
    return found;
  }

  /** The issuer's signature was checked and a payment is being stored under it. */
  remember(found: FoundCertificate): void {
    if (found.isKnownGood) return;
    if (this.#verified.size >= MAX_CACHED) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    this.#verified.set(found.key, { ...found, isKnownGood: true });
    // It may be the second of its reference: the table is asked again.
    this.#references.clear();
  }

  /** Issuers or the deny list changed. */
  forget(): void {
    this.#verified.clear();
    this.forgetReferences();
  }

  /** A transaction was undone, and with it perhaps the certificate that a reference named. */
  forgetReferences(): void {
    this.#references.clear();
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
