/** Claims: customers' receipts stand in for the journal of a kiosk that is lost. */
import { z } from 'zod';
import { Base64Url, CurrencyCode, Hash, IsoTime, MinorUnits, Uuid } from './primitives.ts';

const ProtocolObject = Base64Url.max(2_800);

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
});
export type ClaimBody = z.infer<typeof ClaimBody>;

/**
 * `paid`: the merchant has the money, by this claim or because the kiosk had handed the payment in. `not_covered`:
 * the reserve does not hold it any more; a person looks at it. `refused`: the kiosk had said that it knew of the denial.
 */
export const ClaimState = z.enum(['paid', 'not_covered', 'refused']);
export type ClaimState = z.infer<typeof ClaimState>;

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
});
export type ClaimView = z.infer<typeof ClaimView>;

/** `GET /v1/merchant/claims` pages of these: what customers' receipts brought for this merchant. */
export const MerchantClaimView = ClaimView.omit({ businessName: true, byClaim: true }).extend({
  kioskName: z.string(),
  maskedPhone: z.string(),
  /** The kiosk's journal holds something else at the receipt's place: it signed two stories. */
  contradictsJournal: z.boolean(),
});
export type MerchantClaimView = z.infer<typeof MerchantClaimView>;
