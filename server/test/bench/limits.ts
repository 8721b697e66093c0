/**
 * What verification alone could do on every core: the certificate's signature and the payment's, both keys imported, in
 * threads that do nothing else.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  decompressPoint,
  type IssuerCertificate,
  runSync,
  signPayment,
  linkOf,
  type Steps,
  toBase64Url,
  verifyAllowanceCertificate,
  hasPaymentSignature,
  readPayment,
} from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { must } from '../../src/trust/index.ts';
import type { OfflineWallet } from '../simulated-phone.ts';
import type { SignedPart } from './limit-thread.ts';

/** What a rule asks to have verified: the very bytes, without the rule around them. */
function capture(steps: Steps<unknown>): SignedPart {
  const seen: SignedPart[] = [];
  const crypto = nodeCrypto();
  runSync(steps, {
    digest: (data) => crypto.digest(data),
    verify: (publicKey, data, signature) => {
      const point = decompressPoint(publicKey);
      const [x, y] = [point.subarray(1, 33), point.subarray(33)].map(toBase64Url);
      seen.push({ jwk: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, data, signature });
      return true;
    },
  });
  const [first] = seen;
  if (first === undefined) throw new Error('nothing was verified');
  return first;
}

/** The two signatures of one payment of each wallet, under the certificates that the product made. */
export function signaturesOf(
  wallets: readonly OfflineWallet[],
  issuers: readonly IssuerCertificate[],
): readonly (readonly [certificate: SignedPart, payment: SignedPart])[] {
  return wallets.map((wallet) => {
    const { allowance, key } = wallet;
    const draft = {
      counter: 1,
      amountMinor: 1n,
      cumulativeMinor: 1n,
      previousLink: linkOf(allowance.hash),
      requestHash: new Uint8Array(32),
      signedAt: 1_780_000_000,
    };
    const payment = must(readPayment(must(signPayment(draft, allowance.hash), key.sign), allowance));
    return [
      capture(verifyAllowanceCertificate(allowance.bytes, issuers)),
      capture(hasPaymentSignature(payment, allowance)),
    ];
  });
}

export class VerifyOnly {
  readonly #payments: number;
  readonly #threads: readonly Worker[];

  constructor(pairs: readonly (readonly SignedPart[])[]) {
    this.#payments = pairs.length;
    this.#threads = Array.from(
      { length: availableParallelism() },
      () => new Worker(new URL('./limit-thread.ts', import.meta.url), { workerData: pairs.flat() }),
    );
  }

  /** Payments a second, all cores together. */
  async perSecond(): Promise<number> {
    const began = performance.now();
    await Promise.all(
      this.#threads.map(async (thread) => {
        thread.postMessage('go');
        await once(thread, 'message');
      }),
    );
    return (this.#payments * this.#threads.length * 1000) / (performance.now() - began);
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}
