/**
 * A kiosk as the protocol describes it, for tests: it enrols over the API, accepts payments with the protocol's own
 * rules, keeps a journal and hands in batches - whole, split, repeated or bent as a test wants.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import {
  checkNotOlder,
  encodeJournalEntry,
  encodeSaleBody,
  encodeSettlementEnvelope,
  equalBytes,
  fromBase64Url,
  GENESIS_HASH,
  identifyPayment,
  journalHash,
  type JournalKind,
  type KioskCertificate,
  type Payment,
  type PaymentRequest,
  type Receipt,
  signPaymentRequest,
  signProofOfPossession,
  signReceipt,
  signSettlementBatch,
  toBase64Url,
  toHex,
  type SettlementAcknowledgement,
  type TrustBundle,
  verifyKioskCertificate,
  verifyPayment,
  verifyPaymentRequest,
  verifySettlementAcknowledgement,
  verifySettlementBatch,
  decodeSettlementEnvelope,
  verifyTrustUpdate,
} from '@tikiwallet/protocol';
import type { z } from 'zod';
import {
  CBOR_MEDIA_TYPE,
  type ClaimBody,
  EnrolResult,
  KioskTrust,
  KioskView,
  MerchantSummary,
} from '../contract/index.ts';
import { check, must } from '../src/trust/index.ts';
import { newKey, type OfflineWallet, pay, type PaymentChanges } from './simulated-phone.ts';
import type { Person, TestServer } from './test-server.ts';

interface Entry {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly saleMinor: bigint;
  /** In force when it was written. */
  readonly denyListVersion: number;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface HandedIn {
  readonly status: number;
  readonly acknowledgement: SettlementAcknowledgement | null;
  /** The answer's bytes. */
  readonly bytes: Uint8Array;
  /** The problem, when it is one. */
  readonly problem: Readonly<Record<string, unknown>> | null;
}

export class SimulatedKiosk {
  /** Whom it speaks to; another process of the same cloud is as good. */
  server: TestServer;
  readonly merchant: Person;
  readonly key = newKey();
  readonly sealingKey = newKey();
  readonly journal: Entry[] = [];
  token = '';
  kioskId = '';
  #certificate: KioskCertificate | null = null;
  #trust: TrustBundle | null = null;
  #rootPublicKey: Uint8Array = new Uint8Array(0);
  readonly #seen = new Map<string, Payment>();
  readonly #places = new Map<string, number>();

  constructor(server: TestServer, merchant: Person) {
    this.server = server;
    this.merchant = merchant;
  }

  /** A kiosk of `merchant`, created and enrolled. */
  static async open(server: TestServer, merchant: Person, name = 'Till 1'): Promise<SimulatedKiosk> {
    const view = await server.expect(KioskView, '/v1/merchant/kiosks', {
      body: { name },
      token: merchant.token,
      key: randomUUID(),
    });
    const kiosk = new SimulatedKiosk(server, merchant);
    await kiosk.enrol(view.enrolment?.code ?? '');
    return kiosk;
  }

  get certificate(): KioskCertificate {
    if (this.#certificate === null) throw new Error('not enrolled');
    return this.#certificate;
  }

  get trust(): TrustBundle {
    if (this.#trust === null) throw new Error('not enrolled');
    return this.#trust;
  }

  get nowSeconds(): number {
    return Math.floor(this.server.clock.nowMs() / 1000);
  }

  enrolBody(code: string) {
    const occasion = code.replace('-', '').toUpperCase();
    const possession = { publicKey: this.key.publicKey, context: 'kiosk', occasion } as const;
    return {
      code,
      signingPublicKey: toBase64Url(this.key.publicKey),
      sealingPublicKey: toBase64Url(this.sealingKey.publicKey),
      proof: toBase64Url(must(signProofOfPossession(possession), this.key.sign)),
    };
  }

  async enrol(code: string): Promise<EnrolResult> {
    const result = await this.server.expect(EnrolResult, '/v1/kiosks/enrol', { body: this.enrolBody(code) });
    this.token = result.kioskToken;
    this.kioskId = result.kioskId;
    this.#rootPublicKey = fromBase64Url(result.rootPublicKey);
    this.#take(result);
    return result;
  }

  /** Fetches the newest trust bundle, as a kiosk does whenever it has internet. */
  async syncTrust(): Promise<TrustBundle> {
    const headers = { authorization: `Kiosk ${this.token}` };
    const { version, issuedAt } = this.trust;
    const path = `/v1/kiosk/trust-bundle?since=${version}.${issuedAt}`;
    this.#take(await this.server.expect(KioskTrust, path, { headers }));
    return this.trust;
  }

  #take(answer: { readonly trustBundle: string | null; readonly certificate: string }): void {
    if (answer.trustBundle !== null) {
      const bytes = fromBase64Url(answer.trustBundle);
      const bundle = must(verifyTrustUpdate(bytes, this.#rootPublicKey, this.#trust));
      checkNotOlder(bundle, this.#trust, { nowSeconds: this.nowSeconds });
      this.#trust = bundle;
    }
    this.#certificate = must(verifyKioskCertificate(fromBase64Url(answer.certificate), this.trust.issuers));
  }

  request(amountMinor: bigint): PaymentRequest {
    const draft = {
      requestIdBytes: new Uint8Array(randomBytes(16)),
      amountMinor,
      currency: this.certificate.currency,
      itemsHash: null,
      nonce: new Uint8Array(randomBytes(16)),
      issuedAt: this.nowSeconds,
      ttlSeconds: 120,
      denyListVersion: this.trust.denyListVersion,
      addresses: [],
      checksPhone: false,
    };
    const bytes = must(signPaymentRequest(draft, this.certificate.hash), this.key.sign);
    return must(verifyPaymentRequest(bytes, this.certificate));
  }

  /** A whole sale: request, payment, the kiosk's decision by the protocol's rules, the journal entry. */
  sell(wallet: OfflineWallet, amountMinor: bigint, changes: PaymentChanges = {}): Payment {
    const request = this.request(amountMinor);
    const payment = pay(wallet, request, changes);
    const refusal = this.judge(wallet, request, payment);
    if (refusal !== null) throw new Error(`the kiosk refused: ${refusal}`);
    this.write(request, wallet, payment);
    return payment;
  }

  /** Why an honest kiosk would refuse, or null. */
  judge(wallet: OfflineWallet, request: PaymentRequest, payment: Payment): string | null {
    const delivery = {
      allowanceCertificate: wallet.allowance.bytes,
      payment: payment.bytes,
      phoneSalt: null,
    };
    const last = this.#seen.get(wallet.allowance.allowanceId);
    const decided = check(
      verifyPayment(must(identifyPayment(delivery)), {
        nowSeconds: this.nowSeconds,
        kiosk: this.certificate,
        trust: this.trust,
        request: {
          requestId: request.requestId,
          hash: request.hash,
          amountMinor: request.amountMinor,
          currency: request.currency,
          state: 'open',
        },
        history:
          last === undefined
            ? null
            : { lastCounter: last.counter, lastCumulativeMinor: last.cumulativeMinor, lastHash: last.hash },
        stored: { sumMinor: 0n, count: 0 },
        expectedPhone: null,
        payer: { hasPaidHere: true, recent: [], allowanceSumMinor: 0n },
        settings: [],
        certificateIsKnownGood: false,
      }),
    );
    return decided.ok ? null : decided.code;
  }

  /** Journals a sale without asking whether it is one: what a rogue kiosk does. */
  write(request: PaymentRequest, wallet: Pick<OfflineWallet, 'allowance'>, payment: Payment): void {
    const body = encodeSaleBody({
      kioskCertificateHash: this.certificate.hash,
      request: request.bytes,
      allowanceCertificateHash: wallet.allowance.hash,
      payment: payment.bytes,
      tier: 'reserved',
      checks: 0,
    });
    this.append('sale', body, payment.amountMinor);
    this.#places.set(toHex(payment.hash), this.journal.length);
    this.#seen.set(wallet.allowance.allowanceId, payment);
  }

  /** What the customer of the newest sale holds: the receipt with everything that it is about. */
  claimFor(
    wallet: Pick<OfflineWallet, 'allowance'>,
    { request, payment }: { readonly request: PaymentRequest; readonly payment: Payment },
    changes: Partial<Receipt> = {},
  ): z.output<typeof ClaimBody> {
    const receipt: Receipt = {
      paymentHash: payment.hash,
      amountMinor: payment.amountMinor,
      tier: 'reserved',
      sequence: Math.max(this.journal.length, 1),
      journalHash: this.journal.at(-1)?.hash ?? GENESIS_HASH,
      acceptedAt: this.nowSeconds,
      checks: 0,
      ...changes,
    };
    return {
      receipt: toBase64Url(must(signReceipt(receipt, this.certificate.hash), this.key.sign)),
      request: toBase64Url(request.bytes),
      payment: toBase64Url(payment.bytes),
      kioskCertificate: toBase64Url(this.certificate.bytes),
      allowanceCertificate: toBase64Url(wallet.allowance.bytes),
    };
  }

  /** Where the sale stands that this payment paid. */
  placeOf(payment: Payment): number {
    return this.#places.get(toHex(payment.hash)) ?? 0;
  }

  append(kind: JournalKind, body: ReturnType<typeof encodeSaleBody> = [], saleMinor = 0n): void {
    const previousHash = this.journal.at(-1)?.hash ?? GENESIS_HASH;
    const sequence = this.journal.length + 1;
    const bytes = encodeJournalEntry({ sequence, previousHash, kind, at: this.nowSeconds, body });
    const { denyListVersion } = this.trust;
    this.journal.push({ bytes, hash: must(journalHash(bytes)), saleMinor, denyListVersion });
  }

  /** A signed batch of entries `from..to`, the whole journal when no range is given. */
  batch(range: Range = { from: 1, to: this.journal.length }, claimedVersion?: number): Uint8Array {
    const entries = this.journal.slice(range.from - 1, range.to);
    const sales = entries.filter((entry) => entry.saleMinor > 0n);
    const isAtHead = range.to === this.journal.length;
    const writtenUnder = this.journal[range.to - 1]?.denyListVersion ?? 0;
    const head = {
      fromSequence: range.from,
      toSequence: range.to,
      saleCount: sales.length,
      saleSumMinor: sales.reduce((sum, entry) => sum + entry.saleMinor, 0n),
      previousHash: this.journal[range.from - 2]?.hash ?? GENESIS_HASH,
      headHash: this.journal[range.to - 1]?.hash ?? GENESIS_HASH,
      denyListVersion: claimedVersion ?? (isAtHead ? this.trust.denyListVersion : writtenUnder),
      createdAt: this.nowSeconds,
    };
    const signed = must(signSettlementBatch(head, this.certificate.hash), this.key.sign);
    return encodeSettlementEnvelope(
      this.certificate.hash,
      signed,
      entries.map((entry) => entry.bytes),
    );
  }

  /** Says only: my journal ends here, under this deny list. */
  heartbeat(): Uint8Array {
    return this.batch({ from: this.journal.length + 1, to: this.journal.length });
  }

  async handIn(envelope: Uint8Array = this.batch(), token = this.token): Promise<HandedIn> {
    const response = await fetch(`${this.server.origin}/v1/kiosk/settlements`, {
      method: 'POST',
      headers: { 'content-type': CBOR_MEDIA_TYPE, authorization: `Kiosk ${token}` },
      body: new Uint8Array(envelope),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (response.status !== 200) {
      const problem: unknown = JSON.parse(Buffer.from(bytes).toString());
      return { status: response.status, acknowledgement: null, bytes, problem: { ...Object(problem) } };
    }
    const batch = must(verifySettlementBatch(decodeSettlementEnvelope(envelope), this.certificate)).batch;
    const expected = { kioskId: this.kioskId, batchHash: batch.hash };
    const facts = { trust: this.trust, nowSeconds: this.nowSeconds, expected };
    const acknowledgement = must(verifySettlementAcknowledgement(bytes, facts));
    if (!equalBytes(acknowledgement.batchHash, batch.hash)) throw new Error('answered another batch');
    return { status: 200, acknowledgement, bytes, problem: null };
  }

  /** Outcomes in order of sequence: `settled`, or `refused:allowance_denied`. */
  async settle(envelope?: Uint8Array): Promise<string[]> {
    const { acknowledgement, problem } = await this.handIn(envelope);
    if (acknowledgement === null) throw new Error(`refused: ${JSON.stringify(problem)}`);
    return acknowledgement.results.map(({ outcome, code }) =>
      code === null ? outcome : `${outcome}:${code}`,
    );
  }

  summary(): Promise<MerchantSummary> {
    return this.server.expect(MerchantSummary, '/v1/merchant/summary', { token: this.merchant.token });
  }

  async availableMinor(): Promise<bigint> {
    return BigInt((await this.summary()).availableMinor);
  }
}
