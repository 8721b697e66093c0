/**
 * What becomes of each void and refund, given the sales as they stand under their locks: pure, in the journal's order.
 *
 * Owns: that a refund counts once and that the refunds of a payment never exceed what the merchant got for it. Never:
 * looks at balances; whether the merchant can pay now is the ledger's answer.
 */
import { attempt, checkSettledRefund, type RefusalCode, type SettledSale } from '@tikiwallet/protocol';
import type { CheckedRefund, ValidRefund } from './check-refunds.ts';

export interface RefundGround {
  readonly kioskId: string;
  /** By hex of the payment's hash; unknown ones are absent. */
  readonly sales: ReadonlyMap<string, SettledSale>;
  /** Hex of the offers of refunds that hold already. */
  readonly standing: ReadonlySet<string>;
  /** The offer's hash that stands under a refund id of this kiosk. */
  readonly offersById: ReadonlyMap<string, Uint8Array>;
}

export type RefundDecision =
  /** Holds for the first time: is to be recorded and paid. */
  | { readonly kind: 'new'; readonly refund: ValidRefund }
  /** Held before, from whatever batch or claim. */
  | { readonly kind: 'known'; readonly refund: ValidRefund }
  | { readonly kind: 'refused'; readonly refund: CheckedRefund; readonly code: RefusalCode };

export function decideRefunds(checked: readonly CheckedRefund[], ground: RefundGround): RefundDecision[] {
  const refunded = new Map<string, bigint>();
  const standing = new Set(ground.standing);
  const offersById = new Map(ground.offersById);
  return checked.map((refund): RefundDecision => {
    if (refund.verdict === 'refused') return { kind: 'refused', refund, code: refund.code };
    const { offer, offerKey, paymentKey } = refund;
    if (standing.has(offerKey)) return { kind: 'known', refund };
    const sale = ground.sales.get(paymentKey);
    const asItStands =
      sale === undefined || sale.sequence >= refund.sequence
        ? null
        : { ...sale, refundedMinor: sale.refundedMinor + (refunded.get(paymentKey) ?? 0n) };
    const judged = attempt(() =>
      checkSettledRefund(offer, {
        kioskId: ground.kioskId,
        allowanceCertificateHash: refund.allowance.certificate.hash,
        sale: asItStands,
        knownOfferHash: offersById.get(offer.refundId) ?? null,
      }),
    );
    if (!judged.ok) return { kind: 'refused', refund, code: judged.code };
    refunded.set(paymentKey, (refunded.get(paymentKey) ?? 0n) + offer.amountMinor);
    standing.add(offerKey);
    offersById.set(offer.refundId, offer.hash);
    return { kind: 'new', refund };
  });
}
