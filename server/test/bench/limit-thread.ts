/** One core verifying signatures and nothing else, by node:crypto as its documentation has it. */
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

export interface SignedPart {
  readonly jwk: JsonWebKey;
  /** The same key as the protocol writes it. */
  readonly publicKey: Uint8Array;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

const parts: readonly SignedPart[] = workerData;

parentPort?.on('message', () => {
  for (const { jwk, data, signature } of parts) {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    if (!verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature))
      throw new Error('a signature does not verify');
  }
  parentPort?.postMessage('done');
});
