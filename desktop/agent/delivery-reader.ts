/**
 * Takes deliveries apart down to the payment's identity, whether they carry their certificate or name it. Decides nothing
 * but which certificate is meant.
 */
import {
  identifyUnder,
  isRepeatDelivery,
  runSync,
  type Delivery,
  type IdentifiedPayment,
  type RepeatDelivery,
  type Result,
} from '@tikiwallet/protocol';
import { KnownCertificates, type FoundCertificate } from './known-certificates.ts';
import type { KioskStore } from './store/kiosk-store.ts';

/** A delivery taken apart, and how its certificate was found. */
export interface ReadDelivery {
  readonly identified: IdentifiedPayment;
  readonly certificate: FoundCertificate;
}

export class DeliveryReader {
  readonly #store: Pick<KioskStore, 'crypto' | 'payments'>;
  readonly #certificates: KnownCertificates;

  constructor(store: Pick<KioskStore, 'crypto' | 'payments'>) {
    this.#store = store;
    this.#certificates = new KnownCertificates(store);
  }

  /** Form and identity; a certificate that is known is not read again. */
  read(delivery: Delivery | RepeatDelivery): Result<ReadDelivery> {
    const found = isRepeatDelivery(delivery)
      ? this.#certificates.named(delivery)
      : this.#certificates.read(delivery.allowanceCertificate);
    if (!found.ok) return found;
    const identified = runSync(identifyUnder(found.value, delivery), this.#store.crypto);
    if (!identified.ok) return identified;
    return { ok: true, value: { identified: identified.value, certificate: found.value } };
  }

  /** Its issuer's signature holds. */
  remember(read: ReadDelivery): void {
    this.#certificates.remember(read.certificate);
  }

  forget(): void {
    this.#certificates.forget();
  }

  /** A transaction was undone, and with it perhaps the certificate that a reference named. */
  forgetReferences(): void {
    this.#certificates.forgetReferences();
  }
}
