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

/**
 * Who asked for the code. The provider runs one verification per number and audience: a stranger who asks for codes to somebody's
 * number shares code, tries and sends with other strangers, never with the person whose number it is.
 */
export type CodeAudience = 'stranger' | 'owner';

export interface NotifyPort {
  /** Sends a 6-digit code by SMS to an E.164 number. Never throws for what the provider answers. */
  startVerification(phone: string, audience: CodeAudience): Promise<VerificationStart>;
  /** Compares what the person typed with the code of that one verification. */
  checkVerification(verificationId: string, code: string, audience: CodeAudience): Promise<VerificationCheck>;
  /** Its code is worth nothing any more, and the next one is another. @returns false while the provider is away. */
  cancelVerification(verificationId: string, audience: CodeAudience): Promise<boolean>;
}
