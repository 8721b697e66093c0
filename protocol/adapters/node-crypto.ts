/**
 * Synchronous primitives on node:crypto, for the agent and the server. Imported public keys are kept in a small
 * bounded cache: building the key object costs a third of a verification, and a shop sees the same few again.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  sign as signWith,
  verify as verifyWith,
  type KeyObject,
} from 'node:crypto';
import { compressPoint, type SyncCrypto, type SyncSigner } from '../src/index.ts';
import { derToRaw, rawToDer } from './ecdsa-der.ts';

export { sealOpener, settlementOpener, type SealOpener } from './node-sealing.ts';

const MAX_CACHED_KEYS = 4_096;

/** A verifier with its own cache of up to `maxKeys` imported keys; one per thread is enough. */
export function nodeCrypto(maxKeys: number = MAX_CACHED_KEYS): SyncCrypto {
  const keys = new Map<string, KeyObject | null>();
  const der = new Uint8Array(72);
  const keyFor = (publicKey: Uint8Array): KeyObject | null => {
    const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString('latin1');
    const cached = keys.get(name);
    if (cached !== undefined) return cached;
    const key = importPublicKey(publicKey);
    // Oldest first: a Map iterates in insertion order, and a shop's certificates come and go within days.
    if (keys.size >= maxKeys)
      for (const oldest of keys.keys()) {
        keys.delete(oldest);
        break;
      }
    if (maxKeys > 0) keys.set(name, key);
    return key;
  };
  return {
    digest: sha256,
    verify(publicKey, data, signature) {
      const key = keyFor(publicKey);
      if (key === null || signature.length !== 64) return false;
      return verifyWith('sha256', data, key, rawToDer(signature, der));
    },
  };
}

/** By way of a text of one character a byte: a Buffer from OpenSSL would be memory of its own, and twice as dear. */
function sha256(data: Uint8Array): Uint8Array {
  const text = hash('sha256', data, 'binary');
  const digest = new Uint8Array(text.length);
  for (let at = 0; at < digest.length; at += 1) digest[at] = text.charCodeAt(at);
  return digest;
}

/** SubjectPublicKeyInfo of a P-256 key up to its compressed point (RFC 5480): OpenSSL finds y faster than bigints do. */
const SPKI_COMPRESSED = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');

/** Null when the bytes are not a point of the curve. */
function importPublicKey(publicKey: Uint8Array): KeyObject | null {
  if (publicKey.length !== 33) return null;
  try {
    return createPublicKey({
      key: Buffer.concat([SPKI_COMPRESSED, publicKey]),
      format: 'der',
      type: 'spki',
    });
  } catch {
    // Whatever OpenSSL dislikes about a stranger's 33 bytes, they are no key: there is nothing to tell apart.
    return null;
  }
}

export interface NodeKeyPair {
  /** 33-byte compressed point. */
  readonly publicKey: Uint8Array;
  /** PKCS#8, PEM. */
  readonly privateKeyPem: string;
}

export function generateKeyPair(): NodeKeyPair {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicKey: publicKeyOf(pair.privateKey),
    privateKeyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** 33-byte compressed point. */
export function publicKeyOf(privateKey: KeyObject): Uint8Array {
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(jwk.x ?? '', 'base64url'),
    Buffer.from(jwk.y ?? '', 'base64url'),
  ]);
  return compressPoint(new Uint8Array(point));
}

/** A signer and its public key from a PKCS#8 PEM; `scalar` is for HPKE's recipient side. */
export function loadPrivateKey(pem: string): { sign: SyncSigner; publicKey: Uint8Array; scalar: Uint8Array } {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new TypeError('not a P-256 private key');
  return {
    sign: (data) => derToRaw(signWith('sha256', data, key)),
    publicKey: publicKeyOf(key),
    scalar: new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')),
  };
}
