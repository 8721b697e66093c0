/** Runs a payment from confirmation to verdict: sign once, send until answered, keep what was answered. */
import {
  runAsync,
  verifyKioskCertificate,
  type IssuerCertificate,
  type KioskCertificate,
} from '@tikiwallet/protocol';
import { putMeta } from '../store/database.ts';
import { updatePayment } from '../store/records.ts';
import type { StoredPayment } from '../store/schema.ts';
import { awaitManager, mayBeDecidedAtShop } from './await-manager.ts';
import { WalletError, type ErrorCode } from './codes.ts';
import { deliver, type DeliveryNeeds, type DeliveryOutcome } from './deliver.ts';
import type { LinkNeeds } from './link.ts';
import type { PayNeeds } from './needs.ts';
import { SUPERSEDED, type PaymentEvent } from './payment-machine.ts';
import type { PaymentOffer } from './read-request.ts';
import { must } from './results.ts';
import { payOnce } from './sign-payment.ts';
import { ASK_AGAIN_SECONDS, FALL_AFTER_MS, GRACE_SECONDS, LEAVE_AFTER_MS } from './timing.ts';
import { prepareVisit } from './visit-kiosk.ts';
import { firstWay, pageAddress, wayAfterSilence } from './ways.ts';

export interface RunNeeds extends PayNeeds {
  readonly delivery: DeliveryNeeds;
  readonly issuers: readonly IssuerCertificate[];
  readonly link: LinkNeeds;
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

/** Offers a stored payment to its kiosk, for the first time or again; by its page when the person asks for that. */
export async function sendPayment(
  stored: StoredPayment,
  needs: RunNeeds,
  emit: Emit,
  signal: AbortSignal,
  wish?: 'page',
): Promise<void> {
  const payment = await noteLeaving(stored, needs);
  emit({ event: 'sending', payment, round: 1 });
  const outcome = await tryToDeliver(payment, { ...needs, wish }, emit, signal);
  if (outcome.kind === 'receipt') await putMeta(needs.database, 'pastWay', { way: 'radio', address: null });
  const updated = (await keepOutcome(payment, outcome, needs)) ?? payment;
  if (updated.receipt !== null) {
    emit({ event: 'receipted', payment: updated });
    return;
  }
  switch (outcome.kind) {
    case 'receipt':
      emit({ event: 'receipted', payment: updated });
      break;
    case 'refused':
      emit({ event: 'refused', payment: updated, code: outcome.code });
      if (mayBeDecidedAtShop(outcome.code)) await waitForManager(updated, needs, emit, signal);
      break;
    case 'no_answer':
      // Told late, it would take the screen away from the way that is under way.
      if (signal.reason !== SUPERSEDED) emit({ event: 'no_answer', payment: updated, code: outcome.code });
      break;
  }
}

/** The refusal stays on the screen; only a receipt changes it. */
async function waitForManager(
  payment: StoredPayment,
  needs: RunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { nowMs, pause } = needs.delivery;
  const received = await awaitManager({
    ...{ nowMs, pause, signal },
    untilMs: (payment.requestExpiresAt + GRACE_SECONDS) * 1000,
    ask: () => askOnce(payment, needs, signal),
  });
  if (received === null) return;
  const paid = await keepOutcome(payment, received, needs);
  emit({ event: 'receipted', payment: paid ?? payment });
}

async function askOnce(
  payment: StoredPayment,
  needs: RunNeeds,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const kiosk = await must(
    runAsync(verifyKioskCertificate(payment.kioskCertificate, needs.issuers), needs.crypto),
  );
  const { id: paymentId, amountMinor, delivery, repeatDelivery, addresses } = payment;
  const parcel = { paymentId, amountMinor, delivery, repeatDelivery, addresses, kiosk };
  return deliver(parcel, needs.delivery, {
    untilMs: 0,
    signal,
    onRound: () => undefined,
    onCertificateUnknown: () => undefined,
  });
}

async function tryToDeliver(
  payment: StoredPayment,
  needs: RunNeeds & { readonly wish: 'page' | undefined },
  emit: Emit,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const startedMs = needs.delivery.nowMs();
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
    const answered = new AbortController();
    const visit = async () => {
      await visitKiosk(payment, kiosk, needs, emit, signal);
      // Asleep behind the kiosk's page, this page may have missed that another one of the wallet took the receipt.
      const current = await needs.database.get('payments', payment.id);
      if (current !== undefined && current.receipt !== null) answered.abort();
    };
    if (needs.wish === 'page' || firstWay(await needs.link.facts(payment.addresses)) === 'page')
      await visit();
    return await deliver(parcel, needs.delivery, {
      untilMs,
      signal: AbortSignal.any([signal, answered.signal]),
      onRound: (round) => emit({ event: 'sending', payment, round }),
      // Where it is lost, the next attempt is by reference once more and is answered in the same way.
      onCertificateUnknown: () => void needWhole(payment, needs).catch(console.error),
      onSilence: async (round) => {
        // Later the code is on the screen, perhaps before the shop's camera: then only the person leaves it.
        const isEarly = needs.delivery.nowMs() - startedMs < FALL_AFTER_MS - LEAVE_AFTER_MS;
        if (round > 1 || !isEarly || needs.wish === 'page') return;
        if (wayAfterSilence(await needs.link.facts(payment.addresses)) === 'page') await visit();
      },
    });
  } catch (error) {
    const code: ErrorCode = error instanceof WalletError ? error.code : 'unknown';
    if (!(error instanceof WalletError)) console.error(error);
    return { kind: 'no_answer', code };
  }
}

/**
 * By way of the kiosk's page: when it works, nothing after `leave` runs, and the answer comes in a new page of the wallet.
 * What returns here did not get there, or was left and came back with "back".
 */
async function visitKiosk(
  payment: StoredPayment,
  kiosk: KioskCertificate,
  needs: RunNeeds,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const facts = await needs.link.facts(payment.addresses);
  const address = pageAddress(facts);
  if (address === null || signal.aborted) return;
  emit({ event: 'leaving', payment });
  const { walletOrigin } = facts;
  const url = await prepareVisit({ payment, kiosk, address, walletOrigin }, needs);
  await needs.delivery.pause(LEAVE_AFTER_MS, signal);
  if (signal.aborted) return;
  needs.link.leave(url, payment.id);
  await needs.delivery.pause(FALL_AFTER_MS - LEAVE_AFTER_MS, signal);
  needs.link.stay();
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
