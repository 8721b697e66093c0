/**
 * Phone, kiosks and cloud as small as they can be: what each keeps durably, and the protocol's own rules for everything
 * that they sign, check and decide. Whatever is not durable dies with a crash. For the properties of money.
 */
import { malleated } from '../scripts/tamper.ts';
import { toHex } from '../src/bytes.ts';
import * as protocol from '../src/index.ts';
import { crypto, id, makeFacts, newKey, NOW, ok, type World } from './world.ts';

const run = <T>(steps: protocol.Steps<T>, key?: { sign: protocol.SyncSigner }) =>
  protocol.runSync(steps, crypto, key?.sign);

/** One allowance on one phone. Everything here is on its disk. */
export class ModelPhone {
  readonly #world: World;
  counter = 0;
  cumulativeMinor = 0n;
  lastHash: Uint8Array;
  /** By the hash of the request: what was signed for it, once and for all. */
  readonly kept = new Map<string, protocol.Payment>();
  /** Payments for which a kiosk's receipt was verified, with the kiosk's certificate. */
  readonly receipts = new Map<string, protocol.Receipt>();

  constructor(world: World) {
    this.#world = world;
    this.lastHash = world.allowance.hash;
  }

  /** A copy of the whole phone, key and all: two honest programs that know nothing of each other. */
  clone(): ModelPhone {
    const copy = new ModelPhone(this.#world);
    [copy.counter, copy.cumulativeMinor, copy.lastHash] = [this.counter, this.cumulativeMinor, this.lastHash];
    for (const [request, payment] of this.kept) copy.kept.set(request, payment);
    return copy;
  }

  /**
   * Pays for what a kiosk shows, as page 04 has it. @param dies power fails before the write: nothing was shown.
   * @returns the delivery, or null when this phone signs nothing
   */
  pay(envelope: Uint8Array, dies = false): Uint8Array | null {
    const world = this.#world;
    const opened = run(protocol.openRequestEnvelope(envelope, world.trust.issuers));
    if (!opened.ok) return null;
    const { request } = opened.value;
    const known = this.kept.get(toHex(request.hash));
    if (known !== undefined) return this.#delivery(known.bytes);
    const cumulativeMinor = this.cumulativeMinor + request.amountMinor;
    const { allowance } = world;
    const isTooMuch = request.amountMinor > allowance.perPaymentMinor || cumulativeMinor > allowance.capMinor;
    if (isTooMuch || this.counter >= allowance.hardCounterLimit) return null;
    const draft = {
      counter: this.counter + 1,
      amountMinor: request.amountMinor,
      cumulativeMinor,
      previousLink: protocol.linkOf(this.lastHash),
      requestHash: request.hash,
      signedAt: NOW,
    };
    const bytes = ok(run(protocol.signPayment(draft, allowance.hash), world.phoneKey));
    if (dies) return null;
    const payment = ok(run(protocol.readPayment(bytes, allowance)));
    [this.counter, this.cumulativeMinor, this.lastHash] = [draft.counter, cumulativeMinor, payment.hash];
    this.kept.set(toHex(request.hash), payment);
    return this.#delivery(bytes);
  }

  #delivery(payment: Uint8Array): Uint8Array {
    const allowanceCertificate = this.#world.allowance.bytes;
    return protocol.encodeDelivery({ allowanceCertificate, payment, phoneSalt: null });
  }

  /** Any bytes that claim to be a receipt, from any kiosk, for any of its payments. */
  hear(bytes: Uint8Array, kiosk: protocol.KioskCertificate): void {
    for (const payment of this.kept.values()) {
      const expected = { paymentHash: payment.hash, amountMinor: payment.amountMinor };
      const receipt = run(protocol.verifyReceipt(bytes, kiosk, expected));
      if (receipt.ok) this.receipts.set(toHex(payment.hash), receipt.value);
    }
  }
}

interface StoredSale {
  readonly payment: protocol.Payment;
  readonly receipt: Uint8Array;
}

/** One kiosk. Everything here is in its database. */
export class ModelKiosk {
  readonly #world: World;
  readonly #key = newKey();
  readonly certificate: protocol.KioskCertificate;
  readonly sales = new Map<string, StoredSale>();
  readonly entries: { readonly bytes: Uint8Array; readonly hash: Uint8Array; readonly minor: bigint }[] = [];
  readonly #requests = new Map<string, { request: protocol.PaymentRequest; state: 'open' | 'paid' }>();
  #history: protocol.AllowanceHistory | null = null;
  acknowledged = 0;
  /** The last batch that was made, sent again until it is answered. */
  #sent: { envelope: Uint8Array; hash: Uint8Array } | null = null;

  constructor(world: World, fill: number) {
    this.#world = world;
    const draft = {
      merchantName: `Kiosk ${fill}`,
      merchantPhone: '+6591234567',
      currency: 'SGD',
      signingPublicKey: this.#key.publicKey,
      sealingPublicKey: this.#key.publicKey,
      perPaymentMinor: 20_000n,
      notBefore: NOW,
      notAfter: NOW + 7_776_000,
    };
    const ids = { issuerKeyId: world.issuerKeyId, merchantId: id(0x11), kioskId: id(fill) };
    const bytes = ok(run(protocol.signKioskCertificate(draft, ids), world.issuer));
    this.certificate = ok(run(protocol.verifyKioskCertificate(bytes, world.trust.issuers)));
  }

  /** @returns what the screen shows. */
  ask(amountMinor: bigint): Uint8Array {
    const fill = this.#requests.size + 1;
    const draft = {
      requestIdBytes: id(fill),
      amountMinor,
      currency: 'SGD',
      itemsHash: null,
      nonce: id(fill),
      issuedAt: NOW + 10,
      ttlSeconds: 120,
      denyListVersion: 3,
      addresses: [],
      checksPhone: false,
    };
    const bytes = ok(run(protocol.signPaymentRequest(draft, this.certificate.hash), this.#key));
    const request = ok(run(protocol.verifyPaymentRequest(bytes, this.certificate)));
    this.#requests.set(toHex(request.hash), { request, state: 'open' });
    return protocol.encodeRequestEnvelope(this.certificate.bytes, bytes);
  }

  /**
   * Takes whatever comes, as page 05 has it. @param dies power fails: before the commit nothing was stored, after it
   * nothing is said. @returns the receipt, or null when nothing is answered
   */
  take(delivery: Uint8Array, dies: 'before_commit' | 'after_commit' | null = null): Uint8Array | null {
    const decoded = protocol.attempt(() => protocol.decodeDelivery(delivery));
    const identified = decoded.ok ? run(protocol.identifyPayment(decoded.value)) : decoded;
    if (!identified.ok) return null;
    const { payment } = identified.value;
    const known = this.sales.get(toHex(payment.hash));
    if (known !== undefined) return known.receipt;
    const asked = this.#requests.get(toHex(payment.requestHash)) ?? null;
    const facts = makeFacts(this.#world, null, {
      kiosk: this.certificate,
      request:
        asked === null ? null : { ...asked.request, state: asked.state, currency: asked.request.currency },
      history: this.#history,
      payer: { hasPaidHere: this.#history !== null, recent: [], allowanceSumMinor: 0n },
    });
    const verified = run(protocol.verifyPayment(identified.value, facts));
    if (!verified.ok || asked === null || dies === 'before_commit') return null;
    const receipt = this.#store(verified.value, asked.request);
    asked.state = 'paid';
    return dies === 'after_commit' ? null : receipt;
  }

  #store({ payment, tier, checks }: protocol.VerifiedPayment, request: protocol.PaymentRequest): Uint8Array {
    const sequence = this.entries.length + 1;
    const body = protocol.encodeSaleBody({
      kioskCertificateHash: this.certificate.hash,
      request: request.bytes,
      allowanceCertificateHash: this.#world.allowance.hash,
      payment: payment.bytes,
      tier,
      checks,
    });
    const previousHash = this.entries.at(-1)?.hash ?? protocol.GENESIS_HASH;
    const bytes = protocol.encodeJournalEntry({ sequence, previousHash, kind: 'sale', at: NOW + 30, body });
    const hash = crypto.digest(bytes);
    this.entries.push({ bytes, hash, minor: payment.amountMinor });
    const { hash: paymentHash, amountMinor } = payment;
    const said = {
      paymentHash,
      amountMinor,
      tier,
      sequence,
      journalHash: hash,
      acceptedAt: NOW + 30,
      checks,
    };
    const receipt = ok(run(protocol.signReceipt(said, this.certificate.hash), this.#key));
    this.sales.set(toHex(payment.hash), { payment, receipt });
    this.#history = {
      lastCounter: payment.counter,
      lastCumulativeMinor: payment.cumulativeMinor,
      lastHash: payment.hash,
    };
    return receipt;
  }

  /** A batch of at most `most` entries; any that was made before may still be on its way. */
  batch(most: number): Uint8Array {
    const fromSequence = this.acknowledged + 1;
    const entries = this.entries.slice(this.acknowledged, this.acknowledged + most);
    const previousHash = this.entries[this.acknowledged - 1]?.hash ?? protocol.GENESIS_HASH;
    const draft = {
      fromSequence,
      toSequence: this.acknowledged + entries.length,
      saleCount: entries.length,
      saleSumMinor: entries.reduce((sum, { minor }) => sum + minor, 0n),
      previousHash,
      headHash: entries.at(-1)?.hash ?? previousHash,
      denyListVersion: 3,
      createdAt: NOW + 60,
    };
    const head = ok(run(protocol.signSettlementBatch(draft, this.certificate.hash), this.#key));
    const envelope = protocol.encodeSettlementEnvelope(
      this.certificate.hash,
      head,
      entries.map(({ bytes }) => bytes),
    );
    const read = protocol.decodeSettlementEnvelope(envelope);
    const { batch } = ok(run(protocol.verifySettlementBatch(read, this.certificate)));
    this.#sent = { envelope, hash: batch.hash };
    return envelope;
  }

  hear(acknowledgement: Uint8Array): void {
    if (this.#sent === null) return;
    const { kioskId } = this.certificate;
    const said = run(
      protocol.verifySettlementAcknowledgement(acknowledgement, {
        trust: this.#world.trust,
        nowSeconds: NOW + 62,
        expected: { kioskId, batchHash: this.#sent.hash },
      }),
    );
    if (said.ok) this.acknowledged = Math.max(this.acknowledged, said.value.highestSequence);
  }
}

/** The cloud. Everything here is in its ledger. */
export class ModelCloud {
  readonly #world: World;
  readonly #kiosks: readonly ModelKiosk[];
  readonly #heads = new Map<string, { sequence: number; hash: Uint8Array }>();
  /** By the payment's hash: the ledger's idempotency key. */
  readonly credited = new Map<string, protocol.Payment>();
  /** Every time that a payment was credited. */
  credits = 0;

  constructor(world: World, kiosks: readonly ModelKiosk[]) {
    this.#world = world;
    this.#kiosks = kiosks;
  }

  /** @returns the acknowledgement, or null for what is no batch of the chain. @param dies after the commit, unheard. */
  settle(envelope: Uint8Array, dies = false): Uint8Array | null {
    const read = protocol.attempt(() => protocol.decodeSettlementEnvelope(envelope));
    if (!read.ok) return null;
    const kiosk = this.#kiosks.find(
      ({ certificate }) => toHex(certificate.hash) === toHex(read.value.kioskCertificateHash),
    );
    const verified =
      kiosk === undefined ? null : run(protocol.verifySettlementBatch(read.value, kiosk.certificate));
    if (kiosk === undefined || verified?.ok !== true) return null;
    const { batch, entries } = verified.value;
    const { kioskId } = kiosk.certificate;
    const head = this.#heads.get(kioskId) ?? { sequence: 0, hash: protocol.GENESIS_HASH };
    // What lies behind a gap waits; what is known already may come again.
    if (batch.fromSequence > head.sequence + 1) return null;
    for (const { entry, hash } of entries) {
      if (entry.sequence !== head.sequence + 1) continue;
      [head.sequence, head.hash] = [entry.sequence, hash];
      this.#credit(protocol.decodeSaleBody(entry.body), kiosk);
    }
    this.#heads.set(kioskId, head);
    if (dies) return null;
    const draft = {
      kioskId,
      batchHash: batch.hash,
      highestSequence: head.sequence,
      results: [],
      issuedAt: NOW + 61,
    };
    return ok(
      run(protocol.signSettlementAcknowledgement(draft, this.#world.issuerKeyId), this.#world.issuer),
    );
  }

  #credit(body: protocol.SaleBody, kiosk: ModelKiosk): void {
    const facts = { kiosk: kiosk.certificate, allowance: this.#world.allowance };
    const sale = run(protocol.verifySale(body, facts));
    if (!sale.ok) return;
    const key = toHex(sale.value.payment.hash);
    if (this.credited.has(key)) return;
    this.credited.set(key, sale.value.payment);
    this.credits += 1;
  }

  get creditedMinor(): bigint {
    return [...this.credited.values()].reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
  }
}

/** What a hostile radio makes of a delivery: the other signature of its payment, or one bit more. */
export function twisted(delivery: Uint8Array, place: number): Uint8Array {
  const read = protocol.attempt(() => protocol.decodeDelivery(delivery));
  if (!read.ok) return delivery;
  if (place % 3 === 0) {
    // Twisted before, the payment inside may be no object any more: it has no other signature then.
    const payment = protocol.attempt(() => malleated(read.value.payment));
    return payment.ok ? protocol.encodeDelivery({ ...read.value, payment: payment.value }) : delivery;
  }
  return delivery.map((byte, i) => (i === place % delivery.length ? byte ^ (1 << (place % 8)) : byte));
}
