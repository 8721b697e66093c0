/** What the sales of one journal can still give back, followed entry by entry. Sums only; signatures are journal-check.ts's. */
import { equalBytes, toHex } from './bytes.ts';
import { refuse } from './errors.ts';
import type { RefundBody } from './journal.ts';
import type { Payment } from './payment.ts';
import { checkRefundAmount } from './refund.ts';
import type { RefundKind, RefundOffer } from './refund-offer.ts';

interface Sale {
  readonly sequence: number;
  readonly allowanceCertificateHash: Uint8Array;
  readonly amountMinor: bigint;
  refundedMinor: bigint;
}

/** What an offer says, whoever signed it. */
export type OfferWords = Pick<RefundOffer, 'refundId' | 'paymentHash' | 'amountMinor' | 'sequence'>;

export class RefundedSales {
  readonly #sales = new Map<string, Sale>();
  readonly #refundIds = new Set<string>();

  /** @returns whether it is the first sale of this payment. */
  sold(sequence: number, payment: Payment, allowanceCertificateHash: Uint8Array): boolean {
    const name = toHex(payment.hash);
    if (this.#sales.has(name)) return false;
    const sale = { sequence, allowanceCertificateHash, amountMinor: payment.amountMinor, refundedMinor: 0n };
    this.#sales.set(name, sale);
    return true;
  }

  /** Does the entry fit an earlier sale and what was given back of it? Counts it. @throws Refusal */
  refunded(kind: RefundKind, body: RefundBody, offer: OfferWords): void {
    if (this.#refundIds.has(offer.refundId)) refuse('refund_id_used_twice');
    const sale = this.#sales.get(toHex(offer.paymentHash));
    if (sale === undefined) refuse('refund_is_for_another_payment');
    if (!equalBytes(sale.allowanceCertificateHash, body.allowanceCertificateHash))
      refuse('refund_acceptance_signature_invalid');
    checkRefundAmount({ kind, amountMinor: offer.amountMinor }, sale);
    const refundedMinor = sale.refundedMinor + offer.amountMinor;
    if (sale.sequence !== offer.sequence || body.refundedMinor !== refundedMinor)
      refuse('refund_entry_inconsistent');
    this.#refundIds.add(offer.refundId);
    sale.refundedMinor = refundedMinor;
  }
}
