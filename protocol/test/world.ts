/**
 * A small world for tests: a root, an issuer, one shop and one phone with real keys, and the steps that lead to a
 * signed payment. Everything is built with the package's own signing functions; nothing is canned.
 */
import { generateKeyPair, loadPrivateKey, nodeCrypto } from '../adapters/node-crypto.ts';
import * as protocol from '../src/index.ts';

export const NOW = 1_780_000_000;
export const crypto = nodeCrypto();

/** Unwraps a result in a test; a refusal fails the test with its code. */
export function ok<T>(result: protocol.Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(`refused: ${result.code}`);
}

/** The holder of the world's allowance. */
export const PHONE = '+6598765432';

export function newKey() {
  return loadPrivateKey(generateKeyPair().privateKeyPem);
}

/** Deterministic 16-byte id whose bytes all equal `fill`. */
export function id(fill: number): Uint8Array {
  return new Uint8Array(16).fill(fill);
}

export interface WorldOptions {
  readonly capMinor?: bigint;
  readonly perPaymentMinor?: bigint;
  readonly payeeLock?: protocol.PayeeLock | null;
  readonly denied?: readonly Uint8Array[];
  readonly policy?: Partial<protocol.Policy>;
}

export function makeWorld(options: WorldOptions = {}) {
  const root = newKey();
  const issuer = newKey();
  const kioskKey = newKey();
  const sealingKey = newKey();
  const phoneKey = newKey();
  const issuerKeyId = ok(protocol.runSync(protocol.keyIdOf(issuer.publicKey), crypto));
  const issuerCertificate = ok(
    protocol.runSync(
      protocol.signIssuerCertificate({
        publicKey: issuer.publicKey,
        generation: 1,
        uses: protocol.EVERY_ISSUER_USE,
        notBefore: NOW - 1000,
        notAfter: NOW + 31_536_000,
      }),
      crypto,
      root.sign,
    ),
  );
  const policy: protocol.Policy = {
    perPaymentMinor: 20_000n,
    storedSumMinor: 500_000n,
    storedCount: 1_000,
    maxOfflineSeconds: 14 * 24 * 3600,
    perAllowanceMinor: 1_000_000_000n,
    firstPaymentMinor: 1_000_000_000n,
    newStandingMinor: 1_000_000_000n,
    splitWindowSeconds: 120,
    splitCount: 1_000_000,
    splitSumMinor: 1_000_000_000n,
    hourCount: 1_000_000,
    hourSumMinor: 1_000_000_000n,
    dayCount: 1_000_000,
    daySumMinor: 1_000_000_000n,
    ...options.policy,
  };
  const trustBytes = ok(
    protocol.runSync(
      protocol.signTrustBundle(
        {
          version: 7,
          issuedAt: NOW,
          policy,
          issuerCertificates: [issuerCertificate],
          denyListVersion: 3,
          deniedAllowances: options.denied ?? [],
          deniedKiosks: [],
        },
        issuerKeyId,
      ),
      crypto,
      issuer.sign,
    ),
  );
  const trust = ok(protocol.runSync(protocol.verifyTrustBundle(trustBytes, root.publicKey), crypto));
  const kioskCertificateBytes = ok(
    protocol.runSync(
      protocol.signKioskCertificate(
        {
          merchantName: 'Warung Sari',
          merchantPhone: '+6591234567',
          currency: 'SGD',
          signingPublicKey: kioskKey.publicKey,
          sealingPublicKey: sealingKey.publicKey,
          perPaymentMinor: 20_000n,
          notBefore: NOW,
          notAfter: NOW + 90 * 24 * 3600,
        },
        { issuerKeyId, merchantId: id(0x11), kioskId: id(0x22) },
      ),
      crypto,
      issuer.sign,
    ),
  );
  const kiosk = ok(
    protocol.runSync(protocol.verifyKioskCertificate(kioskCertificateBytes, trust.issuers), crypto),
  );
  const phoneSalt = id(0x55);
  const allowanceBytes = ok(
    protocol.runSync(
      protocol.signAllowanceCertificate(
        {
          devicePublicKey: phoneKey.publicKey,
          currency: 'SGD',
          capMinor: options.capMinor ?? 5_000n,
          perPaymentMinor: options.perPaymentMinor ?? 5_000n,
          firstCounter: 1,
          softCounterLimit: 20,
          hardCounterLimit: 30,
          notBefore: NOW,
          notAfter: NOW + 72 * 3600,
          assurance: protocol.ASSURANCE.software,
          standing: protocol.STANDING.new,
          maskedPhone: protocol.maskPhone(PHONE),
          phoneCommitment: ok(protocol.runSync(protocol.commitToPhone(PHONE, phoneSalt), crypto)),
        },
        { issuerKeyId, allowanceId: id(0x33), payeeLock: options.payeeLock ?? null },
      ),
      crypto,
      issuer.sign,
    ),
  );
  const allowance = ok(
    protocol.runSync(protocol.verifyAllowanceCertificate(allowanceBytes, trust.issuers), crypto),
  );
  return {
    root,
    issuer,
    issuerCertificate,
    issuerKeyId,
    kioskKey,
    sealingKey,
    phoneKey,
    trust,
    trustBytes,
    kiosk,
    allowance,
    phoneSalt,
  };
}
export type World = ReturnType<typeof makeWorld>;

export function makeRequest(
  world: World,
  options: { amountMinor?: bigint; fill?: number; ttlSeconds?: number; checksPhone?: boolean } = {},
) {
  const fill = options.fill ?? 0x44;
  const bytes = ok(
    protocol.runSync(
      protocol.signPaymentRequest(
        {
          requestIdBytes: id(fill),
          amountMinor: options.amountMinor ?? 1_250n,
          currency: 'SGD',
          itemsHash: null,
          nonce: id(fill + 1),
          issuedAt: NOW + 10,
          ttlSeconds: options.ttlSeconds ?? 120,
          denyListVersion: 3,
          addresses: ['http://192.168.49.1:7070'],
          checksPhone: options.checksPhone ?? false,
        },
        world.kiosk.hash,
      ),
      crypto,
      world.kioskKey.sign,
    ),
  );
  return ok(protocol.runSync(protocol.verifyPaymentRequest(bytes, world.kiosk), crypto));
}

export type PaymentDraft = Omit<protocol.Payment, 'hash' | 'bytes'>;

export function makePayment(
  world: World,
  request: protocol.PaymentRequest,
  changes: Partial<PaymentDraft> = {},
) {
  const draft: PaymentDraft = {
    counter: 1,
    amountMinor: request.amountMinor,
    cumulativeMinor: request.amountMinor,
    previousLink: protocol.linkOf(world.allowance.hash),
    requestHash: request.hash,
    signedAt: NOW + 20,
    ...changes,
  };
  const bytes = ok(
    protocol.runSync(protocol.signPayment(draft, world.allowance.hash), crypto, world.phoneKey.sign),
  );
  return ok(protocol.runSync(protocol.readPayment(bytes, world.allowance), crypto));
}

export function makeDelivery(world: World, payment: protocol.Payment): protocol.Delivery {
  return {
    allowanceCertificate: world.allowance.bytes,
    payment: payment.bytes,
    phoneSalt: null,
  };
}

export function makeFacts(
  world: World,
  request: protocol.PaymentRequest | null,
  changes: Partial<protocol.AcceptanceFacts> = {},
): protocol.AcceptanceFacts {
  return {
    nowSeconds: NOW + 30,
    kiosk: world.kiosk,
    trust: world.trust,
    request:
      request === null
        ? null
        : {
            requestId: request.requestId,
            hash: request.hash,
            amountMinor: request.amountMinor,
            currency: request.currency,
            state: 'open',
          },
    expectedPhone: null,
    history: null,
    stored: { sumMinor: 0n, count: 0 },
    payer: { hasPaidHere: false, recent: [], allowanceSumMinor: 0n },
    settings: [],
    certificateIsKnownGood: false,
    ...changes,
  };
}
