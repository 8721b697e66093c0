/**
 * Carries a countersigned refund to its kiosk and keeps the answer: the same bytes, by radio or by light, as often as it
 * takes. Only the kiosk's receipt for exactly this refund counts as given back.
 */
import {
  fromHex,
  fromQrText,
  isTikiQr,
  runAsync,
  toQrText,
  verifyKioskCertificate,
  verifyRefundReceipt,
  type KioskCertificate,
  type RefundReceipt,
} from '@tikiwallet/protocol';
import { updateRefund } from '../store/records.ts';
import type { StoredRefund } from '../store/schema.ts';
import { acceptOnce } from './accept-refund.ts';
import { WalletError, type ErrorCode } from './codes.ts';
import { carry, type DeliveryOutcome } from './deliver.ts';
import type { OfferedRefund } from './read-refund.ts';
import { must } from './results.ts';
import type { RunNeeds } from './run-payment.ts';
import { ASK_AGAIN_SECONDS, GRACE_SECONDS } from './timing.ts';

export type RefundRunNeeds = Omit<RunNeeds, 'link'>;

export type RefundEvent =
  | { readonly event: 'signing' }
  | { readonly event: 'failed'; readonly code: ErrorCode }
  | { readonly event: 'sending'; readonly refund: StoredRefund; readonly round: number }
  | { readonly event: 'ended'; readonly refund: StoredRefund; readonly code: ErrorCode | null };

type Emit = (event: RefundEvent) => void;

export async function confirmRefund(
  offered: OfferedRefund,
  needs: RefundRunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  emit({ event: 'signing' });
  let refund: StoredRefund;
  try {
    refund = await acceptOnce(offered, needs);
  } catch (error) {
    emit({ event: 'failed', code: error instanceof WalletError ? error.code : 'store_unavailable' });
    if (!(error instanceof WalletError)) console.error(error);
    return;
  }
  await sendRefund(refund, needs, emit, signal);
}

/** Before the first byte leaves: from now on the kiosk may have it. */
async function noteLeaving(stored: StoredRefund, needs: Pick<RunNeeds, 'database'>): Promise<StoredRefund> {
  const leaving = await updateRefund(needs.database, stored.id, (one) =>
    one.state === 'signed' ? { state: 'unconfirmed' } : null,
  );
  return leaving ?? stored;
}

/** Offers the acceptance to its kiosk, for the first time or again. */
export async function sendRefund(
  stored: StoredRefund,
  needs: RefundRunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const refund = await noteLeaving(stored, needs);
  emit({ event: 'sending', refund, round: 1 });
  const outcome = await tryToDeliver(refund, needs, emit, signal);
  const kept = (await keepAnswer(refund, outcome, needs)) ?? refund;
  const code = kept.receipt !== null || outcome.kind === 'receipt' ? null : outcome.code;
  emit({ event: 'ended', refund: kept, code });
}

function kioskOf(
  refund: StoredRefund,
  needs: Pick<RunNeeds, 'issuers' | 'crypto'>,
): Promise<KioskCertificate> {
  return must(runAsync(verifyKioskCertificate(refund.kioskCertificate, needs.issuers), needs.crypto));
}

const expectedOf = (refund: StoredRefund) => ({
  refundId: refund.refundId,
  paymentHash: fromHex(refund.paymentId),
  amountMinor: refund.amountMinor,
});

async function tryToDeliver(
  refund: StoredRefund,
  needs: RefundRunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<DeliveryOutcome<RefundReceipt>> {
  try {
    const kiosk = await kioskOf(refund, needs);
    const nowMs = needs.delivery.nowMs();
    const parcel = {
      kiosk,
      delivery: refund.acceptance,
      repeatDelivery: null,
      addresses: refund.addresses,
      route: '/v1/refunds' as const,
      verify: (answer: Uint8Array) =>
        runAsync(verifyRefundReceipt(answer, kiosk, expectedOf(refund)), needs.crypto),
    };
    return await carry(parcel, needs.delivery, {
      untilMs: Math.max((refund.expiresAt + GRACE_SECONDS) * 1000, nowMs + ASK_AGAIN_SECONDS * 1000),
      signal,
      onRound: (round) => emit({ event: 'sending', refund, round }),
      onCertificateUnknown: () => undefined,
    });
  } catch (error) {
    const code: ErrorCode = error instanceof WalletError ? error.code : 'unknown';
    if (!(error instanceof WalletError)) console.error(error);
    return { kind: 'no_answer', code };
  }
}

/** On disk before it is shown. A refusal never takes back a receipt, or what the cloud has said. */
function keepAnswer(
  refund: StoredRefund,
  outcome: DeliveryOutcome<RefundReceipt>,
  needs: Pick<RunNeeds, 'database'>,
): Promise<StoredRefund | undefined> {
  return updateRefund(needs.database, refund.id, (current) => {
    if (outcome.kind === 'no_answer' || current.receipt !== null) return null;
    const isAtCloud = current.state === 'settled' || current.state === 'waiting';
    if (outcome.kind === 'refused') return isAtCloud ? null : { state: 'refused', refusalCode: outcome.code };
    return {
      state: isAtCloud ? current.state : 'refunded',
      refusalCode: null,
      receipt: outcome.bytes,
      receiptNumber: outcome.receipt.sequence,
      refundedAt: outcome.receipt.at,
    };
  });
}

/** The text of the code that the kiosk's camera reads: the same bytes as over the radio. */
export async function refundCodeOf(stored: StoredRefund, needs: Pick<RunNeeds, 'database'>): Promise<string> {
  const refund = await noteLeaving(stored, needs);
  return toQrText('refundAcceptance', refund.acceptance);
}

/** The receipt from the kiosk's screen. @throws WalletError when it is none, or another refund's */
export async function takeRefundReceipt(
  refund: StoredRefund,
  text: string,
  needs: Pick<RunNeeds, 'database' | 'issuers' | 'crypto'>,
): Promise<StoredRefund> {
  if (!isTikiQr(text)) throw new WalletError('qr_not_recognised');
  const bytes = fromQrText('refundReceipt', text);
  if (!bytes.ok) throw new WalletError('qr_not_a_receipt');
  const kiosk = await kioskOf(refund, needs);
  const receipt = await must(
    runAsync(verifyRefundReceipt(bytes.value, kiosk, expectedOf(refund)), needs.crypto),
  );
  const outcome = { kind: 'receipt', receipt, bytes: bytes.value } as const;
  return (await keepAnswer(refund, outcome, needs)) ?? refund;
}
