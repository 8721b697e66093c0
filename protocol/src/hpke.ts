/**
 * HPKE (RFC 9180) as this protocol uses it: base mode, single shot, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. What is
 * sealed to whom, and bound to what, is sealing.ts (to a kiosk) and sealed-settlement.ts (to the cloud). Implements no primitive.
 */
import { Aes128Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';
import { concatBytes } from './bytes.ts';
import { SEAL_BYTES } from './limits.ts';
import { decompressPoint } from './p256.ts';

const ENCAPSULATED_BYTES = 65;

/** What both sides must agree in, beside the key. */
export interface HpkeBinding {
  readonly info: Uint8Array;
  /** None when absent. */
  readonly aad?: Uint8Array;
}

function suite(): CipherSuite {
  return new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() });
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/**
 * @param to `publicKey` is a compressed point. `ephemeral` is for test vectors only: two messages under one are no secret any more.
 * @returns 65 bytes of encapsulated key followed by the ciphertext
 */
export async function hpkeSeal(
  plaintext: Uint8Array,
  to: HpkeBinding & { readonly publicKey: Uint8Array; readonly ephemeral?: Uint8Array },
): Promise<Uint8Array> {
  const hpke = suite();
  const recipientPublicKey = await hpke.kem.deserializePublicKey(
    toArrayBuffer(decompressPoint(to.publicKey)),
  );
  const ephemeral = to.ephemeral === undefined ? {} : { ekm: toArrayBuffer(to.ephemeral) };
  const sealed = await hpke.seal(
    { recipientPublicKey, info: toArrayBuffer(to.info), ...ephemeral },
    toArrayBuffer(plaintext),
    toArrayBuffer(to.aad ?? new Uint8Array(0)),
  );
  return concatBytes(new Uint8Array(sealed.enc), new Uint8Array(sealed.ct));
}

/** @param by `privateKey` is the raw 32-byte scalar. @returns null for whatever does not open, without a reason */
export async function hpkeOpen(
  sealed: Uint8Array,
  by: HpkeBinding & { readonly privateKey: Uint8Array },
): Promise<Uint8Array | null> {
  if (sealed.length < SEAL_BYTES) return null;
  const hpke = suite();
  try {
    const recipientKey = await hpke.kem.deserializePrivateKey(toArrayBuffer(by.privateKey));
    const plaintext = await hpke.open(
      {
        recipientKey,
        enc: toArrayBuffer(sealed.subarray(0, ENCAPSULATED_BYTES)),
        info: toArrayBuffer(by.info),
      },
      toArrayBuffer(sealed.subarray(ENCAPSULATED_BYTES)),
      toArrayBuffer(by.aad ?? new Uint8Array(0)),
    );
    return new Uint8Array(plaintext);
  } catch {
    // A wrong key, a cut message and a forged one are indistinguishable by design: one answer for all of them.
    return null;
  }
}
