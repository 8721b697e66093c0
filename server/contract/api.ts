/**
 * The API's operations with the shapes of what goes in and what comes out, for clients to derive their calls from.
 *
 * `clients.test.ts` holds every line against the OpenAPI document that the server makes from its routes: a body, an
 * answer or a key that differs fails there, so a client that compiles against this table speaks what the server speaks.
 */
import type { z } from 'zod';
import {
  CloseAccountBody,
  ClosingView,
  DeviceSessions,
  FirstProofBody,
  LoginBody,
  PasswordResetBody,
  PasswordResetStarted,
  PasswordResetVerifyBody,
  PhoneChangeBody,
  PhoneChangeStarted,
  PhoneChangeVerifyBody,
  PublicConfig,
  RefreshBody,
  RegisterBody,
  RegisterResult,
  ResendBody,
  SecondProofBody,
  SecondProofStarted,
  Session,
  StepUpBody,
  StepUpStarted,
  StepUpVerifyBody,
  User,
  VerifyBody,
} from './accounts.ts';
import { ClaimBody, ClaimView, MerchantClaimView } from './claims.ts';
import { DoubleSpendView } from './double-spends.ts';
import { EnrolBody, EnrolResult, KioskTrust } from './kiosk.ts';
import {
  CreateKioskBody,
  KioskList,
  KioskView,
  MerchantLimitsView,
  MerchantSummary,
  SalesQuery,
  SaleView,
  SetMerchantLimitsBody,
} from './merchant.ts';
import { pageOf, PageQuery } from './primitives.ts';
import { MerchantRefundView, RefundView } from './refunds.ts';
import {
  Allowance,
  AllowanceBody,
  CloseAllowanceBody,
  HistoryItem,
  TopUp,
  TopUpBody,
  TransferBody,
  TransferPreview,
  TransferPreviewBody,
  TransferResult,
  TrustQuery,
  TrustView,
  WalletView,
} from './wallet.ts';
import {
  BankAccountLink,
  BankAccountView,
  ConfirmWithdrawalBody,
  Withdrawal,
  WithdrawalBody,
} from './withdrawals.ts';

export const API = {
  'GET /v1/config': { answer: PublicConfig },
  'POST /v1/auth/register': { body: RegisterBody, answer: RegisterResult },
  'POST /v1/auth/register/verify': { body: VerifyBody, answer: Session },
  'POST /v1/auth/register/resend': { body: ResendBody, answer: RegisterResult },
  'POST /v1/auth/login': { body: LoginBody, answer: Session },
  'POST /v1/auth/pin-reset': { body: FirstProofBody, answer: SecondProofStarted },
  'POST /v1/auth/pin-reset/verify': { body: SecondProofBody, answer: Session },
  'POST /v1/auth/password-reset': { body: PasswordResetBody, answer: PasswordResetStarted },
  'POST /v1/auth/password-reset/verify': { body: PasswordResetVerifyBody, answer: Session },
  'POST /v1/auth/refresh': { body: RefreshBody, answer: Session },
  'POST /v1/auth/logout': { body: RefreshBody, answer: null },
  'GET /v1/me': { answer: User },
  'GET /v1/sessions': { answer: DeviceSessions },
  'DELETE /v1/sessions': { answer: null },
  'DELETE /v1/sessions/{id}': { answer: null },
  'POST /v1/step-ups': { body: StepUpBody, answer: StepUpStarted },
  'POST /v1/step-ups/verify': { body: StepUpVerifyBody, answer: null },
  'POST /v1/phone-change': { body: PhoneChangeBody, answer: PhoneChangeStarted },
  'POST /v1/phone-change/verify': { body: PhoneChangeVerifyBody, answer: User },
  'GET /v1/account/closing': { answer: ClosingView },
  'POST /v1/account/close': { body: CloseAccountBody, answer: null },
  'GET /v1/wallet': { answer: WalletView },
  'GET /v1/history': { query: PageQuery, answer: pageOf(HistoryItem) },
  'GET /v1/trust': { query: TrustQuery, answer: TrustView },
  'POST /v1/topups': { key: true, body: TopUpBody, answer: TopUp },
  'GET /v1/topups': { query: PageQuery, answer: pageOf(TopUp) },
  'GET /v1/topups/{id}': { answer: TopUp },
  'POST /v1/topups/{id}/cancel': { answer: TopUp },
  'GET /v1/bank-account': { answer: BankAccountView },
  'POST /v1/bank-account/link': { answer: BankAccountLink },
  'POST /v1/withdrawals': { key: true, body: WithdrawalBody, answer: Withdrawal },
  'GET /v1/withdrawals': { query: PageQuery, answer: pageOf(Withdrawal) },
  'GET /v1/withdrawals/{id}': { answer: Withdrawal },
  'POST /v1/withdrawals/{id}/confirm': { body: ConfirmWithdrawalBody, answer: Withdrawal },
  'POST /v1/withdrawals/{id}/resend': { answer: Withdrawal },
  'POST /v1/transfers/preview': { body: TransferPreviewBody, answer: TransferPreview },
  'POST /v1/transfers': { key: true, body: TransferBody, answer: TransferResult },
  'POST /v1/allowances': { key: true, body: AllowanceBody, answer: Allowance },
  'POST /v1/allowances/{id}/close': { body: CloseAllowanceBody, answer: Allowance },
  'POST /v1/allowances/{id}/deny': { answer: Allowance },
  'POST /v1/claims': { body: ClaimBody, answer: ClaimView },
  'GET /v1/refunds': { query: PageQuery, answer: pageOf(RefundView) },
  'GET /v1/merchant/summary': { answer: MerchantSummary },
  'GET /v1/merchant/sales': { query: SalesQuery, answer: pageOf(SaleView) },
  'GET /v1/merchant/refunds': { query: PageQuery, answer: pageOf(MerchantRefundView) },
  'GET /v1/merchant/claims': { query: PageQuery, answer: pageOf(MerchantClaimView) },
  'GET /v1/merchant/double-spends': { query: PageQuery, answer: pageOf(DoubleSpendView) },
  'GET /v1/merchant/kiosks': { answer: KioskList },
  'POST /v1/merchant/kiosks': { key: true, body: CreateKioskBody, answer: KioskView },
  'POST /v1/merchant/kiosks/{id}/code': { answer: KioskView },
  'POST /v1/merchant/kiosks/{id}/deny': { answer: KioskView },
  'GET /v1/merchant/limits': { answer: MerchantLimitsView },
  'PUT /v1/merchant/limits': { body: SetMerchantLimitsBody, answer: MerchantLimitsView },
  'POST /v1/kiosks/enrol': { body: EnrolBody, answer: EnrolResult },
  'GET /v1/kiosk/trust-bundle': { query: TrustQuery, answer: KioskTrust },
} as const satisfies Readonly<Record<`${ApiMethod} /${string}`, ApiShape>>;

export type ApiMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';
interface ApiShape {
  /** An Idempotency-Key is required; elsewhere one may be sent. */
  readonly key?: true;
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  /** Null: nothing is answered (204). */
  readonly answer: z.ZodType | null;
}
type Api = typeof API;
export type Operation = keyof Api;

type ParamsOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamsOf<Rest>
  : never;

/** All that an operation must be given, and nothing that it does not take. */
export type Given<O extends Operation> = ([ParamsOf<O>] extends [never]
  ? { readonly params?: never }
  : { readonly params: Readonly<Record<ParamsOf<O>, string>> }) &
  (Api[O] extends { readonly body: infer B extends z.ZodType }
    ? { readonly body: z.input<B> }
    : { readonly body?: never }) &
  (Api[O] extends { readonly query: infer Q extends z.ZodType }
    ? { readonly query?: z.input<Q> }
    : { readonly query?: never }) &
  (Api[O] extends { readonly key: true } ? { readonly key: string } : { readonly key?: string });

/** The same for code that sends any of them: parameters are filled into the path, a query is appended to it. */
export interface AnyGiven {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly key?: string;
}

/** What an operation answers. */
export type AnswerOf<O extends Operation> = Api[O]['answer'] extends infer A
  ? A extends z.ZodType
    ? z.output<A>
    : undefined
  : never;
