/** Vectors of what follows a payment: receipt, journal, settlement, proof of double spend, sealing. */
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { fieldsOf, itemsOf, malleated, resigned } from './tamper.ts';
import { everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { crypto, id, NOW, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { makeRefundEntries } from './vectors-of-refunds.ts';
import { certificatesOf, deliveryOf, makePayment, namesOf } from './vectors-of-payments.ts';

/** Of the first payment. */
export function makeReceipt(world: VectorWorld, changes: Partial<protocol.Receipt> = {}): Uint8Array {
  const draft: protocol.Receipt = {
    paymentHash: makePayment(world, makeRequest(world)).hash,
    amountMinor: 1_250n,
    tier: 'reserved',
    sequence: 12,
    journalHash: new Uint8Array(32).fill(3),
    acceptedAt: NOW + 31,
    checks: 255,
    ...changes,
  };
  return world.run(protocol.signReceipt(draft, world.kiosk.hash), world.kioskKey);
}

export function receiptVectors(world: VectorWorld): DraftFile {
  const payment = makePayment(world, makeRequest(world));
  const receipt = makeReceipt(world);
  const about = { paymentHash: payment.hash, amountMinor: 1_250n };
  const by = { ...world.kioskKey, externalAad: world.kiosk.hash };
  const bad = (name: string, code: protocol.RefusalCode, given: Readonly<Record<string, unknown>>) =>
    invalid(name, 'verifyReceipt', code, { receipt, ...given });
  return {
    description: 'Receipts of a kiosk about one payment.',
    page: '06-receipt.md',
    context: given({ ...certificatesOf(world), ...about }),
    valid: [
      valid('a receipt', 'verifyReceipt', { receipt }, receipt),
      valid('a malleated signature', 'verifyReceipt', { receipt: malleated(receipt) }),
    ],
    invalid: [
      ...everyFieldChanged(receipt, namesOf(6), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'receipt_signature_invalid', {
          receipt: tampered,
        }),
      ),
      bad('of another payment', 'receipt_is_for_another_payment', { paymentHash: new Uint8Array(32) }),
      bad('of another amount', 'receipt_is_for_another_payment', { amountMinor: 1_249n }),
      bad('of another key', 'receipt_signature_invalid', {
        receipt: resigned(receipt, fieldsOf(receipt), { ...world.stranger, externalAad: world.kiosk.hash }),
      }),
      bad('a fourth tier', 'field_out_of_range', {
        receipt: resigned(receipt, fieldsOf(receipt).with(3, 4), by),
      }),
      bad('the payment itself', 'object_has_wrong_purpose', { receipt: payment.bytes }),
    ],
  };
}

export function makeJournal(world: VectorWorld) {
  const request = makeRequest(world);
  const sale: protocol.SaleBody = {
    kioskCertificateHash: world.kiosk.hash,
    request: request.bytes,
    allowanceCertificateHash: world.allowance.hash,
    payment: makePayment(world, request).bytes,
    tier: 'reserved',
    checks: 255,
  };
  const entries: Uint8Array[] = [];
  const hashes: Uint8Array[] = [protocol.GENESIS_HASH];
  for (const kind of ['start', 'sale', 'stop'] as const) {
    const body = kind === 'sale' ? protocol.encodeSaleBody(sale) : [];
    const previousHash = hashes.at(-1) ?? protocol.GENESIS_HASH;
    entries.push(
      protocol.encodeJournalEntry({ sequence: entries.length + 1, previousHash, kind, at: NOW + 31, body }),
    );
    hashes.push(crypto.digest(entries.at(-1) ?? new Uint8Array(0)));
  }
  const [start = hashes[0], saleEntry, stop] = entries;
  if (start === undefined || saleEntry === undefined || stop === undefined)
    throw new TypeError('three entries');
  return { sale, entries, start, saleEntry, stop, head: hashes.at(-1) ?? protocol.GENESIS_HASH };
}

export function journalVectors(world: VectorWorld): DraftFile {
  const { start, saleEntry } = makeJournal(world);
  const items = itemsOf(saleEntry);
  const refunds = makeRefundEntries(world);
  const bad = (name: string, code: protocol.RefusalCode, values: readonly CborValue[]) =>
    invalid(name, 'readJournalEntry', code, { entry: encodeCbor(values) });
  const badRefund = (name: string, code: protocol.RefusalCode, values: readonly CborValue[]) =>
    invalid(name, 'readRefundEntry', code, { entry: encodeCbor(values) });
  return {
    description: 'Journal entries and their hashes.',
    page: '07-journal.md',
    context: {},
    valid: [
      valid('a start', 'readJournalEntry', { entry: start }, start),
      valid('a sale', 'readJournalEntry', { entry: saleEntry }, saleEntry),
      valid('a void', 'readRefundEntry', { entry: refunds.voided }),
      valid('a refund', 'readRefundEntry', { entry: refunds.refunded }, refunds.refunded),
      ...Object.entries(protocol.JOURNAL_KIND)
        .filter(([kind]) => !['sale', 'void', 'refund'].includes(kind))
        .map(([kind, number]) =>
          valid(`kind ${number}: ${kind}`, 'readJournalEntry', {
            entry: encodeCbor(itemsOf(start).with(3, number)),
          }),
        ),
    ],
    invalid: [
      bad('of another purpose', 'object_has_wrong_purpose', items.with(0, 8)),
      bad('sequence zero', 'field_out_of_range', items.with(1, 0)),
      bad('a previous hash of 31 bytes', 'field_out_of_range', items.with(2, new Uint8Array(31))),
      bad('kind zero', 'field_out_of_range', items.with(3, 0)),
      bad('kind 12', 'field_out_of_range', items.with(3, 12)),
      bad('a body that is no array', 'message_malformed', items.with(5, 'sale')),
      bad('a sale without its payment', 'message_malformed', items.with(5, [])),
      bad('a field too many', 'message_malformed', [...items, 0]),
      badRefund('a refund without its offer', 'message_malformed', itemsOf(refunds.refunded).with(5, [])),
      badRefund('a void of nothing', 'field_out_of_range', nothingBack(refunds.voided)),
    ],
  };
}

function nothingBack(entry: Uint8Array): CborValue[] {
  const items = itemsOf(entry);
  const body = items[5];
  if (!Array.isArray(body)) throw new TypeError('a body');
  return items.with(5, (body as CborValue[]).with(4, 0));
}

type BatchDraft = Omit<protocol.SettlementBatch, 'hash' | 'bytes'>;

function signBatch(world: VectorWorld, changes: Partial<BatchDraft> = {}, by = world.kioskKey): Uint8Array {
  const draft: BatchDraft = {
    fromSequence: 1,
    toSequence: 3,
    saleCount: 1,
    saleSumMinor: 1_250n,
    previousHash: protocol.GENESIS_HASH,
    headHash: makeJournal(world).head,
    denyListVersion: 3,
    createdAt: NOW + 60,
    ...changes,
  };
  return world.run(protocol.signSettlementBatch(draft, world.kiosk.hash), by);
}

/** The whole of {@link makeJournal}: what the kiosk signs, what it sends, and the hash that an acknowledgement names. */
export function makeBatch(world: VectorWorld) {
  const { entries } = makeJournal(world);
  const head = signBatch(world);
  const envelope = protocol.encodeSettlementEnvelope(world.kiosk.hash, head, entries);
  const hash = crypto.digest(
    encodeCbor(['Signature1', Uint8Array.of(0xa1, 1, 0x26), world.kiosk.hash, encodeCbor(fieldsOf(head))]),
  );
  return { entries, head, envelope, hash };
}

/** Of {@link makeBatch}, by the first generation. */
export function makeAcknowledgement(
  world: VectorWorld,
  changes: Partial<protocol.SettlementAcknowledgement> = {},
): Uint8Array {
  const draft: protocol.SettlementAcknowledgement = {
    kioskId: world.kiosk.kioskId,
    batchHash: makeBatch(world).hash,
    highestSequence: 3,
    issuedAt: NOW + 61,
    results: [{ sequence: 2, outcome: 'settled', code: null }],
    ...changes,
  };
  return world.run(protocol.signSettlementAcknowledgement(draft, world.keyId), world.issuer);
}

export function settlementVectors(world: VectorWorld): DraftFile {
  const { entries, saleEntry, start, stop } = makeJournal(world);
  const sign = (changes: Partial<BatchDraft> = {}, by = world.kioskKey) => signBatch(world, changes, by);
  const batch = sign();
  const pack = (head: Uint8Array, of: readonly Uint8Array[] = entries) => ({
    envelope: protocol.encodeSettlementEnvelope(world.kiosk.hash, head, of),
  });
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`batch: ${name}`, 'verifySettlementBatch', code, input);
  const request = makeRequest(world);
  const sold = (payment: Uint8Array, asked = request.bytes) => ({
    entry: encodeCbor(
      itemsOf(saleEntry).with(5, [world.kiosk.hash, asked, world.allowance.hash, payment, 2, 255]),
    ),
  });
  const sale = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`sale: ${name}`, 'verifySale', code, input);
  const acknowledged = acknowledgementVectors(world);
  const empty = sign({ toSequence: 0, saleCount: 0, saleSumMinor: 0n, headHash: protocol.GENESIS_HASH });
  const envelope = pack(batch).envelope;
  return {
    description: "Batches of a kiosk, the cloud's check of each sale, and acknowledgements.",
    page: '08-settlement.md',
    context: given({
      ...certificatesOf(world),
      ...acknowledged.expected,
      trustBundle: world.trustBundle,
      nowSeconds: NOW + 62,
    }),
    valid: [
      valid('a batch of three entries', 'verifySettlementBatch', { envelope }, envelope),
      valid('a heartbeat', 'verifySettlementBatch', pack(empty, [])),
      valid('a sale', 'verifySale', { entry: saleEntry }),
      ...acknowledged.valid,
    ],
    invalid: [
      ...everyFieldChanged(batch, namesOf(8), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'batch_signature_invalid', pack(tampered)),
      ),
      bad('of another key', 'batch_signature_invalid', pack(sign({}, world.stranger))),
      bad('an entry left out', 'batch_chain_broken', pack(batch, [start, saleEntry])),
      bad('an entry twice', 'batch_chain_broken', pack(batch, [start, saleEntry, saleEntry])),
      bad('two entries exchanged', 'batch_chain_broken', pack(batch, [saleEntry, start, stop])),
      bad('on top of another entry', 'batch_chain_broken', pack(sign({ previousHash: id2(5) }))),
      bad('another head', 'batch_chain_broken', pack(sign({ headHash: id2(6) }))),
      bad(
        'a sequence that does not fit',
        'batch_chain_broken',
        pack(sign({ fromSequence: 2, toSequence: 4 })),
      ),
      sale(
        'for another request',
        'payment_is_for_another_request',
        sold(makePayment(world, makeRequest(world, 0x60)).bytes),
      ),
      sale(
        'an amount that was not asked',
        'payment_amount_differs_from_request',
        sold(makePayment(world, request, { amountMinor: 1_300n, cumulativeMinor: 1_300n }).bytes),
      ),
      sale(
        'above the cap',
        'payment_exceeds_allowance',
        sold(makePayment(world, request, { counter: 2, cumulativeMinor: 5_001n }).bytes),
      ),
      sale(
        'a sum below the amount',
        'payment_cumulative_inconsistent',
        sold(makePayment(world, request, { counter: 2, cumulativeMinor: 1_249n }).bytes),
      ),
      sale('of an allowance that is locked to another till of the shop', 'payment_is_for_another_shop', {
        ...sold(makePayment(world, request, {}, world.otherTillAllowance).bytes),
        allowanceCertificate: world.otherTillAllowance.bytes,
      }),
      sale(
        'a payment of another certificate',
        'payment_signature_invalid',
        sold(makePayment(world, request, {}, world.lockedAllowance).bytes),
      ),
      ...acknowledged.invalid,
    ],
  };
}

const id2 = (fill: number) => new Uint8Array(32).fill(fill);

function acknowledgementVectors(world: VectorWorld) {
  const expected = { kioskId: world.kiosk.kioskId, batchHash: makeBatch(world).hash };
  const sign = (changes: Partial<protocol.SettlementAcknowledgement> = {}) =>
    makeAcknowledgement(world, changes);
  const acknowledgement = sign();
  /** Signed by the generation `by`, with the certificates of these generations. */
  const bundleOf = (by: 1 | 2, generations: readonly number[]) =>
    world.signBundleAs(by === 1 ? world.issuer : world.nextIssuer, {
      issuerCertificates: world.issuerCertificates.filter((_, index) => generations.includes(index + 1)),
    });
  const again = (index: number, value: CborValue) => ({
    acknowledgement: resigned(acknowledgement, fieldsOf(acknowledgement).with(index, value), world.issuer),
  });
  const good = (name: string, input: Readonly<Record<string, unknown>>, shown?: Uint8Array) =>
    valid(`acknowledgement: ${name}`, 'verifySettlementAcknowledgement', input, shown);
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`acknowledgement: ${name}`, 'verifySettlementAcknowledgement', code, {
      acknowledgement,
      ...input,
    });
  return {
    expected,
    valid: [
      good('one sale settled', { acknowledgement }, acknowledgement),
      good('a refusal with its code', again(4, [[2, 3, 'payment_signature_invalid']])),
      good('a refund waits for the merchant', again(4, [[2, 5, null]])),
      good('a code that this version does not know', again(4, [[2, 3, 'a_reason_of_the_future']])),
    ],
    invalid: [
      ...everyFieldChanged(acknowledgement, namesOf(9), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'acknowledgement_signature_invalid', {
          acknowledgement: tampered,
        }),
      ),
      bad('of another kiosk', 'acknowledgement_is_for_another_batch', {
        acknowledgement: sign({ kioskId: '99999999-9999-9999-9999-999999999999' }),
      }),
      bad('of another batch', 'acknowledgement_is_for_another_batch', {
        acknowledgement: sign({ batchHash: id2(9) }),
      }),
      bad('outcome six', 'field_out_of_range', again(4, [[2, 6, null]])),
      bad('a code that is a sentence', 'field_out_of_range', again(4, [[2, 3, 'No.']])),
      bad('of no issuer of the bundle', 'acknowledgement_signature_invalid', {
        trustBundle: bundleOf(2, [2]),
      }),
      bad("when its issuer's time is over", 'certificate_expired', { nowSeconds: NOW + 31_536_000 }),
      bad('by a key of an older generation than the bundle', 'issuer_key_superseded', {
        trustBundle: bundleOf(2, [1, 2]),
      }),
      bad('by a key that may sign certificates only', 'issuer_key_not_for_this_use', {
        trustBundle: world.signBundleAs(world.nextIssuer, {
          issuerCertificates: [
            world.certifyIssuer({
              publicKey: world.issuer.publicKey,
              generation: 1,
              uses: protocol.ISSUER_USE.certificates,
              notBefore: NOW - 100,
              notAfter: NOW + 31_536_000,
            }),
            ...world.issuerCertificates.slice(1),
          ],
        }),
      }),
    ],
  };
}

export function doubleSpendVectors(world: VectorWorld): DraftFile {
  const [one, two, three] = [0x44, 0x60, 0x70].map((fill) => makeRequest(world, fill));
  if (one === undefined || two === undefined || three === undefined) throw new TypeError('three requests');
  const first = makePayment(world, one);
  const next = makePayment(world, two, {
    counter: 2,
    cumulativeMinor: 2_500n,
    previousLink: protocol.linkOf(first.hash),
  });
  const cases: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
    ['an honest pair', first.bytes, next.bytes],
    ['a payment and itself with another signature', first.bytes, malleated(first.bytes)],
    [
      'an honest pair with a gap',
      first.bytes,
      makePayment(world, three, { counter: 7, cumulativeMinor: 4_000n, previousLink: id(1) }).bytes,
    ],
    ['the same counter for two requests', first.bytes, makePayment(world, two).bytes],
    [
      'a later counter that forgot the first',
      first.bytes,
      makePayment(world, two, { counter: 2, previousLink: id(2) }).bytes,
    ],
    [
      'the same, presented the other way round',
      makePayment(world, two, { counter: 2, previousLink: id(2) }).bytes,
      first.bytes,
    ],
    [
      'a later counter with a sum one unit too low',
      next.bytes,
      makePayment(world, three, { counter: 3, cumulativeMinor: 3_749n, previousLink: id(3) }).bytes,
    ],
  ];
  const bad = resigned(first.bytes, fieldsOf(first.bytes).with(5, id2(1)), {
    ...world.stranger,
    externalAad: world.allowance.hash,
  });
  return {
    description: 'Pairs of payments under one certificate: do they prove a double spend?',
    page: '10-double-spend.md',
    context: given(certificatesOf(world)),
    valid: cases.map(([name, a, b]) => valid(name, 'findContradiction', { payments: [a, b] })),
    invalid: [
      invalid(
        'a payment that the phone did not sign proves nothing',
        'findContradiction',
        'payment_signature_invalid',
        { payments: [first.bytes, bad] },
      ),
    ],
  };
}

/** Sealing is randomised: `sealed` is the committed message while it still opens, or a fresh one. */
export function sealingVectors(world: VectorWorld, sealed: Uint8Array, plaintext: Uint8Array): DraftFile {
  const open = (message: Uint8Array, changes: Readonly<Record<string, unknown>> = {}) => ({
    sealed: message,
    ...changes,
  });
  const bad = (name: string, input: Readonly<Record<string, unknown>>) =>
    invalid(name, 'openSealed', 'sealed_message_unreadable', { sealed, ...input });
  return {
    description: 'Deliveries sealed to a kiosk with HPKE. Outputs are the plaintext in hex.',
    page: '13-qr-and-sealing.md',
    context: given({
      privateKey: world.sealingKey.scalar,
      kioskCertificateHash: world.kiosk.hash,
      plaintext,
    }),
    valid: [valid('a sealed delivery', 'openSealed', open(sealed))],
    invalid: [
      bad('another key', { privateKey: world.stranger.scalar }),
      bad('another certificate of the same key', { kioskCertificateHash: world.allowance.hash }),
      bad('the encapsulated key changed', { sealed: sealed.with(10, (sealed[10] ?? 0) ^ 1) }),
      bad('the ciphertext changed', { sealed: sealed.with(70, (sealed[70] ?? 0) ^ 1) }),
      bad('the tag changed', { sealed: sealed.with(sealed.length - 1, (sealed.at(-1) ?? 0) ^ 1) }),
      bad('cut short', { sealed: sealed.slice(0, -1) }),
      bad('nothing but a key', { sealed: sealed.slice(0, 65) }),
      invalid('too large', 'openSealed', 'message_too_large', { sealed: new Uint8Array(4_178) }),
    ],
  };
}

/** What the sealed vector holds. */
export function sealedPlaintext(world: VectorWorld): Uint8Array {
  const request = makeRequest(world);
  return deliveryOf(makePayment(world, request).bytes, world.allowance);
}
