/** Each call of the cloud that the wallet makes, by name; bodies, keys and answers are the contract's, operation by operation. */
import type { AnswerOf, AnyGiven, ClaimBody, Given, Operation, StepUpAct } from '@tikiwallet/server/contract';
import type { Payee } from '../store/schema.ts';
import type { ApiClient } from './client.ts';

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

interface TransferOrder {
  readonly phone: string;
  readonly amountMinor: string;
  readonly note: string | null;
}

/** Method and address of an operation: `GET /v1/topups/{id}` with its parameters and query filled in. */
function addressOf(operation: Operation, given: AnyGiven) {
  const [method = '', template = ''] = operation.split(' ');
  const params: Readonly<Record<string, string>> = given.params ?? {};
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const query = new URLSearchParams();
  const values = (given.query ?? {}) as Readonly<Record<string, string | number | undefined>>;
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return { method, path: query.size === 0 ? path : `${path}?${query}` };
}

export function createEndpoints(client: ApiClient) {
  const send = <O extends Operation>(operation: O, given: Given<O>, anonymous: boolean) => {
    const { method, path } = addressOf(operation, given);
    return client.call<AnswerOf<O>>(path, {
      method,
      anonymous,
      ...(given.body === undefined ? {} : { body: given.body }),
      ...(given.key === undefined ? {} : { idempotencyKey: given.key }),
    });
  };
  const ask = <O extends Operation>(operation: O, given: Given<O>) => send(operation, given, false);
  const anonymous = <O extends Operation>(operation: O, given: Given<O>) => send(operation, given, true);
  return {
    config: () => anonymous('GET /v1/config', {}),
    register: (body: { phone: string; username: string; password: string }) =>
      anonymous('POST /v1/auth/register', { body: { role: 'customer', ...body } }),
    resend: (registrationId: string) =>
      anonymous('POST /v1/auth/register/resend', { body: { registrationId } }),
    verify: (body: OpensSession & { registrationId: string; code: string }) =>
      anonymous('POST /v1/auth/register/verify', { body }),
    logIn: (body: OpensSession & { phone: string; password: string }) =>
      anonymous('POST /v1/auth/login', { body }),
    /** The password is proved, and a code is on its way to the account's own phone; again: another code. */
    startPinReset: (body: { phone: string; password: string }) =>
      anonymous('POST /v1/auth/pin-reset', { body }),
    finishPinReset: (body: OpensSession & { resetToken: string; code: string }) =>
      anonymous('POST /v1/auth/pin-reset/verify', { body }),
    /** Answered alike whether the number has an account. */
    startPasswordReset: (phone: string) => anonymous('POST /v1/auth/password-reset', { body: { phone } }),
    finishPasswordReset: (body: OpensSession & { resetId: string; code: string; password: string }) =>
      anonymous('POST /v1/auth/password-reset/verify', { body }),
    /** Where this person is signed in. */
    sessions: () => ask('GET /v1/sessions', {}),
    endSession: (id: string) => ask('DELETE /v1/sessions/{id}', { params: { id } }),
    endSessions: () => ask('DELETE /v1/sessions', {}),
    startStepUp: (act: StepUpAct) => ask('POST /v1/step-ups', { body: { act } }),
    proveStepUp: (act: StepUpAct, code: string) => ask('POST /v1/step-ups/verify', { body: { act, code } }),
    startPhoneChange: (body: { phone: string; password?: string }) => ask('POST /v1/phone-change', { body }),
    finishPhoneChange: (code: string) => ask('POST /v1/phone-change/verify', { body: { code } }),
    closing: () => ask('GET /v1/account/closing', {}),
    closeAccount: (password: string) => ask('POST /v1/account/close', { body: { password } }),
    wallet: () => ask('GET /v1/wallet', {}),
    /** @param since the bundle that this phone has, for the difference; null for everything. */
    trust: (since: { readonly version: number; readonly issuedAt: number } | null) =>
      ask('GET /v1/trust', since === null ? {} : { query: { since: `${since.version}.${since.issuedAt}` } }),
    history: (cursor: string | null = null) =>
      ask('GET /v1/history', { query: { limit: 50, ...(cursor === null ? {} : { cursor }) } }),
    startTopUp: ({ key, amountMinor }: Keyed & { amountMinor: string }) =>
      ask('POST /v1/topups', { key, body: { amountMinor } }),
    topUp: (id: string) => ask('GET /v1/topups/{id}', { params: { id } }),
    cancelTopUp: (id: string) => ask('POST /v1/topups/{id}/cancel', { params: { id } }),
    /** The newest, whatever became of them. */
    topUps: () => ask('GET /v1/topups', { query: { limit: 50 } }),
    withdrawals: () => ask('GET /v1/withdrawals', { query: { limit: 50 } }),
    bankAccount: () => ask('GET /v1/bank-account', {}),
    linkBankAccount: () => ask('POST /v1/bank-account/link', {}),
    withdraw: ({ key, amountMinor, feeMinor }: Keyed & { amountMinor: string; feeMinor: string }) =>
      ask('POST /v1/withdrawals', { key, body: { amountMinor, feeMinor } }),
    withdrawal: (id: string) => ask('GET /v1/withdrawals/{id}', { params: { id } }),
    confirmWithdrawal: (id: string, code: string) =>
      ask('POST /v1/withdrawals/{id}/confirm', { params: { id }, body: { code } }),
    resendWithdrawalCode: (id: string) => ask('POST /v1/withdrawals/{id}/resend', { params: { id } }),
    previewTransfer: (phone: string) => ask('POST /v1/transfers/preview', { body: { phone } }),
    transfer: ({ key, phone, amountMinor, note }: Keyed & TransferOrder) =>
      ask('POST /v1/transfers', { key, body: { phone, amountMinor, ...(note === null ? {} : { note }) } }),
    issueAllowance: ({ key, payee, amountMinor, devicePublicKey, proof }: Keyed & AllowanceOrder) =>
      ask('POST /v1/allowances', {
        key,
        body: { amountMinor, devicePublicKey, proof, ...(payee === null ? {} : { payeeLock: payee.lock }) },
      }),
    closeAllowance: (id: string, statement: string) =>
      ask('POST /v1/allowances/{id}/close', { params: { id }, body: { statement } }),
    /** The phone that held it is lost. A repeat answers how it stands. */
    denyAllowance: (id: string) => ask('POST /v1/allowances/{id}/deny', { params: { id } }),
    /** What shops gave back, the newest page. */
    refunds: () => ask('GET /v1/refunds', { query: { limit: 100 } }),
    /** A repeat answers the same claim. */
    claim: (body: ClaimBody) => ask('POST /v1/claims', { body }),
  };
}
export type Endpoints = ReturnType<typeof createEndpoints>;
