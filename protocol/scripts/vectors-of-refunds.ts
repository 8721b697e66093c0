/** Vectors of voids and refunds: the offer, the payer's acceptance, the receipt, and what each party decides. */
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { fieldsOf, itemsOf, malleated, resigned } from './tamper.ts';
import { everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { id, NOW, type Actor, type VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { certificatesOf, makePayment, namesOf } from './vectors-of-payments.ts';

type OfferDraft = Parameters<typeof protocol.signRefundOffer>[0];
type Given = Readonly<Record<string, unknown>>;

const REFUND_ID = id(0x66);
const JOURNAL_HASH = new Uint8Array(32).fill(3);
/** Of the sale's entry. */
const SEQUENCE = 12;

export function makeOffer(world: VectorWorld, changes: Partial<OfferDraft> = {}): protocol.RefundOffer {
  const draft: OfferDraft = {
    refundIdBytes: REFUND_ID,
    paymentHash: makePayment(world, makeRequest(world)).hash,
    kind: 'refund',
    amountMinor: 500n,
    sequence: SEQUENCE,
    issuedAt: NOW + 600,
    ttlSeconds: 300,
    addresses: ['http://192.168.49.1:7070'],
    ...changes,
  };
  const bytes = world.run(protocol.signRefundOffer(draft, world.kiosk.hash), world.kioskKey);
  return world.run(protocol.verifyRefundOffer(bytes, world.kiosk), world.kioskKey);
}

export function acceptOffer(
  world: VectorWorld,
  offer: protocol.RefundOffer,
  by: Actor = world.phone,
  allowance = world.allowance,
): Uint8Array {
  const draft = { offerHash: offer.hash, signedAt: NOW + 620 };
  return world.run(protocol.signRefundAcceptance(draft, allowance.hash), by);
}

function entryOf(
  world: VectorWorld,
  kind: protocol.RefundKind,
  offer: protocol.RefundOffer,
  changes: Partial<protocol.RefundBody> = {},
): Uint8Array {
  const body: protocol.RefundBody = {
    kioskCertificateHash: world.kiosk.hash,
    offer: offer.bytes,
    allowanceCertificateHash: world.allowance.hash,
    acceptance: acceptOffer(world, offer),
    refundedMinor: offer.amountMinor,
    ...changes,
  };
  return protocol.encodeJournalEntry({
    sequence: SEQUENCE + 1,
    previousHash: JOURNAL_HASH,
    kind,
    at: NOW + 621,
    body: protocol.encodeRefundBody(body),
  });
}

/** One entry of each kind, for the journal's vectors. */
export function makeRefundEntries(world: VectorWorld) {
  return {
    voided: entryOf(world, 'void', makeOffer(world, { kind: 'void', amountMinor: 1_250n })),
    refunded: entryOf(world, 'refund', makeOffer(world)),
  };
}

export function refundVectors(world: VectorWorld): DraftFile {
  const offer = makeOffer(world);
  const whole = makeOffer(world, { kind: 'void', amountMinor: 1_250n });
  const parts = [offerVectors(world, offer), phoneVectors(world, offer, whole), kioskVectors(world, offer)];
  const all = [...parts, receiptVectors(world, offer), cloudVectors(world, offer, whole)];
  return {
    description:
      'Voids and refunds: offers, acceptances, receipts, and the decisions of phone, kiosk and cloud.',
    page: '14-refunds.md',
    context: given({ ...certificatesOf(world), ...refundFacts(world), settled: settledSale(world) }),
    valid: all.flatMap((part) => part.valid),
    invalid: all.flatMap((part) => part.invalid),
  };
}

/** What phone and kiosk know of the payment and of the offer for it. */
export function refundFacts(world: VectorWorld) {
  const offer = makeOffer(world);
  return {
    nowSeconds: NOW + 620,
    paid: {
      paymentHash: offer.paymentHash,
      amountMinor: 1_250n,
      refundedMinor: 0n,
      kioskId: world.kiosk.kioskId,
      sequence: SEQUENCE,
    },
    offer: { bytes: offer.bytes, state: 'open' },
    sale: { amountMinor: 1_250n, refundedMinor: 0n, isRefused: false },
    refundId: offer.refundId,
    paymentHash: offer.paymentHash,
    amountMinor: 500n,
  };
}

export function makeRefundReceipt(
  world: VectorWorld,
  { refundId, paymentHash, amountMinor }: protocol.RefundOffer,
  changes: Partial<protocol.RefundReceipt> = {},
): Uint8Array {
  const receipt = {
    refundId,
    paymentHash,
    amountMinor,
    refundedMinor: 500n,
    sequence: SEQUENCE + 1,
    journalHash: JOURNAL_HASH,
    at: NOW + 621,
    ...changes,
  };
  return world.run(protocol.signRefundReceipt(receipt, world.kiosk.hash), world.kioskKey);
}

function settledSale(world: VectorWorld, changes: Given = {}): Given {
  return {
    kioskId: world.kiosk.kioskId,
    allowanceCertificateHash: world.allowance.hash,
    sequence: SEQUENCE,
    amountMinor: 1_250n,
    refundedMinor: 0n,
    isPaid: true,
    ...changes,
  };
}

function offerVectors(world: VectorWorld, { bytes }: protocol.RefundOffer) {
  const by = { ...world.kioskKey, externalAad: world.kiosk.hash };
  // Every field one more and still within its bounds.
  const changeable = makeOffer(world, { kind: 'void', amountMinor: 1_250n, ttlSeconds: 240 });
  const again = (index: number, value: CborValue) => ({
    offer: resigned(bytes, fieldsOf(bytes).with(index, value), by),
  });
  const bad = (name: string, code: protocol.RefusalCode, input: Given) =>
    invalid(`offer: ${name}`, 'verifyRefundOffer', code, input);
  return {
    valid: [
      valid('an offer', 'verifyRefundOffer', { offer: bytes }, bytes),
      valid('an offer with a malleated signature: the same hash', 'verifyRefundOffer', {
        offer: malleated(bytes),
      }),
      valid('an offer to void, without an address', 'verifyRefundOffer', {
        offer: makeOffer(world, { kind: 'void', amountMinor: 1_250n, addresses: [] }).bytes,
      }),
    ],
    invalid: [
      ...everyFieldChanged(changeable.bytes, namesOf(17), (name, tampered, index) =>
        bad(name, OFFER_CODES[index] ?? 'refund_offer_signature_invalid', { offer: tampered }),
      ),
      bad('of another key', 'refund_offer_signature_invalid', {
        offer: resigned(bytes, fieldsOf(bytes), { ...world.stranger, externalAad: world.kiosk.hash }),
      }),
      bad('of a third kind', 'field_out_of_range', again(3, 3)),
      bad('of nothing', 'field_out_of_range', again(4, 0)),
      bad('that lives too long', 'field_out_of_range', again(7, 301)),
      bad('with an address of the web', 'field_out_of_range', again(8, ['https://example.com'])),
      bad('an acceptance', 'object_has_wrong_purpose', {
        offer: acceptOffer(world, makeOffer(world)),
      }),
    ],
  };
}

/** What a changed field of an offer is refused with before its signature: another purpose, an address that is none. */
const OFFER_CODES: Readonly<Record<number, protocol.RefusalCode>> = {
  0: 'object_has_wrong_purpose',
  8: 'field_out_of_range',
};

function phoneVectors(world: VectorWorld, offer: protocol.RefundOffer, whole: protocol.RefundOffer) {
  const pack = ({ bytes }: protocol.RefundOffer) => protocol.encodeRefundEnvelope(world.kiosk.bytes, bytes);
  const envelope = pack(offer);
  const withoutReceipt = {
    paymentHash: offer.paymentHash,
    amountMinor: 1_250n,
    refundedMinor: 0n,
    kioskId: world.kiosk.kioskId,
  };
  const paid = (changes: Given = {}) => ({ paid: { ...withoutReceipt, sequence: SEQUENCE, ...changes } });
  const bad = (name: string, code: protocol.RefusalCode, input: Given) =>
    invalid(`phone: ${name}`, 'considerRefundOffer', code, { envelope, ...input });
  return {
    valid: [
      valid('an envelope about a payment of this phone', 'considerRefundOffer', { envelope }, envelope),
      valid('about a payment without a receipt', 'considerRefundOffer', {
        envelope,
        paid: withoutReceipt,
      }),
      valid('the rest of a payment', 'considerRefundOffer', { envelope, ...paid({ refundedMinor: 750n }) }),
      valid('a void', 'considerRefundOffer', { envelope: pack(whole) }),
      valid('late, within the tolerance of two clocks', 'considerRefundOffer', {
        envelope,
        nowSeconds: NOW + 1_200,
      }),
    ],
    invalid: [
      bad('of another purpose', 'object_has_wrong_purpose', {
        envelope: encodeCbor(itemsOf(envelope).with(0, 14)),
      }),
      bad('without its offer', 'message_malformed', {
        envelope: encodeCbor(itemsOf(envelope).with(2, null)),
      }),
      bad('a payment that this phone did not make', 'refund_is_for_another_payment', { paid: null }),
      bad('another payment', 'refund_is_for_another_payment', paid({ paymentHash: JOURNAL_HASH })),
      bad('another entry than the receipt names', 'refund_is_for_another_payment', paid({ sequence: 13 })),
      bad('of another kiosk than the one that was paid', 'refund_is_for_another_kiosk', {
        ...paid({ kioskId: '99999999-9999-9999-9999-999999999999' }),
      }),
      bad('later than any two clocks differ', 'refund_offer_expired', { nowSeconds: NOW + 1_201 }),
      bad('one unit more than is left', 'refund_exceeds_sale', paid({ refundedMinor: 751n })),
      bad('a void of a part', 'void_is_not_whole', {
        envelope: pack(makeOffer(world, { kind: 'void', amountMinor: 1_249n })),
      }),
    ],
  };
}

function kioskVectors(world: VectorWorld, offer: protocol.RefundOffer) {
  const acceptance = acceptOffer(world, offer);
  const sale = (changes: Given) => ({
    sale: { amountMinor: 1_250n, refundedMinor: 0n, isRefused: false, ...changes },
  });
  const bad = (name: string, code: protocol.RefusalCode, input: Given) =>
    invalid(`kiosk: ${name}`, 'acceptRefund', code, { acceptance, ...input });
  return {
    valid: [
      valid('an acceptance', 'acceptRefund', { acceptance }, acceptance),
      valid('an acceptance with a malleated signature: the same hash', 'acceptRefund', {
        acceptance: malleated(acceptance),
      }),
      valid('an acceptance of the rest', 'acceptRefund', { acceptance, ...sale({ refundedMinor: 750n }) }),
    ],
    invalid: [
      ...everyFieldChanged(acceptance, namesOf(18), (name, tampered, index) =>
        bad(name, ACCEPTANCE_CODES[index] ?? 'refund_acceptance_signature_invalid', { acceptance: tampered }),
      ),
      bad('of another key', 'refund_acceptance_signature_invalid', {
        acceptance: acceptOffer(world, offer, world.stranger),
      }),
      bad('under another allowance of the same phone', 'refund_acceptance_signature_invalid', {
        acceptance: acceptOffer(world, offer, world.phone, world.lockedAllowance),
      }),
      bad('of an offer that it never made', 'refund_not_open', { offer: null }),
      bad('of an offer that it took back', 'refund_not_open', {
        offer: { bytes: offer.bytes, state: 'cancelled' },
      }),
      bad('too late', 'refund_offer_expired', { offer: { bytes: offer.bytes, state: 'expired' } }),
      bad('when another refund was faster', 'refund_exceeds_sale', sale({ refundedMinor: 751n })),
      bad('of a sale that the cloud refused', 'refund_of_unpaid_sale', sale({ isRefused: true })),
    ],
  };
}

const ACCEPTANCE_CODES: Readonly<Record<number, protocol.RefusalCode>> = {
  0: 'object_has_wrong_purpose',
  1: 'refund_not_open',
};

function receiptVectors(world: VectorWorld, offer: protocol.RefundOffer) {
  const sign = (changes: Partial<protocol.RefundReceipt> = {}) => makeRefundReceipt(world, offer, changes);
  const refundReceipt = sign();
  const bad = (name: string, code: protocol.RefusalCode, input: Given) =>
    invalid(`receipt: ${name}`, 'verifyRefundReceipt', code, { refundReceipt, ...input });
  return {
    valid: [
      valid('a refund receipt', 'verifyRefundReceipt', { refundReceipt }, refundReceipt),
      valid('a refund receipt with a malleated signature', 'verifyRefundReceipt', {
        refundReceipt: malleated(refundReceipt),
      }),
    ],
    invalid: [
      ...everyFieldChanged(refundReceipt, namesOf(19), (name, tampered, index) =>
        bad(name, index === 0 ? 'object_has_wrong_purpose' : 'refund_receipt_signature_invalid', {
          refundReceipt: tampered,
        }),
      ),
      bad('of another refund', 'refund_receipt_is_for_another_refund', {
        refundId: '99999999-9999-9999-9999-999999999999',
      }),
      bad('of another payment', 'refund_receipt_is_for_another_refund', { paymentHash: JOURNAL_HASH }),
      bad('of another amount', 'refund_receipt_is_for_another_refund', { amountMinor: 501n }),
      bad('less in all than this time', 'refund_receipt_is_for_another_refund', {
        refundReceipt: sign({ refundedMinor: 499n }),
      }),
      bad('an acceptance', 'object_has_wrong_purpose', { refundReceipt: acceptOffer(world, offer) }),
    ],
  };
}

function cloudVectors(world: VectorWorld, offer: protocol.RefundOffer, whole: protocol.RefundOffer) {
  const entry = entryOf(world, 'refund', offer);
  const sale = (changes: Given) => ({ settled: settledSale(world, changes) });
  const bad = (name: string, code: protocol.RefusalCode, input: Given) =>
    invalid(`cloud: ${name}`, 'settleRefund', code, { entry, ...input });
  const late = makeOffer(world, { issuedAt: world.kiosk.notAfter });
  return {
    valid: [
      valid('an entry of a refund', 'settleRefund', { entry }),
      valid('the same entry again', 'settleRefund', { entry, knownOfferHash: offer.hash }),
      valid('an entry of a void', 'settleRefund', { entry: entryOf(world, 'void', whole) }),
    ],
    invalid: [
      bad('an acceptance of another offer', 'refund_acceptance_is_for_another_offer', {
        entry: entryOf(world, 'refund', offer, { acceptance: acceptOffer(world, whole) }),
      }),
      bad('a refund in the entry of a void', 'refund_entry_inconsistent', {
        entry: entryOf(world, 'void', offer),
      }),
      bad('a sum below the amount', 'refund_entry_inconsistent', {
        entry: entryOf(world, 'refund', offer, { refundedMinor: 499n }),
      }),
      bad('accepted by another key', 'refund_acceptance_signature_invalid', {
        entry: entryOf(world, 'refund', offer, { acceptance: acceptOffer(world, offer, world.stranger) }),
      }),
      bad('offered when the certificate had ended', 'certificate_expired', {
        entry: entryOf(world, 'refund', late),
      }),
      bad('an id that another offer has used', 'refund_id_used_twice', { knownOfferHash: whole.hash }),
      bad('a payment that it does not know', 'refund_is_for_another_payment', { settled: null }),
      bad('a sale of another kiosk', 'refund_is_for_another_kiosk', {
        ...sale({ kioskId: '99999999-9999-9999-9999-999999999999' }),
      }),
      bad('accepted by somebody else than the payer', 'refund_acceptance_signature_invalid', {
        ...sale({ allowanceCertificateHash: world.lockedAllowance.hash }),
      }),
      bad('another entry than the sale stands in', 'refund_entry_inconsistent', sale({ sequence: 11 })),
      bad('a sale that was not honoured', 'refund_of_unpaid_sale', sale({ isPaid: false })),
      bad('more than all kiosks together left', 'refund_exceeds_sale', sale({ refundedMinor: 751n })),
    ],
  };
}
