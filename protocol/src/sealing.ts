/**
 * Sealing to a kiosk: HPKE (RFC 9180, base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM). Everyone in
 * the shop may know the radio's passphrase; only the kiosk reads what is sealed to the key in its certificate.
 */
import { Aes128Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';
import { concatBytes } from './bytes.ts';
import { encodeCbor } from './cbor.ts';
import type { KioskCertificate } from './certificates.ts';
import type { Result } from './errors.ts';
import { MAX_ENVELOPE_BYTES, SEAL_BYTES } from './limits.ts';
import { decompressPoint } from './p256.ts';

const ENCAPSULATED_BYTES = 65;

function suite(): CipherSuite {
  return new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() });
}

/** Binds what is sealed to its purpose and to the one certificate it is meant for. */
export function sealingInfo(kioskCertificateHash: Uint8Array): Uint8Array {
  return encodeCbor(['tiki-delivery', kioskCertificateHash]);
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/** @returns 65 bytes of encapsulated key followed by the ciphertext. */
export async function sealToKiosk(plaintext: Uint8Array, kiosk: KioskCertificate): Promise<Uint8Array> {
  const hpke = suite();
  const recipientPublicKey = await hpke.kem.deserializePublicKey(
    toArrayBuffer(decompressPoint(kiosk.sealingPublicKey)),
  );
  const sealed = await hpke.seal(
    { recipientPublicKey, info: toArrayBuffer(sealingInfo(kiosk.hash)) },
    toArrayBuffer(plaintext),
  );
  return concatBytes(new Uint8Array(sealed.enc), new Uint8Array(sealed.ct));
}

/** The kiosk's side. `privateKey` is the raw 32-byte scalar of the sealing key. */
export async function openSealed(
  sealed: Uint8Array,
  options: { readonly privateKey: Uint8Array; readonly kioskCertificateHash: Uint8Array },
): Promise<Result<Uint8Array>> {
  if (sealed.length > MAX_ENVELOPE_BYTES + SEAL_BYTES) return { ok: false, code: 'message_too_large' };
  if (sealed.length < SEAL_BYTES) return { ok: false, code: 'sealed_message_unreadable' };
  const hpke = suite();
  try {
    const recipientKey = await hpke.kem.deserializePrivateKey(toArrayBuffer(options.privateKey));
    const plaintext = await hpke.open(
      {
        recipientKey,
        enc: toArrayBuffer(sealed.subarray(0, ENCAPSULATED_BYTES)),
        info: toArrayBuffer(sealingInfo(options.kioskCertificateHash)),
      },
      toArrayBuffer(sealed.subarray(ENCAPSULATED_BYTES)),
    );
    return { ok: true, value: new Uint8Array(plaintext) };
  } catch {
    // A wrong key, a cut message and a forged one are indistinguishable by design: one code for all of them.
    return { ok: false, code: 'sealed_message_unreadable' };
  }
}
