/**
 * The arithmetic of the vault: from a PIN to a key, and keys inside keys. Pure WebCrypto, no store and no counting.
 *
 * A device key that the PIN guards lies on the phone as ciphertext under a random master key; the master key lies there
 * as ciphertext under what the PIN gives. Never: keeps an extractable key
 * longer than the call that made it.
 */

const AES = 'AES-GCM';
const SIGNING = { name: 'ECDSA', namedCurve: 'P-256' } as const;
/** The floor for slow phones: 0.3 s on a sixth of one desktop core. OWASP's 600,000 lie between it and the ceiling. */
export const LEAST_ITERATIONS = 250_000;
const MOST_ITERATIONS = 2_000_000;
/** How long a try may take on this very phone: long for who tries a million, short for who types one. */
const AIM_MS = 400;
const PROBE_ITERATIONS = 20_000;

/** Ciphertext of a key: a 12-byte nonce and AES-GCM's output with its tag. */
export interface SealedKey {
  readonly nonce: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface PinSecrets {
  /** 16 random bytes. */
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** HMAC-SHA-256, never extractable: what is read out of the database is useless on another machine. */
  readonly phoneKey: CryptoKey;
}

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

async function stretch(pin: string, salt: Uint8Array, iterations: number): Promise<ArrayBuffer> {
  const base = await crypto.subtle.importKey('raw', new TextEncoder().encode(pin), 'PBKDF2', false, [
    'deriveBits',
  ]);
  const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt: own(salt), iterations };
  return await crypto.subtle.deriveBits(algorithm, base, 256);
}

/** As many rounds as this phone does in the time of one try. */
export async function calibrateIterations(monotonicMs: () => number): Promise<number> {
  const before = monotonicMs();
  await stretch('000000', random(16), PROBE_ITERATIONS);
  const tookMs = Math.max(0.5, monotonicMs() - before);
  const fitting = Math.round((AIM_MS / tookMs) * PROBE_ITERATIONS);
  return Math.min(MOST_ITERATIONS, Math.max(LEAST_ITERATIONS, fitting));
}

export async function makePhoneKey(): Promise<CryptoKey> {
  return await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

export async function makePinSecrets(iterations: number): Promise<PinSecrets> {
  return { salt: random(16), iterations, phoneKey: await makePhoneKey() };
}

function wrappingKey(material: BufferSource): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', material, AES, false, ['wrapKey', 'unwrapKey']);
}

/** The key that a PIN gives on this phone. Takes the time of a try. */
export async function keyOfPin(pin: string, secrets: PinSecrets): Promise<CryptoKey> {
  const stretched = await stretch(pin, secrets.salt, secrets.iterations);
  return await wrappingKey(await crypto.subtle.sign('HMAC', secrets.phoneKey, stretched));
}

/** The key that the authenticator's 32 bytes give on this phone, and on no other that has a copy of its files. */
export async function keyOfPasskey(given: ArrayBuffer, phoneKey: CryptoKey): Promise<CryptoKey> {
  return await wrappingKey(await crypto.subtle.sign('HMAC', phoneKey, given));
}

async function seal(key: CryptoKey, format: 'raw' | 'pkcs8', under: CryptoKey): Promise<SealedKey> {
  const nonce = random(12);
  const bytes = await crypto.subtle.wrapKey(format, key, under, { name: AES, iv: nonce });
  return { nonce, bytes: new Uint8Array(bytes) };
}

const gcm = (sealed: SealedKey) => ({ name: AES, iv: own(sealed.nonce) });
const MASTER_USES = ['wrapKey', 'unwrapKey'] as const;

/** A new master key, already sealed. */
export async function makeMaster(under: CryptoKey): Promise<SealedKey> {
  const master = await crypto.subtle.generateKey({ name: AES, length: 256 }, true, [...MASTER_USES]);
  return await seal(master, 'raw', under);
}

/** @throws DOMException `OperationError` when `under` is not the key it was sealed with: a wrong PIN. */
export async function openMaster(sealed: SealedKey, under: CryptoKey): Promise<CryptoKey> {
  return await crypto.subtle.unwrapKey('raw', own(sealed.bytes), under, gcm(sealed), AES, false, [
    ...MASTER_USES,
  ]);
}

/** The same master key under another key: a changed PIN, or a second way in. @throws DOMException as {@link openMaster} */
export async function resealMaster(sealed: SealedKey, under: CryptoKey, next: CryptoKey): Promise<SealedKey> {
  const master = await crypto.subtle.unwrapKey('raw', own(sealed.bytes), under, gcm(sealed), AES, true, [
    ...MASTER_USES,
  ]);
  return await seal(master, 'raw', next);
}

/** A new signing key that exists outside of its ciphertext only inside this call. @returns raw public point, 65 bytes */
export async function makeSealedSigningKey(
  master: CryptoKey,
): Promise<{ readonly sealed: SealedKey; readonly rawPublicKey: Uint8Array }> {
  const pair = await crypto.subtle.generateKey(SIGNING, true, ['sign', 'verify']);
  const rawPublicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return { sealed: await seal(pair.privateKey, 'pkcs8', master), rawPublicKey };
}

/** Opened to sign, never to be read: the key that comes out cannot be exported. */
export async function openSigningKey(sealed: SealedKey, master: CryptoKey): Promise<CryptoKey> {
  return await crypto.subtle.unwrapKey('pkcs8', own(sealed.bytes), master, gcm(sealed), SIGNING, false, [
    'sign',
  ]);
}
