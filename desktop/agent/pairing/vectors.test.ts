/** The protocol's vectors on the agent's primitives: verification and the opening of seals, both synchronous. */
import { createECDH, createPrivateKey } from 'node:crypto';
import { runSync } from '@tikiwallet/protocol';
import { nodeCrypto, sealOpener } from '@tikiwallet/protocol/node';
import { readVectors, runVectors } from '@tikiwallet/protocol/vectors';
import { expect, test } from 'vitest';

/** The raw scalar of a vector as the file that a kiosk keeps. */
function pemOf(scalar: Uint8Array): string {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(scalar);
  const [x, y] = [ecdh.getPublicKey().subarray(1, 33), ecdh.getPublicKey().subarray(33)].map((half) =>
    half.toString('base64url'),
  );
  const d = Buffer.from(scalar).toString('base64url');
  const key = createPrivateKey({
    key: { kty: 'EC', crv: 'P-256', d, x: x ?? '', y: y ?? '' },
    format: 'jwk',
  });
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

test('R21 R22 R23 every vector of the protocol holds in the agent', async () => {
  const crypto = nodeCrypto();
  const { vectors, disagreements } = await runVectors(readVectors(), {
    run: (steps) => runSync(steps, crypto),
    open: (sealed, { privateKey, kioskCertificateHash }) =>
      sealOpener(pemOf(privateKey))(sealed, [kioskCertificateHash]),
  });
  expect(disagreements).toEqual([]);
  expect(vectors).toBeGreaterThan(1_000);
}, 120_000);
