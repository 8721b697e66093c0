/**
 * The fixed actors of the vectors: keys derived from published names, so that anyone can rebuild them, and signers
 * that repeat a committed signature as long as the signed bytes are the same and it still verifies. ECDSA is
 * randomised here; without this every run would change every vector.
 */
import { createECDH, createHash, createPrivateKey } from 'node:crypto';
import { loadPrivateKey, nodeCrypto } from '../adapters/node-crypto.ts';
import { fromHex, toHex } from '../src/bytes.ts';
import * as protocol from '../src/index.ts';

export const NOW = 1_780_000_000;
export const crypto = nodeCrypto();

export function unwrap<T>(result: protocol.Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(`refused: ${result.code}`);
}

export interface Actor {
  readonly publicKey: Uint8Array;
  readonly scalar: Uint8Array;
  readonly sign: protocol.SyncSigner;
}

/** Signatures by the hash of key and signed bytes. */
export type SignatureBook = Readonly<Record<string, string>>;

export class Notary {
  readonly #committed: SignatureBook;
  readonly #used = new Map<string, string>();

  constructor(committed: SignatureBook) {
    this.#committed = committed;
  }

  /** The private key is SHA-256 of `tikiwallet vector key: <name>`. Never use one outside tests. */
  actor(name: string): Actor {
    const d = createHash('sha256').update(`tikiwallet vector key: ${name}`).digest();
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(d);
    const point = ecdh.getPublicKey();
    const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')];
    const jwk = { kty: 'EC', crv: 'P-256', d: d.toString('base64url'), x, y };
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    const loaded = loadPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString());
    return { ...loaded, sign: (data) => this.#sign(loaded, data) };
  }

  #sign(key: Actor, data: Uint8Array): Uint8Array {
    const place = createHash('sha256').update(key.publicKey).update(data).digest('hex');
    const known = this.#used.get(place) ?? this.#committed[place];
    const committed = known === undefined ? null : fromHex(known);
    const isGood = committed !== null && crypto.verify(key.publicKey, data, committed);
    const signature = isGood ? committed : key.sign(data);
    this.#used.set(place, toHex(signature));
    return signature;
  }

  /** What this run used, for the next one. */
  book(): SignatureBook {
    return Object.fromEntries([...this.#used].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** 16 bytes that all equal `fill`. */
export function id(fill: number): Uint8Array {
  return new Uint8Array(16).fill(fill);
}

export type VectorWorld = ReturnType<typeof makeVectorWorld>;

/** Everything that the vectors take as given. */
export function makeVectorWorld(notary: Notary) {
  const names = ['root', 'issuer', 'next issuer', 'kiosk', 'kiosk sealing', 'phone', 'stranger'] as const;
  const [root, issuer, nextIssuer, kioskKey, sealingKey, phone, stranger] = names.map((name) =>
    notary.actor(name),
  );
  if (!root || !issuer || !nextIssuer || !kioskKey || !sealingKey || !phone || !stranger)
    throw new TypeError('unreachable');
  const [cloudSealing, nextCloudSealing] = [
    notary.actor('cloud sealing'),
    notary.actor('next cloud sealing'),
  ];
  const run = <T>(steps: protocol.Steps<T>, by: Actor): T => unwrap(protocol.runSync(steps, crypto, by.sign));
  const keyId = run(protocol.keyIdOf(issuer.publicKey), issuer);
  const issuerCertificates = [issuer, nextIssuer].map(({ publicKey }, index) =>
    run(
      protocol.signIssuerCertificate({
        publicKey,
        generation: index + 1,
        uses: protocol.EVERY_ISSUER_USE,
        notBefore: NOW - 2_592_000 + index * 86_400,
        notAfter: NOW + 31_536_000,
      }),
      root,
    ),
  );
  const policy: protocol.Policy = {
    perPaymentMinor: 20_000n,
    storedSumMinor: 500_000n,
    storedCount: 1_000,
    maxOfflineSeconds: 1_209_600,
    perAllowanceMinor: 100_000n,
    firstPaymentMinor: 15_000n,
    newStandingMinor: 12_000n,
    splitWindowSeconds: 120,
    splitCount: 3,
    splitSumMinor: 25_000n,
    hourCount: 10,
    hourSumMinor: 50_000n,
    dayCount: 20,
    daySumMinor: 80_000n,
  };
  const bundleDraft: protocol.TrustBundleDraft = {
    version: 7,
    issuedAt: NOW,
    policy,
    issuerCertificates,
    denyListVersion: 3,
    deniedAllowances: [id(0xd1), id(0xd2)],
    deniedKiosks: [id(0xd3)],
  };
  const signBundle = (changes: Partial<protocol.TrustBundleDraft>) =>
    run(protocol.signTrustBundle({ ...bundleDraft, ...changes }, keyId), issuer);
  const trustBundle = signBundle({});
  /** What continues the world's bundle: one allowance off the list, two on it, one kiosk more. */
  const delta = {
    ...bundleDraft,
    version: 8,
    issuedAt: NOW + 600,
    denyListVersion: 5,
    baseVersion: 7,
    addedAllowances: [id(0xd4), id(0xd5)],
    removedAllowances: [id(0xd1)],
    addedKiosks: [id(0xd6)],
    removedKiosks: [],
    listHash: run(
      protocol.denyListHash({
        deniedAllowances: new Set([0xd2, 0xd4, 0xd5].map((fill) => protocol.toUuid(id(fill)))),
        deniedKiosks: new Set([0xd3, 0xd6].map((fill) => protocol.toUuid(id(fill)))),
      }),
      issuer,
    ),
  };
  const signDelta = (changes: Partial<protocol.DenyListDeltaDraft>) =>
    run(protocol.signDenyListDelta({ ...delta, ...changes }, keyId), issuer);
  const signBundleAs = (by: Actor, changes: Partial<protocol.TrustBundleDraft>) =>
    run(
      protocol.signTrustBundle({ ...bundleDraft, ...changes }, run(protocol.keyIdOf(by.publicKey), by)),
      by,
    );
  const certifyIssuer = (draft: protocol.IssuerCertificateDraft) =>
    run(protocol.signIssuerCertificate(draft), root);
  const { issuers } = run(protocol.verifyTrustBundle(trustBundle, root.publicKey), root);
  return {
    root,
    issuer,
    kioskKey,
    sealingKey,
    phone,
    stranger,
    cloudSealing,
    nextCloudSealing,
    keyId,
    issuerCertificates,
    issuers,
    trustBundle,
    signBundle,
    signDelta,
    signBundleAs,
    certifyIssuer,
    nextIssuer,
    policy,
    run,
    ...makeKiosk(run, { issuer, keyId, issuers, kioskKey, sealingKey }),
    ...makeAllowances(run, { issuer, keyId, issuers, phone }),
  };
}

type Run = <T>(steps: protocol.Steps<T>, by: Actor) => T;
interface Issuing {
  readonly issuer: Actor;
  readonly keyId: Uint8Array;
  readonly issuers: readonly protocol.IssuerCertificate[];
}

function makeKiosk(run: Run, by: Issuing & { readonly kioskKey: Actor; readonly sealingKey: Actor }) {
  const draft = {
    merchantName: 'Warung Sari',
    merchantPhone: '+6591234567',
    currency: 'SGD',
    signingPublicKey: by.kioskKey.publicKey,
    sealingPublicKey: by.sealingKey.publicKey,
    perPaymentMinor: 20_000n,
    notBefore: NOW,
    notAfter: NOW + 7_776_000,
  };
  const ids = { issuerKeyId: by.keyId, merchantId: id(0x11), kioskId: id(0x22) };
  const make = (changes: Partial<typeof draft> = {}) => {
    const bytes = run(protocol.signKioskCertificate({ ...draft, ...changes }, ids), by.issuer);
    return run(protocol.verifyKioskCertificate(bytes, by.issuers), by.issuer);
  };
  return { kiosk: make(), certifyKiosk: make };
}

export const PHONE = '+6598765432';
export const PHONE_SALT = id(0x55);

function makeAllowances(run: Run, by: Issuing & { readonly phone: Actor }) {
  const draft = {
    devicePublicKey: by.phone.publicKey,
    currency: 'SGD',
    capMinor: 5_000n,
    perPaymentMinor: 3_000n,
    firstCounter: 1,
    softCounterLimit: 20,
    hardCounterLimit: 30,
    notBefore: NOW,
    notAfter: NOW + 259_200,
    assurance: protocol.ASSURANCE.software,
    standing: protocol.STANDING.new,
    maskedPhone: protocol.maskPhone(PHONE),
    phoneCommitment: run(protocol.commitToPhone(PHONE, PHONE_SALT), by.phone),
  };
  const lock = (merchant: number, kiosk: number | null): protocol.PayeeLock => ({
    merchantId: protocol.toUuid(id(merchant)),
    kioskId: kiosk === null ? null : protocol.toUuid(id(kiosk)),
  });
  const make = (
    allowanceId: Uint8Array,
    payeeLock: protocol.PayeeLock | null,
    changes: Partial<typeof draft> = {},
  ) => {
    const ids = { issuerKeyId: by.keyId, allowanceId, payeeLock };
    const bytes = run(protocol.signAllowanceCertificate({ ...draft, ...changes }, ids), by.issuer);
    return run(protocol.verifyAllowanceCertificate(bytes, by.issuers), by.issuer);
  };
  return {
    allowance: make(id(0x33), null),
    /** Locked to the world's kiosk, to its merchant, to another merchant, and to another kiosk of its merchant. */
    lockedAllowance: make(id(0x34), lock(0x11, 0x22)),
    merchantAllowance: make(id(0x37), lock(0x11, null)),
    elsewhereAllowance: make(id(0x35), lock(0x12, null)),
    otherTillAllowance: make(id(0x38), lock(0x11, 0x23)),
    deniedAllowance: make(id(0xd1), null),
    foreignAllowance: make(id(0x36), null, { currency: 'IDR' }),
    /** Whose first payment carries the counter 5. */
    laterAllowance: make(id(0x39), null, { firstCounter: 5 }),
    certifyAllowance: make,
  };
}
