// The specification is enough: this verifier, written from protocol/spec alone, gives every vector's output and every
// vector's code. What an operation of the vectors takes and gives is on page 00.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCbor } from './cbor.ts';
import * as channel from './channel.ts';
import { decompressPoint } from './cose.ts';
import * as decisions from './decisions.ts';
import * as doubleSpend from './double-spend.ts';
import { fromHex, type Hex } from './fields.ts';
import { verifyJournalFile } from './journal-file.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { Refusal, refusalCodes } from './refusal.ts';
import * as refunds from './refunds.ts';
import * as sealedSettlement from './sealed-settlement.ts';
import * as settlement from './settlement.ts';
import * as streams from './settlement-stream.ts';
import * as trust from './trust.ts';

const spec = join(import.meta.dirname, '../spec');
const vectors = join(import.meta.dirname, '../vectors');

type Texts =
  | 'acceptance'
  | 'acknowledgement'
  | 'allowanceCertificate'
  | 'amountMinor'
  | 'batchHash'
  | 'bytes'
  | 'candidate'
  | 'certificate'
  | 'context'
  | 'delivery'
  | 'delta'
  | 'entry'
  | 'envelope'
  | 'file'
  | 'kioskCertificate'
  | 'kioskCertificateHash'
  | 'kioskId'
  | 'known'
  | 'knownOfferHash'
  | 'list'
  | 'merchantLimits'
  | 'occasion'
  | 'payment'
  | 'paymentHash'
  | 'phone'
  | 'point'
  | 'privateKey'
  | 'proof'
  | 'publicKey'
  | 'receipt'
  | 'refundId'
  | 'refundReceipt'
  | 'requestHash'
  | 'rootPublicKey'
  | 'salt'
  | 'sealed'
  | 'sealedSettlement'
  | 'sealingKey'
  | 'statement'
  | 'stream'
  | 'text'
  | 'trustBundle';

/** The file's context with the vector's own input over it. */
type Input = Readonly<Record<Texts, string>> & {
  readonly content: channel.QrContent;
  readonly history: { lastCounter: number; lastCumulativeMinor: string; lastHash: Hex } | null;
  readonly issuerCertificates: readonly Hex[];
  readonly heldKeys: readonly sealedSettlement.HeldKey[];
  readonly limitsInForce: { version: number; generation: number } | null;
  readonly notAfter: number;
  readonly notBefore: number;
  readonly nowSeconds: number;
  readonly payments: readonly [Hex, Hex];
  readonly request: unknown;
  readonly stored: { sumMinor: string; count: number };
  readonly payer: {
    hasPaidHere: boolean;
    recent: { acceptedAt: number; amountMinor: string }[];
    allowanceSumMinor: string;
  };
  readonly sealingKeyInForce: { generation: number; issuedAt: number; signerGeneration: number } | null;
  /** Amounts are decimal texts, numbers are numbers. */
  readonly settings: Readonly<Record<string, string | number>>[];
  readonly expectedPhone?: string;
  readonly clockIsBehind?: boolean;
  readonly consented: readonly string[];
  readonly storedCertificates: readonly Hex[];
  readonly offer: unknown;
  readonly paid: Texted<Omit<refunds.PaidHere, 'sequence'> & { readonly sequence?: number }> | null;
  readonly sale: Texted<refunds.SoldHere>;
  readonly settled: Texted<refunds.SettledSale> | null;
};

/** With its amounts as decimal texts. */
type Texted<T> = { readonly [K in keyof T]: T[K] extends bigint ? string : T[K] };
type OfferFact = { bytes: Hex; state: 'open' | 'expired' | 'cancelled' };
type RequestFact = { bytes: Hex; state: 'open' | 'paid' | 'expired' | 'cancelled' };
type Vector = { name: string; operation: string; input: Partial<Input> };
type VectorFile = {
  page: string;
  context: Partial<Input>;
  valid: (Vector & { output: unknown })[];
  invalid: (Vector & { code: string })[];
};

const issuersOf = (input: Input): readonly objects.Issuer[] =>
  input.issuerCertificates.map((one) => objects.verifyIssuerCertificate(one, input.rootPublicKey));
const kioskOf = (input: Input): objects.Kiosk =>
  objects.verifyKioskCertificate(input.kioskCertificate, issuersOf(input));
const allowanceOf = (input: Input): objects.Allowance =>
  objects.verifyAllowanceCertificate(input.allowanceCertificate, issuersOf(input));

/** A rule that only accepts or refuses. */
function accepts(rule: (input: Input) => unknown) {
  return (input: Input): true => {
    rule(input);
    return true;
  };
}

const operations: Record<string, (input: Input) => unknown> = {
  decodeCbor: accepts(({ bytes }) => readCbor(fromHex(bytes), limits.MAX_OBJECT_BYTES)),
  decodeBase45: ({ text }) => channel.decodeBase45(text),
  decodeQr: ({ content, text }) => channel.decodeQr(content, text),
  decompressPoint: ({ point }) => decompressPoint(point),
  openSealed: (input) => channel.openSealed(input.sealed, input.privateKey, input.kioskCertificateHash),
  verifyIssuerCertificate: (input) => objects.verifyIssuerCertificate(input.certificate, input.rootPublicKey),
  verifyAllowanceCertificate: (input) =>
    objects.verifyAllowanceCertificate(input.certificate, issuersOf(input)),
  verifyKioskCertificate: (input) => objects.verifyKioskCertificate(input.certificate, issuersOf(input)),
  checkValidity: accepts((input) => objects.checkValidity(input, input.nowSeconds)),
  verifyProofOfPossession: accepts((input) => objects.verifyProofOfPossession(input.proof, input)),
  commitToPhone: ({ phone, salt }) => objects.commitToPhone(phone, salt),
  verifyPaymentRequest: (input) => objects.verifyPaymentRequest(String(input.request), kioskOf(input)),
  openRequestEnvelope: (input) => {
    const { kiosk, request } = objects.openRequestEnvelope(input.envelope, issuersOf(input));
    return { kiosk, request };
  },
  considerRequest: (input) =>
    decisions.considerRequest(
      input.envelope,
      trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
      input.nowSeconds,
    ),
  decodeRequestList: ({ list }) => objects.decodeRequestList(list),
  comparisonCode: ({ requestHash }) => objects.comparisonCode(requestHash),
  verifyPaymentObject: (input) => objects.verifyPayment(input.payment, allowanceOf(input)),
  decodeDelivery: ({ delivery }) => objects.decodeDelivery(delivery),
  verifyClosingStatement: (input) => objects.verifyClosingStatement(input.statement, allowanceOf(input)),
  verifyReceipt: (input) =>
    objects.verifyReceipt(input.receipt, kioskOf(input), {
      paymentHash: input.paymentHash,
      amountMinor: BigInt(input.amountMinor),
    }),
  readJournalEntry: ({ entry }) => objects.readJournalEntry(entry),
  verifySettlementBatch: (input) => settlement.verifySettlementBatch(input.envelope, kioskOf(input)),
  verifySale: (input) => settlement.verifySale(input.entry, kioskOf(input), allowanceOf(input)),
  verifySettlementAcknowledgement: (input) =>
    settlement.verifySettlementAcknowledgement(
      input.acknowledgement,
      trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
      input,
    ),
  verifyTrustBundle: (input) => trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
  checkNotOlder: accepts((input) =>
    trust.checkNotOlder(
      trust.verifyTrustBundle(input.candidate, input.rootPublicKey),
      trust.verifyTrustBundle(input.known, input.rootPublicKey),
      input.nowSeconds,
    ),
  ),
  takeMerchantLimits: (input) => {
    const trustBundle = trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey);
    const kiosk = objects.verifyKioskCertificate(input.kioskCertificate, trustBundle.issuers);
    const inForce = { kiosk, trustBundle, known: input.limitsInForce };
    return trust.takeMerchantLimits(input.merchantLimits, inForce, input.nowSeconds);
  },
  takeSealingKey: (input) => {
    const trustBundle = trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey);
    const inForce = { trustBundle, known: input.sealingKeyInForce };
    return sealedSettlement.takeSealingKey(input.sealingKey, inForce, input.nowSeconds);
  },
  openSealedSettlement: (input) =>
    sealedSettlement.openSealedSettlement(input.sealedSettlement, input.heldKeys),
  readBatchStream: ({ stream }) => streams.readBatchStream(stream),
  readAcknowledgementStream: ({ stream }) => streams.readAcknowledgementStream(stream),
  followAcknowledgementStream: ({ stream }) => streams.followStream(stream, 'acknowledgements'),
  findContradiction: (input) => doubleSpend.findContradiction(input.payments, allowanceOf(input)),
  verifyDoubleSpendProof: (input) => doubleSpend.verifyDoubleSpendProof(input.proof, input.rootPublicKey),
  verifyJournalFile: ({ file, rootPublicKey }) => verifyJournalFile(file, rootPublicKey),
  paidCode: ({ requestHash, paymentHash }) => objects.paidCode(requestHash, paymentHash),
  decodeRepeatDelivery: ({ delivery }) => objects.decodeRepeatDelivery(delivery),
  readOverrideEntry: ({ entry }) => objects.readOverrideEntry(entry),
  readPolicyChangeEntry: ({ entry }) => objects.readPolicyChangeEntry(entry),
  readRefundEntry: ({ entry }) => objects.readRefundEntry(entry),
  applyDenyListDelta: (input) =>
    trust.applyDenyListDelta(
      input.delta,
      trust.verifyTrustBundle(input.known, input.rootPublicKey),
      input.rootPublicKey,
    ),
  denyListHash: (input) =>
    trust.denyListHash(trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey)),
  checkIssuerNotRevoked: accepts((input) =>
    trust.checkIssuerNotRevoked(
      objects.issuerKeyIdOf(input.certificate),
      trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
      input.nowSeconds,
    ),
  ),
  verifyRefundOffer: (input) => refunds.verifyRefundOffer(String(input.offer), kioskOf(input)),
  considerRefundOffer: (input) =>
    refunds.considerRefundOffer(input.envelope, issuersOf(input), {
      paid: input.paid && { ...input.paid, ...givenOf(input.paid), sequence: input.paid.sequence ?? null },
      nowSeconds: input.nowSeconds,
    }),
  acceptRefund,
  verifyRefundReceipt: (input) =>
    refunds.verifyRefundReceipt(input.refundReceipt, kioskOf(input), {
      refundId: input.refundId,
      paymentHash: input.paymentHash,
      amountMinor: BigInt(input.amountMinor),
    }),
  settleRefund: (input) =>
    refunds.settleRefund(input.entry, kioskOf(input), allowanceOf(input), {
      knownOfferHash: input.knownOfferHash ?? null,
      settled: input.settled && { ...input.settled, ...givenOf(input.settled) },
    }),
  acceptPayment: (input) => decisions.acceptPayment(input.delivery, factsOf(input)),
  acceptRepeat: (input) => decisions.acceptRepeat(input.delivery, factsOf(input), input.storedCertificates),
  acceptUnderOverride: (input) =>
    decisions.acceptUnderOverride(input.delivery, factsOf(input), input.consented),
};

function givenOf(written: Texted<refunds.Given>): refunds.Given {
  return { amountMinor: BigInt(written.amountMinor), refundedMinor: BigInt(written.refundedMinor) };
}

function acceptRefund(input: Input) {
  const offer = input.offer as OfferFact | null;
  return refunds.acceptRefund(input.acceptance, allowanceOf(input), {
    offer: offer && { ...refunds.verifyRefundOffer(offer.bytes, kioskOf(input)), state: offer.state },
    sale: { ...input.sale, ...givenOf(input.sale) },
  });
}

function factsOf(input: Input): decisions.Facts {
  const kiosk = kioskOf(input);
  const request = input.request as RequestFact | null;
  const { history, stored, payer } = input;
  return {
    nowSeconds: input.nowSeconds,
    kiosk,
    kioskIssuerKeyId: objects.issuerKeyIdOf(input.kioskCertificate),
    trustBundle: trust.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
    request: request && {
      ...objects.verifyPaymentRequest(request.bytes, kiosk),
      state: request.state,
    },
    history: history && { ...history, lastCumulativeMinor: BigInt(history.lastCumulativeMinor) },
    stored: { ...stored, sumMinor: BigInt(stored.sumMinor) },
    payer: {
      ...payer,
      recent: payer.recent.map((one) => ({ ...one, amountMinor: BigInt(one.amountMinor) })),
      allowanceSumMinor: BigInt(payer.allowanceSumMinor),
    },
    settings: input.settings.map(settingsOf),
    expectedPhone: input.expectedPhone ?? null,
    clockIsBehind: input.clockIsBehind ?? false,
  };
}

function settingsOf(written: Readonly<Record<string, string | number>>): decisions.Settings {
  const values = Object.entries(written).map(
    ([name, value]) => [name, typeof value === 'string' ? BigInt(value) : value] as const,
  );
  return Object.fromEntries(values);
}

function run(vector: Vector, context: Partial<Input>): unknown {
  const operation = operations[vector.operation];
  if (operation === undefined) throw new Error(`no such operation: ${vector.operation}`);
  const input = Object.entries({ ...context, ...vector.input }).map(([name, value]) => [
    name,
    written(value),
  ]);
  return operation(Object.fromEntries(input) as Input);
}

/** Some bytes, and then one many times, written out. */
function written(value: unknown): unknown {
  const isShort = typeof value === 'object' && value !== null && 'times' in value;
  if (!isShort) return value;
  const { begin, byte, times } = value as { begin: Hex; byte: Hex; times: number };
  return begin + byte.repeat(times);
}

function codeOf(task: () => unknown): unknown {
  try {
    return { accepted: task() };
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

/** As JSON writes it: amounts are decimal texts. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? String(one) : one)),
  );
}

// The signatures that the generator of the vectors keeps are no vectors.
const names = readdirSync(vectors).filter((name) => name.endsWith('.json') && name !== 'signatures.json');

describe.each(names)('%s', (name) => {
  const file: VectorFile = JSON.parse(readFileSync(join(vectors, name), 'utf8'));

  test.each(file.valid)('accepts: $operation, $name', (vector) => {
    expect(plain(run(vector, file.context))).toEqual(vector.output);
  });

  test.each(file.invalid)('refuses: $operation, $name', (vector) => {
    expect(codeOf(() => run(vector, file.context))).toBe(vector.code);
  });
});

describe('what the pages list', () => {
  const rows = (page: string, row: RegExp) => [...readFileSync(join(spec, page), 'utf8').matchAll(row)];

  test('is the whole set of codes', () => {
    const codes = rows('12-error-codes.md', /^\| `([a-z_]+)`/gm).map(([, code]) => code);
    expect(refusalCodes).toEqual(codes);
  });

  test('is every limit', () => {
    const listed = rows('11-limits.md', /^\| `([A-Z_]+)` \| (\d+)/gm).map(([, key, value]) => [
      key,
      Number(value),
    ]);
    expect(Object.entries(limits)).toEqual(listed);
  });
});
