// Voids and refunds (page 14), as the phone, the kiosk and the cloud check them.

import { readCbor } from './cbor.ts';
import { demandSignature, openSigned } from './cose.ts';
import { fromHex, type Hex } from './fields.ts';
import * as layouts from './layouts.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { demand, refuse } from './refusal.ts';

export type RefundOffer = ReturnType<typeof verifyRefundOffer>;

/** An offer that nobody has vouched for yet: form and fields only. */
export function readRefundOffer(message: Hex) {
  return openSigned(message, { payload: layouts.refundOffer, header: 'plain' }).fields;
}

export function verifyRefundOffer(message: Hex, kiosk: objects.Kiosk) {
  const signed = openSigned(message, { payload: layouts.refundOffer, header: 'plain', under: kiosk.hash });
  demandSignature(signed, kiosk.signingPublicKey, 'refund_offer_signature_invalid');
  return { ...signed.fields, hash: signed.hash };
}

/** Amounts of a sale and of all that was given back of it so far. */
export type Given = { readonly amountMinor: bigint; readonly refundedMinor: bigint };

/** What the phone knows of the payment that an offer names; `sequence` is its receipt's. */
export type PaidHere = Given & {
  readonly paymentHash: Hex;
  readonly kioskId: string;
  readonly sequence: number | null;
};

export function considerRefundOffer(
  message: Hex,
  issuers: readonly objects.Issuer[],
  { paid, nowSeconds }: { readonly paid: PaidHere | null; readonly nowSeconds: number },
): RefundOffer {
  const envelope = layouts.refundEnvelope(readCbor(fromHex(message), limits.MAX_ENVELOPE_BYTES));
  const kiosk = objects.verifyKioskCertificate(envelope.kioskCertificate, issuers);
  const offer = verifyRefundOffer(envelope.offer, kiosk);
  if (paid?.paymentHash !== offer.paymentHash) refuse('refund_is_for_another_payment');
  demand(paid.kioskId === kiosk.kioskId, 'refund_is_for_another_kiosk');
  const sequence = paid.sequence ?? offer.sequence;
  demand(sequence === offer.sequence, 'refund_is_for_another_payment');
  const latest = offer.issuedAt + offer.ttlSeconds + limits.CLOCK_TOLERANCE_SECONDS;
  demand(nowSeconds <= latest, 'refund_offer_expired');
  checkAmount(offer, paid);
  return offer;
}

export function checkAmount(
  offer: { readonly amountMinor: bigint; readonly kind: string },
  sale: Given,
): void {
  demand(offer.amountMinor <= sale.amountMinor - sale.refundedMinor, 'refund_exceeds_sale');
  demand(offer.kind !== 'void' || offer.amountMinor === sale.amountMinor, 'void_is_not_whole');
}

function openAcceptance(message: Hex, under: Hex) {
  return openSigned(message, { payload: layouts.refundAcceptance, header: 'plain', under });
}

export type MadeOffer = RefundOffer & { readonly state: 'open' | 'expired' | 'cancelled' };
export type SoldHere = Given & { readonly isRefused: boolean };

/** `offer` is the one that the kiosk made, if it made one; `sale` and `allowance` are of the payment that it names. */
export function acceptRefund(
  message: Hex,
  allowance: objects.Allowance,
  { offer, sale }: { readonly offer: MadeOffer | null; readonly sale: SoldHere },
) {
  const signed = openAcceptance(message, allowance.hash);
  if (offer?.hash !== signed.fields.offerHash) refuse('refund_not_open');
  demand(offer.state !== 'expired', 'refund_offer_expired');
  demand(offer.state === 'open', 'refund_not_open');
  demand(!sale.isRefused, 'refund_of_unpaid_sale');
  checkAmount(offer, sale);
  demandSignature(signed, allowance.devicePublicKey, 'refund_acceptance_signature_invalid');
  const acceptance = { ...signed.fields, hash: signed.hash };
  return { acceptance, refundedMinor: sale.refundedMinor + offer.amountMinor };
}

type Expected = { readonly refundId: string; readonly paymentHash: Hex; readonly amountMinor: bigint };

export function verifyRefundReceipt(message: Hex, kiosk: objects.Kiosk, expected: Expected | null) {
  const signed = openSigned(message, { payload: layouts.refundReceipt, header: 'plain', under: kiosk.hash });
  demandSignature(signed, kiosk.signingPublicKey, 'refund_receipt_signature_invalid');
  const receipt = signed.fields;
  if (expected !== null) {
    const isOfIt =
      receipt.refundId === expected.refundId &&
      receipt.paymentHash === expected.paymentHash &&
      receipt.amountMinor === expected.amountMinor;
    demand(isOfIt, 'refund_receipt_is_for_another_refund');
  }
  demand(receipt.refundedMinor >= receipt.amountMinor, 'refund_receipt_is_for_another_refund');
  return receipt;
}

type RefundEntry = ReturnType<typeof objects.readRefundEntry>;

/** What the two signatures say by themselves; without the allowance certificate the acceptance stays unread. */
export function checkRefundEntry(entry: RefundEntry, kiosk: objects.Kiosk, allowance?: objects.Allowance) {
  const { body } = entry;
  const offer = verifyRefundOffer(body.offer, kiosk);
  const acceptance = allowance && openAcceptance(body.acceptance, allowance.hash);
  const offerHash = acceptance?.fields.offerHash ?? offer.hash;
  demand(offerHash === offer.hash, 'refund_acceptance_is_for_another_offer');
  demand(entry.kind === offer.kind, 'refund_entry_inconsistent');
  demand(body.refundedMinor >= offer.amountMinor, 'refund_entry_inconsistent');
  if (allowance && acceptance) {
    demandSignature(acceptance, allowance.devicePublicKey, 'refund_acceptance_signature_invalid');
  }
  demand(offer.issuedAt < kiosk.notAfter, 'certificate_expired');
  return { offer, acceptanceHash: acceptance?.hash ?? null };
}

/** What the cloud knows of the payment that an offer names. */
export type SettledSale = Given & {
  readonly kioskId: string;
  readonly allowanceCertificateHash: Hex;
  readonly sequence: number;
  readonly isPaid: boolean;
};

type Ledger = { readonly knownOfferHash: Hex | null; readonly settled: SettledSale | null };

export function settleRefund(
  message: Hex,
  kiosk: objects.Kiosk,
  allowance: objects.Allowance,
  { knownOfferHash, settled }: Ledger,
) {
  const entry = objects.readRefundEntry(message);
  const { offer, acceptanceHash } = checkRefundEntry(entry, kiosk, allowance);
  demand((knownOfferHash ?? offer.hash) === offer.hash, 'refund_id_used_twice');
  if (settled === null) refuse('refund_is_for_another_payment');
  demand(settled.kioskId === kiosk.kioskId, 'refund_is_for_another_kiosk');
  const isOfPayer = settled.allowanceCertificateHash === allowance.hash;
  demand(isOfPayer, 'refund_acceptance_signature_invalid');
  demand(settled.sequence === offer.sequence, 'refund_entry_inconsistent');
  demand(settled.isPaid, 'refund_of_unpaid_sale');
  checkAmount(offer, settled);
  return { offerHash: offer.hash, acceptanceHash, amountMinor: offer.amountMinor };
}
