/**
 * What this machine could do at best, measured beside what the kiosk does: signatures alone on one thread, and a
 * disk's syncs alone. Verification is node:crypto as its documentation has it (`ieee-p1363`, the form of COSE).
 */
import { createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as protocol from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { ok } from '../world.ts';
import type { BenchShop, Order } from './shop.ts';

interface Signed {
  readonly jwk: JsonWebKey;
  readonly key: KeyObject;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

export class SignatureLimits {
  readonly #pairs: readonly { readonly certificate: Signed; readonly payment: Signed }[];
  readonly #requests: readonly protocol.PaymentRequest[];

  constructor(orders: readonly Order[], shop: BenchShop) {
    const certificates = new Map<unknown, Signed>();
    const keys = new Map<string, Pick<Signed, 'jwk' | 'key'>>();
    this.#requests = orders.map(({ request }) => request);
    this.#pairs = orders.map(({ phone, payment }) => {
      const { allowance } = phone;
      let certificate = certificates.get(phone);
      if (certificate === undefined) {
        const trust = protocol.verifyTrustBundle(shop.issuer.bundle(), shop.issuer.root.publicKey);
        const { issuers } = ok(protocol.runSync(trust, nodeCrypto()));
        certificate = capture(protocol.verifyAllowanceCertificate(allowance.bytes, issuers), keys);
        certificates.set(phone, certificate);
      }
      return { certificate, payment: capture(protocol.hasPaymentSignature(payment, allowance), keys) };
    });
  }

  get size(): number {
    return this.#requests.length;
  }

  /** L1: the payment's signature, its key in memory. Verifications a second. */
  paymentsWithKnownKeys(): number {
    return perSecond(this.#pairs, ({ payment }) => check(payment, payment.key));
  }

  /** L2: the certificate's signature and the payment's, both keys imported. Payments a second. */
  bothWithKeyImport(): number {
    return perSecond(this.#pairs, ({ certificate, payment }) => {
      check(certificate, createPublicKey({ key: certificate.jwk, format: 'jwk' }));
      check(payment, createPublicKey({ key: payment.jwk, format: 'jwk' }));
    });
  }

  /** L1 by the quicker way of this project's own adapter. */
  paymentsByOurAdapter(): number {
    const crypto = nodeCrypto();
    const points = this.#pairs.map(({ payment }) => ({ ...payment, point: pointOf(payment.jwk) }));
    for (const { point, data, signature } of points) crypto.verify(point, data, signature);
    return perSecond(points, ({ point, data, signature }) => {
      if (!crypto.verify(point, data, signature)) throw new Error('a signature does not verify');
    });
  }
}

function check({ data, signature }: Signed, key: KeyObject): void {
  if (!verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature))
    throw new Error('a signature does not verify');
}

function perSecond<T>(items: readonly T[], work: (item: T) => void): number {
  const began = performance.now();
  for (const item of items) work(item);
  return (items.length / (performance.now() - began)) * 1000;
}

/** What a rule asks to have verified: the very bytes, without the rule around them. */
function capture(steps: protocol.Steps<unknown>, keys: Map<string, Pick<Signed, 'jwk' | 'key'>>): Signed {
  const seen: Signed[] = [];
  const crypto = nodeCrypto();
  protocol.runSync(steps, {
    digest: (data) => crypto.digest(data),
    verify: (publicKey, data, signature) => {
      const name = protocol.toHex(publicKey);
      const known = keys.get(name) ?? importKey(publicKey);
      keys.set(name, known);
      seen.push({ ...known, data, signature });
      return true;
    },
  });
  const [signed] = seen;
  if (signed === undefined) throw new Error('nothing was verified');
  return signed;
}

function importKey(publicKey: Uint8Array): Pick<Signed, 'jwk' | 'key'> {
  const point = protocol.decompressPoint(publicKey);
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: protocol.toBase64Url(point.subarray(1, 33)),
    y: protocol.toBase64Url(point.subarray(33)),
  };
  return { jwk, key: createPublicKey({ key: jwk, format: 'jwk' }) };
}

function pointOf(jwk: JsonWebKey): Uint8Array {
  const coordinates = [jwk.x, jwk.y].map((text) => Buffer.from(text ?? '', 'base64url'));
  return protocol.compressPoint(new Uint8Array(Buffer.concat([Buffer.of(4), ...coordinates])));
}

/** F: 4 KiB appended and synced, each on its own. A second. */
export function syncsPerSecond(folder: string, count = 500): number {
  const file = openSync(join(folder, 'syncs'), 'w');
  const block = Buffer.alloc(4_096, 1);
  const began = performance.now();
  for (let i = 0; i < count; i += 1) {
    writeSync(file, block);
    fdatasyncSync(file);
  }
  const perSync = (performance.now() - began) / count;
  closeSync(file);
  return 1000 / perSync;
}
