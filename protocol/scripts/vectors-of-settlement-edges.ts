/**
 * Settlement at its edges: each row of the cloud's check of a sale, an acknowledgement's dates and generations, and the fields
 * of what issuer and phone sign beside payments, each changed under its old signature (R21).
 */
import { encodeCbor } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { fieldsOf, itemsOf, resigned, withFields } from './tamper.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import type { Vector } from './vector.ts';
import { id, NOW, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { certificatesOf, makePayment } from './vectors-of-payments.ts';
import { makeAcknowledgement, makeBatch, makeJournal } from './vectors-of-settlement.ts';

type Given = Readonly<Record<string, unknown>>;
type Halves = { readonly valid: readonly Vector[]; readonly invalid: readonly Vector[] };
const ASKED_AT = NOW + 10;

/** The entry of a sale under any certificates, with whatever the phone signed. */
function saleOf(
  world: VectorWorld,
  {
    allowance = world.allowance,
    kiosk = world.kiosk,
    amountMinor = 1_250n,
    changes = {},
  }: {
    allowance?: protocol.AllowanceCertificate;
    kiosk?: protocol.KioskCertificate;
    amountMinor?: bigint;
    changes?: Parameters<typeof makePayment>[2];
  },
): Given {
  const request = makeRequest(world, 0x44, amountMinor, kiosk);
  const payment = makePayment(world, request, changes, allowance);
  const { saleEntry } = makeJournal(world);
  const body = [kiosk.hash, request.bytes, allowance.hash, payment.bytes, 2, 255];
  return {
    entry: encodeCbor(itemsOf(saleEntry).with(5, body)),
    kioskCertificate: kiosk.bytes,
    allowanceCertificate: allowance.bytes,
  };
}

function saleVectors(world: VectorWorld): Halves {
  const good = (name: string, parts: Parameters<typeof saleOf>[1]) =>
    valid(`sale: ${name}`, 'verifySale', saleOf(world, parts));
  const bad = (name: string, code: protocol.RefusalCode, parts: Parameters<typeof saleOf>[1]) =>
    invalid(`sale: ${name}`, 'verifySale', code, saleOf(world, parts));
  const allowanceOf = (changes: Parameters<typeof world.certifyAllowance>[2]) =>
    world.certifyAllowance(id(0x33), null, changes);
  const second = { counter: 2, cumulativeMinor: 2_250n, previousLink: id(9) };
  /** Two faults at once: the earlier row gives the code. */
  const unsigned = (name: string, code: protocol.RefusalCode, cumulativeMinor: bigint) => {
    const { bytes } = makePayment(world, makeRequest(world), { ...second, cumulativeMinor });
    const by = { ...world.stranger, externalAad: world.allowance.hash };
    const body = [
      world.kiosk.hash,
      makeRequest(world).bytes,
      world.allowance.hash,
      resigned(bytes, fieldsOf(bytes), by),
      2,
      255,
    ];
    const entry = encodeCbor(itemsOf(makeJournal(world).saleEntry).with(5, body));
    return invalid(`sale: ${name}`, 'verifySale', code, { entry });
  };
  return {
    valid: [
      good('under a payee lock to this shop', { allowance: world.lockedAllowance }),
      good('at the cap', { changes: { ...second, cumulativeMinor: 5_000n } }),
      good('the last counter', { changes: { ...second, counter: 30 } }),
      good('the first counter of an allowance that begins at 5', {
        allowance: world.laterAllowance,
        changes: { counter: 5 },
      }),
      good("asked in the allowance's last second", { allowance: allowanceOf({ notAfter: ASKED_AT + 1 }) }),
      good("asked in the last second of the kiosk's certificate", {
        kiosk: world.certifyKiosk({ notAfter: ASKED_AT + 1 }),
      }),
      good('asked by a clock a year behind: long before both certificates', {
        allowance: allowanceOf({ notBefore: ASKED_AT + 300, notAfter: NOW + 259_200 }),
        kiosk: world.certifyKiosk({ notBefore: ASKED_AT + 300, notAfter: NOW + 7_776_000 }),
      }),
      // What a shop may take at once is the shop's risk, and was its own check.
      good("above the kiosk certificate's limit of one payment", {
        kiosk: world.certifyKiosk({ perPaymentMinor: 1n }),
      }),
    ],
    invalid: [
      bad('locked to another shop', 'payment_is_for_another_shop', { allowance: world.elsewhereAllowance }),
      bad('an allowance in another currency', 'payment_currency_differs_from_request', {
        allowance: world.foreignAllowance,
      }),
      unsigned('above the cap, and signed by another', 'payment_exceeds_allowance', 5_001n),
      unsigned('a sum below the amount, and signed by another', 'payment_cumulative_inconsistent', 1_249n),
      bad('one payment too many', 'allowance_counter_limit_reached', { changes: { ...second, counter: 31 } }),
      bad('a counter below the first', 'payment_counter_not_increasing', {
        allowance: world.laterAllowance,
        changes: { counter: 4, previousLink: id(9) },
      }),
      bad('a first payment with another sum', 'payment_cumulative_inconsistent', {
        changes: { cumulativeMinor: 1_251n },
      }),
      bad('a first payment with another link', 'payment_chain_broken', { changes: { previousLink: id(9) } }),
      bad("asked at the allowance's end", 'certificate_expired', {
        allowance: allowanceOf({ notAfter: ASKED_AT }),
      }),
      bad("asked at the end of the kiosk's certificate", 'certificate_expired', {
        kiosk: world.certifyKiosk({ notAfter: ASKED_AT }),
      }),
    ],
  };
}

function batchVectors(world: VectorWorld): Halves {
  const { head, entries } = makeBatch(world);
  const by = { ...world.kioskKey, externalAad: world.kiosk.hash };
  const stated = (index: number, value: number) => ({
    envelope: protocol.encodeSettlementEnvelope(
      world.kiosk.hash,
      resigned(head, fieldsOf(head).with(index, value), by),
      entries,
    ),
  });
  const { saleEntry, start } = makeJournal(world);
  const edited = encodeCbor(itemsOf(saleEntry).with(4, NOW));
  const packed = (list: readonly Uint8Array[]) => ({
    envelope: protocol.encodeSettlementEnvelope(world.kiosk.hash, head, list),
  });
  const bad = (name: string, code: protocol.RefusalCode, input: Given) =>
    invalid(`batch: ${name}`, 'verifySettlementBatch', code, input);
  return {
    valid: [
      valid(
        'batch: another number of sales than it holds is a statement',
        'verifySettlementBatch',
        stated(3, 2),
      ),
      valid(
        'batch: another sum than its sales have is a statement',
        'verifySettlementBatch',
        stated(4, 9_999),
      ),
    ],
    invalid: [
      bad('an entry edited', 'batch_chain_broken', packed([start, edited, ...entries.slice(2)])),
      bad('cut at its end', 'batch_chain_broken', packed(entries.slice(0, 2))),
      bad('cut at its beginning', 'batch_chain_broken', packed(entries.slice(1))),
      bad('no entries', 'batch_chain_broken', packed([])),
      bad('an empty entry', 'field_out_of_range', packed([start, new Uint8Array(0), ...entries.slice(2)])),
      bad('an entry of 4,097 bytes', 'field_out_of_range', packed([start, new Uint8Array(4_097)])),
      bad(
        'a start with a body',
        'message_malformed',
        packed([encodeCbor(itemsOf(start).with(5, [1])), ...entries.slice(1)]),
      ),
      bad('under another certificate', 'batch_signature_invalid', {
        ...packed(entries),
        kioskCertificate: world.certifyKiosk({ perPaymentMinor: 1n }).bytes,
      }),
    ],
  };
}

function acknowledgementVectors(world: VectorWorld): Halves {
  const issuerOf = (changes: Partial<protocol.IssuerCertificate>) =>
    world.signBundleAs(world.nextIssuer, {
      issuerCertificates: [
        world.certifyIssuer({
          publicKey: world.issuer.publicKey,
          generation: 2,
          uses: protocol.EVERY_ISSUER_USE,
          notBefore: NOW - 1_000,
          notAfter: NOW + 1_000,
          ...changes,
        }),
        ...world.issuerCertificates.slice(1),
      ],
    });
  const issuedAt = NOW + 61;
  const input = (trustBundle: Uint8Array, more: Given = {}) => ({
    acknowledgement: makeAcknowledgement(world),
    trustBundle,
    ...more,
  });
  const good = (name: string, given: Given) =>
    valid(`acknowledgement: ${name}`, 'verifySettlementAcknowledgement', given);
  const bad = (name: string, code: protocol.RefusalCode, given: Given) =>
    invalid(`acknowledgement: ${name}`, 'verifySettlementAcknowledgement', code, given);
  const outcomes = ['settled', 'settled_by_guarantee', 'refused', 'disputed'] as const;
  const results = outcomes.map((outcome, index) => ({ sequence: index + 1, outcome, code: null }));
  return {
    valid: [
      good('every outcome', {
        acknowledgement: makeAcknowledgement(world, { results, highestSequence: 4 }),
      }),
      good('nothing settled yet', {
        acknowledgement: makeAcknowledgement(world, { results: [], highestSequence: 0 }),
      }),
      good('of the generation of the bundle in force', input(issuerOf({}))),
      good('of a newer generation than the bundle in force', input(issuerOf({ generation: 3 }))),
      good('300 seconds before its issuer began', input(issuerOf({ notBefore: issuedAt + 300 }))),
      good("when its issuer's last second runs", input(issuerOf({}), { nowSeconds: NOW + 999 })),
      good(
        'by a key that may do nothing else',
        input(issuerOf({ uses: protocol.ISSUER_USE.acknowledgements })),
      ),
    ],
    invalid: [
      bad(
        'of an older generation than the bundle in force',
        'issuer_key_superseded',
        input(issuerOf({ generation: 1 })),
      ),
      bad(
        '301 seconds before its issuer began',
        'acknowledgement_signature_invalid',
        input(issuerOf({ notBefore: issuedAt + 301 })),
      ),
      bad(
        "at its issuer's end",
        'acknowledgement_signature_invalid',
        input(issuerOf({ notAfter: issuedAt })),
      ),
      bad(
        "when its issuer's time is just over",
        'certificate_expired',
        input(issuerOf({}), { nowSeconds: NOW + 1_000 }),
      ),
      bad('of another kiosk, and of another batch', 'acknowledgement_is_for_another_batch', {
        acknowledgement: makeAcknowledgement(world, { batchHash: new Uint8Array(32) }),
      }),
    ],
  };
}

function changedFields(world: VectorWorld): Halves {
  const names = (purpose: number) => FIELD_NAMES.get(purpose) ?? [];
  const closing = (lastCounter: number, allowance = world.allowance) =>
    world.run(
      protocol.signClosingStatement(
        { lastCounter, cumulativeMinor: 2_500n, signedAt: NOW + 90 },
        allowance.hash,
      ),
      world.phone,
    );
  const later = (lastCounter: number) => ({
    statement: closing(lastCounter, world.laterAllowance),
    allowanceCertificate: world.laterAllowance.bytes,
  });
  const possession = { publicKey: world.phone.publicKey, context: 'allowance', occasion: 'once' } as const;
  const proof = world.run(protocol.signProofOfPossession(possession), world.phone);
  const statement = closing(3);
  const ofStatement = everyFieldChanged(statement, names(12), (name, tampered, index) =>
    invalid(
      `R21 closing statement: ${name}`,
      'verifyClosingStatement',
      index === 0 ? 'object_has_wrong_purpose' : 'statement_signature_invalid',
      { statement: tampered },
    ),
  );
  const byField: Readonly<Record<string, protocol.RefusalCode>> = {
    'purpose changed': 'object_has_wrong_purpose',
    'context changed': 'field_out_of_range',
  };
  const ofProof = everyFieldChanged(proof, names(11), (name, tampered) =>
    invalid(
      `R21 proof of possession: ${name}`,
      'verifyProofOfPossession',
      byField[name] ?? 'proof_of_possession_invalid',
      { ...possession, proof: tampered },
    ),
  );
  const bundle = fieldsOf(world.trustBundle);
  const ofBundle = ([1, 2, 6] as const).map((index) =>
    invalid(
      `R21 trust bundle: ${names(10)[index] ?? ''} changed`,
      'verifyTrustBundle',
      'trust_bundle_signature_invalid',
      { trustBundle: withFields(world.trustBundle, bundle.with(index, Number(bundle[index]) + 1)) },
    ),
  );
  const policy = bundle[3];
  if (!Array.isArray(policy)) throw new TypeError('a policy');
  const ofPolicy = policy.map((value: unknown, index: number) =>
    invalid(
      `R21 trust bundle: limit ${index + 1} of the policy changed`,
      'verifyTrustBundle',
      'trust_bundle_signature_invalid',
      { trustBundle: withFields(world.trustBundle, bundle.with(3, policy.with(index, Number(value) + 1))) },
    ),
  );
  return {
    valid: [
      valid(
        'closing statement: at the first counter of an allowance that begins at 5',
        'verifyClosingStatement',
        later(5),
      ),
    ],
    invalid: [
      ...ofStatement,
      ...ofProof,
      ...ofBundle,
      ...ofPolicy,
      invalid(
        'closing statement: below the first counter of an allowance that begins at 5',
        'verifyClosingStatement',
        'payment_cumulative_inconsistent',
        later(4),
      ),
      invalid(
        'closing statement: under another certificate',
        'verifyClosingStatement',
        'statement_signature_invalid',
        {
          statement: closing(3, world.lockedAllowance),
        },
      ),
    ],
  };
}

export function settlementEdgeVectors(world: VectorWorld): DraftFile {
  const parts = [
    saleVectors(world),
    batchVectors(world),
    acknowledgementVectors(world),
    changedFields(world),
  ];
  return {
    description:
      "The cloud's check of a sale row by row, acknowledgements by date and generation, fields changed (R21, R26, R27).",
    page: '08-settlement.md',
    context: given({
      ...certificatesOf(world),
      trustBundle: world.trustBundle,
      kioskId: world.kiosk.kioskId,
      batchHash: makeBatch(world).hash,
      nowSeconds: NOW + 62,
    }),
    valid: parts.flatMap((part) => part.valid),
    invalid: parts.flatMap((part) => part.invalid),
  };
}
