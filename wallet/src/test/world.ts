/**
 * A small world for the wallet's tests: a root, an issuer, one shop with a kiosk that really opens and verifies, and
 * one phone with its database. Everything is signed with real keys; only time, network and disk are held in hand.
 */
import 'fake-indexeddb/auto';
import * as protocol from '@tikiwallet/protocol';
import { createClock, type Clock } from '../clock.ts';
import { ensureDeviceKey, openDeviceKey } from '../keys/device-key.ts';
import type { DeliveryNeeds } from '../pay/deliver.ts';
import type { LinkNeeds } from '../pay/link.ts';
import type { PayNeeds } from '../pay/needs.ts';
import type { RunNeeds } from '../pay/run-payment.ts';
import { readRequest, type PaymentOffer, type ReadOutcome, type RequestFacts } from '../pay/read-request.ts';
import type { LinkFacts } from '../pay/ways.ts';
import { openWalletDatabase } from '../store/database.ts';
import { ensureEpoch } from '../store/integrity.ts';
import type { MarkerMirror } from '../store/marker.ts';
import { findPaymentByRequest } from '../store/records.ts';
import type { Database, Marker, StoredAllowance } from '../store/schema.ts';

export const NOW = 1_780_000_000;
export const USER = 'b1f5c1de-0000-7000-8000-000000000001';
export const PHONE = '+6598765432';
export const primitives = protocol.webCrypto(crypto.subtle);

export async function ok<T>(steps: protocol.Steps<T>, sign?: protocol.AsyncSigner): Promise<T> {
  const result = await protocol.runAsync(steps, primitives, sign);
  if (result.ok) return result.value;
  throw new Error(`refused: ${result.code}`);
}

export function id(fill: number): Uint8Array {
  return new Uint8Array(16).fill(fill);
}

/** A key of the issuer's or the shop's side; theirs are not this package's to protect. */
export async function newKey(): Promise<{
  publicKey: Uint8Array;
  sign: protocol.AsyncSigner;
  scalar: Uint8Array;
}> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const { d = '' } = await crypto.subtle.exportKey('jwk', pair.privateKey);
  return {
    publicKey: protocol.compressPoint(raw),
    sign: async (data) =>
      new Uint8Array(
        await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, new Uint8Array(data)),
      ),
    scalar: protocol.fromBase64Url(d),
  };
}

/** A mirror that can be looked at and wound back. */
export class FakeMirror implements MarkerMirror {
  value: Marker | null = null;
  read() {
    return Promise.resolve(this.value);
  }
  write(marker: Marker) {
    this.value = marker;
    return Promise.resolve();
  }
}

export interface ShopOptions {
  readonly merchantName?: string;
  readonly currency?: string;
  readonly perPaymentMinor?: bigint;
  readonly denied?: readonly Uint8Array[];
}

export async function makeShop(options: ShopOptions = {}) {
  const [root, issuer, kioskKey, sealingKey] = await Promise.all([newKey(), newKey(), newKey(), newKey()]);
  const issuerKeyId = await ok(protocol.keyIdOf(issuer.publicKey));
  const issuerCertificate = await ok(
    protocol.signIssuerCertificate({
      publicKey: issuer.publicKey,
      generation: 1,
      uses: protocol.EVERY_ISSUER_USE,
      notBefore: NOW - 1000,
      notAfter: NOW + 31_536_000,
    }),
    root.sign,
  );
  const trustBytes = await ok(
    protocol.signTrustBundle(
      {
        version: 7,
        issuedAt: NOW,
        policy: {
          perPaymentMinor: 20_000n,
          storedSumMinor: 500_000n,
          storedCount: 1_000,
          maxOfflineSeconds: 1_209_600,
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
        },
        issuerCertificates: [issuerCertificate],
        denyListVersion: 3,
        deniedAllowances: [],
        deniedKiosks: options.denied ?? [],
      },
      issuerKeyId,
    ),
    issuer.sign,
  );
  const trust = await ok(protocol.verifyTrustBundle(trustBytes, root.publicKey));
  const kioskCertificate = await ok(
    protocol.signKioskCertificate(
      {
        merchantName: options.merchantName ?? 'Warung Sari',
        merchantPhone: '+6591234567',
        currency: options.currency ?? 'SGD',
        signingPublicKey: kioskKey.publicKey,
        sealingPublicKey: sealingKey.publicKey,
        perPaymentMinor: options.perPaymentMinor ?? 20_000n,
        notBefore: NOW,
        notAfter: NOW + 90 * 24 * 3600,
      },
      { issuerKeyId, merchantId: id(0x11), kioskId: id(0x22) },
    ),
    issuer.sign,
  );
  const kiosk = await ok(protocol.verifyKioskCertificate(kioskCertificate, trust.issuers));
  return { root, issuer, issuerKeyId, trustBytes, trust, kiosk, kioskCertificate, kioskKey, sealingKey };
}
export type Shop = Awaited<ReturnType<typeof makeShop>>;

let databases = 0;

export async function makePhone(shop: Shop, options: { capMinor?: bigint; perPaymentMinor?: bigint } = {}) {
  databases += 1;
  const name = `phone-${databases}`;
  const database = await openWalletDatabase(name);
  const mirrors = [new FakeMirror(), new FakeMirror()] as const;
  const epoch = await ensureEpoch(database, mirrors);
  const key = await ensureDeviceKey(database, { userId: USER, epoch, guard: 'open' });
  const allowance = await issueAllowance(shop, key, options);
  await database.put('allowances', allowance);
  const clock = createClock({ offsetMs: 0, newestTime: NOW }, () => (NOW + 20) * 1000);
  return { name, database, mirrors, key, allowance, needs: payNeeds(database, mirrors, clock) };
}
export type PhoneUnderTest = Awaited<ReturnType<typeof makePhone>>;

/** One at a time, as the browser's lock manager does it. */
export function makeLock(): PayNeeds['withLock'] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work, work);
    last = turn.catch(() => null);
    return turn;
  };
}

export function payNeeds(database: Database, mirrors: readonly MarkerMirror[], clock: Clock): PayNeeds {
  return {
    database,
    mirrors,
    clock,
    crypto: primitives,
    withLock: makeLock(),
    openKey: (keyId) => openDeviceKey(database, keyId),
  };
}

async function issueAllowance(
  shop: Shop,
  key: { id: string; publicKey: Uint8Array },
  options: { capMinor?: bigint; perPaymentMinor?: bigint },
): Promise<StoredAllowance> {
  const phoneSalt = id(0x55);
  const bytes = await ok(
    protocol.signAllowanceCertificate(
      {
        devicePublicKey: key.publicKey,
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
        phoneCommitment: await ok(protocol.commitToPhone(PHONE, phoneSalt)),
      },
      { issuerKeyId: shop.issuerKeyId, allowanceId: id(0x33), payeeLock: null },
    ),
    shop.issuer.sign,
  );
  const certificate = await ok(protocol.verifyAllowanceCertificate(bytes, shop.trust.issuers));
  return {
    id: certificate.allowanceId,
    userId: USER,
    keyId: key.id,
    guard: 'open',
    certificate: bytes,
    certificateHash: certificate.hash,
    currency: certificate.currency,
    capMinor: certificate.capMinor,
    perPaymentMinor: certificate.perPaymentMinor,
    firstCounter: 1,
    softCounterLimit: 20,
    hardCounterLimit: 30,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    payeeLock: null,
    phoneSalt,
    state: 'active',
    cloudStatus: 'active',
    deniedFor: null,
    returnsBy: null,
    lastCounter: 0,
    cumulativeMinor: 0n,
    lastHash: certificate.hash,
    loadedAtMs: NOW * 1000,
    closingStatement: null,
  };
}

export interface RequestOptions {
  readonly amountMinor?: bigint;
  readonly fill?: number;
  readonly ttlSeconds?: number;
  readonly addresses?: readonly string[];
  readonly issuedAt?: number;
  readonly checksPhone?: boolean;
}

/** The text of the code on the kiosk's screen. */
export async function makeRequestText(shop: Shop, options: RequestOptions = {}): Promise<string> {
  const fill = options.fill ?? 0x44;
  const bytes = await ok(
    protocol.signPaymentRequest(
      {
        requestIdBytes: id(fill),
        amountMinor: options.amountMinor ?? 1_250n,
        currency: shop.kiosk.currency,
        itemsHash: null,
        nonce: id(fill + 1),
        issuedAt: options.issuedAt ?? NOW + 10,
        ttlSeconds: options.ttlSeconds ?? 120,
        denyListVersion: 3,
        addresses: options.addresses ?? ['http://192.168.49.1:7070'],
        checksPhone: options.checksPhone ?? false,
      },
      shop.kiosk.hash,
    ),
    shop.kioskKey.sign,
  );
  return protocol.toQrText('request', protocol.encodeRequestEnvelope(shop.kioskCertificate, bytes));
}

export async function read(
  text: string,
  shop: Shop,
  phone: PhoneUnderTest,
  changes: Partial<RequestFacts> = {},
): Promise<ReadOutcome> {
  return await readRequest(text, {
    crypto: primitives,
    trust: shop.trust,
    nowSeconds: NOW + 20,
    clockIsPlausible: true,
    allowances: await phone.database.getAll('allowances'),
    findPayment: (hash) => findPaymentByRequest(phone.database, hash),
    ...changes,
  });
}

export async function makeOffer(
  shop: Shop,
  phone: PhoneUnderTest,
  options: RequestOptions = {},
): Promise<PaymentOffer> {
  const outcome = await read(await makeRequestText(shop, options), shop, phone);
  if (outcome.kind !== 'offer') throw new Error(`no offer: ${JSON.stringify(outcome.kind)}`);
  return outcome.offer;
}

/** A kiosk behind `fetch`: opens, judges with the protocol's own rules, remembers, answers. */
export class FakeKiosk {
  readonly accepted = new Map<string, { payment: protocol.Payment; receipt: Uint8Array }>();
  readonly received: Uint8Array[] = [];
  /** What was sealed in them. */
  readonly deliveries: Uint8Array[] = [];
  /** Certificates under which a payment was accepted; a test may empty it, as a new kiosk of the same name would. */
  readonly certificates: protocol.ReadCertificate[] = [];
  /** What to do instead of answering, for the next calls, in order. */
  readonly faults: (Response | 'lost_before' | 'lost_after')[] = [];
  readonly #shop: Shop;
  #history: protocol.AllowanceHistory | null = null;
  constructor(shop: Shop) {
    this.#shop = shop;
  }

  readonly fetch: typeof fetch = async (_input, init) => {
    const fault = this.faults.shift();
    if (fault instanceof Response) return fault;
    if (fault === 'lost_before') throw new TypeError('Failed to fetch');
    if (!(init?.body instanceof Uint8Array)) throw new Error('a delivery is bytes');
    const answer = await this.#judge(init.body);
    if (fault === 'lost_after') throw new TypeError('Failed to fetch');
    return answer;
  };

  /** Null: a reference to a certificate that is not here. */
  async #identify(
    delivery: protocol.Delivery | protocol.RepeatDelivery,
  ): Promise<protocol.IdentifiedPayment | null> {
    if (!protocol.isRepeatDelivery(delivery)) return await ok(protocol.identifyPayment(delivery));
    const named = protocol.attempt(() =>
      protocol.selectCertificate(delivery, this.certificates, ({ allowance }) => allowance.hash),
    );
    return named.ok ? await ok(protocol.identifyUnder(named.value, delivery)) : null;
  }

  async #judge(sealed: Uint8Array): Promise<Response> {
    const opened = await protocol.openSealed(sealed, {
      privateKey: this.#shop.sealingKey.scalar,
      kioskCertificateHash: this.#shop.kiosk.hash,
    });
    if (!opened.ok) return refusal(opened.code);
    this.deliveries.push(opened.value);
    const delivery = protocol.decodeAnyDelivery(opened.value);
    this.received.push(delivery.payment);
    const identified = await this.#identify(delivery);
    if (identified === null) return refusal('allowance_certificate_unknown', 409);
    const identity = protocol.toHex(identified.payment.hash);
    const known = this.accepted.get(identity);
    if (known !== undefined) return new Response(new Uint8Array(known.receipt));
    const verdict = await protocol.runAsync(
      protocol.verifyPayment(identified, {
        nowSeconds: NOW + 30,
        kiosk: this.#shop.kiosk,
        trust: this.#shop.trust,
        request: {
          requestId: '00000000-0000-4000-8000-000000000000',
          hash: identified.payment.requestHash,
          amountMinor: identified.payment.amountMinor,
          currency: 'SGD',
          state: 'open',
        },
        history: this.#history,
        stored: { sumMinor: 0n, count: 0 },
        expectedPhone: null,
        payer: { hasPaidHere: true, recent: [], allowanceSumMinor: 0n },
        settings: [],
        certificateIsKnownGood: false,
      }),
      primitives,
    );
    if (!verdict.ok) return refusal(verdict.code);
    const { payment } = verdict.value;
    this.#history = {
      lastCounter: payment.counter,
      lastCumulativeMinor: payment.cumulativeMinor,
      lastHash: payment.hash,
    };
    const receipt = await makeReceipt(this.#shop, payment, this.accepted.size + 1);
    this.accepted.set(identity, { payment, receipt });
    const { hash } = identified.allowance;
    if (!this.certificates.some(({ allowance }) => protocol.equalBytes(allowance.hash, hash)))
      this.certificates.push(identified);
    return new Response(new Uint8Array(receipt));
  }
}

export function refusal(code: string, status = 422): Response {
  return Response.json({ code }, { status });
}

export async function makeReceipt(
  shop: Shop,
  payment: Pick<protocol.Payment, 'hash' | 'amountMinor'>,
  sequence: number,
): Promise<Uint8Array> {
  return await ok(
    protocol.signReceipt(
      {
        paymentHash: payment.hash,
        amountMinor: payment.amountMinor,
        tier: 'reserved',
        sequence,
        journalHash: new Uint8Array(32).fill(sequence),
        acceptedAt: NOW + 31,
        checks: 0,
      },
      shop.kiosk.hash,
    ),
    shop.kioskKey.sign,
  );
}

/** Time that passes only by waiting. */
export function makeDelivery(fetchLike: typeof fetch): DeliveryNeeds & { now: { ms: number } } {
  const now = { ms: (NOW + 20) * 1000 };
  return {
    now,
    crypto: primitives,
    fetch: fetchLike,
    nowMs: () => now.ms,
    pause: (ms) => {
      now.ms += ms;
      return Promise.resolve();
    },
    permissionDenied: () => Promise.resolve(false),
  };
}

export function runNeeds(shop: Shop, phone: Pick<PhoneUnderTest, 'needs'>, kiosk: FakeKiosk): RunNeeds {
  const delivery = makeDelivery(kiosk.fetch);
  return { ...phone.needs, issuers: shop.trust.issuers, delivery, link: makeLink() };
}

/** A browser that may call into the shop's network, with what it was told to open. */
export function makeLink(changes: Partial<LinkFacts> = {}): LinkNeeds & { readonly left: string[] } {
  const left: string[] = [];
  return {
    left,
    facts: (addresses) =>
      Promise.resolve({
        walletOrigin: 'https://wallet.test',
        addresses,
        permission: 'granted',
        kioskOrigins: null,
        hasNetwork: true,
        past: null,
        ...changes,
      }),
    leave: (url) => void left.push(url),
    stay: () => undefined,
    language: () => 'en',
    randomState: () => id(left.length + 1),
  };
}
