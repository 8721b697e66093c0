/**
 * Sealing to a kiosk: everyone in the shop may know the radio's passphrase; only the kiosk reads what is sealed to the key in its
 * certificate.
 */
import { encodeCbor } from './cbor.ts';
import type { KioskCertificate } from './certificates.ts';
import type { Result } from './errors.ts';
import { hpkeOpen, hpkeSeal } from './hpke.ts';
import { MAX_ENVELOPE_BYTES, SEAL_BYTES } from './limits.ts';

/** Binds what is sealed to its purpose and to the one certificate it is meant for. */
export function sealingInfo(kioskCertificateHash: Uint8Array): Uint8Array {
  return encodeCbor(['tiki-delivery', kioskCertificateHash]);
}

/** @returns 65 bytes of encapsulated key followed by the ciphertext. */
export async function sealToKiosk(plaintext: Uint8Array, kiosk: KioskCertificate): Promise<Uint8Array> {
  return await hpkeSeal(plaintext, { publicKey: kiosk.sealingPublicKey, info: sealingInfo(kiosk.hash) });
}

/** The kiosk's side. `privateKey` is the raw 32-byte scalar of the sealing key. */
export async function openSealed(
  sealed: Uint8Array,
  options: { readonly privateKey: Uint8Array; readonly kioskCertificateHash: Uint8Array },
): Promise<Result<Uint8Array>> {
  if (sealed.length > MAX_ENVELOPE_BYTES + SEAL_BYTES) return { ok: false, code: 'message_too_large' };
  const { privateKey, kioskCertificateHash } = options;
  const plaintext = await hpkeOpen(sealed, { privateKey, info: sealingInfo(kioskCertificateHash) });
  return plaintext === null
    ? { ok: false, code: 'sealed_message_unreadable' }
    : { ok: true, value: plaintext };
}
