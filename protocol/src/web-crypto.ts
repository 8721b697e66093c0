/**
 * The default primitives: WebCrypto, as browsers and Node both have it. The few methods used are described here
 * structurally, so that the package needs neither the DOM's types nor Node's.
 */
import type { AsyncCrypto } from './crypto.ts';
import { decompressPoint } from './p256.ts';
import { attempt } from './errors.ts';

/** The part of `crypto.subtle` that verification needs. */
interface Subtle {
  digest(algorithm: 'SHA-256', data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  importKey(
    format: 'raw',
    keyData: Uint8Array<ArrayBuffer>,
    algorithm: { name: 'ECDSA'; namedCurve: 'P-256' },
    extractable: boolean,
    usages: ['verify'],
  ): Promise<unknown>;
  verify(
    algorithm: { name: 'ECDSA'; hash: 'SHA-256' },
    key: never,
    signature: Uint8Array<ArrayBuffer>,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<boolean>;
}

/** WebCrypto refuses views on shared memory by type; a copy is always an ordinary buffer. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** @param subtle `globalThis.crypto.subtle`. */
export function webCrypto(subtle: Subtle): AsyncCrypto {
  return {
    async digest(data) {
      return new Uint8Array(await subtle.digest('SHA-256', own(data)));
    },
    async verify(publicKey, data, signature) {
      const point = attempt(() => decompressPoint(publicKey));
      if (!point.ok) return false;
      const key = await subtle.importKey(
        'raw',
        own(point.value),
        { name: 'ECDSA', namedCurve: 'P-256' },
        false,
        ['verify'],
      );
      return await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key as never, own(signature), own(data));
    },
  };
}
