/**
 * Takes deliveries apart down to the payment's identity, and remembers certificates whose issuer's signature was
 * checked on exactly their bytes. Owns the cache and its bound; decides nothing.
 */
import {
  readAllowanceCertificate,
  readPayment,
  runSync,
  type Delivery,
  type IdentifiedPayment,
  type Result,
  type SyncCrypto,
} from '@tikiwallet/protocol';

type KnownCertificate = Pick<IdentifiedPayment, 'allowance' | 'allowanceObject'>;

/** A delivery taken apart; `certificateKey` names its certificate in the cache. */
export interface ReadDelivery {
  readonly identified: IdentifiedPayment;
  readonly certificateKey: string;
  readonly certificateIsKnownGood: boolean;
}

const MAX_CACHED_CERTIFICATES = 4_096;

export class DeliveryReader {
  readonly #crypto: SyncCrypto;
  readonly #certificates = new Map<string, KnownCertificate>();

  constructor(crypto: SyncCrypto) {
    this.#crypto = crypto;
  }

  /** Form and identity; a certificate that is known is not read again. */
  read(delivery: Delivery): Result<ReadDelivery> {
    // Of the whole certificate, its signature included: another signature is another thing to verify.
    const digest = this.#crypto.digest(delivery.allowanceCertificate);
    const certificateKey = Buffer.from(digest).toString('latin1');
    const known = this.#certificates.get(certificateKey);
    const certificate =
      known === undefined
        ? readCertificate(delivery.allowanceCertificate, this.#crypto)
        : { ok: true as const, value: known };
    if (!certificate.ok) return certificate;
    const { allowance, allowanceObject } = certificate.value;
    const payment = runSync(readPayment(delivery.payment, allowance), this.#crypto);
    if (!payment.ok) return payment;
    const { requestId, phoneSalt } = delivery;
    const identified = { requestId, allowance, allowanceObject, payment: payment.value, phoneSalt };
    return { ok: true, value: { identified, certificateKey, certificateIsKnownGood: known !== undefined } };
  }

  /** Its issuer's signature holds. */
  remember(read: ReadDelivery): void {
    if (read.certificateIsKnownGood) return;
    if (this.#certificates.size >= MAX_CACHED_CERTIFICATES) {
      for (const oldest of this.#certificates.keys()) {
        this.#certificates.delete(oldest);
        break;
      }
    }
    const { allowance, allowanceObject } = read.identified;
    this.#certificates.set(read.certificateKey, { allowance, allowanceObject });
  }

  forget(): void {
    this.#certificates.clear();
  }
}

function readCertificate(bytes: Uint8Array, crypto: SyncCrypto): Result<KnownCertificate> {
  const read = runSync(readAllowanceCertificate(bytes), crypto);
  if (!read.ok) return read;
  return { ok: true, value: { allowance: read.value.certificate, allowanceObject: read.value.object } };
}
