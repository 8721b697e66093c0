/**
 * Every field of every object just inside and just outside its bounds, every object with a field too few and too many, and
 * with the header of the other kind. What is refused keeps its old signature: form is settled before a signature is asked.
 */
import { fromHex } from '../src/bytes.ts';
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import * as bound from './field-bounds.ts';
import { free, tied, type Subject } from './field-bounds.ts';
import { assemble, fieldsOf, itemsOf, partsOf, resigned, withFields } from './tamper.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { byteStringOf, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { NOW, type VectorWorld } from './vector-world.ts';
import { bodiesRefused, refundSubjects } from './vectors-of-body-bounds.ts';
import { makeOffer } from './vectors-of-refunds.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { certificatesOf, deliveryOf, makePayment, repeatOf } from './vectors-of-payments.ts';
import { makeAcknowledgement, makeBatch, makeJournal, makeReceipt } from './vectors-of-settlement.ts';
import type { Vector } from './vector.ts';

const PLAIN = Uint8Array.of(0xa1, 1, 0x26);
const KEYED = Uint8Array.of(0xa2, 1, 0x26, 4, 0x44, 1, 2, 3, 4);

function rebuilt({ bytes, signed }: Subject, fields: readonly CborValue[], again = false): Uint8Array {
  if (signed === null) return encodeCbor(fields);
  const externalAad = signed.under ?? new Uint8Array(0);
  return again ? resigned(bytes, fields, { ...signed.by, externalAad }) : withFields(bytes, fields);
}
const partsIn = ({ bytes, signed }: Subject) => (signed === null ? itemsOf(bytes) : fieldsOf(bytes));

function refusedOf(subject: Subject): readonly Vector[] {
  const { name, operation, input, purpose, signed, facts } = subject;
  const fields = partsIn(subject);
  const bad = (what: string, code: protocol.RefusalCode, bytes: Uint8Array) =>
    invalid(`${name}: ${what}`, operation, code, { ...facts, [input]: bytes });
  const names = FIELD_NAMES.get(purpose) ?? [];
  const ofFields = subject.fields.flatMap(([one], index) =>
    bound
      .refusedBy(one)
      .map(([what, value, code]) =>
        bad(`${names[index + 1] ?? index} ${what}`, code, rebuilt(subject, fields.with(index + 1, value))),
      ),
  );
  const swapped = () => {
    const parts = partsOf(subject.bytes);
    return assemble({ ...parts, protectedHeader: parts.protectedHeader.length === 3 ? KEYED : PLAIN });
  };
  return [
    bad(
      'of a purpose that is not given out',
      'object_has_wrong_purpose',
      rebuilt(subject, fields.with(0, 23)),
    ),
    bad('its purpose a text', 'message_malformed', rebuilt(subject, fields.with(0, 'purpose'))),
    bad('without its last field', 'message_malformed', rebuilt(subject, fields.slice(0, -1))),
    bad('with a field more', 'message_malformed', rebuilt(subject, [...fields, 0])),
    bad('without any field', 'message_malformed', rebuilt(subject, [])),
    bad('a byte above its bound', 'message_too_large', byteStringOf(subject.maxBytes + 1)),
    ...(subject.maxBytes <= protocol.MAX_PROOF_BYTES
      ? []
      : [bad('no array, at its bound', 'message_malformed', byteStringOf(subject.maxBytes))]),
    ...(signed === null ? [] : [bad('with the header of the other kind', signed.otherHeader, swapped())]),
    ...ofFields,
  ];
}

function edgesOf(subject: Subject): readonly Vector[] {
  const names = FIELD_NAMES.get(subject.purpose) ?? [];
  const fields = partsIn(subject);
  return subject.fields.flatMap(([one, edges], index) =>
    edges === 'inner'
      ? []
      : bound.edgesOf(one).map(([what, value]) =>
          valid(`${subject.name}: ${names[index + 1] ?? index} ${what}`, subject.operation, {
            ...subject.facts,
            [subject.input]: rebuilt(subject, fields.with(index + 1, value), true),
          }),
        ),
  );
}

function certificateSubjects(world: VectorWorld): readonly Subject[] {
  const [issuerCertificate = new Uint8Array(0)] = world.issuerCertificates;
  const issued = { by: world.issuer, otherHeader: 'issuer_unknown' } as const;
  const common = { input: 'certificate', maxBytes: protocol.MAX_OBJECT_BYTES };
  return [
    {
      ...common,
      purpose: 1,
      name: 'issuer certificate',
      operation: 'verifyIssuerCertificate',
      bytes: issuerCertificate,
      fields: [
        tied(bound.point),
        free(bound.count),
        free(bound.uint(1, 7)),
        free(bound.time),
        free(bound.validity),
      ],
      signed: { by: world.root, otherHeader: 'algorithm_not_allowed' },
    },
    {
      ...common,
      purpose: 2,
      name: 'allowance certificate',
      operation: 'verifyAllowanceCertificate',
      bytes: world.allowance.bytes,
      fields: [
        tied(bound.id),
        tied(bound.point),
        tied(bound.currency),
        free(bound.amount(1)),
        free(bound.amount(1)),
        free(bound.count),
        free(bound.count),
        free(bound.count),
        tied(bound.time),
        free(bound.validity),
        free(bound.uint(1, 15)),
        free(bound.uint(1, 15)),
        free(bound.text(16)),
        tied(bound.bytes(16)),
        free(bound.payeeLock),
      ],
      signed: issued,
    },
    {
      ...common,
      purpose: 3,
      name: 'kiosk certificate',
      operation: 'verifyKioskCertificate',
      bytes: world.kiosk.bytes,
      fields: [
        tied(bound.id),
        free(bound.text(96)),
        free(bound.text(16)),
        tied(bound.id),
        tied(bound.currency),
        tied(bound.point),
        tied(bound.point),
        free(bound.amount(1)),
        tied(bound.time),
        free(bound.validity),
      ],
      signed: issued,
    },
  ];
}

function shopSubjects(world: VectorWorld): readonly Subject[] {
  const request = makeRequest(world);
  const batch = makeBatch(world);
  const byKiosk = {
    by: world.kioskKey,
    under: world.kiosk.hash,
    otherHeader: 'algorithm_not_allowed',
  } as const;
  const { saleEntry } = makeJournal(world);
  return [
    {
      purpose: 4,
      name: 'request',
      operation: 'verifyPaymentRequest',
      input: 'request',
      bytes: request.bytes,
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [
        tied(bound.id),
        free(bound.amount(1)),
        tied(bound.currency),
        free(bound.bytesOrNull(32)),
        tied(bound.bytes(16)),
        free(bound.time),
        free(bound.uint(1, 120)),
        free(bound.uint31),
        free(bound.list(4, 'http://10.0.0.1')),
        free(bound.uint(0, 1)),
      ],
      signed: byKiosk,
    },
    {
      purpose: 14,
      name: 'request envelope',
      operation: 'openRequestEnvelope',
      input: 'envelope',
      bytes: protocol.encodeRequestEnvelope(world.kiosk.bytes, request.bytes),
      maxBytes: protocol.MAX_ENVELOPE_BYTES,
      fields: [tied(bound.object), tied(bound.object)],
      signed: null,
    },
    {
      purpose: 17,
      name: 'refund offer',
      operation: 'verifyRefundOffer',
      input: 'offer',
      bytes: makeOffer(world).bytes,
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [
        tied(bound.id),
        tied(bound.hash),
        free(bound.uint(1, 2)),
        free(bound.amount(1)),
        free(bound.count),
        free(bound.time),
        free(bound.uint(1, 300)),
        free(bound.list(4, 'http://10.0.0.1')),
      ],
      signed: byKiosk,
    },
    {
      purpose: 6,
      name: 'receipt',
      operation: 'verifyReceipt',
      input: 'receipt',
      bytes: makeReceipt(world),
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [
        tied(bound.hash),
        tied(bound.amount(1)),
        free(bound.uint(1, 3)),
        free(bound.count),
        tied(bound.hash),
        free(bound.time),
        free(bound.uint(0, 65_535)),
      ],
      signed: byKiosk,
    },
    {
      purpose: 7,
      name: 'journal entry',
      operation: 'readJournalEntry',
      input: 'entry',
      bytes: saleEntry,
      maxBytes: protocol.MAX_JOURNAL_ENTRY_BYTES,
      fields: [
        free(bound.count),
        tied(bound.hash),
        tied(bound.uint(1, 11)),
        free(bound.time),
        tied(bound.list(16, 0)),
      ],
      signed: null,
    },
    {
      purpose: 8,
      name: 'batch',
      operation: 'verifySettlementBatch',
      input: 'envelope',
      bytes: batch.head,
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [
        tied(bound.count),
        tied(bound.uint(0, 500)),
        free(bound.uint(0, 500)),
        free(bound.amount(0)),
        tied(bound.hash),
        tied(bound.hash),
        free(bound.uint31),
        free(bound.time),
      ],
      signed: byKiosk,
    },
    {
      purpose: 15,
      name: 'settlement envelope',
      operation: 'verifySettlementBatch',
      input: 'envelope',
      bytes: batch.envelope,
      maxBytes: protocol.MAX_BATCH_BYTES,
      fields: [tied(bound.hash), tied(bound.object), tied(bound.list(500, 0))],
      signed: null,
    },
  ];
}

function phoneSubjects(world: VectorWorld): readonly Subject[] {
  const request = makeRequest(world);
  const payment = makePayment(world, request);
  const byPhone = {
    by: world.phone,
    under: world.allowance.hash,
    otherHeader: 'algorithm_not_allowed',
  } as const;
  const closing = { lastCounter: 3, cumulativeMinor: 2_500n, signedAt: NOW + 90 };
  const twin = makePayment(world, makeRequest(world, 0x60));
  const possession = {
    publicKey: world.phone.publicKey,
    context: 'allowance',
    occasion: 'of a bound',
  } as const;
  const [issuerCertificate = new Uint8Array(0)] = world.issuerCertificates;
  return [
    {
      purpose: 5,
      name: 'payment',
      operation: 'verifyPaymentObject',
      input: 'payment',
      bytes: payment.bytes,
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [
        free(bound.count),
        free(bound.amount(1)),
        free(bound.amount(1)),
        tied(bound.bytes(16)),
        tied(bound.hash),
        free(bound.time),
      ],
      signed: byPhone,
    },
    {
      purpose: 11,
      name: 'proof of possession',
      operation: 'verifyProofOfPossession',
      input: 'proof',
      bytes: world.run(protocol.signProofOfPossession(possession), world.phone),
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [tied(bound.point), tied(bound.text(16)), tied(bound.text(64))],
      signed: { by: world.phone, otherHeader: 'algorithm_not_allowed' },
      facts: possession,
    },
    {
      purpose: 12,
      name: 'closing statement',
      operation: 'verifyClosingStatement',
      input: 'statement',
      bytes: world.run(protocol.signClosingStatement(closing, world.allowance.hash), world.phone),
      maxBytes: protocol.MAX_OBJECT_BYTES,
      fields: [tied(bound.uint31), tied(bound.amount(0)), free(bound.time)],
      signed: byPhone,
    },
    {
      purpose: 13,
      name: 'delivery',
      operation: 'decodeDelivery',
      input: 'delivery',
      bytes: deliveryOf(payment.bytes, world.allowance),
      maxBytes: protocol.MAX_ENVELOPE_BYTES,
      fields: [free(bound.object), free(bound.object), free(bound.bytesOrNull(16))],
      signed: null,
    },
    {
      purpose: 16,
      name: 'repeat delivery',
      operation: 'decodeRepeatDelivery',
      input: 'delivery',
      bytes: repeatOf(payment.bytes, world.allowance),
      maxBytes: protocol.MAX_ENVELOPE_BYTES,
      fields: [tied(bound.bytes(8)), free(bound.object), free(bound.bytesOrNull(16))],
      signed: null,
    },
    {
      purpose: 24,
      name: 'proof of double spend',
      operation: 'verifyDoubleSpendProof',
      input: 'proof',
      bytes: protocol.encodeDoubleSpendProof({
        issuerCertificate,
        allowanceCertificate: world.allowance.bytes,
        first: payment.bytes,
        second: twin.bytes,
      }),
      maxBytes: protocol.MAX_PROOF_BYTES,
      fields: [tied(bound.object), tied(bound.object), tied(bound.object), tied(bound.object)],
      signed: null,
    },
  ];
}

function issuerSubjects(world: VectorWorld): readonly Subject[] {
  return [
    {
      purpose: 9,
      name: 'acknowledgement',
      operation: 'verifySettlementAcknowledgement',
      input: 'acknowledgement',
      bytes: makeAcknowledgement(world),
      maxBytes: protocol.MAX_ACKNOWLEDGEMENT_BYTES,
      fields: [
        tied(bound.id),
        tied(bound.hash),
        free(bound.uint31),
        free(bound.list(500, [1, 1, null])),
        tied(bound.time),
      ],
      signed: { by: world.issuer, otherHeader: 'acknowledgement_signature_invalid' },
    },
    {
      purpose: 20,
      name: 'delta',
      operation: 'applyDenyListDelta',
      input: 'delta',
      bytes: world.signDelta({}),
      maxBytes: protocol.MAX_TRUST_BUNDLE_BYTES,
      fields: [
        free(bound.count),
        tied(bound.time),
        tied(bound.list(14, 1)),
        tied(bound.list(4, Uint8Array.of(1))),
        free(bound.list(8, [1, 1_780_000_000])),
        free(bound.uint31),
        tied(bound.count),
        tied(bound.list(40_000, new Uint8Array(16))),
        tied(bound.list(40_000, new Uint8Array(16))),
        tied(bound.list(40_000, new Uint8Array(16))),
        free(bound.list(40_000, new Uint8Array(16))),
        tied(bound.hash),
      ],
      signed: { by: world.issuer, otherHeader: 'trust_bundle_signature_invalid' },
      facts: { known: world.trustBundle },
    },
    {
      purpose: 10,
      name: 'trust bundle',
      operation: 'verifyTrustBundle',
      input: 'trustBundle',
      bytes: world.trustBundle,
      maxBytes: protocol.MAX_TRUST_BUNDLE_BYTES,
      fields: [
        free(bound.count),
        tied(bound.time),
        tied(bound.list(14, 1)),
        tied(bound.list(4, Uint8Array.of(1))),
        free(bound.list(8, [1, 1_780_000_000])),
        free(bound.uint31),
        free(bound.list(40_000, new Uint8Array(16))),
        free(bound.list(40_000, new Uint8Array(16))),
      ],
      signed: { by: world.issuer, otherHeader: 'trust_bundle_signature_invalid' },
    },
  ];
}

/** Each number of a bundle's policy, and each field of an acknowledgement's result. */
function nestedRefused(world: VectorWorld): readonly Vector[] {
  const bundle = fieldsOf(world.trustBundle);
  const policy = bundle[3];
  if (!Array.isArray(policy)) throw new TypeError('a policy');
  const amounts = new Set([0, 1, 4, 5, 6, 9, 11, 13]);
  const ofPolicy = policy.flatMap((_value: CborValue, index) =>
    bound
      .refusedBy(amounts.has(index) ? bound.amount(1) : bound.count)
      .filter(([what]) => /zero|low|high|null/.test(what))
      .map(([what, value, code]) =>
        invalid(`trust bundle: limit ${index + 1} of the policy ${what}`, 'verifyTrustBundle', code, {
          trustBundle: withFields(world.trustBundle, bundle.with(3, policy.with(index, value))),
        }),
      ),
  );
  const acknowledgement = makeAcknowledgement(world);
  const fields = fieldsOf(acknowledgement);
  const result: readonly CborValue[] = [2, 1, null];
  const ofResult = [bound.count, bound.uint(1, 5), bound.text(64)].flatMap((one, index) =>
    bound.refusedBy(one).map(([what, value, code]) => [index, what, value, code] as const),
  );
  return [
    ...ofPolicy,
    ...ofResult.map(([index, what, value, code]) =>
      invalid(
        `acknowledgement: ${['sequence', 'outcome', 'code'][index] ?? ''} of a result ${what}`,
        'verifySettlementAcknowledgement',
        code,
        { acknowledgement: withFields(acknowledgement, fields.with(4, [result.with(index, value)])) },
      ),
    ),
    ...([policy.slice(0, -1), [...policy, 1]] as const).map((values) =>
      invalid(`trust bundle: a policy of ${values.length} limits`, 'verifyTrustBundle', 'message_malformed', {
        trustBundle: withFields(world.trustBundle, bundle.with(3, values)),
      }),
    ),
    ...(
      [
        ['a result without a code', [[2, 1]], 'message_malformed'],
        ['a result with a field more', [[2, 1, null, 0]], 'message_malformed'],
        ['a code of no letters', [[2, 3, '']], 'field_out_of_range'],
        ['a code with another letter in front', [[2, 3, 'Refused']], 'field_out_of_range'],
        ['a code with a mark behind', [[2, 3, 'refused.']], 'field_out_of_range'],
      ] as const
    ).map(([what, value, code]) =>
      invalid(`acknowledgement: ${what}`, 'verifySettlementAcknowledgement', code, {
        acknowledgement: withFields(acknowledgement, fields.with(4, value)),
      }),
    ),
  ];
}

/** In two files, because one would be larger than a file in git should be: what a shop makes, and everything else. */
export function boundVectors(world: VectorWorld): DraftFile {
  const subjects = [
    ...certificateSubjects(world),
    ...phoneSubjects(world),
    ...issuerSubjects(world),
    ...refundSubjects(world),
  ];
  return boundsOf(world, {
    description:
      'Every field of every object at its bounds and beyond; fields too few and too many; headers of the other kind. ' +
      'What a shop makes is in bounds-of-shops.json.',
    subjects,
    others: nestedRefused(world),
  });
}

export function shopBoundVectors(world: VectorWorld): DraftFile {
  return boundsOf(world, {
    description: 'As bounds.json: the objects that a shop makes, and the bodies in its journal.',
    subjects: shopSubjects(world),
    others: bodiesRefused(world),
  });
}

type BoundsFile = {
  readonly description: string;
  readonly subjects: readonly Subject[];
  /** Refused, and of no subject. */
  readonly others: readonly Vector[];
};

function boundsOf(world: VectorWorld, { description, subjects, others }: BoundsFile): DraftFile {
  // A batch travels in its envelope.
  const inEnvelope = (vector: Vector): Vector => {
    const head = vector.input['envelope'];
    if (!vector.name.startsWith('batch:') || typeof head !== 'string') return vector;
    const { entries } = makeBatch(world);
    const envelope = protocol.encodeSettlementEnvelope(world.kiosk.hash, fromHex(head), entries);
    return { ...vector, input: given({ envelope }) };
  };
  const refused = subjects
    .flatMap(refusedOf)
    // The head of a batch is bounded by the field of its envelope.
    .filter(({ name }) => name !== 'batch: a byte above its bound');
  return {
    description,
    page: '11-limits.md',
    context: given({
      ...certificatesOf(world),
      trustBundle: world.trustBundle,
      nowSeconds: NOW + 62,
      paymentHash: makePayment(world, makeRequest(world)).hash,
      amountMinor: 1_250n,
      kioskId: world.kiosk.kioskId,
      batchHash: makeBatch(world).hash,
    }),
    valid: subjects.flatMap(edgesOf).map(inEnvelope),
    invalid: [...refused.map(inEnvelope), ...others],
  };
}
