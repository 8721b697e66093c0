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
import {
  attempt,
  compressPoint,
  decompressPoint,
  toBase64Url,
  type SyncCrypto,
  type SyncSigner,
} from '../src/index.ts';

const MAX_CACHED_KEYS = 4_096;

/** A verifier with its own key cache; one per thread is enough. */
export function nodeCrypto(): SyncCrypto {
  const keys = new Map<string, KeyObject | null>();
  const keyFor = (publicKey: Uint8Array): KeyObject | null => {
    const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString('latin1');
    const cached = keys.get(name);
    if (cached !== undefined) return cached;
    const key = importPublicKey(publicKey);
    // Oldest first: a Map iterates in insertion order, and a shop's certificates come and go within days.
    if (keys.size >= MAX_CACHED_KEYS)
      for (const oldest of keys.keys()) {
        keys.delete(oldest);
        break;
      }
    keys.set(name, key);
    return key;
  };
  return {
    digest: (data) => new Uint8Array(hash('sha256', data, 'buffer')),
    verify(publicKey, data, signature) {
      const key = keyFor(publicKey);
      if (key === null || signature.length !== 64) return false;
      return verifyWith('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    },
  };
}

/** Null when the bytes are not a point of the curve. */
function importPublicKey(publicKey: Uint8Array): KeyObject | null {
  const point = attempt(() => decompressPoint(publicKey));
  if (!point.ok) return null;
  const x = toBase64Url(point.value.subarray(1, 33));
  const y = toBase64Url(point.value.subarray(33));
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
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

function publicKeyOf(privateKey: KeyObject): Uint8Array {
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
    sign: (data) => new Uint8Array(signWith('sha256', data, { key, dsaEncoding: 'ieee-p1363' })),
    publicKey: publicKeyOf(key),
    scalar: new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')),
  };
}
