/** Money out: from a customer's online wallet, or a merchant's balance, to the bank. One set of routes serves both. */
import { z } from 'zod';
import { CurrencyCode, IsoTime, MinorUnits, PositiveMinorUnits, Uuid } from './primitives.ts';

/**
 * `none`: nothing is linked. `incomplete`: the provider still asks for something. `in_review`: the provider checks what it
 * was told. `ready`: money can go there.
 */
export const BankAccountState = z.enum(['none', 'incomplete', 'in_review', 'ready']);
export type BankAccountState = z.infer<typeof BankAccountState>;

/** What a withdrawal may be and costs, now. The fee is `fixed + amount * basisPoints / 10000`, rounded up. */
export const WithdrawalTerms = z.object({
  currency: CurrencyCode,
  minMinor: MinorUnits,
  /** The most that can go now: balance, the day's limit and the hold below are in it. */
  maxMinor: MinorUnits,
  /** In the balance, and held because it came by card or from another person within the last `holdHours`. */
  heldMinor: MinorUnits,
  holdHours: z.number().int(),
  feeFixedMinor: MinorUnits,
  feeBasisPoints: z.number().int(),
});
export type WithdrawalTerms = z.infer<typeof WithdrawalTerms>;

/** `GET /v1/bank-account`. */
export const BankAccountView = z.object({
  state: BankAccountState,
  bankName: z.string().nullable(),
  last4: z.string().nullable(),
  terms: WithdrawalTerms,
});
export type BankAccountView = z.infer<typeof BankAccountView>;

/** `POST /v1/bank-account/link`, no body: where the person tells the provider their bank. Good once and for minutes. */
export const BankAccountLink = z.object({ url: z.string(), expiresAt: IsoTime });
export type BankAccountLink = z.infer<typeof BankAccountLink>;

/** `POST /v1/withdrawals` (Idempotency-Key) answers {@link Withdrawal}. `feeMinor` is what the person agreed to. */
export const WithdrawalBody = z.object({ amountMinor: PositiveMinorUnits, feeMinor: MinorUnits });

/**
 * `awaiting_code`: nothing has left the wallet; the code of the SMS is awaited. `expired`: it never came. `on_its_way`: the
 * money has left the wallet. `paid`: the bank has it. `coming_back`, `returned`: it could not be paid; the whole amount,
 * fee included, comes back and is there again.
 */
export const WithdrawalStatus = z.enum([
  'awaiting_code',
  'expired',
  'on_its_way',
  'paid',
  'coming_back',
  'returned',
]);
export type WithdrawalStatus = z.infer<typeof WithdrawalStatus>;

export const WithdrawalFailure = z.enum([
  'bank_account_closed',
  'bank_account_not_found',
  'bank_refused',
  'account_not_ready',
  'provider_refused',
]);
export type WithdrawalFailure = z.infer<typeof WithdrawalFailure>;

export const Withdrawal = z.object({
  id: Uuid,
  status: WithdrawalStatus,
  amountMinor: MinorUnits,
  feeMinor: MinorUnits,
  /** What the bank gets. */
  netMinor: MinorUnits,
  currency: CurrencyCode,
  bankName: z.string(),
  last4: z.string(),
  /** Why it came back; null otherwise. */
  failure: WithdrawalFailure.nullable(),
  createdAt: IsoTime,
  finishedAt: IsoTime.nullable(),
  /** While a code is awaited: until when, and how soon another can be asked for. */
  code: z.object({ expiresAt: IsoTime, resendAfterMs: z.number().int() }).nullable(),
});
export type Withdrawal = z.infer<typeof Withdrawal>;

/** `POST /v1/withdrawals/{id}/confirm` answers {@link Withdrawal}. `POST /v1/withdrawals/{id}/resend`, no body, likewise. */
export const ConfirmWithdrawalBody = z.object({ code: z.string().regex(/^[0-9]{6}$/) });
