/**
 * What the accounts need from whoever sends SMS codes. The provider makes, keeps and compares the codes; we never
 * see one before the person types it.
 */

export type VerificationStart =
  | { readonly status: 'sent'; readonly verificationId: string }
  /** The provider refuses this number: no mobile, unknown, blocked. */
  | { readonly status: 'number_refused' }
  | { readonly status: 'too_many_sends' }
  | { readonly status: 'unavailable'; readonly cause: unknown };

export type VerificationCheck =
  | { readonly status: 'approved' }
  | { readonly status: 'incorrect' }
  /** Used, timed out, or never there: the provider does not tell them apart. */
  | { readonly status: 'expired' }
  | { readonly status: 'too_many_attempts' }
  | { readonly status: 'unavailable'; readonly cause: unknown };

export interface NotifyPort {
  /** Sends a 6-digit code by SMS to an E.164 number. Never throws for what the provider answers. */
  startVerification(phone: string): Promise<VerificationStart>;
  /** Compares what the person typed with the code of that one verification. */
  checkVerification(verificationId: string, code: string): Promise<VerificationCheck>;
}
