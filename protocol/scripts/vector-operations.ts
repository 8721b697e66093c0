/**
 * What a test vector asks of an implementation: each operation reads its input, runs the rule and answers plain JSON.
 * Isomorphic like the rules themselves, so that the phone, the kiosk and the cloud run the same vectors.
 */
import { decodeCbor } from '../src/cbor.ts';
import { concatBytes, fromBase45, fromHex, toHex } from '../src/bytes.ts';
import type { Steps } from '../src/crypto.ts';
import { refuse } from '../src/errors.ts';
import * as protocol from '../src/index.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Vector {
  readonly name: string;
  readonly operation: string;
  /** Bytes in hex, amounts in decimal digits. What it lacks is in the file's context. */
  readonly input: JsonObject;
  /** Only in the valid half. */
  readonly output?: Json;
  /** Only in the invalid half: the refusal. */
  readonly code?: protocol.RefusalCode;
  /** Diagnostic notation of the input's object, for people. */
  readonly diagnostic?: string;
}

export interface VectorFile {
  readonly description: string;
  readonly page: string;
  readonly context: JsonObject;
  readonly valid: readonly Vector[];
  readonly invalid: readonly Vector[];
}

/** Typed access to a vector's input; a vector that lacks something is a programmer's error. */
class Input {
  readonly #values: JsonObject;
  constructor(values: JsonObject) {
    this.#values = values;
  }
  #get(name: string): Json {
    const value = this.#values[name];
    if (value === undefined) throw new TypeError(`vector lacks ${name}`);
    return value;
  }
  text(name: string): string {
    const value = this.#get(name);
    if (typeof value !== 'string') throw new TypeError(`${name} is no text`);
    return value;
  }
  /** Hex, or one byte many times behind a few others. */
  bytes(name: string): Uint8Array {
    const value = this.#get(name);
    if (typeof value !== 'object') return fromHex(this.text(name));
    const alike = this.object(name);
    if (alike === null) throw new TypeError(`${name} is null`);
    return concatBytes(
      alike.bytes('begin'),
      new Uint8Array(alike.number('times')).fill(alike.bytes('byte')[0] ?? 0),
    );
  }
  number(name: string): number {
    const value = this.#get(name);
    if (typeof value !== 'number') throw new TypeError(`${name} is no number`);
    return value;
  }
  bytesList(name: string): readonly Uint8Array[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
    return value.map((item) => fromHex(String(item)));
  }
  texts(name: string): readonly string[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
    return value.map(String);
  }
  flag(name: string): boolean {
    const value = this.#get(name);
    if (typeof value !== 'boolean') throw new TypeError(`${name} is no flag`);
    return value;
  }
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }
  objects(name: string): readonly Input[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
    return value.map((item) => new Input(item as JsonObject));
  }
  /** Null where the vector says null. */
  object(name: string): Input | null {
    const value = this.#get(name);
    if (value === null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${name} is no object`);
    return new Input(value as JsonObject);
  }
}

/** Hex, decimal digits, sorted lists: one way to write each value. Bytes as received are left out. */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof Set) return [...value].map(String).toSorted((a, b) => (a < b ? -1 : 1));
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object') throw new TypeError('a value that JSON does not know');
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'bytes')
      .map(([name, item]) => [name, toJson(item)]),
  );
}

function* issuersOf(input: Input): Steps<readonly protocol.IssuerCertificate[]> {
  const issuers: protocol.IssuerCertificate[] = [];
  for (const bytes of input.bytesList('issuerCertificates')) {
    issuers.push(yield* protocol.verifyIssuerCertificate(bytes, input.bytes('rootPublicKey')));
  }
  return issuers;
}
function* kioskOf(input: Input): Steps<protocol.KioskCertificate> {
  return yield* protocol.verifyKioskCertificate(input.bytes('kioskCertificate'), yield* issuersOf(input));
}
function* allowanceOf(input: Input): Steps<protocol.AllowanceCertificate> {
  return yield* protocol.verifyAllowanceCertificate(
    input.bytes('allowanceCertificate'),
    yield* issuersOf(input),
  );
}
function* trustOf(input: Input, name = 'trustBundle'): Steps<protocol.TrustBundle> {
  return yield* protocol.verifyTrustBundle(input.bytes(name), input.bytes('rootPublicKey'));
}

/** A kiosk's whole way with the merchant's limits: believed, then held against what is in force. */
function* takeMerchantLimits(input: Input): Steps<unknown> {
  const trust = yield* trustOf(input);
  const candidate = yield* protocol.verifyMerchantLimits(input.bytes('merchantLimits'), trust.issuers);
  const kiosk = yield* protocol.verifyKioskCertificate(input.bytes('kioskCertificate'), trust.issuers);
  const known = input.object('limitsInForce');
  protocol.checkMerchantLimits(candidate, {
    kiosk,
    trust,
    known:
      known === null ? null : { version: known.number('version'), generation: known.number('generation') },
    nowSeconds: input.number('nowSeconds'),
  });
  const { merchantId, version, issuedAt, currency, limits } = candidate;
  return { merchantId, version, issuedAt, currency, limits };
}

/** The same with the cloud's sealing key. */
function* takeSealingKey(input: Input): Steps<unknown> {
  const trust = yield* trustOf(input);
  const candidate = yield* protocol.verifyCloudSealingKey(input.bytes('sealingKey'), trust.issuers);
  const known = input.object('sealingKeyInForce');
  protocol.checkCloudSealingKey(candidate, {
    trust,
    known:
      known === null
        ? null
        : {
            generation: known.number('generation'),
            issuedAt: known.number('issuedAt'),
            signerGeneration: known.number('signerGeneration'),
          },
    nowSeconds: input.number('nowSeconds'),
  });
  const { publicKey, keyId, generation, issuedAt, notAfter } = candidate;
  return { publicKey, keyId, generation, issuedAt, notAfter };
}

function* signedPayment(
  bytes: Uint8Array,
  allowance: protocol.AllowanceCertificate,
): Steps<protocol.Payment> {
  const payment = yield* protocol.readPayment(bytes, allowance);
  if (!(yield* protocol.hasPaymentSignature(payment, allowance))) refuse('payment_signature_invalid');
  return payment;
}

function historyOf(input: Input | null): protocol.AllowanceHistory | null {
  if (input === null) return null;
  return {
    lastCounter: input.number('lastCounter'),
    lastCumulativeMinor: BigInt(input.text('lastCumulativeMinor')),
    lastHash: input.bytes('lastHash'),
  };
}

function payerOf(input: Input | null): protocol.PayerFacts {
  if (input === null) throw new TypeError('a payer');
  return {
    hasPaidHere: input.flag('hasPaidHere'),
    recent: input.objects('recent').map((payment) => ({
      acceptedAt: payment.number('acceptedAt'),
      amountMinor: BigInt(payment.text('amountMinor')),
    })),
    allowanceSumMinor: BigInt(input.text('allowanceSumMinor')),
  };
}

/** What an owner did not set is absent. */
function settingsOf(input: Input): protocol.LimitSettings {
  const money = protocol.MONEY_LIMITS.filter((name) => input.has(name)).map(
    (name) => [name, BigInt(input.text(name))] as const,
  );
  const numbers = protocol.NUMBER_LIMITS.filter((name) => input.has(name)).map(
    (name) => [name, input.number(name)] as const,
  );
  return { ...Object.fromEntries(money), ...Object.fromEntries(numbers) };
}

function* requestFacts(
  input: Input,
  kiosk: protocol.KioskCertificate,
): Steps<protocol.AcceptanceFacts['request']> {
  const known = input.object('request');
  if (known === null) return null;
  const { requestId, hash, amountMinor, currency } = yield* protocol.verifyPaymentRequest(
    known.bytes('bytes'),
    kiosk,
  );
  const state = known.text('state');
  if (state !== 'open' && state !== 'paid' && state !== 'expired' && state !== 'cancelled')
    throw new TypeError(state);
  return { requestId, hash, amountMinor, currency, state };
}

function* factsOf(input: Input): Steps<protocol.AcceptanceFacts> {
  const kiosk = yield* kioskOf(input);
  const stored = input.object('stored');
  return {
    nowSeconds: input.number('nowSeconds'),
    kiosk,
    trust: yield* trustOf(input),
    request: yield* requestFacts(input, kiosk),
    expectedPhone: input.has('expectedPhone') ? input.text('expectedPhone') : null,
    history: historyOf(input.object('history')),
    stored: { sumMinor: BigInt(stored?.text('sumMinor') ?? 0), count: stored?.number('count') ?? 0 },
    payer: payerOf(input.object('payer')),
    settings: input.objects('settings').map(settingsOf),
    certificateIsKnownGood: false,
    clockIsBehind: input.has('clockIsBehind') && input.flag('clockIsBehind'),
  };
}

function* identified(input: Input): Steps<protocol.IdentifiedPayment> {
  return yield* protocol.identifyPayment(protocol.decodeDelivery(input.bytes('delivery')));
}

function* accept(input: Input): Steps<unknown> {
  const facts = yield* factsOf(input);
  return outcomeOf(yield* protocol.verifyPayment(yield* identified(input), facts));
}

function outcomeOf({ requestId, payment, tier, checks }: protocol.VerifiedPayment) {
  return { requestId, paymentHash: payment.hash, tier, checks };
}

/** `storedCertificates`: what the kiosk has accepted payments under before. */
function* acceptRepeat(input: Input): Steps<unknown> {
  const delivery = protocol.decodeRepeatDelivery(input.bytes('delivery'));
  const stored: protocol.ReadCertificate[] = [];
  for (const bytes of input.bytesList('storedCertificates')) {
    const { certificate, object } = yield* protocol.readAllowanceCertificate(bytes);
    stored.push({ allowance: certificate, allowanceObject: object });
  }
  const named = protocol.selectCertificate(delivery, stored, ({ allowance }) => allowance.hash);
  const facts = yield* factsOf(input);
  return outcomeOf(yield* protocol.verifyPayment(yield* protocol.identifyUnder(named, delivery), facts));
}

function* acceptUnderOverride(input: Input): Steps<unknown> {
  const facts = yield* factsOf(input);
  const consented = new Set(input.texts('consented').filter(protocol.isOverridable));
  const verified = yield* protocol.verifyUnderOverride(yield* identified(input), facts, consented);
  return { ...outcomeOf(verified), overridden: verified.overridden };
}

function bodyOf(input: Input, kind: protocol.JournalKind): readonly unknown[] {
  const entry = protocol.decodeJournalEntry(input.bytes('entry'));
  if (entry.kind !== kind) refuse('message_malformed');
  return entry.body;
}

function* journalEntry(input: Input): Steps<unknown> {
  const bytes = input.bytes('entry');
  const entry = protocol.decodeJournalEntry(bytes);
  const hash = yield* protocol.journalHash(bytes);
  return { ...entry, body: entry.kind === 'sale' ? protocol.decodeSaleBody(entry.body) : entry.body, hash };
}

function* journalFile(input: Input): Steps<unknown> {
  const records = protocol.decodeJournalFile(input.bytes('file'));
  const { kiosk, ...report } = yield* protocol.checkJournal(records, input.bytes('rootPublicKey'));
  return { ...report, kioskId: kiosk?.kioskId ?? null };
}

function* refundEntry(input: Input): Steps<unknown> {
  const bytes = input.bytes('entry');
  const entry = protocol.decodeJournalEntry(bytes);
  if (entry.kind !== 'void' && entry.kind !== 'refund') refuse('message_malformed');
  return {
    ...entry,
    body: protocol.decodeRefundBody(entry.body),
    hash: yield* protocol.journalHash(bytes),
  };
}

function* settlementBatch(input: Input): Steps<unknown> {
  const envelope = protocol.decodeSettlementEnvelope(input.bytes('envelope'));
  const { batch, entries } = yield* protocol.verifySettlementBatch(envelope, yield* kioskOf(input));
  return { batch, entryHashes: entries.map((entry) => entry.hash) };
}

function* sale(input: Input): Steps<unknown> {
  const body = protocol.decodeSaleBody(bodyOf(input, 'sale'));
  const facts = { kiosk: yield* kioskOf(input), allowance: yield* allowanceOf(input) };
  const { request, payment } = yield* protocol.verifySale(body, facts);
  return { requestHash: request.hash, paymentHash: payment.hash, amountMinor: payment.amountMinor };
}

function* acknowledgement(input: Input): Steps<unknown> {
  const expected = { kioskId: input.text('kioskId'), batchHash: input.bytes('batchHash') };
  return yield* protocol.verifySettlementAcknowledgement(input.bytes('acknowledgement'), {
    trust: yield* trustOf(input),
    nowSeconds: input.number('nowSeconds'),
    expected,
  });
}

function* contradiction(input: Input): Steps<unknown> {
  const allowance = yield* allowanceOf(input);
  const [first, second] = input.bytesList('payments');
  if (first === undefined || second === undefined) throw new TypeError('two payments');
  const pair = [yield* signedPayment(first, allowance), yield* signedPayment(second, allowance)] as const;
  return { contradicts: protocol.contradicts(...pair), hashes: pair.map(({ hash }) => hash) };
}

function* possession(input: Input): Steps<unknown> {
  const context = input.text('context');
  if (context !== 'allowance' && context !== 'kiosk') throw new TypeError(context);
  const expected = {
    publicKey: input.bytes('publicKey'),
    context,
    occasion: input.text('occasion'),
  } as const;
  yield* protocol.verifyProofOfPossession(input.bytes('proof'), expected);
  return true;
}

function* notOlder(input: Input): Steps<unknown> {
  const known = yield* trustOf(input, 'known');
  protocol.checkNotOlder(yield* trustOf(input, 'candidate'), known, {
    nowSeconds: input.number('nowSeconds'),
  });
  return true;
}

function* receipt(input: Input): Steps<unknown> {
  const expected = {
    paymentHash: input.bytes('paymentHash'),
    amountMinor: BigInt(input.text('amountMinor')),
  };
  return yield* protocol.verifyReceipt(input.bytes('receipt'), yield* kioskOf(input), expected);
}

function saleOf(input: Input): protocol.RefundableSale {
  return {
    amountMinor: BigInt(input.text('amountMinor')),
    refundedMinor: BigInt(input.text('refundedMinor')),
  };
}

/** The phone's decision on an envelope. */
function* refundOffer(input: Input): Steps<unknown> {
  const { kiosk, offer } = yield* protocol.openRefundEnvelope(
    input.bytes('envelope'),
    yield* issuersOf(input),
  );
  const known = input.object('paid');
  const payment =
    known === null
      ? null
      : {
          ...saleOf(known),
          paymentHash: known.bytes('paymentHash'),
          kioskId: known.text('kioskId'),
          sequence: known.has('sequence') ? known.number('sequence') : null,
        };
  protocol.checkRefundOffer(offer, { kiosk, payment, nowSeconds: input.number('nowSeconds') });
  return offer;
}

/** The kiosk's decision on an acceptance. */
function* refund(input: Input): Steps<unknown> {
  const known = input.object('offer');
  const offer =
    known === null ? null : yield* protocol.verifyRefundOffer(known.bytes('bytes'), yield* kioskOf(input));
  const state = known?.text('state') ?? 'open';
  if (state !== 'open' && state !== 'expired' && state !== 'cancelled') throw new TypeError(state);
  const sale = input.object('sale');
  if (sale === null) throw new TypeError('a sale');
  const { acceptance, refundedMinor } = yield* protocol.verifyRefund(
    protocol.readRefundAcceptance(input.bytes('acceptance')),
    {
      offer,
      offerState: state,
      allowance: yield* allowanceOf(input),
      sale: { ...saleOf(sale), isRefused: sale.flag('isRefused') },
    },
  );
  return { acceptance, refundedMinor };
}

function* refundReceipt(input: Input): Steps<unknown> {
  const expected = {
    refundId: input.text('refundId'),
    paymentHash: input.bytes('paymentHash'),
    amountMinor: BigInt(input.text('amountMinor')),
  };
  return yield* protocol.verifyRefundReceipt(input.bytes('refundReceipt'), yield* kioskOf(input), expected);
}

/** The cloud's decision on an entry. */
function* settledRefund(input: Input): Steps<unknown> {
  const { kind, body } = protocol.decodeJournalEntry(input.bytes('entry'));
  if (kind !== 'void' && kind !== 'refund') refuse('message_malformed');
  const [kiosk, allowance] = [yield* kioskOf(input), yield* allowanceOf(input)];
  const facts = { kiosk, allowance };
  const { offer, acceptance } = yield* protocol.verifyRefundEntry(
    { kind, body: protocol.decodeRefundBody(body) },
    facts,
  );
  const known = input.object('settled');
  const sale =
    known === null
      ? null
      : {
          ...saleOf(known),
          kioskId: known.text('kioskId'),
          allowanceCertificateHash: known.bytes('allowanceCertificateHash'),
          sequence: known.number('sequence'),
          isPaid: known.flag('isPaid'),
        };
  protocol.checkSettledRefund(offer, {
    kioskId: kiosk.kioskId,
    allowanceCertificateHash: allowance.hash,
    sale,
    knownOfferHash: input.has('knownOfferHash') ? input.bytes('knownOfferHash') : null,
  });
  return { offerHash: offer.hash, acceptanceHash: acceptance.hash, amountMinor: offer.amountMinor };
}

/** A rule that needs no cryptography. */
function plain(rule: (input: Input) => unknown): (input: Input) => Steps<unknown> {
  // oxlint-disable-next-line require-yield -- the drivers take generators only
  return function* (input) {
    return rule(input);
  };
}

const BATCH_STREAM = { maxObjectBytes: protocol.MAX_BATCH_BYTES, maxProblemBytes: 0 };
const ACKNOWLEDGEMENT_STREAM = {
  maxObjectBytes: protocol.MAX_ACKNOWLEDGEMENT_BYTES,
  maxProblemBytes: protocol.MAX_STREAM_PROBLEM_BYTES,
};

/** What a stream holds up to its end, or to what is refused in it: byte by byte, as the slowest line brings it. */
function readStream(stream: Uint8Array, limits: protocol.FrameLimits) {
  const objects: Uint8Array[] = [];
  let problem: string | null = null;
  const end = protocol.attempt(() => {
    const reader = new protocol.StreamReader(limits);
    for (let at = 0; at < stream.length; at += 1) {
      reader.give(stream.subarray(at, at + 1));
      const frame = reader.next();
      if (frame?.kind === 'object') objects.push(frame.content);
      if (frame?.kind === 'problem') {
        const text = decodeCbor(protocol.encodeStreamProblem(frame.content), protocol.MAX_ENVELOPE_BYTES + 3);
        problem = String(text);
      }
    }
    if (!reader.isBetweenFrames) refuse('message_malformed');
  });
  return { objects, problem, code: end.ok ? null : end.code };
}

function wholeStream(stream: Uint8Array, limits: protocol.FrameLimits) {
  const { code, ...held } = readStream(stream, limits);
  return code === null ? held : refuse(code);
}

function qrBytes(input: Input): Uint8Array {
  const content = input.text('content');
  if (!protocol.isQrContent(content)) throw new TypeError(content);
  const read = protocol.fromQrText(content, input.text('text'));
  return read.ok ? read.value : refuse(read.code);
}

const OPERATIONS: Readonly<Record<string, (input: Input) => Steps<unknown>>> = {
  decodeCbor: plain((input) => {
    decodeCbor(input.bytes('bytes'), protocol.MAX_OBJECT_BYTES);
    return true;
  }),
  decodeBase45: plain((input) => fromBase45(input.text('text'))),
  decodeQr: plain(qrBytes),
  decompressPoint: plain((input) => protocol.decompressPoint(input.bytes('point'))),
  *paidCode(input) {
    return yield* protocol.paidCode(input.bytes('requestHash'), input.bytes('paymentHash'));
  },
  comparisonCode: plain((input) => protocol.comparisonCode(input.bytes('requestHash'))),
  checkValidity: plain((input) => {
    const dates = { notBefore: input.number('notBefore'), notAfter: input.number('notAfter') };
    protocol.checkValidity(dates, input.number('nowSeconds'));
    return true;
  }),
  decodeDelivery: plain((input) => protocol.decodeDelivery(input.bytes('delivery'))),
  decodeRepeatDelivery: plain((input) => protocol.decodeRepeatDelivery(input.bytes('delivery'))),
  *verifyIssuerCertificate(input) {
    return yield* protocol.verifyIssuerCertificate(input.bytes('certificate'), input.bytes('rootPublicKey'));
  },
  *verifyAllowanceCertificate(input) {
    return yield* protocol.verifyAllowanceCertificate(input.bytes('certificate'), yield* issuersOf(input));
  },
  *verifyKioskCertificate(input) {
    return yield* protocol.verifyKioskCertificate(input.bytes('certificate'), yield* issuersOf(input));
  },
  *verifyTrustBundle(input) {
    return yield* trustOf(input);
  },
  checkNotOlder: notOlder,
  takeMerchantLimits,
  takeSealingKey,
  *applyDenyListDelta(input) {
    const delta = yield* protocol.verifyDenyListDelta(input.bytes('delta'), input.bytes('rootPublicKey'));
    return yield* protocol.applyDenyListDelta(delta, yield* trustOf(input, 'known'));
  },
  *denyListHash(input) {
    return yield* protocol.denyListHash(yield* trustOf(input));
  },
  *checkIssuerNotRevoked(input) {
    const trust = yield* trustOf(input);
    protocol.checkIssuerNotRevoked(input.bytes('certificate'), trust, input.number('nowSeconds'));
    return true;
  },
  *verifyPaymentRequest(input) {
    return yield* protocol.verifyPaymentRequest(input.bytes('request'), yield* kioskOf(input));
  },
  *openRequestEnvelope(input) {
    return yield* protocol.openRequestEnvelope(input.bytes('envelope'), yield* issuersOf(input));
  },
  decodeRequestList: plain((input) => protocol.decodeRequestList(input.bytes('list')).map(toHex)),
  *considerRequest(input) {
    const trust = yield* trustOf(input);
    const opened = yield* protocol.openRequestEnvelope(input.bytes('envelope'), trust.issuers);
    protocol.checkKioskStanding(opened.kiosk, trust, input.number('nowSeconds'));
    return opened;
  },
  *verifyPaymentObject(input) {
    return yield* signedPayment(input.bytes('payment'), yield* allowanceOf(input));
  },
  *verifyClosingStatement(input) {
    return yield* protocol.verifyClosingStatement(input.bytes('statement'), yield* allowanceOf(input));
  },
  acceptPayment: accept,
  acceptRepeat,
  acceptUnderOverride,
  readOverrideEntry: plain((input) => protocol.decodeOverrideBody(bodyOf(input, 'override'))),
  readPolicyChangeEntry: plain((input) => protocol.decodePolicyChangeBody(bodyOf(input, 'policyChange'))),
  verifyReceipt: receipt,
  *verifyRefundOffer(input) {
    return yield* protocol.verifyRefundOffer(input.bytes('offer'), yield* kioskOf(input));
  },
  considerRefundOffer: refundOffer,
  acceptRefund: refund,
  verifyRefundReceipt: refundReceipt,
  settleRefund: settledRefund,
  readJournalEntry: journalEntry,
  verifyJournalFile: journalFile,
  readRefundEntry: refundEntry,
  verifySettlementBatch: settlementBatch,
  verifySale: sale,
  readBatchStream: plain((input) => wholeStream(input.bytes('stream'), BATCH_STREAM).objects),
  readAcknowledgementStream: plain((input) => wholeStream(input.bytes('stream'), ACKNOWLEDGEMENT_STREAM)),
  followAcknowledgementStream: plain((input) => readStream(input.bytes('stream'), ACKNOWLEDGEMENT_STREAM)),
  verifySettlementAcknowledgement: acknowledgement,
  findContradiction: contradiction,
  verifyProofOfPossession: possession,
  *verifyDoubleSpendProof(input) {
    const parts = protocol.decodeDoubleSpendProof(input.bytes('proof'));
    const { rule, allowance, first, second } = yield* protocol.verifyDoubleSpendProof(
      parts,
      input.bytes('rootPublicKey'),
    );
    return { rule, allowanceId: allowance.allowanceId, first, second };
  },
  *commitToPhone(input) {
    return yield* protocol.commitToPhone(input.text('phone'), input.bytes('salt'));
  },
};

/** The rule that a vector asks for, to be run by either driver. What opens seals has no rule: see vector-suite.ts. */
export function* stepsOf(vector: Vector, context: JsonObject): Steps<Json> {
  const operation = OPERATIONS[vector.operation];
  if (operation === undefined) throw new TypeError(`no operation ${vector.operation}`);
  return toJson(yield* operation(new Input(inputOf(vector, context))));
}

/** What a vector gives: its input over the file's context. */
export function inputOf(vector: Vector, context: JsonObject): JsonObject {
  return { ...context, ...vector.input };
}

/** Bytes of an input, also where they are counted and not written out. */
export function bytesIn(input: JsonObject, name: string): Uint8Array {
  return new Input(input).bytes(name);
}
