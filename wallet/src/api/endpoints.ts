/** Each call of the cloud that the wallet makes, by name, with the contract's types. */
import type {
  Allowance,
  BankAccountLink,
  BankAccountView,
  ClaimBody,
  ClaimView,
  ClosingView,
  DeviceSession,
  HistoryItem,
  PasswordResetStarted,
  PhoneChangeStarted,
  PublicConfig,
  RefundView,
  RegisterResult,
  SecondProofStarted,
  Session,
  StepUpAct,
  StepUpStarted,
  TopUp,
  TransferPreview,
  TransferResult,
  TrustView,
  User,
  WalletView,
  Withdrawal,
} from '@tikiwallet/server/contract';
import type { Payee } from '../store/schema.ts';
import type { ApiClient } from './client.ts';

export interface HistoryPage {
  readonly items: readonly HistoryItem[];
  readonly nextCursor: string | null;
}

/** A write that may be repeated under the key of the decision behind it. */
interface Keyed {
  readonly key: string;
}

/** What opens a session says by which key it is proved later. */
interface OpensSession {
  readonly sessionKey: string;
}

interface AllowanceOrder {
  readonly amountMinor: string;
  readonly devicePublicKey: string;
  readonly proof: string;
  readonly payee: Payee | null;
}

export function createEndpoints(client: ApiClient) {
  const post = <T>(path: string, body: unknown, key?: string) =>
    client.call<T>(path, { method: 'POST', body, ...(key === undefined ? {} : { idempotencyKey: key }) });
  const anonymous = <T>(path: string, body: unknown) =>
    client.call<T>(path, { method: 'POST', body, anonymous: true });
  return {
    config: () => client.call<PublicConfig>('/v1/config', { anonymous: true }),
    register: (body: { phone: string; username: string; password: string }) =>
      anonymous<RegisterResult>('/v1/auth/register', { role: 'customer', ...body }),
    resend: (registrationId: string) =>
      anonymous<RegisterResult>('/v1/auth/register/resend', { registrationId }),
    verify: (body: OpensSession & { registrationId: string; code: string }) =>
      anonymous<Session>('/v1/auth/register/verify', body),
    logIn: (body: OpensSession & { phone: string; password: string }) =>
      anonymous<Session>('/v1/auth/login', body),
    /** The password is proved, and a code is on its way to the account's own phone; again: another code. */
    startPinReset: (body: { phone: string; password: string }) =>
      anonymous<SecondProofStarted>('/v1/auth/pin-reset', body),
    finishPinReset: (body: OpensSession & { resetToken: string; code: string }) =>
      anonymous<Session>('/v1/auth/pin-reset/verify', body),
    /** Answered alike whether the number has an account. */
    startPasswordReset: (phone: string) =>
      anonymous<PasswordResetStarted>('/v1/auth/password-reset', { phone }),
    finishPasswordReset: (body: OpensSession & { resetId: string; code: string; password: string }) =>
      anonymous<Session>('/v1/auth/password-reset/verify', body),
    /** Where this person is signed in. */
    sessions: () => client.call<{ readonly items: readonly DeviceSession[] }>('/v1/sessions'),
    endSession: (id: string) =>
      client.call<undefined>(`/v1/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    endSessions: () => client.call<undefined>('/v1/sessions', { method: 'DELETE' }),
    startStepUp: (act: StepUpAct) => post<StepUpStarted>('/v1/step-ups', { act }),
    proveStepUp: (act: StepUpAct, code: string) => post<undefined>('/v1/step-ups/verify', { act, code }),
    startPhoneChange: (body: { phone: string; password?: string }) =>
      post<PhoneChangeStarted>('/v1/phone-change', body),
    finishPhoneChange: (code: string) => post<User>('/v1/phone-change/verify', { code }),
    closing: () => client.call<ClosingView>('/v1/account/closing'),
    closeAccount: (password: string) => post<undefined>('/v1/account/close', { password }),
    wallet: () => client.call<WalletView>('/v1/wallet'),
    /** @param since the bundle that this phone has, for the difference; null for everything. */
    trust: (since: { readonly version: number; readonly issuedAt: number } | null) =>
      client.call<TrustView>(
        since === null ? '/v1/trust' : `/v1/trust?since=${since.version}.${since.issuedAt}`,
      ),
    history: (cursor: string | null = null) =>
      client.call<HistoryPage>(
        `/v1/history?limit=50${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      ),
    startTopUp: (order: Keyed & { amountMinor: string }) =>
      post<TopUp>('/v1/topups', { amountMinor: order.amountMinor }, order.key),
    topUp: (id: string) => client.call<TopUp>(`/v1/topups/${encodeURIComponent(id)}`),
    cancelTopUp: (id: string) =>
      client.call<TopUp>(`/v1/topups/${encodeURIComponent(id)}/cancel`, { method: 'POST' }),
    /** The newest, whatever became of them. */
    topUps: () => client.call<{ readonly items: readonly TopUp[] }>('/v1/topups?limit=50'),
    withdrawals: () => client.call<{ readonly items: readonly Withdrawal[] }>('/v1/withdrawals?limit=50'),
    bankAccount: () => client.call<BankAccountView>('/v1/bank-account'),
    linkBankAccount: () => client.call<BankAccountLink>('/v1/bank-account/link', { method: 'POST' }),
    withdraw: (order: Keyed & { amountMinor: string; feeMinor: string }) =>
      post<Withdrawal>(
        '/v1/withdrawals',
        { amountMinor: order.amountMinor, feeMinor: order.feeMinor },
        order.key,
      ),
    withdrawal: (id: string) => client.call<Withdrawal>(`/v1/withdrawals/${encodeURIComponent(id)}`),
    confirmWithdrawal: (id: string, code: string) =>
      post<Withdrawal>(`/v1/withdrawals/${encodeURIComponent(id)}/confirm`, { code }),
    resendWithdrawalCode: (id: string) =>
      client.call<Withdrawal>(`/v1/withdrawals/${encodeURIComponent(id)}/resend`, { method: 'POST' }),
    previewTransfer: (phone: string) => post<TransferPreview>('/v1/transfers/preview', { phone }),
    transfer: (order: Keyed & { phone: string; amountMinor: string; note: string | null }) =>
      post<TransferResult>(
        '/v1/transfers',
        {
          phone: order.phone,
          amountMinor: order.amountMinor,
          ...(order.note === null ? {} : { note: order.note }),
        },
        order.key,
      ),
    issueAllowance: (order: Keyed & AllowanceOrder) =>
      post<Allowance>(
        '/v1/allowances',
        {
          amountMinor: order.amountMinor,
          devicePublicKey: order.devicePublicKey,
          proof: order.proof,
          ...(order.payee === null ? {} : { payeeLock: order.payee.lock }),
        },
        order.key,
      ),
    closeAllowance: (id: string, statement: string) =>
      post<Allowance>(`/v1/allowances/${encodeURIComponent(id)}/close`, { statement }),
    /** The phone that held it is lost. A repeat answers how it stands. */
    denyAllowance: (id: string) =>
      client.call<Allowance>(`/v1/allowances/${encodeURIComponent(id)}/deny`, { method: 'POST' }),
    /** What shops gave back, the newest page. */
    refunds: () => client.call<{ readonly items: readonly RefundView[] }>('/v1/refunds?limit=100'),
    /** A repeat answers the same claim. */
    claim: (body: ClaimBody) => post<ClaimView>('/v1/claims', body),
  };
}
export type Endpoints = ReturnType<typeof createEndpoints>;
