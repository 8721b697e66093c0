/**
 * The kiosk's and the cloud's side of sealing on node:crypto: HPKE's recipient (RFC 9180, base mode, DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256, AES-128-GCM), synchronous, with the private key imported once. The same bytes in and out as
 * `openSealed` and `openSealedSettlement` of the protocol, which its tests hold it against, at a fraction of its price: WebCrypto pays a trip
 * to another thread for each of a dozen steps. Composes primitives; implements none.
 */
import { createDecipheriv, createECDH, createHmac, createPrivateKey, hkdfSync, type ECDH } from 'node:crypto';
import {
  attempt,
  decodeSealedSettlement,
  MAX_ENVELOPE_BYTES,
  requireEnvelope,
  SEAL_BYTES,
  sealingInfo,
  selectSealingKey,
  settlementBinding,
  type HeldSealingKey,
  type Result,
} from '../src/index.ts';

const ENCAPSULATED_BYTES = 65;
const TAG_BYTES = 16;
const KEY_BYTES = 16;
const NONCE_BYTES = 12;
/** kem_id 0x0010; kdf_id 0x0001; aead_id 0x0001 (RFC 9180 section 7). */
const KEM_SUITE = Buffer.from('4b454d0010', 'hex');
const HPKE_SUITE = Buffer.from('48504b45001000010001', 'hex');
const VERSION = Buffer.from('HPKE-v1');
const EMPTY = Buffer.alloc(0);
const BASE_MODE = Buffer.of(0);

export type SealOpener = (
  sealed: Uint8Array,
  kioskCertificateHashes: readonly Uint8Array[],
) => Result<Uint8Array>;

/**
 * Opens what was sealed to this key, under whichever of the given certificates it was sealed for.
 * @param pem the sealing key, PKCS#8.
 */
export function sealOpener(pem: string): SealOpener {
  const key = ecdhOf(pem);
  const ownPoint = key.getPublicKey();
  return (sealed, kioskCertificateHashes) => {
    if (sealed.length > MAX_ENVELOPE_BYTES + SEAL_BYTES) return { ok: false, code: 'message_too_large' };
    const shared =
      sealed.length < SEAL_BYTES ? null : decapsulate(key, ownPoint, sealed.subarray(0, ENCAPSULATED_BYTES));
    if (shared !== null) {
      for (const hash of kioskCertificateHashes) {
        const binding = { info: sealingInfo(hash), aad: EMPTY };
        const opened = decrypt(shared, binding, sealed.subarray(ENCAPSULATED_BYTES));
        if (opened !== null) return { ok: true, value: opened };
      }
    }
    return { ok: false, code: 'sealed_message_unreadable' };
  };
}

/** Opens what kiosks sealed to one of these keys, as `openSealedSettlement` does: one ECDH, whatever the batch holds. */
export function settlementOpener(
  keys: readonly HeldSealingKey[],
): (sealed: Uint8Array) => Result<Uint8Array> {
  const held = keys.map(({ keyId, privateKey }) => {
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(privateKey);
    return { keyId, ecdh, ownPoint: ecdh.getPublicKey() };
  });
  return (bytes) => {
    const named = attempt(() => selectSealingKey(decodeSealedSettlement(bytes), held));
    if (!named.ok) return named;
    const { key, message } = named.value;
    const { sealed } = message;
    const shared =
      sealed.length < SEAL_BYTES
        ? null
        : decapsulate(key.ecdh, key.ownPoint, sealed.subarray(0, ENCAPSULATED_BYTES));
    const opened =
      shared === null
        ? null
        : decrypt(shared, settlementBinding(message), sealed.subarray(ENCAPSULATED_BYTES));
    return requireEnvelope(opened, message);
  };
}

function ecdhOf(pem: string): ECDH {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d ?? '', 'base64url'));
  return ecdh;
}

/** RFC 9180 section 4.1, Decap. Null when `encapsulated` is no point of the curve. */
function decapsulate(key: ECDH, ownPoint: Uint8Array, encapsulated: Uint8Array): Uint8Array | null {
  let dh: Uint8Array;
  try {
    dh = key.computeSecret(encapsulated);
  } catch {
    // A stranger's bytes that are no key: the same to the sender as a message that does not decrypt.
    return null;
  }
  const input = labeled(KEM_SUITE, 'eae_prk', dh);
  return hkdf(EMPTY, input, labeledInfo(KEM_SUITE, 'shared_secret', [encapsulated, ownPoint], 32), 32);
}

/** RFC 9180 section 5.1, KeySchedule in base mode, and the one message of the context. Null when it does not open. */
function decrypt(
  shared: Uint8Array,
  { info, aad }: { readonly info: Uint8Array; readonly aad: Uint8Array },
  sealed: Uint8Array,
): Uint8Array | null {
  const context = [BASE_MODE, PSK_ID_HASH, labeledExtract('info_hash', info)];
  const noPsk = labeled(HPKE_SUITE, 'secret', EMPTY);
  const key = hkdf(shared, noPsk, labeledInfo(HPKE_SUITE, 'key', context, KEY_BYTES), KEY_BYTES);
  const nonce = hkdf(shared, noPsk, labeledInfo(HPKE_SUITE, 'base_nonce', context, NONCE_BYTES), NONCE_BYTES);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    // Forged, cut, or for another certificate: indistinguishable by design, and nothing of it may be looked at.
    return null;
  }
  return new Uint8Array(plaintext);
}

/** Extract and expand in one call: the pseudorandom key between them is needed for nothing else. */
function hkdf(salt: Uint8Array, input: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', input, salt, info, length));
}

function labeled(suite: Uint8Array, label: string, input: Uint8Array): Uint8Array {
  return Buffer.concat([VERSION, suite, Buffer.from(label), input]);
}

function labeledInfo(
  suite: Uint8Array,
  label: string,
  info: readonly Uint8Array[],
  length: number,
): Uint8Array {
  return Buffer.concat([Buffer.of(0, length), VERSION, suite, Buffer.from(label), ...info]);
}

/** LabeledExtract without a salt: HMAC alone. */
function labeledExtract(label: string, input: Uint8Array): Uint8Array {
  return createHmac('sha256', EMPTY)
    .update(labeled(HPKE_SUITE, label, input))
    .digest();
}

const PSK_ID_HASH = labeledExtract('psk_id_hash', EMPTY);
