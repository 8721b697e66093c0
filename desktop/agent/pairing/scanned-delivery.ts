/**
 * A delivery without any radio: the text that the kiosk's camera read from the customer's screen, open or sealed to this
 * kiosk. Owns the way from the text to the bytes; the bytes are judged by the one acceptance that judges what comes over
 * HTTP, so that the same payment by both ways counts once (R8).
 */
import { fromQrText, isSealedDelivery, type Result } from '@tikiwallet/protocol';
import type { DeliveryAnswer, RefundAnswer } from '../../ipc/index.ts';
import type { AcceptOutcome } from '../accept-payment.ts';
import type { RefundOutcome } from '../give-back.ts';

export interface ScanParts {
  /** Opens what was sealed to this kiosk. */
  readonly open: (sealed: Uint8Array) => Result<Uint8Array>;
  readonly accept: (delivery: Uint8Array) => Promise<AcceptOutcome>;
}

export async function acceptScanned(text: string, { open, accept }: ScanParts): Promise<DeliveryAnswer> {
  const delivery = deliveryOf(text, open);
  if (!delivery.ok) return { outcome: 'refused', code: delivery.code };
  const outcome = await accept(delivery.value);
  return outcome.kind === 'refused'
    ? { outcome: 'refused', code: outcome.code }
    : { outcome: outcome.kind, paymentHash: outcome.payment.paymentHash };
}

function deliveryOf(text: string, open: ScanParts['open']): Result<Uint8Array> {
  if (!isSealedDelivery(text)) return fromQrText('delivery', text);
  const sealed = fromQrText('sealedDelivery', text);
  return sealed.ok ? open(sealed.value) : sealed;
}

/** Likewise for the payer's acceptance of a refund. */
export async function acceptScannedRefund(
  text: string,
  accept: (acceptance: Uint8Array) => Promise<RefundOutcome>,
): Promise<RefundAnswer> {
  const acceptance = fromQrText('refundAcceptance', text);
  if (!acceptance.ok) return { outcome: 'refused', code: acceptance.code };
  const outcome = await accept(acceptance.value);
  return outcome.kind === 'refused'
    ? { outcome: 'refused', code: outcome.code }
    : { outcome: outcome.kind, refundId: outcome.refund.refundId };
}
