/** Vectors of what happens with money: payment, acceptance, receipt, journal, settlement, double spend, sealing. */
import { concatBytes } from '../src/bytes.ts';
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { fieldsOf, itemsOf, malleated, resigned, withFields } from '../test/tamper.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { crypto, id, NOW, PHONE_SALT, unwrap, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';

const namesOf = (purpose: number) => FIELD_NAMES.get(purpose) ?? [];
type PaymentDraft = Omit<protocol.Payment, 'hash' | 'bytes'>;

export function makePayment(
  world: VectorWorld,
  request: protocol.PaymentRequest,
  changes: Partial<PaymentDraft> = {},
  allowance = world.allowance,
): protocol.Payment {
  const draft: PaymentDraft = {
    counter: 1, amountMinor: request.amountMinor, cumulativeMinor: request.amountMinor,
    previousLink: protocol.linkOf(allowance.hash), requestHash: request.hash, signedAt: NOW + 20, ...changes,
  };
  const bytes = world.run(protocol.signPayment(draft, allowance.hash), world.phone);
  return world.run(protocol.readPayment(bytes, allowance), world.phone);
}

const certificatesOf = (world: VectorWorld) => ({
  rootPublicKey: world.root.publicKey, issuerCertificates: world.issuerCertificates,
  kioskCertificate: world.kiosk.bytes, allowanceCertificate: world.allowance.bytes,
});

function deliveryOf(request: protocol.PaymentRequest, payment: Uint8Array, allowance: protocol.AllowanceCertificate) {
  return protocol.encodeDelivery({
    requestId: request.requestId, allowanceCertificate: allowance.bytes, payment, phoneSalt: null,
  });
}

export function paymentVectors(world: VectorWorld): DraftFile {
  const request = makeRequest(world);
  const payment = makePayment(world, request);
  const delivery = deliveryOf(request, payment.bytes, world.allowance);
  const salted = encodeCbor(itemsOf(delivery).with(4, PHONE_SALT));
  const byPhone = { ...world.phone, externalAad: world.allowance.hash };
  const again = (index: number, value: CborValue) => ({ payment: resigned(payment.bytes, fieldsOf(payment.bytes).with(index, value), byPhone) });
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`payment: ${name}`, 'verifyPaymentObject', code, input);
  const closing = (lastCounter: number, cumulativeMinor: bigint) =>
    world.run(protocol.signClosingStatement({ lastCounter, cumulativeMinor, signedAt: NOW + 90 }, world.allowance.hash), world.phone);
  const closed = (name: string, code: protocol.RefusalCode, statement: Uint8Array) =>
    invalid(`closing statement: ${name}`, 'verifyClosingStatement', code, { statement });
  const envelope = (name: string, code: protocol.RefusalCode, items: readonly CborValue[]) =>
    invalid(`delivery: ${name}`, 'decodeDelivery', code, { delivery: encodeCbor(items) });
  const statement = closing(3, 2_500n);
  return {
    description: 'Payments and closing statements under an allowance certificate, and deliveries.',
    page: '04-payment-and-delivery.md',
    context: given(certificatesOf(world)),
    valid: [
      valid('a first payment', 'verifyPaymentObject', { payment: payment.bytes }, payment.bytes),
      valid('the same payment with a malleated signature: the same hash', 'verifyPaymentObject', { payment: malleated(payment.bytes) }),
      valid('a second payment', 'verifyPaymentObject', {
        payment: makePayment(world, makeRequest(world, 0x60, 700n), { counter: 2, cumulativeMinor: 1_950n, previousLink: protocol.linkOf(payment.hash) }).bytes,
      }),
      valid('a delivery', 'decodeDelivery', { delivery }, delivery),
      valid('a delivery that opens the phone commitment', 'decodeDelivery', { delivery: salted }),
      valid('a closing statement', 'verifyClosingStatement', { statement }, statement),
      valid('a closing statement of an unused allowance', 'verifyClosingStatement', { statement: closing(0, 0n) }),
    ],
    invalid: [
      ...everyFieldChanged(payment.bytes, namesOf(5), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'payment_signature_invalid', { payment: tampered })),
      bad('of another key', 'payment_signature_invalid', { payment: resigned(payment.bytes, fieldsOf(payment.bytes), { ...world.stranger, externalAad: world.allowance.hash }) }),
      bad('under another certificate of the same key', 'payment_signature_invalid', { payment: makePayment(world, request, {}, world.lockedAllowance).bytes }),
      bad('counter zero', 'field_out_of_range', again(1, 0)),
      bad('counter 2^31', 'field_out_of_range', again(1, 2 ** 31)),
      bad('amount zero', 'field_out_of_range', again(2, 0)),
      bad('amount 2^53', 'field_out_of_range', again(2, 2n ** 53n)),
      bad('amount negative', 'message_malformed', again(2, -1)),
      bad('a link of 32 bytes', 'field_out_of_range', again(4, new Uint8Array(32))),
      bad('a request', 'object_has_wrong_purpose', { payment: request.bytes }),
      envelope('of another purpose', 'object_has_wrong_purpose', itemsOf(delivery).with(0, 14)),
      envelope('a request id of 15 bytes', 'field_out_of_range', itemsOf(delivery).with(1, new Uint8Array(15))),
      envelope('a salt of 15 bytes', 'field_out_of_range', itemsOf(delivery).with(4, new Uint8Array(15))),
      envelope('without a payment', 'message_malformed', itemsOf(delivery).with(3, null)),
      envelope('an item too many', 'message_malformed', [...itemsOf(delivery), 0]),
      closed('more than the cap', 'payment_exceeds_allowance', closing(3, 5_001n)),
      closed('a sum without a payment', 'payment_cumulative_inconsistent', closing(0, 5n)),
      closed('a payment without a sum', 'payment_cumulative_inconsistent', closing(1, 0n)),
      closed('a sum changed', 'statement_signature_invalid', withFields(statement, fieldsOf(statement).with(2, 2_499))),
      closed('a payment', 'object_has_wrong_purpose', payment.bytes),
    ],
  };
}

const FRESH = { nowSeconds: NOW + 30, history: null, stored: { sumMinor: 0n, count: 0 } };

export function acceptanceVectors(world: VectorWorld): DraftFile {
  const request = makeRequest(world);
  const open = { bytes: request.bytes, state: 'open' };
  const pay = (changes: Partial<PaymentDraft> = {}, allowance = world.allowance) =>
    ({ delivery: deliveryOf(request, makePayment(world, request, changes, allowance).bytes, allowance) });
  const second = { counter: 2, cumulativeMinor: 2_250n, previousLink: id(9) };
  const history = { lastCounter: 4, lastCumulativeMinor: 1_000n, lastHash: new Uint8Array(32).fill(7) };
  const fifth = { counter: 5, cumulativeMinor: 2_250n, previousLink: protocol.linkOf(history.lastHash) };
  const yes = (name: string, given: Readonly<Record<string, unknown>>) => valid(name, 'acceptPayment', { ...pay(), ...given });
  const no = (name: string, code: protocol.RefusalCode, given: Readonly<Record<string, unknown>>) =>
    invalid(name, 'acceptPayment', code, { ...pay(), ...given });
  const aged = (seconds: number) => ({ trustBundle: world.signBundle({ issuedAt: NOW + 30 - seconds }) });
  const limited = (policy: Partial<protocol.Policy>) => {
    const full = { perPaymentMinor: 20_000n, storedSumMinor: 500_000n, storedCount: 1_000, maxOfflineSeconds: 1_209_600 };
    return { trustBundle: world.signBundle({ policy: { ...full, ...policy } }) };
  };
  const forged = resigned(world.allowance.bytes, fieldsOf(world.allowance.bytes).with(4, 999_999), world.stranger);
  return {
    description: 'The kiosk\'s decision on a delivered payment: facts in, decision or code out.',
    page: '05-acceptance.md',
    context: given({ ...certificatesOf(world), trustBundle: world.trustBundle, request: open, ...FRESH }),
    valid: [
      yes('a first payment', {}),
      yes('under a payee lock to this shop', pay({}, world.lockedAllowance)),
      yes('a malleated signature: the same hash', { delivery: deliveryOf(request, malleated(makePayment(world, request).bytes), world.allowance) }),
      yes('a later payment, first seen here', pay(second)),
      yes('the next after what was seen', { ...pay(fifth), history }),
      yes('a gap after what was seen', { ...pay({ ...fifth, counter: 9, previousLink: id(1) }), history }),
      yes('the last counter', pay({ ...second, counter: 30 })),
      yes('cumulative one below the cap', pay({ ...second, cumulativeMinor: 4_999n })),
      yes('cumulative at the cap', pay({ ...second, cumulativeMinor: 5_000n })),
      yes('at the payment limit of the policy', limited({ perPaymentMinor: 1_250n })),
      yes('at the stored sum of the policy', { ...limited({ storedSumMinor: 2_000n }), stored: { sumMinor: 750n, count: 1 } }),
      yes('at the stored count of the policy', { ...limited({ storedCount: 2 }), stored: { sumMinor: 750n, count: 1 } }),
      yes('the bundle is 24 hours old', aged(86_400)),
      yes('the bundle is a second older: half limits, trust not fresh', aged(86_401)),
      yes('the bundle is 7 days old, a known payer', { ...aged(604_800), ...pay(fifth), history }),
      yes('the bundle is older, a payer locked to this shop', { ...aged(604_801), ...pay({}, world.lockedAllowance) }),
      yes('the clock is 300 seconds behind the bundle', { nowSeconds: NOW - 300 }),
    ],
    invalid: [
      no('no such request', 'request_not_open', { request: null }),
      no('request cancelled', 'request_not_open', { request: { ...open, state: 'cancelled' } }),
      no('request expired', 'request_expired', { request: { ...open, state: 'expired' } }),
      no('request paid', 'request_already_paid', { request: { ...open, state: 'paid' } }),
      no('another request', 'payment_is_for_another_request', { request: { ...open, bytes: makeRequest(world, 0x60).bytes } }),
      no('one unit less than asked', 'payment_amount_differs_from_request', pay({ amountMinor: 1_249n, cumulativeMinor: 1_249n })),
      no('locked to another shop', 'payment_is_for_another_shop', pay({}, world.elsewhereAllowance)),
      no('an allowance in another currency', 'payment_currency_differs_from_request', pay({}, world.foreignAllowance)),
      no('the clock 301 seconds behind the bundle', 'clock_behind_trusted_time', { nowSeconds: NOW - 301 }),
      no('the clock a year behind', 'clock_behind_trusted_time', { nowSeconds: NOW - 31_536_000 }),
      no('the allowance expired', 'certificate_expired', { nowSeconds: NOW + 259_200 }),
      no('this kiosk denied', 'kiosk_denied', { trustBundle: world.signBundle({ deniedKiosks: [id(0x22)] }) }),
      no('the allowance denied', 'allowance_denied', pay({}, world.deniedAllowance)),
      no('a sum below the amount', 'payment_cumulative_inconsistent', pay({ ...second, cumulativeMinor: 1_249n })),
      no('a first payment with another sum', 'payment_cumulative_inconsistent', pay({ cumulativeMinor: 1_251n })),
      no('a first payment with another link', 'payment_chain_broken', pay({ previousLink: id(9) })),
      no('cumulative one above the cap', 'payment_exceeds_allowance', pay({ ...second, cumulativeMinor: 5_001n })),
      no('one payment too many', 'allowance_counter_limit_reached', pay({ ...second, counter: 31 })),
      no('the counter seen last', 'payment_counter_not_increasing', { ...pay({ ...fifth, counter: 4 }), history }),
      no('an earlier counter', 'payment_counter_not_increasing', { ...pay({ ...fifth, counter: 3 }), history }),
      no('the next with a sum too low', 'payment_cumulative_inconsistent', { ...pay({ ...fifth, cumulativeMinor: 2_249n }), history }),
      no('the next with a sum too high', 'payment_cumulative_inconsistent', { ...pay({ ...fifth, cumulativeMinor: 2_251n }), history }),
      no('the next with another link', 'payment_chain_broken', { ...pay({ ...fifth, previousLink: id(1) }), history }),
      no('a gap with a sum too low', 'payment_cumulative_inconsistent', { ...pay({ ...fifth, counter: 9, cumulativeMinor: 2_249n }), history }),
      no('above the payment limit of the policy', 'payment_exceeds_limit', limited({ perPaymentMinor: 1_249n })),
      no('above the stored sum', 'kiosk_stored_sum_exceeded', { ...limited({ storedSumMinor: 2_000n }), stored: { sumMinor: 751n, count: 1 } }),
      no('above the stored count', 'kiosk_stored_count_exceeded', { ...limited({ storedCount: 1 }), stored: { sumMinor: 0n, count: 1 } }),
      no('above half the payment limit when the bundle is 24 hours and a second old', 'payment_exceeds_limit', {
        trustBundle: world.signBundle({ issuedAt: NOW + 30 - 86_401, policy: { perPaymentMinor: 2_499n, storedSumMinor: 500_000n, storedCount: 1_000, maxOfflineSeconds: 1_209_600 } }),
      }),
      no('the bundle is 72 hours and a second old, an unknown payer', 'trust_bundle_too_old', { ...aged(259_201) }),
      no('the bundle is 7 days and a second old, a known payer', 'trust_bundle_too_old', { ...aged(604_801), ...pay(fifth), history }),
      no('offline for longer than the policy allows', 'kiosk_offline_too_long', limited({ maxOfflineSeconds: 29 })),
      no('a certificate that the issuer did not sign, the payment linked to it', 'certificate_signature_invalid', forgedPayment(world, request, forged)),
      no('a payment of another key', 'payment_signature_invalid', {
        delivery: deliveryOf(request, resigned(makePayment(world, request).bytes, fieldsOf(makePayment(world, request).bytes), { ...world.stranger, externalAad: world.allowance.hash }), world.allowance),
      }),
      no('a delivery cut short', 'message_malformed', { delivery: pay().delivery.slice(0, -1) }),
      no('a delivery with a byte more', 'message_malformed', { delivery: concatBytes(pay().delivery, Uint8Array.of(0)) }),
    ],
  };
}

function forgedPayment(world: VectorWorld, request: protocol.PaymentRequest, certificate: Uint8Array) {
  const header = resigned(certificate, fieldsOf(certificate), world.stranger);
  const allowance = unwrap(protocol.runSync(protocol.readAllowanceCertificate(header), crypto)).certificate;
  return { delivery: deliveryOf(request, makePayment(world, request, {}, allowance).bytes, allowance) };
}

export function receiptVectors(world: VectorWorld): DraftFile {
  const payment = makePayment(world, makeRequest(world));
  const draft: protocol.Receipt = {
    paymentHash: payment.hash, amountMinor: 1_250n, tier: 'reserved', sequence: 12, journalHash: new Uint8Array(32).fill(3),
    acceptedAt: NOW + 31, checks: 255,
  };
  const receipt = world.run(protocol.signReceipt(draft, world.kiosk.hash), world.kioskKey);
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
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'receipt_signature_invalid', { receipt: tampered })),
      bad('of another payment', 'receipt_is_for_another_payment', { paymentHash: new Uint8Array(32) }),
      bad('of another amount', 'receipt_is_for_another_payment', { amountMinor: 1_249n }),
      bad('of another key', 'receipt_signature_invalid', { receipt: resigned(receipt, fieldsOf(receipt), { ...world.stranger, externalAad: world.kiosk.hash }) }),
      bad('a fourth tier', 'field_out_of_range', { receipt: resigned(receipt, fieldsOf(receipt).with(3, 4), by) }),
      bad('the payment itself', 'object_has_wrong_purpose', { receipt: payment.bytes }),
    ],
  };
}

function makeJournal(world: VectorWorld) {
  const request = makeRequest(world);
  const sale: protocol.SaleBody = {
    kioskCertificateHash: world.kiosk.hash, request: request.bytes, allowanceCertificateHash: world.allowance.hash,
    payment: makePayment(world, request).bytes, tier: 'reserved', checks: 255,
  };
  const entries: Uint8Array[] = [];
  const hashes: Uint8Array[] = [protocol.GENESIS_HASH];
  for (const kind of ['start', 'sale', 'stop'] as const) {
    const body = kind === 'sale' ? protocol.encodeSaleBody(sale) : [];
    const previousHash = hashes.at(-1) ?? protocol.GENESIS_HASH;
    entries.push(protocol.encodeJournalEntry({ sequence: entries.length + 1, previousHash, kind, at: NOW + 31, body }));
    hashes.push(crypto.digest(entries.at(-1) ?? new Uint8Array(0)));
  }
  const [start = hashes[0], saleEntry, stop] = entries;
  if (start === undefined || saleEntry === undefined || stop === undefined) throw new TypeError('three entries');
  return { sale, entries, start, saleEntry, stop, head: hashes.at(-1) ?? protocol.GENESIS_HASH };
}

export function journalVectors(world: VectorWorld): DraftFile {
  const { start, saleEntry } = makeJournal(world);
  const items = itemsOf(saleEntry);
  const bad = (name: string, code: protocol.RefusalCode, values: readonly CborValue[]) =>
    invalid(name, 'readJournalEntry', code, { entry: encodeCbor(values) });
  return {
    description: 'Journal entries and their hashes.',
    page: '07-journal.md',
    context: {},
    valid: [
      valid('a start', 'readJournalEntry', { entry: start }, start),
      valid('a sale', 'readJournalEntry', { entry: saleEntry }, saleEntry),
      ...Object.entries(protocol.JOURNAL_KIND).filter(([kind]) => kind !== 'sale').map(([kind, number]) =>
        valid(`kind ${number}: ${kind}`, 'readJournalEntry', { entry: encodeCbor(itemsOf(start).with(3, number)) })),
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
    ],
  };
}

export function settlementVectors(world: VectorWorld): DraftFile {
  const { entries, saleEntry, start, stop, head } = makeJournal(world);
  const draft = {
    fromSequence: 1, toSequence: 3, saleCount: 1, saleSumMinor: 1_250n, previousHash: protocol.GENESIS_HASH, headHash: head,
    denyListVersion: 3, createdAt: NOW + 60,
  };
  const sign = (changes: Partial<typeof draft> = {}, by = world.kioskKey) =>
    world.run(protocol.signSettlementBatch({ ...draft, ...changes }, world.kiosk.hash), by);
  const batch = sign();
  const pack = (head: Uint8Array, of: readonly Uint8Array[] = entries) =>
    ({ envelope: protocol.encodeSettlementEnvelope(world.kiosk.hash, head, of) });
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`batch: ${name}`, 'verifySettlementBatch', code, input);
  const request = makeRequest(world);
  const sold = (payment: Uint8Array, asked = request.bytes) => ({ entry: encodeCbor(itemsOf(saleEntry).with(5, [
    world.kiosk.hash, asked, world.allowance.hash, payment, 2, 255,
  ])) });
  const sale = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`sale: ${name}`, 'verifySale', code, input);
  const acknowledged = acknowledgementVectors(world, batch);
  const empty = sign({ toSequence: 0, saleCount: 0, saleSumMinor: 0n, headHash: protocol.GENESIS_HASH });
  const envelope = pack(batch).envelope;
  return {
    description: 'Batches of a kiosk, the cloud\'s check of each sale, and acknowledgements.',
    page: '08-settlement.md',
    context: given({ ...certificatesOf(world), ...acknowledged.expected }),
    valid: [
      valid('a batch of three entries', 'verifySettlementBatch', { envelope }, envelope),
      valid('a heartbeat', 'verifySettlementBatch', pack(empty, [])),
      valid('a sale', 'verifySale', { entry: saleEntry }),
      ...acknowledged.valid,
    ],
    invalid: [
      ...everyFieldChanged(batch, namesOf(8), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'batch_signature_invalid', pack(tampered))),
      bad('of another key', 'batch_signature_invalid', pack(sign({}, world.stranger))),
      bad('an entry left out', 'batch_chain_broken', pack(batch, [start, saleEntry])),
      bad('an entry twice', 'batch_chain_broken', pack(batch, [start, saleEntry, saleEntry])),
      bad('two entries exchanged', 'batch_chain_broken', pack(batch, [saleEntry, start, stop])),
      bad('on top of another entry', 'batch_chain_broken', pack(sign({ previousHash: id2(5) }))),
      bad('another head', 'batch_chain_broken', pack(sign({ headHash: id2(6) }))),
      bad('a sequence that does not fit', 'batch_chain_broken', pack(sign({ fromSequence: 2, toSequence: 4 }))),
      sale('for another request', 'payment_is_for_another_request', sold(makePayment(world, makeRequest(world, 0x60)).bytes)),
      sale('an amount that was not asked', 'payment_amount_differs_from_request', sold(makePayment(world, request, { amountMinor: 1_300n, cumulativeMinor: 1_300n }).bytes)),
      sale('above the cap', 'payment_exceeds_allowance', sold(makePayment(world, request, { counter: 2, cumulativeMinor: 5_001n }).bytes)),
      sale('a sum below the amount', 'payment_cumulative_inconsistent', sold(makePayment(world, request, { counter: 2, cumulativeMinor: 1_249n }).bytes)),
      sale('a payment of another certificate', 'payment_signature_invalid', sold(makePayment(world, request, {}, world.lockedAllowance).bytes)),
      ...acknowledged.invalid,
    ],
  };
}

const id2 = (fill: number) => new Uint8Array(32).fill(fill);

function acknowledgementVectors(world: VectorWorld, batch: Uint8Array) {
  const batchHash = crypto.digest(encodeCbor(['Signature1', Uint8Array.of(0xa1, 1, 0x26), world.kiosk.hash, encodeCbor(fieldsOf(batch))]));
  const expected = { kioskId: world.kiosk.kioskId, batchHash };
  const sign = (changes: Partial<protocol.SettlementAcknowledgement> = {}) => world.run(
    protocol.signSettlementAcknowledgement({
      ...expected, highestSequence: 3, issuedAt: NOW + 61, results: [{ sequence: 2, outcome: 'settled', code: null }], ...changes,
    }, world.keyId),
    world.issuer,
  );
  const acknowledgement = sign();
  const again = (index: number, value: CborValue) => ({ acknowledgement: resigned(acknowledgement, fieldsOf(acknowledgement).with(index, value), world.issuer) });
  const good = (name: string, input: Readonly<Record<string, unknown>>, shown?: Uint8Array) =>
    valid(`acknowledgement: ${name}`, 'verifySettlementAcknowledgement', input, shown);
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`acknowledgement: ${name}`, 'verifySettlementAcknowledgement', code, { acknowledgement, ...input });
  return {
    expected,
    valid: [
      good('one sale settled', { acknowledgement }, acknowledgement),
      good('a refusal with its code', again(4, [[2, 3, 'payment_signature_invalid']])),
      good('a code that this version does not know', again(4, [[2, 3, 'a_reason_of_the_future']])),
    ],
    invalid: [
      ...everyFieldChanged(acknowledgement, namesOf(9), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'acknowledgement_signature_invalid', { acknowledgement: tampered })),
      bad('of another kiosk', 'acknowledgement_is_for_another_batch', { acknowledgement: sign({ kioskId: '99999999-9999-9999-9999-999999999999' }) }),
      bad('of another batch', 'acknowledgement_is_for_another_batch', { acknowledgement: sign({ batchHash: id2(9) }) }),
      bad('outcome five', 'field_out_of_range', again(4, [[2, 5, null]])),
      bad('a code that is a sentence', 'field_out_of_range', again(4, [[2, 3, 'No.']])),
      bad('of no issuer known', 'acknowledgement_signature_invalid', { issuerCertificates: [] }),
    ],
  };
}

export function doubleSpendVectors(world: VectorWorld): DraftFile {
  const [one, two, three] = [0x44, 0x60, 0x70].map((fill) => makeRequest(world, fill));
  if (one === undefined || two === undefined || three === undefined) throw new TypeError('three requests');
  const first = makePayment(world, one);
  const next = makePayment(world, two, { counter: 2, cumulativeMinor: 2_500n, previousLink: protocol.linkOf(first.hash) });
  const cases: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
    ['an honest pair', first.bytes, next.bytes],
    ['a payment and itself with another signature', first.bytes, malleated(first.bytes)],
    ['an honest pair with a gap', first.bytes, makePayment(world, three, { counter: 7, cumulativeMinor: 4_000n, previousLink: id(1) }).bytes],
    ['the same counter for two requests', first.bytes, makePayment(world, two).bytes],
    ['a later counter that forgot the first', first.bytes, makePayment(world, two, { counter: 2, previousLink: id(2) }).bytes],
    ['the same, presented the other way round', makePayment(world, two, { counter: 2, previousLink: id(2) }).bytes, first.bytes],
    ['a later counter with a sum one unit too low', next.bytes, makePayment(world, three, { counter: 3, cumulativeMinor: 3_749n, previousLink: id(3) }).bytes],
  ];
  const bad = resigned(first.bytes, fieldsOf(first.bytes).with(5, id2(1)), { ...world.stranger, externalAad: world.allowance.hash });
  return {
    description: 'Pairs of payments under one certificate: do they prove a double spend?',
    page: '10-double-spend.md',
    context: given(certificatesOf(world)),
    valid: cases.map(([name, a, b]) => valid(name, 'findContradiction', { payments: [a, b] })),
    invalid: [invalid('a payment that the phone did not sign proves nothing', 'findContradiction', 'payment_signature_invalid', { payments: [first.bytes, bad] })],
  };
}

/** Sealing is randomised: `sealed` is the committed message while it still opens, or a fresh one. */
export function sealingVectors(world: VectorWorld, sealed: Uint8Array, plaintext: Uint8Array): DraftFile {
  const open = (message: Uint8Array, changes: Readonly<Record<string, unknown>> = {}) => ({ sealed: message, ...changes });
  const bad = (name: string, input: Readonly<Record<string, unknown>>) =>
    invalid(name, 'openSealed', 'sealed_message_unreadable', { sealed, ...input });
  return {
    description: 'Deliveries sealed to a kiosk with HPKE. Outputs are the plaintext in hex.',
    page: '13-qr-and-sealing.md',
    context: given({ privateKey: world.sealingKey.scalar, kioskCertificateHash: world.kiosk.hash, plaintext }),
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
  return deliveryOf(request, makePayment(world, request).bytes, world.allowance);
}
