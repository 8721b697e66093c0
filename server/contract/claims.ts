/** Claims: customers' receipts stand in for the journal of a kiosk that is lost. */
import { z } from 'zod';
import { Base64Url, CurrencyCode, Hash, IsoTime, MinorUnits, Uuid } from './primitives.ts';

const ProtocolObject = Base64Url.max(2_800);

/** What a customer holds of a refund: offer and acceptance, and the kiosk's receipt for both. */
export const ClaimedRefundBody = z.object({
  /** Under which the offer was signed; it may be newer than the sale's. */
  kioskCertificate: ProtocolObject,
  offer: ProtocolObject,
  acceptance: ProtocolObject,
  receipt: ProtocolObject,
});
export type ClaimedRefundBody = z.infer<typeof ClaimedRefundBody>;

/**
 * `POST /v1/claims`, signed in as the customer who paid: answers {@link ClaimView}. The payment's hash names the write,
 * so a repeat answers the same claim, and what the kiosk handed in itself counts once with it.
 */
export const ClaimBody = z.object({
  receipt: ProtocolObject,
  request: ProtocolObject,
  payment: ProtocolObject,
  kioskCertificate: ProtocolObject,
  allowanceCertificate: ProtocolObject,
  /** What the same kiosk has given back of this payment since; counts once with the kiosk's own batch. */
  refund: ClaimedRefundBody.optional(),
});
export type ClaimBody = z.infer<typeof ClaimBody>;

/**
 * `paid`: the merchant has the money, by this claim or because the kiosk had handed the payment in. `not_covered`:
 * the reserve does not hold it any more; a person looks at it. `refused`: the kiosk had said that it knew of the denial.
 */
export const ClaimState = z.enum(['paid', 'not_covered', 'refused']);
export type ClaimState = z.infer<typeof ClaimState>;

/**
 * `refused` with the protocol's code: the sale cannot bear it, or (`kiosk_denied`) the machine was denied, replaced or
 * quarantined and the sale had not come by a claim alone: then the shop itself has to give the money back.
 */
export const ClaimedRefundView = z.object({
  state: z.enum(['settled', 'waiting', 'refused']),
  code: z.string().nullable(),
});
export type ClaimedRefundView = z.infer<typeof ClaimedRefundView>;

export const ClaimView = z.object({
  paymentHash: Hash,
  state: ClaimState,
  /** False when the kiosk had handed the payment in itself. */
  byClaim: z.boolean(),
  amountMinor: MinorUnits,
  currency: CurrencyCode,
  businessName: z.string(),
  kioskId: Uuid,
  /** The number on the receipt. */
  sequence: z.number().int(),
  acceptedAt: IsoTime,
  claimedAt: IsoTime,
  /** Null when the claim brought no refund. */
  refund: ClaimedRefundView.nullable(),
});
export type ClaimView = z.infer<typeof ClaimView>;

/** `GET /v1/merchant/claims` pages of these: what customers' receipts brought for this merchant. */
export const MerchantClaimView = ClaimView.omit({ businessName: true, byClaim: true, refund: true }).extend({
  kioskName: z.string(),
  maskedPhone: z.string(),
  /** The kiosk's journal holds something else at the receipt's place: it signed two stories. */
  contradictsJournal: z.boolean(),
});
export type MerchantClaimView = z.infer<typeof MerchantClaimView>;
