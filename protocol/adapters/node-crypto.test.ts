/** Keys on node:crypto: P-256 only, and a cache that never mixes keys up. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generateKeyPair, loadPrivateKey, nodeCrypto } from './node-crypto.ts';

const data = new TextEncoder().encode('data');

describe('loadPrivateKey', () => {
  it('gives the public key and the scalar of the same pair', () => {
    const pair = generateKeyPair();
    const loaded = loadPrivateKey(pair.privateKeyPem);
    expect(loaded.publicKey).toEqual(pair.publicKey);
    expect(loaded.scalar).toHaveLength(32);
    expect(nodeCrypto().verify(pair.publicKey, data, loaded.sign(data))).toBe(true);
  });

  it.each(['secp256k1', 'secp384r1'])('refuses a key on %s', (namedCurve) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => loadPrivateKey(pem)).toThrow(TypeError);
  });
});

it('the cache of keys answers for each key, also after it is full', () => {
  const crypto = nodeCrypto();
  const mine = loadPrivateKey(generateKeyPair().privateKeyPem);
  const signature = mine.sign(data);
  expect(crypto.verify(mine.publicKey, data, signature)).toBe(true);
  for (let i = 0; i < 5_000; i += 1) {
    const noPoint = new Uint8Array(33).fill(0xff);
    new DataView(noPoint.buffer).setUint32(1, i);
    expect(crypto.verify(noPoint, data, signature)).toBe(false);
  }
  expect(crypto.verify(mine.publicKey, data, signature)).toBe(true);
  const other = loadPrivateKey(generateKeyPair().privateKeyPem);
  expect(crypto.verify(other.publicKey, data, signature)).toBe(false);
});
