/**
 * The kiosk's and the cloud's side of sealing on node:crypto: HPKE's recipient (RFC 9180, base mode, DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256, AES-128-GCM), synchronous, with the private key imported once. The same bytes in and out as
 * `openSealed` and `openSealedSettlement` of the protocol, which its tests hold it against, at a fraction of its price: WebCrypto pays a trip
 * to another thread for each of a dozen steps. Composes primitives; implements none.
 */
import {
  createDecipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  createSecretKey,
  decapsulate,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
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
  const key = createPrivateKey(pem);
  const schedules = new Map<string, Schedule>();
  const scheduleFor = (hash: Uint8Array): Schedule => {
    const name = Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');
    const known = schedules.get(name);
    if (known !== undefined) return known;
    const schedule = scheduleOf(sealingInfo(hash));
    // A kiosk has a handful in years.
    if (schedules.size >= MAX_SCHEDULES) schedules.clear();
    schedules.set(name, schedule);
    return schedule;
  };
  return (sealed, kioskCertificateHashes) => {
    if (sealed.length > MAX_ENVELOPE_BYTES + SEAL_BYTES) return { ok: false, code: 'message_too_large' };
    const shared =
      sealed.length < SEAL_BYTES ? null : sharedSecret(key, sealed.subarray(0, ENCAPSULATED_BYTES));
    if (shared !== null) {
      for (const hash of kioskCertificateHashes) {
        const opened = decrypt(
          shared,
          { schedule: scheduleFor(hash), aad: EMPTY },
          sealed.subarray(ENCAPSULATED_BYTES),
        );
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
  const held = keys.map(({ keyId, privateKey }) => ({ keyId, privateKey: keyOf(privateKey) }));
  return (bytes) => {
    const named = attempt(() => selectSealingKey(decodeSealedSettlement(bytes), held));
    if (!named.ok) return named;
    const { key, message } = named.value;
    const { sealed } = message;
    const shared =
      sealed.length < SEAL_BYTES
        ? null
        : sharedSecret(key.privateKey, sealed.subarray(0, ENCAPSULATED_BYTES));
    const { info, aad } = settlementBinding(message);
    const opened =
      shared === null
        ? null
        : decrypt(shared, { schedule: scheduleOf(info), aad }, sealed.subarray(ENCAPSULATED_BYTES));
    return requireEnvelope(opened, message);
  };
}

/** Imported once, from its raw scalar: OpenSSL wants the public point beside it. */
function keyOf(scalar: Uint8Array): KeyObject {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(scalar);
  const point = ecdh.getPublicKey();
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: text(scalar),
    x: text(point.subarray(1, 33)),
    y: text(point.subarray(33)),
  };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

/**
 * RFC 9180 section 4.1, Decap, whole by OpenSSL: its older ECDH checks the recipient's own key anew for each message, which costs
 * as much as the exchange. Null when `encapsulated` is no point of the curve.
 */
function sharedSecret(key: KeyObject, encapsulated: Uint8Array): Uint8Array | null {
  try {
    return decapsulate(key, encapsulated);
  } catch {
    // A stranger's bytes that are no key: the same to the sender as a message that does not decrypt.
    return null;
  }
}

/** What a key and a nonce are derived by: the same for every message under one certificate. */
interface Schedule {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/** RFC 9180 section 5.1, KeySchedule in base mode, up to the shared secret. */
function scheduleOf(info: Uint8Array): Schedule {
  const context = [BASE_MODE, PSK_ID_HASH, labeledExtract('info_hash', info)];
  return {
    key: labeledInfo('key', context, KEY_BYTES),
    nonce: labeledInfo('base_nonce', context, NONCE_BYTES),
  };
}

/** The rest of it, and the one message of the context. Null when it does not open. */
function decrypt(
  shared: Uint8Array,
  { schedule, aad }: { readonly schedule: Schedule; readonly aad: Uint8Array },
  sealed: Uint8Array,
): Uint8Array | null {
  // As a key object, here and below: of bytes node makes one all the same, by a way that takes as long as what it is made for.
  const key = createSecretKey(hkdf(shared, schedule.key, KEY_BYTES));
  const nonce = hkdf(shared, schedule.nonce, NONCE_BYTES);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: TAG_BYTES });
  if (aad.length > 0) decipher.setAAD(aad);
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

/** Extract and expand in one call: the pseudorandom key between them is asked for twice, which costs less than to fetch it. */
function hkdf(shared: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', NO_PSK, shared, info, length));
}

function labeled(label: string, input: Uint8Array): Uint8Array {
  return Buffer.concat([VERSION, HPKE_SUITE, Buffer.from(label), input]);
}

function labeledInfo(label: string, info: readonly Uint8Array[], length: number): Uint8Array {
  return Buffer.concat([Buffer.of(0, length), VERSION, HPKE_SUITE, Buffer.from(label), ...info]);
}

/** LabeledExtract without a salt: HMAC alone. */
function labeledExtract(label: string, input: Uint8Array): Uint8Array {
  return createHmac('sha256', EMPTY).update(labeled(label, input)).digest();
}

const PSK_ID_HASH = labeledExtract('psk_id_hash', EMPTY);
const NO_PSK = createSecretKey(labeled('secret', EMPTY));
const MAX_SCHEDULES = 64;
