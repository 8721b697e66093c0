/**
 * A small world for the agent's tests: an issuer that certifies, phones that pay, and a store in a folder of its
 * own. Real keys and real SQLite; only the clock is turned by hand.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as protocol from '@tikiwallet/protocol';
import { generateKeyPair, loadPrivateKey, nodeCrypto } from '@tikiwallet/protocol/node';
import type { EnrolResult, KioskTrust } from '@tikiwallet/server/contract';
import type { AcceptOutcome } from '../accept-payment.ts';
import type { OfferOutcome, RefundToOffer } from '../give-back.ts';
import type { Clock } from '../clock.ts';
import { migrationsFolder } from '../store/migrations-folder.ts';
import { StoreDesk } from '../store/store-desk.ts';
import type { SaleRecord } from '../store/rows.ts';

export const crypto = nodeCrypto();
export const KIOSK_ID = '22222222-2222-4222-8222-222222222222';
export const MERCHANT_ID = '11111111-1111-4111-8111-111111111111';
export const NOW_SECONDS = 1_790_000_000;

export function ok<T>(result: protocol.Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(`refused: ${result.code}`);
}

export function newKey() {
  const { privateKeyPem } = generateKeyPair();
  return { pem: privateKeyPem, ...loadPrivateKey(privateKeyPem) };
}

type TestKey = ReturnType<typeof newKey>;

export class TestClock implements Clock {
  wall = NOW_SECONDS * 1000;
  monotonic = 5_000;
  bootId = 'boot-1';
  wallMs = () => this.wall;
  monotonicMs = () => this.monotonic;

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

export interface BundleOptions {
  readonly version?: number;
  readonly issuedAt?: number;
  readonly denyListVersion?: number;
  readonly denied?: readonly string[];
  readonly deniedKiosks?: readonly string[];
  readonly policy?: Partial<protocol.Policy>;
  /** How many of the oldest generations have left it. */
  readonly withoutOldest?: number;
  readonly revokedIssuers?: readonly { readonly generation: number; readonly honouredUntil: number }[];
}

export const PAYER_PHONE = '+6598765432';
const PAYER_SALT = new Uint8Array(16).fill(0x55);

/** Root and issuer of a test; certifies whatever it is asked to. The next key is published from the start. */
export class TestIssuer {
  readonly root: TestKey;
  readonly issuer: TestKey;
  readonly keyId: Uint8Array;
  readonly now: number;
  readonly #next = newKey();
  readonly #generation: number;
  readonly #certificates: readonly Uint8Array[];

  constructor(now = NOW_SECONDS, former: TestIssuer | null = null) {
    this.now = now;
    this.root = former?.root ?? newKey();
    this.issuer = former === null ? newKey() : former.#next;
    this.keyId = ok(protocol.runSync(protocol.keyIdOf(this.issuer.publicKey), crypto));
    this.#generation = former === null ? 1 : former.#generation + 1;
    const own = [this.issuer, this.#next].map((key, index) => this.#certify(key, this.#generation + index));
    this.#certificates = former === null ? own : [...former.#certificates, ...own.slice(1)];
  }

  /** The same root after a rotation: what was the next key signs. */
  rotated(): TestIssuer {
    return new TestIssuer(this.now, this);
  }

  #certify({ publicKey }: TestKey, generation: number): Uint8Array {
    const dates = { notBefore: this.now - 1_000, notAfter: this.now + 157_680_000 };
    const draft = { publicKey, generation, uses: protocol.EVERY_ISSUER_USE, ...dates };
    return this.#byRoot(protocol.signIssuerCertificate(draft));
  }

  #byRoot(steps: protocol.Steps<Uint8Array>): Uint8Array {
    return ok(protocol.runSync(steps, crypto, this.root.sign));
  }

  sign(steps: protocol.Steps<Uint8Array>): Uint8Array {
    return ok(protocol.runSync(steps, crypto, this.issuer.sign));
  }

  bundle(options: BundleOptions = {}): Uint8Array {
    const policy = {
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
    return this.sign(
      protocol.signTrustBundle(
        {
          version: options.version ?? 1,
          issuedAt: options.issuedAt ?? this.now,
          policy,
          issuerCertificates: this.#certificates.slice(options.withoutOldest ?? 0),
          revokedIssuers: options.revokedIssuers ?? [],
          denyListVersion: options.denyListVersion ?? 0,
          deniedAllowances: (options.denied ?? []).map((id) => protocol.fromUuid(id)),
          deniedKiosks: (options.deniedKiosks ?? []).map((id) => protocol.fromUuid(id)),
        },
        this.keyId,
      ),
    );
  }

  /** As the cloud sends them: base64url. */
  merchantLimits(
    limits: protocol.LimitSettings,
    changes: Partial<protocol.MerchantLimitsDraft> = {},
  ): string {
    const draft = {
      merchantId: MERCHANT_ID,
      version: 1,
      issuedAt: this.now,
      currency: 'SGD',
      limits,
      ...changes,
    };
    return protocol.toBase64Url(this.sign(protocol.signMerchantLimits(draft, this.keyId)));
  }

  /** The same of a key to seal batches to. */
  sealingKey(changes: Partial<protocol.CloudSealingKeyDraft> = {}): string {
    const draft = {
      publicKey: this.root.publicKey,
      generation: 1,
      issuedAt: this.now,
      notAfter: this.now + 14 * 24 * 3600,
      ...changes,
    };
    return protocol.toBase64Url(this.sign(protocol.signCloudSealingKey(draft, this.keyId)));
  }

  kioskCertificate(
    keys: { signing: Uint8Array; sealing: Uint8Array },
    dates?: { notBefore?: number; notAfter?: number },
  ): Uint8Array {
    return this.sign(
      protocol.signKioskCertificate(
        {
          merchantName: 'Warung Sari',
          merchantPhone: '+6591234567',
          currency: 'SGD',
          signingPublicKey: keys.signing,
          sealingPublicKey: keys.sealing,
          perPaymentMinor: 20_000n,
          notBefore: dates?.notBefore ?? this.now,
          notAfter: dates?.notAfter ?? this.now + 90 * 24 * 3600,
        },
        {
          issuerKeyId: this.keyId,
          merchantId: protocol.fromUuid(MERCHANT_ID),
          kioskId: protocol.fromUuid(KIOSK_ID),
        },
      ),
    );
  }

  enrolment(keys: { signing: Uint8Array; sealing: Uint8Array }, options: BundleOptions = {}): EnrolResult {
    return {
      kioskId: KIOSK_ID,
      kioskName: 'Front counter',
      merchant: { id: MERCHANT_ID, businessName: 'Warung Sari', phone: '+6591234567' },
      currency: 'SGD',
      certificate: protocol.toBase64Url(this.kioskCertificate(keys)),
      rootPublicKey: protocol.toBase64Url(this.root.publicKey),
      trustBundle: protocol.toBase64Url(this.bundle(options)),
      kioskToken: 'kiosk-token',
      walletOrigins: ['https://wallet.test'],
    };
  }

  trust(certificate: Uint8Array, options: BundleOptions = {}): KioskTrust {
    return {
      trustBundle: protocol.toBase64Url(this.bundle(options)),
      certificate: protocol.toBase64Url(certificate),
      walletOrigins: ['https://wallet.test'],
    };
  }

  /** The same as a difference to the bundle of version `baseVersion`, after which exactly `listed` are denied. */
  trustDelta(
    certificate: Uint8Array,
    options: BundleOptions,
    change: {
      readonly baseVersion: number;
      readonly added?: readonly string[];
      readonly removed?: readonly string[];
      readonly listed: readonly string[];
    },
  ): KioskTrust {
    const full = ok(
      protocol.runSync(protocol.verifyTrustBundle(this.bundle(options), this.root.publicKey), crypto),
    );
    const list = { deniedAllowances: new Set(change.listed), deniedKiosks: new Set<string>() };
    const delta = this.sign(
      protocol.signDenyListDelta(
        {
          ...full,
          issuerCertificates: this.#certificates,
          baseVersion: change.baseVersion,
          addedAllowances: (change.added ?? []).map((id) => protocol.fromUuid(id)),
          removedAllowances: (change.removed ?? []).map((id) => protocol.fromUuid(id)),
          addedKiosks: [],
          removedKiosks: [],
          listHash: ok(protocol.runSync(protocol.denyListHash(list), crypto)),
        },
        this.keyId,
      ),
    );
    return { ...this.trust(certificate, options), trustBundle: protocol.toBase64Url(delta) };
  }

  /** `shopIssuer` certified the shop, where that is another issuer. */
  phone(options: Partial<AllowanceOptions> = {}, shopIssuer: TestIssuer = this): TestPhone {
    return new TestPhone(this, shopIssuer, options);
  }
}

export interface AllowanceOptions {
  readonly capMinor: bigint;
  readonly perPaymentMinor: bigint;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly hardCounterLimit: number;
  /** Of a phone that has another allowance already. */
  readonly key: TestKey;
}

export interface SignedPayment {
  readonly delivery: Uint8Array;
  readonly payment: protocol.Payment;
}

/** A phone with one allowance; signs what it is told, honest or not. */
export class TestPhone {
  readonly key: TestKey;
  readonly allowance: protocol.AllowanceCertificate;
  counter = 0;
  cumulativeMinor = 0n;
  previousHash: Uint8Array;
  readonly #shopIssuer: TestIssuer;

  constructor(issuer: TestIssuer, shopIssuer: TestIssuer, options: Partial<AllowanceOptions>) {
    this.#shopIssuer = shopIssuer;
    this.key = options.key ?? newKey();
    const bytes = issuer.sign(
      protocol.signAllowanceCertificate(
        {
          devicePublicKey: this.key.publicKey,
          currency: 'SGD',
          capMinor: options.capMinor ?? 50_000n,
          perPaymentMinor: options.perPaymentMinor ?? 20_000n,
          firstCounter: 1,
          softCounterLimit: 500,
          hardCounterLimit: options.hardCounterLimit ?? 1_000,
          notBefore: options.notBefore ?? issuer.now,
          notAfter: options.notAfter ?? issuer.now + 72 * 3600,
          assurance: protocol.ASSURANCE.software,
          standing: protocol.STANDING.new,
          maskedPhone: '+65****5432',
          phoneCommitment: ok(protocol.runSync(protocol.commitToPhone(PAYER_PHONE, PAYER_SALT), crypto)),
        },
        { issuerKeyId: issuer.keyId, allowanceId: protocol.fromUuid(randomUUID()), payeeLock: null },
      ),
    );
    this.allowance = ok(protocol.runSync(protocol.readAllowanceCertificate(bytes), crypto)).certificate;
    this.previousHash = this.allowance.hash;
  }

  /** What an honest phone signs for the request on the screen; `changes` make it a dishonest one. */
  pay(envelope: Uint8Array, changes: Partial<Omit<protocol.Payment, 'hash' | 'bytes'>> = {}): SignedPayment {
    const trust = ok(
      protocol.runSync(
        protocol.verifyTrustBundle(this.#shopIssuer.bundle(), this.#shopIssuer.root.publicKey),
        crypto,
      ),
    );
    const { request } = ok(protocol.runSync(protocol.openRequestEnvelope(envelope, trust.issuers), crypto));
    const draft = {
      counter: this.counter + 1,
      amountMinor: request.amountMinor,
      cumulativeMinor: this.cumulativeMinor + request.amountMinor,
      previousLink: protocol.linkOf(this.previousHash),
      requestHash: request.hash,
      signedAt: request.issuedAt + 5,
      ...changes,
    };
    const bytes = ok(
      protocol.runSync(protocol.signPayment(draft, this.allowance.hash), crypto, this.key.sign),
    );
    const payment = ok(protocol.runSync(protocol.readPayment(bytes, this.allowance), crypto));
    this.counter = payment.counter;
    this.cumulativeMinor = payment.cumulativeMinor;
    this.previousHash = payment.hash;
    // An honest phone opens its number for who asks under a certificate, and for nobody else.
    const phoneSalt = request.checksPhone ? PAYER_SALT : null;
    return { payment, delivery: this.deliver(bytes, phoneSalt) };
  }

  /** What an honest phone signs for an offer to give back; `offerHash` makes it one for another offer. */
  acceptRefund(
    envelope: Uint8Array,
    changes: { offerHash?: Uint8Array; signedAt?: number } = {},
  ): Uint8Array {
    const { offer } = this.readOffer(envelope);
    const draft = { offerHash: offer.hash, signedAt: offer.issuedAt + 5, ...changes };
    return ok(
      protocol.runSync(protocol.signRefundAcceptance(draft, this.allowance.hash), crypto, this.key.sign),
    );
  }

  readOffer(envelope: Uint8Array) {
    const { root } = this.#shopIssuer;
    const steps = protocol.verifyTrustBundle(this.#shopIssuer.bundle(), root.publicKey);
    const { issuers } = ok(protocol.runSync(steps, crypto));
    return ok(protocol.runSync(protocol.openRefundEnvelope(envelope, issuers), crypto));
  }

  deliver(payment: Uint8Array, phoneSalt: Uint8Array | null = null): Uint8Array {
    return protocol.encodeDelivery({ allowanceCertificate: this.allowance.bytes, payment, phoneSalt });
  }

  /** The same to a kiosk that has this phone's certificate. */
  repeat(payment: Uint8Array, phoneSalt: Uint8Array | null = null): Uint8Array {
    const certificateReference = protocol.certificateReference(this.allowance.hash);
    return protocol.encodeRepeatDelivery({ certificateReference, payment, phoneSalt });
  }
}

const PIN_HASH = new Uint8Array(32).fill(0x77);

/** A kiosk's store on real files, which a test can close, kill and open again. */
export class TestKiosk {
  readonly folder: string;
  readonly path: string;
  readonly signing = newKey();
  readonly sealing = newKey();
  readonly clock = new TestClock();
  readonly errors: unknown[] = [];
  desk: StoreDesk;

  constructor(parent = tmpdir()) {
    this.folder = mkdtempSync(join(parent, 'tiki-agent-'));
    this.path = join(this.folder, 'kiosk.sqlite');
    this.desk = this.#open();
  }

  #open(): StoreDesk {
    return new StoreDesk(
      {
        path: this.path,
        migrationsFolder: migrationsFolder(),
        signingKeyPem: this.signing.pem,
        sealingKeyPem: this.sealing.pem,
        clock: this.clock,
      },
      (error) => this.errors.push(error),
    );
  }

  get publicKeys() {
    return { signing: this.signing.publicKey, sealing: this.sealing.publicKey };
  }

  enrol(issuer: TestIssuer, options: BundleOptions = {}): void {
    const installed = this.desk.run('enrol', issuer.enrolment(this.publicKeys, options));
    if (!installed.ok) throw new Error(installed.code);
  }

  /** Nothing of the old process says goodbye: no stop entry, no closing. */
  reopen(): void {
    this.desk.store.close();
    this.desk = this.#open();
  }

  sell(amountMinor = 1_250n, payerPhone?: string): SaleRecord {
    return this.desk.run('openSale', {
      saleId: randomUUID(),
      amountMinor,
      addresses: ['http://192.168.49.1:7070'],
      ttlSeconds: 120,
      payerPhone,
    });
  }

  accept(...deliveries: readonly Uint8Array[]): readonly AcceptOutcome[] {
    return this.desk.run(
      'accept',
      deliveries.map((bytes) => ({ bytes, isSigned: false })),
    );
  }

  acceptOne(delivery: Uint8Array): AcceptOutcome {
    const [outcome] = this.accept(delivery);
    if (outcome === undefined) throw new Error('no outcome');
    return outcome;
  }

  /** As the manager would have after giving the account's password; the hash stands for the PIN. */
  /** Offers to give back of the sale in entry `sequence`. */
  offer(
    sequence: number,
    amountMinor: bigint,
    changes: Partial<RefundToOffer & { pinHash: Uint8Array | null }> = {},
  ): OfferOutcome {
    return this.desk.run('openRefund', {
      refundId: randomUUID(),
      sequence,
      kind: 'refund',
      amountMinor,
      reason: 'goods_returned',
      addresses: ['http://192.168.49.1:7070'],
      ttlSeconds: 300,
      pinHash: null,
      ...changes,
    });
  }

  setPin(): void {
    this.desk.run('replacePin', { salt: new Uint8Array(16), hash: PIN_HASH, former: null });
  }

  /** A try at the PIN: its hash, or another one. @throws IpcError */
  tryPin(isRight = true): Uint8Array {
    this.desk.run('beginPinTry', null);
    return isRight ? PIN_HASH : new Uint8Array(32);
  }

  /** Several customers at once, by a manager's word. */
  serveSeveral(most: number): void {
    this.setPin();
    this.desk.run('setMostOpen', { most, pinHash: this.tryPin() });
  }

  snapshot() {
    return this.desk.store.snapshot();
  }

  dispose(): void {
    this.desk.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function codeOf(outcome: AcceptOutcome): string {
  return outcome.kind === 'refused' ? outcome.code : outcome.kind;
}

/** The same object with the other valid signature: (r, n - s). */
export function malleate(payment: Uint8Array): Uint8Array {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const bytes = new Uint8Array(payment);
  const s = BigInt(`0x${Buffer.from(bytes.subarray(bytes.length - 32)).toString('hex')}`);
  bytes.set(Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex'), bytes.length - 32);
  return bytes;
}

export function noise(bytes: number): Uint8Array {
  return new Uint8Array(randomBytes(bytes));
}
