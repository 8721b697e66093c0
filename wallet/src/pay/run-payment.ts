/** Runs a payment from confirmation to verdict: sign once, send until answered, keep what was answered. */
import { runAsync, verifyKioskCertificate, type IssuerCertificate } from '@tikiwallet/protocol';
import { updatePayment } from '../store/records.ts';
import type { StoredPayment } from '../store/schema.ts';
import { WalletError, type ErrorCode } from './codes.ts';
import { deliver, type DeliveryNeeds, type DeliveryOutcome } from './deliver.ts';
import type { PayNeeds } from './needs.ts';
import type { PaymentEvent } from './payment-machine.ts';
import type { PaymentOffer } from './read-request.ts';
import { must } from './results.ts';
import { payOnce } from './sign-payment.ts';
import { ASK_AGAIN_SECONDS, GRACE_SECONDS } from './timing.ts';

export interface RunNeeds extends PayNeeds {
  readonly delivery: DeliveryNeeds;
  readonly issuers: readonly IssuerCertificate[];
}

export type Emit = (event: PaymentEvent) => void;

export async function confirmAndSend(
  offer: PaymentOffer,
  needs: RunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  emit({ event: 'confirmed' });
  let payment: StoredPayment;
  try {
    payment = await payOnce(offer, needs);
  } catch (error) {
    emit({ event: 'signing_failed', code: error instanceof WalletError ? error.code : 'store_unavailable' });
    // A sentence is shown; what is not one of ours is a fault that the console must still hear of.
    if (!(error instanceof WalletError)) console.error(error);
    return;
  }
  await sendPayment(payment, needs, emit, signal);
}

/** Before the first byte leaves, by radio or by light: from now on the kiosk may have it. */
export async function noteLeaving(
  stored: StoredPayment,
  needs: Pick<RunNeeds, 'database'>,
): Promise<StoredPayment> {
  const leaving = await updatePayment(needs.database, stored.id, (one) =>
    one.state === 'signed' ? { state: 'unconfirmed' } : null,
  );
  return leaving ?? stored;
}

/** The kiosk does not know the certificate: neither the radio nor a code names it again. The payment stays the same. */
export async function needWhole(
  payment: StoredPayment,
  needs: Pick<RunNeeds, 'database'>,
): Promise<StoredPayment> {
  return (await updatePayment(needs.database, payment.id, () => ({ repeatDelivery: null }))) ?? payment;
}

/** Offers a stored payment to its kiosk, for the first time or again. */
export async function sendPayment(
  stored: StoredPayment,
  needs: RunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const payment = await noteLeaving(stored, needs);
  emit({ event: 'sending', payment, round: 1 });
  const outcome = await tryToDeliver(payment, needs, emit, signal);
  const updated = (await keepOutcome(payment, outcome, needs)) ?? payment;
  switch (outcome.kind) {
    case 'receipt':
      emit({ event: 'receipted', payment: updated });
      break;
    case 'refused':
      emit({ event: 'refused', payment: updated, code: outcome.code });
      break;
    case 'no_answer':
      emit({ event: 'no_answer', payment: updated, code: outcome.code });
      break;
  }
}

async function tryToDeliver(
  payment: StoredPayment,
  needs: RunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  try {
    const kiosk = await must(
      runAsync(verifyKioskCertificate(payment.kioskCertificate, needs.issuers), needs.crypto),
    );
    const untilMs = Math.max(
      (payment.requestExpiresAt + GRACE_SECONDS) * 1000,
      needs.delivery.nowMs() + ASK_AGAIN_SECONDS * 1000,
    );
    const parcel = {
      paymentId: payment.id,
      amountMinor: payment.amountMinor,
      delivery: payment.delivery,
      repeatDelivery: payment.repeatDelivery,
      addresses: payment.addresses,
      kiosk,
    };
    return await deliver(parcel, needs.delivery, {
      untilMs,
      signal,
      onRound: (round) => emit({ event: 'sending', payment, round }),
      // Where it is lost, the next attempt is by reference once more and is answered in the same way.
      onCertificateUnknown: () => void needWhole(payment, needs).catch(console.error),
    });
  } catch (error) {
    const code: ErrorCode = error instanceof WalletError ? error.code : 'unknown';
    if (!(error instanceof WalletError)) console.error(error);
    return { kind: 'no_answer', code };
  }
}

/** On disk before it is shown. A refusal never takes back a receipt that came by another way. */
export function keepOutcome(
  payment: StoredPayment,
  outcome: DeliveryOutcome,
  needs: Pick<RunNeeds, 'database'>,
): Promise<StoredPayment | undefined> {
  return updatePayment(needs.database, payment.id, (current) => {
    if (outcome.kind === 'no_answer' || current.receipt !== null) return null;
    if (outcome.kind === 'refused')
      return current.state === 'settled' ? null : { state: 'refused', refusalCode: outcome.code };
    const { receipt } = outcome;
    return {
      state: current.state === 'settled' ? 'settled' : 'paid',
      refusalCode: null,
      receipt: outcome.bytes,
      receiptNumber: receipt.sequence,
      receiptTier: receipt.tier,
      acceptedAt: receipt.acceptedAt,
    };
  });
}
