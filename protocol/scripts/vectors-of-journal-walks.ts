/**
 * Vectors of journal files that hold more than sales: refunds and what stands before them, overrides and what follows them,
 * and the receipts and batches that speak of both. The chain of each is right; what one entry says is not.
 */
import { concatBytes } from '../src/bytes.ts';
import type { CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { fieldsOf, resigned, withFields } from './tamper.ts';
import { valid } from './vector-drafts.ts';
import type { Vector } from './vector.ts';
import { crypto, id, NOW, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { makePayment } from './vectors-of-payments.ts';
import { acceptOffer, makeOffer, makeRefundReceipt } from './vectors-of-refunds.ts';

type Step = readonly [kind: protocol.JournalKind, body: readonly CborValue[]];
type Records = readonly protocol.JournalRecord[];

const of = (kind: protocol.JournalRecordKind, ...list: readonly Uint8Array[]): Records =>
  list.map((bytes) => ({ kind, bytes }));

/** Entries in a chain, whatever they say. */
function chained(steps: readonly Step[]) {
  const entries: Uint8Array[] = [];
  const hashes: Uint8Array[] = [protocol.GENESIS_HASH];
  for (const [index, [kind, body]] of steps.entries()) {
    const previousHash = hashes[index] ?? protocol.GENESIS_HASH;
    const bytes = protocol.encodeJournalEntry({
      sequence: index + 1,
      previousHash,
      kind,
      at: NOW + 700 + index,
      body,
    });
    entries.push(bytes);
    hashes.push(crypto.digest(bytes));
  }
  return { entries, hashes };
}

/** A sale (2), a part of it given back (3), an override (4), its sale at risk (5), that sale undone (6). */
function makeSteps(world: VectorWorld) {
  const requests = [makeRequest(world), makeRequest(world, 0x60, 700n)] as const;
  const first = makePayment(world, requests[0]);
  const second = makePayment(world, requests[1], {
    counter: 2,
    cumulativeMinor: 1_950n,
    previousLink: protocol.linkOf(first.hash),
  });
  const sale = (
    which: 0 | 1,
    tier: protocol.GuaranteeTier,
    changes: Partial<protocol.SaleBody> = {},
  ): Step => [
    'sale',
    protocol.encodeSaleBody({
      kioskCertificateHash: world.kiosk.hash,
      request: requests[which].bytes,
      allowanceCertificateHash: world.allowance.hash,
      payment: (which === 0 ? first : second).bytes,
      tier,
      checks: 255,
      ...changes,
    }),
  ];
  const refund = (
    offer: protocol.RefundOffer,
    changes: Partial<protocol.RefundBody> = {},
    kind: protocol.RefundKind = offer.kind,
  ): Step => [
    kind,
    protocol.encodeRefundBody({
      kioskCertificateHash: world.kiosk.hash,
      offer: offer.bytes,
      allowanceCertificateHash: world.allowance.hash,
      acceptance: acceptOffer(world, offer),
      refundedMinor: offer.amountMinor,
      ...changes,
    }),
  ];
  const override = (payment: protocol.Payment): Step => [
    'override',
    protocol.encodeOverrideBody({
      paymentHash: payment.hash,
      reason: 'knows_customer',
      codes: ['trust_bundle_too_old'],
    }),
  ];
  const part = makeOffer(world, { sequence: 2 });
  const whole = makeOffer(world, {
    refundIdBytes: id(0x67),
    paymentHash: second.hash,
    kind: 'void',
    amountMinor: 700n,
    sequence: 5,
  });
  const steps: readonly Step[] = [
    ['start', []],
    sale(0, 'reserved'),
    refund(part),
    override(second),
    sale(1, 'at_risk'),
    refund(whole),
    ['stop', []],
  ];
  return { steps, sale, refund, override, part, whole, first, second };
}

/** What a kiosk signs about the entries: a receipt of each kind twice, and a batch. */
function makeWords(world: VectorWorld, hashes: readonly Uint8Array[]) {
  const run = (steps: protocol.Steps<Uint8Array>) => world.run(steps, world.kioskKey);
  const hashAt = (sequence: number) => hashes[sequence] ?? protocol.GENESIS_HASH;
  const receipt = (
    { hash, amountMinor }: protocol.Payment,
    tier: protocol.GuaranteeTier,
    sequence: number,
    kiosk = world.kiosk,
  ) =>
    run(
      protocol.signReceipt(
        {
          paymentHash: hash,
          amountMinor,
          tier,
          sequence,
          journalHash: hashAt(sequence),
          acceptedAt: NOW,
          checks: 1,
        },
        kiosk.hash,
      ),
    );
  const refundReceipt = (
    offer: protocol.RefundOffer,
    sequence: number,
    changes: Partial<protocol.RefundReceipt> = {},
  ) =>
    makeRefundReceipt(world, offer, {
      refundedMinor: offer.amountMinor,
      sequence,
      journalHash: hashAt(sequence),
      ...changes,
    });
  const batch = (
    fromSequence: number,
    toSequence: number,
    previousHash = hashAt(fromSequence - 1),
    kiosk = world.kiosk,
  ) =>
    run(
      protocol.signSettlementBatch(
        {
          fromSequence,
          toSequence,
          saleCount: toSequence < fromSequence ? 0 : 2,
          saleSumMinor: toSequence < fromSequence ? 0n : 1_950n,
          previousHash,
          headHash: toSequence < fromSequence ? previousHash : hashAt(toSequence),
          denyListVersion: 3,
          createdAt: NOW + 800,
        },
        kiosk.hash,
      ),
    );
  return { receipt, refundReceipt, batch };
}

/** The same with one field beyond its bounds: who signed it is not asked any more. */
function misformed(bytes: Uint8Array, index: number, value: CborValue): Uint8Array {
  return withFields(bytes, fieldsOf(bytes).with(index, value));
}

export function journalWalkVectors(world: VectorWorld): readonly Vector[] {
  const { steps, sale, refund, override, part, whole, first, second } = makeSteps(world);
  const { entries, hashes } = chained(steps);
  const { receipt, refundReceipt, batch } = makeWords(world, hashes);
  const certificates = [
    ...of('issuerCertificate', ...world.issuerCertificates),
    ...of('kioskCertificate', world.kiosk.bytes),
    ...of('allowanceCertificate', world.allowance.bytes),
  ];
  const report = (name: string, records: Records) =>
    valid(`more than sales: ${name}`, 'verifyJournalFile', {
      file: concatBytes(protocol.encodeJournalOpening(), ...records.map(protocol.encodeJournalRecord)),
    });
  const walk = (name: string, changed: readonly Step[], more: Records = [], known: Records = certificates) =>
    report(name, [...known, ...of('journalEntry', ...chained(changed).entries), ...more]);
  /** The journal as it is, and what somebody says about it. */
  const said = (name: string, ...words: Records) =>
    report(name, [...certificates, ...of('journalEntry', ...entries), ...words]);
  const words = [
    ...of('receipt', receipt(first, 'reserved', 2), receipt(second, 'at_risk', 5)),
    ...of('refundReceipt', refundReceipt(part, 3), refundReceipt(whole, 6)),
    ...of('settlementBatch', batch(1, 7), batch(8, 7)),
  ];
  const upTo = (count: number) => steps.slice(0, count);
  const again = makeOffer(world, { refundIdBytes: id(0x68), sequence: 2, amountMinor: 751n });
  const rest = makeOffer(world, { refundIdBytes: id(0x68), sequence: 2, amountMinor: 750n });
  const byStranger = { ...world.stranger, externalAad: world.kiosk.hash };
  const forged = { ...part, bytes: resigned(part.bytes, fieldsOf(part.bytes), byStranger) };
  const all = makeOffer(world, { sequence: 2, amountMinor: 1_250n });
  const forgedPayment = resigned(first.bytes, fieldsOf(first.bytes), {
    ...world.stranger,
    externalAad: world.allowance.hash,
  });
  const none = Uint8Array.of(0x80);
  const renewed = world.certifyKiosk({ notBefore: NOW + 1 });
  const otherKiosk = world.run(
    protocol.verifyKioskCertificate(
      resigned(world.kiosk.bytes, fieldsOf(world.kiosk.bytes).with(4, id(0x23)), world.issuer),
      world.issuers,
    ),
    world.issuer,
  );
  const startOnly = world.run(
    protocol.signSettlementBatch(
      {
        fromSequence: 1,
        toSequence: 1,
        saleCount: 0,
        saleSumMinor: 0n,
        previousHash: protocol.GENESIS_HASH,
        headHash: hashes[1] ?? none,
        denyListVersion: 3,
        createdAt: NOW + 800,
      },
      world.kiosk.hash,
    ),
    world.kioskKey,
  );
  return [
    said('a refund, an override and a void, with receipts and batches', ...words),
    said('in another order', ...words.toReversed()),
    walk('without any certificate but the issuer\u2019s', steps, [], certificates.slice(0, 2)),
    walk('nobody certified the kiosk', steps, [], []),
    walk('without the allowance certificate', steps, words, certificates.slice(0, 3)),
    walk('given back twice, to the last cent', [...upTo(3), refund(rest, { refundedMinor: 1_250n })]),
    walk('given back a cent too much', [...upTo(3), refund(again, { refundedMinor: 1_251n })]),
    walk('a refund of a payment that is no sale here', [
      ...upTo(2),
      refund(makeOffer(world, { sequence: 2, paymentHash: second.hash })),
    ]),
    walk('a refund before its sale', [...upTo(1), refund(part), sale(0, 'reserved')]),
    walk('the id of a refund twice', [
      ...upTo(3),
      refund(makeOffer(world, { sequence: 2, amountMinor: 1n }), { refundedMinor: 501n }),
    ]),
    walk('a void of less than the sale', [
      ...upTo(2),
      refund(makeOffer(world, { sequence: 2, kind: 'void', amountMinor: 1_249n })),
    ]),
    walk('a void of what is left', [
      ...upTo(3),
      refund(makeOffer(world, { refundIdBytes: id(0x68), sequence: 2, kind: 'void', amountMinor: 750n }), {
        refundedMinor: 1_250n,
      }),
    ]),
    walk('a refund that names another entry', [...upTo(2), refund(makeOffer(world, { sequence: 3 }))]),
    walk('a refund with another sum', [...upTo(2), refund(part, { refundedMinor: 501n })]),
    walk('a refund with the sum before it', [...upTo(3), refund(rest)]),
    walk('a refund under another allowance certificate', [
      ...upTo(2),
      refund(part, { allowanceCertificateHash: world.lockedAllowance.hash }),
    ]),
    walk('an acceptance of another phone', [
      ...upTo(2),
      refund(part, { acceptance: acceptOffer(world, part, world.stranger) }),
    ]),
    walk(
      'an acceptance of another phone, without the allowance certificate',
      [...upTo(2), refund(part, { acceptance: acceptOffer(world, part, world.stranger) })],
      [],
      certificates.slice(0, 3),
    ),
    walk('an acceptance of another offer', [
      ...upTo(2),
      refund(part, { acceptance: acceptOffer(world, whole) }),
    ]),
    walk('an offer of another key', [...upTo(2), refund(forged)]),
    walk(
      'an offer of another key, without the allowance certificate',
      [...upTo(2), refund(forged)],
      [],
      certificates.slice(0, 3),
    ),
    walk('an offer to refund under the kind of a void', [...upTo(2), refund(all, {}, 'void')]),
    walk('a refund under a kiosk certificate that is not there', [
      ...upTo(2),
      refund(part, { kioskCertificateHash: new Uint8Array(32) }),
    ]),
    walk('a refund without a body', [...upTo(2), ['refund', []]]),
    walk('a void with a field more', [...upTo(5), ['void', [...(steps[5]?.[1] ?? []), 0]]]),
    walk('a refund whose offer is none', [...upTo(2), refund({ ...part, bytes: none })]),
    walk('a refund whose offer is a receipt', [
      ...upTo(2),
      refund({ ...part, bytes: receipt(first, 'reserved', 2) }),
    ]),
    walk('a sale under a kiosk certificate that is not there', [
      ...upTo(1),
      sale(0, 'reserved', { kioskCertificateHash: new Uint8Array(32) }),
    ]),
    walk('a sale at risk that nobody answers for', [...upTo(3), sale(1, 'at_risk')]),
    walk('an override that is followed by nothing', upTo(4)),
    walk('an override that is followed by a stop', [...upTo(4), ['stop', []]]),
    walk('an override that is followed by another', [...upTo(4), override(second), sale(1, 'at_risk')]),
    walk('an override that is followed by its sale, reserved', [...upTo(4), sale(1, 'reserved')]),
    walk('an override of another payment', [...upTo(3), override(first), sale(1, 'at_risk')]),
    walk('an override that is followed by a refund', [...upTo(2), override(second), refund(part)]),
    walk('an override without a code', [...upTo(3), ['override', [second.hash, 1, []]]]),
    walk('an override without a body', [...upTo(3), ['override', []]]),
    walk('a stop with a body', [...upTo(3), ['stop', [0]]]),
    walk('a start with a body', [['start', [0]]]),
    walk('kinds whose bodies nobody reads', [
      ...upTo(3),
      ['dayClose', [1, [2, null]]],
      ['policyChange', []],
      ['cashIn', ['x']],
      ['cashOut', []],
      ['clockJump', [new Uint8Array(3)]],
    ]),
    said(
      'a refund receipt of another sum',
      ...of('refundReceipt', refundReceipt(part, 3, { refundedMinor: 1_250n })),
    ),
    said(
      'a refund receipt of another amount',
      ...of('refundReceipt', refundReceipt({ ...part, amountMinor: 499n }, 3)),
    ),
    said(
      'a refund receipt of another key',
      ...of('refundReceipt', resigned(refundReceipt(part, 3), fieldsOf(refundReceipt(part, 3)), byStranger)),
    ),
    said(
      'a refund receipt of another entry',
      ...of('refundReceipt', refundReceipt(part, 3, { journalHash: hashes[2] ?? none })),
    ),
    said('a refund receipt that names a sale', ...of('refundReceipt', refundReceipt(part, 2))),
    said('a receipt that names a refund', ...of('receipt', receipt(first, 'reserved', 3))),
    said('a refund receipt of an entry that is not there', ...of('refundReceipt', refundReceipt(part, 8))),
    said('a receipt that cannot be read', ...of('receipt', none)),
    said('a refund receipt in the place of a receipt', ...of('receipt', refundReceipt(part, 3))),
    said('a batch that cannot be read', ...of('settlementBatch', none)),
    said(
      'a batch without its last field',
      ...of('settlementBatch', withFields(batch(1, 7), fieldsOf(batch(1, 7)).slice(0, 1))),
    ),
    walk(
      'a sale whose request another key signed, without the allowance certificate',
      [
        ...upTo(1),
        sale(0, 'reserved', {
          request: resigned(makeRequest(world).bytes, fieldsOf(makeRequest(world).bytes), byStranger),
        }),
      ],
      [],
      certificates.slice(0, 3),
    ),
    walk('a payment of another phone', [...upTo(1), sale(0, 'reserved', { payment: forgedPayment })]),
    walk(
      'a payment of another phone, without the allowance certificate',
      [...upTo(1), sale(0, 'reserved', { payment: forgedPayment })],
      [],
      certificates.slice(0, 3),
    ),
    walk(
      'a sale of another kiosk of the file',
      [...upTo(2), sale(1, 'reserved', { kioskCertificateHash: otherKiosk.hash })],
      [],
      [...certificates, ...of('kioskCertificate', otherKiosk.bytes)],
    ),
    walk(
      'a refund of another kiosk of the file',
      [...upTo(2), refund(part, { kioskCertificateHash: otherKiosk.hash })],
      [],
      [...certificates, ...of('kioskCertificate', otherKiosk.bytes)],
    ),
    ...[
      [world.kiosk, renewed],
      [renewed, world.kiosk],
    ].map((kiosks, index) =>
      walk(
        `under two certificates of the kiosk, the newer one ${index === 0 ? 'behind' : 'in front'}`,
        steps,
        [
          ...of('receipt', receipt(first, 'reserved', 2), receipt(second, 'at_risk', 5, renewed)),
          ...of('settlementBatch', batch(1, 7, hashes[0], renewed), batch(8, 7)),
        ],
        [
          ...of('issuerCertificate', ...world.issuerCertificates),
          ...of('kioskCertificate', ...kiosks.map(({ bytes }) => bytes)),
          ...of('allowanceCertificate', world.allowance.bytes),
        ],
      ),
    ),
    walk(
      'a receipt under the certificate of another kiosk of the file',
      steps,
      of('receipt', receipt(first, 'reserved', 2, otherKiosk)),
      [...certificates, ...of('kioskCertificate', otherKiosk.bytes)],
    ),
    ...[
      [world.kiosk, otherKiosk],
      [otherKiosk, world.kiosk],
    ].map((kiosks, index) =>
      walk(
        `no sale, and a batch under the ${index === 0 ? 'first' : 'second'} certificate of two kiosks`,
        upTo(1),
        of('settlementBatch', startOnly),
        [
          ...of('issuerCertificate', ...world.issuerCertificates),
          ...of('kioskCertificate', ...kiosks.map(({ bytes }) => bytes)),
        ],
      ),
    ),
    walk(
      'a batch, and no certificate of a kiosk',
      upTo(1),
      of('settlementBatch', startOnly),
      certificates.slice(0, 2),
    ),
    // What is at fault in its form has no place that anybody could believe.
    said('a receipt of a fourth tier', ...of('receipt', misformed(receipt(second, 'at_risk', 5), 3, 4))),
    said(
      'a receipt with a field more',
      ...of(
        'receipt',
        withFields(receipt(second, 'at_risk', 5), [...fieldsOf(receipt(second, 'at_risk', 5)), 0]),
      ),
    ),
    said('a refund receipt at no time', ...of('refundReceipt', misformed(refundReceipt(whole, 6), 7, null))),
    said('a refund receipt of nothing', ...of('refundReceipt', misformed(refundReceipt(whole, 6), 3, 0))),
    said('a batch of 501 sales', ...of('settlementBatch', misformed(batch(1, 7), 3, 501))),
    said('a batch at no time', ...of('settlementBatch', misformed(batch(1, 7), 8, null))),
    walk('a refund whose offer has no time to live', [
      ...upTo(2),
      refund({ ...part, bytes: misformed(part.bytes, 7, 0) }),
    ]),
    walk('a refund whose offer names an address of another kind', [
      ...upTo(2),
      refund({ ...part, bytes: misformed(part.bytes, 8, ['https://192.168.49.1']) }),
    ]),
    walk('a sale whose request is at fault in its form', [
      ...upTo(1),
      sale(0, 'reserved', { request: misformed(makeRequest(world).bytes, 2, 0) }),
    ]),
    said('a heartbeat from the beginning', ...of('settlementBatch', batch(1, 0))),
    said('a heartbeat of another history', ...of('settlementBatch', batch(8, 7, hashes[6] ?? none))),
    said(
      'a batch from the middle of another history',
      ...of('settlementBatch', batch(2, 7, hashes[2] ?? none)),
    ),
    said('a batch of entries that are not there', ...of('settlementBatch', batch(2, 8))),
  ];
}
