/**
 * Refusals of the API as RFC 9457 problem documents.
 *
 * Owns: the status and title of every code of the contract. Never: puts anything secret or internal into `detail`.
 */
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Problem, ProblemCode } from '../../contract/index.ts';
import type { Asked } from './asked.ts';

const PROBLEMS: Readonly<Record<ProblemCode, { status: ContentfulStatusCode; title: string }>> = {
  request_invalid: { status: 400, title: 'The request is not as described.' },
  request_too_large: { status: 413, title: 'The request is too large.' },
  media_type_not_supported: { status: 415, title: 'This address does not take that kind of body.' },
  not_found: { status: 404, title: 'There is nothing at this address.' },
  method_not_allowed: { status: 405, title: 'This address does not answer that method.' },
  not_authenticated: { status: 401, title: 'Sign in first.' },
  session_expired: { status: 401, title: 'The session has ended. Sign in again.' },
  refresh_token_reused: { status: 401, title: 'This session was ended for safety. Sign in again.' },
  not_permitted: { status: 403, title: 'This account may not do that.' },
  rate_limited: { status: 429, title: 'Too many attempts. Wait a moment.' },
  idempotency_key_required: { status: 400, title: 'An Idempotency-Key is required.' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used for something else.' },
  phone_number_invalid: { status: 422, title: 'This is not a phone number.' },
  phone_number_taken: { status: 409, title: 'This phone number has an account already.' },
  username_taken: { status: 409, title: 'This username is taken.' },
  password_too_weak: { status: 422, title: 'Choose a password that is harder to guess.' },
  credentials_incorrect: { status: 401, title: 'Phone number or password is wrong.' },
  account_suspended: { status: 403, title: 'This account is suspended. Ask the operator.' },
  invitation_not_found: { status: 404, title: 'There is no such invitation.' },
  member_not_found: { status: 404, title: 'There is no such person in this team.' },
  already_in_a_team: { status: 409, title: 'This person works for a business already.' },
  session_not_found: { status: 404, title: 'There is no such session.' },
  password_incorrect: { status: 422, title: 'This is not the password.' },
  step_up_required: { status: 403, title: 'Confirm this with a code by SMS first.' },
  account_not_empty: { status: 409, title: 'There is still money or an open matter in this account.' },
  registration_not_found: { status: 404, title: 'Start the registration again.' },
  otp_incorrect: { status: 422, title: 'The code is wrong.' },
  otp_expired: { status: 422, title: 'The code has expired. Ask for a new one.' },
  otp_too_many_attempts: { status: 429, title: 'Too many wrong codes. Start again.' },
  sms_not_sent: { status: 503, title: 'The SMS could not be sent. Try again in a moment.' },
  amount_below_minimum: { status: 422, title: 'The amount is below the minimum.' },
  amount_above_maximum: { status: 422, title: 'The amount is above the maximum.' },
  insufficient_funds: { status: 422, title: 'There is not enough money for this.' },
  recipient_not_found: { status: 404, title: 'Nobody with this number uses TikiWallet.' },
  recipient_is_sender: { status: 422, title: 'This is your own number.' },
  currency_mismatch: { status: 422, title: 'The currencies differ.' },
  top_up_not_found: { status: 404, title: 'There is no such top-up.' },
  top_up_not_open: { status: 409, title: 'This top-up is over already.' },
  bank_account_not_ready: { status: 409, title: 'No bank account can be paid yet. Link one first.' },
  withdrawal_not_found: { status: 404, title: 'There is no such withdrawal.' },
  withdrawal_not_awaiting_code: { status: 409, title: 'This withdrawal awaits no code.' },
  withdrawal_limit_reached: { status: 422, title: 'This would be above the limit for one day.' },
  money_on_hold: { status: 422, title: 'Part of this money came in too lately for that.' },
  fee_changed: { status: 409, title: 'The fee has changed. Look at it again.' },
  payment_provider_unavailable: {
    status: 503,
    title: 'The payment provider does not answer. Try again in a moment.',
  },
  webhook_signature_invalid: { status: 400, title: 'The signature of this event is not valid.' },
  device_key_invalid: { status: 422, title: "The device's key or its proof is not valid." },
  allowance_not_found: { status: 404, title: 'There is no such allowance.' },
  debt_unpaid: {
    status: 422,
    title: 'More was spent offline than there was, and that is not paid back yet.',
  },
  allowance_limit_reached: { status: 422, title: 'This would be above the limit for offline money.' },
  allowance_not_active: { status: 409, title: 'This allowance is not active.' },
  closing_statement_invalid: { status: 422, title: 'The closing statement is not valid.' },
  kiosk_not_found: { status: 404, title: 'There is no such kiosk.' },
  limits_changed: { status: 409, title: 'The limits were changed meanwhile. Look at them again.' },
  webhook_not_found: { status: 404, title: 'There is no such webhook.' },
  webhook_url_not_allowed: { status: 422, title: 'Only public https addresses can be told.' },
  double_spend_not_found: { status: 404, title: 'There is no such case.' },
  claim_invalid: { status: 422, title: 'The objects of this claim do not belong together.' },
  enrolment_code_incorrect: { status: 422, title: 'This enrolment code is wrong.' },
  enrolment_code_expired: { status: 422, title: 'This enrolment code has expired.' },
  kiosk_denied: { status: 403, title: 'This kiosk has been blocked.' },
  kiosk_suspended: { status: 403, title: 'This kiosk is suspended for now.' },
  batch_malformed: { status: 400, title: 'The batch cannot be read.' },
  batch_signature_invalid: { status: 422, title: "The batch's signature is not valid." },
  batch_chain_broken: { status: 422, title: "The batch's chain is broken." },
  batch_gap: { status: 409, title: 'Earlier entries are missing.' },
  sealing_key_unknown: {
    status: 409,
    title: 'This server has no such sealing key. Fetch the trust and send again.',
  },
  stream_stalled: { status: 408, title: 'A batch took too long to arrive. Begin another stream.' },
  stream_limit_reached: { status: 413, title: 'This stream is at its end. Begin another one.' },
  service_unavailable: { status: 503, title: 'The service is busy. Try again in a moment.' },
  internal_error: { status: 500, title: 'Something went wrong on our side.' },
};

/** Every code with its status, for the API's description. */
export const PROBLEM_STATUSES = Object.entries(PROBLEMS).map(([code, { status }]) => ({ code, status }));

export interface ProblemExtras {
  /** For a developer's eyes; never branched on, never secret. */
  readonly detail?: string;
  readonly retryAfterMs?: number;
  /** What recovery needs beside the code (RFC 9457 extension members); never a name that the document has already. */
  readonly members?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** Thrown by rooms, turned into an answer at one place (`app.ts`). */
export class ApiProblem extends Error {
  readonly code: ProblemCode;
  readonly status: ContentfulStatusCode;
  readonly extras: ProblemExtras;
  constructor(code: ProblemCode, extras: ProblemExtras = {}) {
    super(extras.detail ?? PROBLEMS[code].title, extras.cause === undefined ? {} : { cause: extras.cause });
    this.name = 'ApiProblem';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.extras = extras;
  }
}

/** `throw problem('insufficient_funds')`. */
export function problem(code: ProblemCode, extras: ProblemExtras = {}): ApiProblem {
  return new ApiProblem(code, extras);
}

/** The document of a refusal. */
export function problemDocument(c: Pick<Context, 'get'> | Pick<Asked, 'get'>, refusal: ApiProblem): Problem {
  const { detail, retryAfterMs, members } = refusal.extras;
  const requestId: unknown = c.get('requestId');
  return {
    ...members,
    type: `urn:tikiwallet:problem:${refusal.code}`,
    title: PROBLEMS[refusal.code].title,
    status: refusal.status,
    code: refusal.code,
    ...(detail === undefined ? {} : { detail }),
    ...(typeof requestId === 'string' ? { requestId } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** The `application/problem+json` answer of a refusal. */
export function problemResponse(c: Context, refusal: ApiProblem): Response {
  return c.body(JSON.stringify(problemDocument(c, refusal)), refusal.status, problemHeaders(refusal));
}

/** What that answer has of its own. */
export function problemHeaders({ status, extras }: ApiProblem): Record<string, string> {
  const { retryAfterMs, headers } = extras;
  return {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...headers,
  };
}
