/**
 * What the person sees between "Pay" and "Paid", as one pure machine. Screens draw its state, the runner feeds it
 * events; an event that does not belong to a state changes nothing, so a late answer cannot undo a verdict.
 */
import type { StoredPayment } from '../store/schema.ts';
import type { ErrorCode } from './codes.ts';

export type PaymentView =
  /** The offer is shown; nothing is signed. */
  | { readonly step: 'confirm' }
  | { readonly step: 'signing' }
  /** Not signed, and nothing was taken: the person may start over. */
  | { readonly step: 'failed'; readonly code: ErrorCode }
  | {
      readonly step: 'sending';
      readonly payment: StoredPayment;
      readonly round: number;
      /** `page`: the browser is on its way to the kiosk's page. */
      readonly way: 'radio' | 'page';
    }
  /** Signed, sent or not, and without an answer: the money is held, sending again is safe. */
  | { readonly step: 'unconfirmed'; readonly payment: StoredPayment; readonly code: ErrorCode | null }
  | { readonly step: 'refused'; readonly payment: StoredPayment; readonly code: ErrorCode }
  | { readonly step: 'paid'; readonly payment: StoredPayment };

export type PaymentEvent =
  | { readonly event: 'confirmed' }
  | { readonly event: 'signing_failed'; readonly code: ErrorCode }
  | { readonly event: 'sending'; readonly payment: StoredPayment; readonly round: number }
  | { readonly event: 'leaving'; readonly payment: StoredPayment }
  | { readonly event: 'no_answer'; readonly payment: StoredPayment; readonly code: ErrorCode }
  | { readonly event: 'refused'; readonly payment: StoredPayment; readonly code: ErrorCode }
  | { readonly event: 'receipted'; readonly payment: StoredPayment };

/** Why a sending is aborted when another way takes over: that it brought no answer is then no news. */
export const SUPERSEDED = 'superseded';

/** @param why no receipt came, when that was just seen. */
export function startOf(payment: StoredPayment | null, why: ErrorCode | null = null): PaymentView {
  if (payment === null) return { step: 'confirm' };
  switch (payment.state) {
    case 'paid':
    case 'settled':
      return { step: 'paid', payment };
    case 'refused':
      return {
        step: 'refused',
        payment,
        code: (payment.refusalCode ?? 'kiosk_refused_unknown') as ErrorCode,
      };
    case 'signed':
    case 'unconfirmed':
      return { step: 'unconfirmed', payment, code: why };
  }
}

export function advance(view: PaymentView, event: PaymentEvent): PaymentView {
  // A receipt is the last word; nothing after it counts.
  if (view.step === 'paid') return view;
  switch (event.event) {
    case 'confirmed':
      return view.step === 'confirm' || view.step === 'failed' ? { step: 'signing' } : view;
    case 'signing_failed':
      return view.step === 'signing' ? { step: 'failed', code: event.code } : view;
    case 'sending':
      return { step: 'sending', payment: event.payment, round: event.round, way: 'radio' };
    case 'leaving':
      return { step: 'sending', payment: event.payment, round: 1, way: 'page' };
    case 'no_answer':
      return view.step === 'sending'
        ? { step: 'unconfirmed', payment: event.payment, code: event.code }
        : view;
    case 'refused':
      return { step: 'refused', payment: event.payment, code: event.code };
    case 'receipted':
      return { step: 'paid', payment: event.payment };
  }
}
