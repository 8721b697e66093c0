/** The two forms of a signature are one: OpenSSL's own conversion agrees on every shape a scalar can take. */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { fc, test } from '@fast-check/vitest';
import { expect, it } from 'vitest';
import { derToRaw, rawToDer } from './ecdsa-der.ts';
import { generateKeyPair, loadPrivateKey, nodeCrypto } from './node-crypto.ts';

/** Scalars whose DER form is unusual: leading zeros, the high bit, zero itself. */
const scalar = fc
  .tuple(fc.integer({ min: 0, max: 32 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map(([zeros, bytes]) => bytes.fill(0, 0, zeros));

test.prop([scalar, scalar])('raw to DER and back is the same signature', (r, s) => {
  const raw = new Uint8Array([...r, ...s]);
  expect(derToRaw(rawToDer(raw))).toEqual(raw);
});

test.prop([scalar, scalar])('what stood in the memory before does not matter', (r, s) => {
  const raw = new Uint8Array([...r, ...s]);
  expect(rawToDer(raw, new Uint8Array(72).fill(0xff))).toEqual(rawToDer(raw));
});

test.prop([scalar, scalar])('DER is minimal and says its own length', (r, s) => {
  const der = rawToDer(new Uint8Array([...r, ...s]));
  expect(der[1]).toBe(der.length - 2);
  const rLength = der[3] ?? 0;
  for (const at of [2, 4 + rLength]) {
    expect(der[at]).toBe(2);
    const [length = 0, head = 0, next = 0] = der.subarray(at + 1, at + 4);
    expect(head).toBeLessThan(0x80);
    if (head === 0 && length > 1) expect(next).toBeGreaterThanOrEqual(0x80);
  }
});

it('signs and verifies as node does with ieee-p1363', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const mine = loadPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const publicKey = createPublicKey(pair.privateKey);
  const crypto = nodeCrypto();
  // Enough of them that scalars with a high bit and with leading zeros are among them.
  for (let i = 0; i < 600; i += 1) {
    const data = Uint8Array.of(i & 0xff, i >> 8);
    expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, mine.sign(data))).toBe(true);
    const theirs = sign('sha256', data, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
    expect(crypto.verify(mine.publicKey, data, theirs)).toBe(true);
  }
});

it.each([
  ['all zero', new Uint8Array(64)],
  ['all ones', new Uint8Array(64).fill(0xff)],
  ['too short', new Uint8Array(63).fill(1)],
  ['too long', new Uint8Array(65).fill(1)],
])('%s is no signature of anything', (_, signature) => {
  const { publicKey } = generateKeyPair();
  expect(nodeCrypto().verify(publicKey, Uint8Array.of(1), signature)).toBe(false);
});
