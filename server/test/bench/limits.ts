/**
 * What verification alone could do on every core: the certificate's signature and the payment's, both keys imported, in
 * threads that do nothing else. By node:crypto, which is the limit that the gates name, and by the way the product goes.
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
import { packChecks, type PackedChecks } from '@tikiwallet/protocol/verify-many';
import { chooseWay, must } from '../../src/trust/index.ts';
import type { OfflineWallet } from '../simulated-phone.ts';
import type { SignedPart } from './limit-thread.ts';
import type { OwnLimit } from './own-limit-thread.ts';

/** What a rule asks to have verified: the very bytes, without the rule around them. */
function capture(steps: Steps<unknown>): SignedPart {
  const seen: SignedPart[] = [];
  const crypto = nodeCrypto();
  runSync(steps, {
    digest: (data) => crypto.digest(data),
    verify: (publicKey, data, signature) => {
      const point = decompressPoint(publicKey);
      const [x, y] = [point.subarray(1, 33), point.subarray(33)].map(toBase64Url);
      seen.push({ jwk: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, publicKey, data, signature });
      return true;
    },
  });
  const [first] = seen;
  if (first === undefined) throw new Error('nothing was verified');
  return first;
}

export type SignedPair = readonly [certificate: SignedPart, payment: SignedPart];

/** The two signatures of one payment of each wallet, under the certificates that the product made. */
export function signaturesOf(
  wallets: readonly OfflineWallet[],
  issuers: readonly IssuerCertificate[],
): readonly SignedPair[] {
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

  private constructor(payments: number, start: () => Worker) {
    this.#payments = payments;
    this.#threads = Array.from({ length: availableParallelism() }, start);
  }

  /** By node:crypto, as `limit-thread.ts` says. */
  static byNodeCrypto(pairs: readonly SignedPair[]): VerifyOnly {
    const workerData = pairs.flat();
    const file = new URL('./limit-thread.ts', import.meta.url);
    return new VerifyOnly(pairs.length, () => new Worker(file, { workerData }));
  }

  /** By this product's own threads' way, a batch's worth of checks at a time, nothing remembered between two. */
  static byOurs(pairs: readonly SignedPair[]): VerifyOnly {
    const workerData: OwnLimit = {
      settings: { rememberedKeys: 0, way: chooseWay(true).way },
      packed: inChunks(pairs.map(([certificate]) => certificate)).concat(
        inChunks(pairs.map(([, payment]) => payment)),
      ),
    };
    const file = new URL('./own-limit-thread.ts', import.meta.url);
    return new VerifyOnly(pairs.length, () => new Worker(file, { workerData }));
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

/** As many checks as the product asks a thread at once. */
const CHUNK = 64;

function inChunks(parts: readonly SignedPart[]): readonly PackedChecks[] {
  const starts = Array.from({ length: Math.ceil(parts.length / CHUNK) }, (_, n) => n * CHUNK);
  return starts.map((from) => packChecks(parts.slice(from, from + CHUNK)));
}
