/**
 * Which acts a session alone is not enough for, and what each asks beside it. The one place where that stands: routes ask here, and a
 * test tries each act without its proof.
 */
import type { StepUpAct, StepUpStarted } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { problem } from '../http/problem.ts';
import type { SignedIn } from './authenticate.ts';
import { OTP_LIFE_MS, proveOwnerCode, RESEND_AFTER_MS, sendOwnerCode, useOwnerProof } from './sms-codes.ts';
import { findUserById } from './users.ts';

/**
 * `code_of_its_own`: the act itself waits for a code that is bound to it. `step_up`: the session proves the act by a code first
 * (`POST /v1/step-ups`) and uses the proof up. `password`: asked for again, or in the place of a code to a number that is lost.
 */
export const RISKY_ACTS = {
  withdrawal: { route: 'POST /v1/withdrawals', proofs: ['code_of_its_own'] },
  pin_reset: { route: 'POST /v1/auth/pin-reset', proofs: ['password', 'code_of_its_own'] },
  bank_account: { route: 'POST /v1/bank-account/link', proofs: ['step_up'] },
  phone_change: { route: 'POST /v1/phone-change', proofs: ['step_up or password', 'code_of_its_own'] },
  account_closing: { route: 'POST /v1/account/close', proofs: ['step_up', 'password'] },
} as const;

type Needs = Pick<ServerContext, 'db' | 'clock' | 'limits' | 'notify'>;

const codeFor = ({ userId, sessionId }: SignedIn, act: StepUpAct) =>
  ({ userId, purpose: act, subject: sessionId }) as const;

/** @throws ApiProblem `rate_limited`, `sms_not_sent` */
export async function startStepUp(needs: Needs, person: SignedIn, act: StepUpAct): Promise<StepUpStarted> {
  const user = await findUserById(needs.db, person.userId);
  if (user === undefined) throw problem('not_authenticated');
  await sendOwnerCode(needs, { ...codeFor(person, act), phone: user.phone });
  const expiresAt = new Date(needs.clock.nowMs() + OTP_LIFE_MS).toISOString();
  return { act, phone: user.phone, expiresAt, resendAfterMs: RESEND_AFTER_MS };
}

/** @throws ApiProblem `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `rate_limited` */
export function proveStepUp(
  needs: Needs,
  person: SignedIn,
  given: { act: StepUpAct; code: string },
): Promise<void> {
  return proveOwnerCode(needs, codeFor(person, given.act), given.code);
}

/** @returns whether this session had proved this act; the proof is used up. */
export function useStepUp(
  needs: Pick<Needs, 'db' | 'clock'>,
  person: SignedIn,
  act: StepUpAct,
): Promise<boolean> {
  return useOwnerProof(needs, codeFor(person, act));
}

/** @throws ApiProblem `step_up_required` */
export async function requireStepUp(
  needs: Pick<Needs, 'db' | 'clock'>,
  person: SignedIn,
  act: StepUpAct,
): Promise<void> {
  if (!(await useStepUp(needs, person, act))) throw problem('step_up_required', { members: { act } });
}
