/** Voids and refunds as a kiosk and a phone sign them, for tests: whole, repeated, or bent as a test wants. */
import { randomBytes } from 'node:crypto';
import {
  encodeRefundBody,
  GENESIS_HASH,
  type Payment,
  type RefundKind,
  type RefundOffer,
  signRefundAcceptance,
  signRefundOffer,
  signRefundReceipt,
  toBase64Url,
  verifyRefundOffer,
} from '@tikiwallet/protocol';
import type { ClaimedRefundBody } from '../contract/index.ts';
import { must } from '../src/trust/index.ts';
import type { SimulatedKiosk } from './simulated-kiosk.ts';
import type { OfflineWallet } from './simulated-phone.ts';

export interface OfferChanges {
  readonly kind?: RefundKind;
  readonly refundIdBytes?: Uint8Array;
  readonly sequence?: number;
}

export function offerRefund(
  kiosk: SimulatedKiosk,
  payment: Payment,
  amountMinor: bigint,
  changes: OfferChanges = {},
): RefundOffer {
  const draft = {
    refundIdBytes: new Uint8Array(randomBytes(16)),
    paymentHash: payment.hash,
    kind: 'refund' as const,
    amountMinor,
    sequence: kiosk.placeOf(payment),
    issuedAt: kiosk.nowSeconds,
    ttlSeconds: 300,
    addresses: [],
    ...changes,
  };
  const bytes = must(signRefundOffer(draft, kiosk.certificate.hash), kiosk.key.sign);
  return must(verifyRefundOffer(bytes, kiosk.certificate));
}

export function acceptRefund(wallet: OfflineWallet, offer: RefundOffer): Uint8Array {
  const draft = { offerHash: offer.hash, signedAt: offer.issuedAt };
  return must(signRefundAcceptance(draft, wallet.allowance.hash), wallet.key.sign);
}

/** Journals a refund without asking whether it may: what a rogue kiosk does. */
export function writeRefund(
  kiosk: SimulatedKiosk,
  wallet: OfflineWallet,
  offer: RefundOffer,
  acceptance = acceptRefund(wallet, offer),
): void {
  const body = encodeRefundBody({
    kioskCertificateHash: kiosk.certificate.hash,
    offer: offer.bytes,
    allowanceCertificateHash: wallet.allowance.hash,
    acceptance,
    refundedMinor: offer.amountMinor,
  });
  kiosk.append(offer.kind, body);
}

/** A whole refund: offer, acceptance, the journal entry. */
export function refund(
  kiosk: SimulatedKiosk,
  wallet: OfflineWallet,
  { payment, amountMinor }: { readonly payment: Payment; readonly amountMinor: bigint },
  changes: OfferChanges = {},
): RefundOffer {
  const offer = offerRefund(kiosk, payment, amountMinor, changes);
  writeRefund(kiosk, wallet, offer);
  return offer;
}

/** What the customer holds of the newest refund. */
export function claimOfRefund(
  kiosk: SimulatedKiosk,
  wallet: OfflineWallet,
  offer: RefundOffer,
): ClaimedRefundBody {
  const receipt = {
    refundId: offer.refundId,
    paymentHash: offer.paymentHash,
    amountMinor: offer.amountMinor,
    refundedMinor: offer.amountMinor,
    sequence: Math.max(kiosk.journal.length, offer.sequence + 1),
    journalHash: kiosk.journal.at(-1)?.hash ?? GENESIS_HASH,
    at: kiosk.nowSeconds,
  };
  return {
    kioskCertificate: toBase64Url(kiosk.certificate.bytes),
    offer: toBase64Url(offer.bytes),
    acceptance: toBase64Url(acceptRefund(wallet, offer)),
    receipt: toBase64Url(must(signRefundReceipt(receipt, kiosk.certificate.hash), kiosk.key.sign)),
  };
}
