/**
 * The person's own account at the cloud: devices, codes for risky acts, another number, a forgotten password, the end of it.
 *
 * Never: touches offline money or keys; an account with offline money is not closed by the cloud.
 */
import type { ClosingBlocker, DeviceSession, Session, StepUpAct, User } from '@tikiwallet/server/contract';
import type { Endpoints } from './api/endpoints.ts';

export interface AccountNeeds {
  readonly api: Pick<
    Endpoints,
    | 'sessions'
    | 'endSession'
    | 'endSessions'
    | 'startStepUp'
    | 'proveStepUp'
    | 'startPhoneChange'
    | 'finishPhoneChange'
    | 'closing'
    | 'closeAccount'
    | 'startPasswordReset'
    | 'finishPasswordReset'
  >;
  /** Takes the session that a proof opens. */
  readonly enter: (ask: (sessionKey: string) => Promise<Session>) => Promise<void>;
  readonly keepProfile: (user: User) => Promise<void>;
  /** Forgets on this phone who was signed in. */
  readonly leave: () => Promise<void>;
}

/** A code is on its way to `phone`. */
export interface CodeSent {
  readonly phone: string;
  /** Milliseconds since 1970, by this phone's own clock: another code no sooner. */
  readonly resendAt: number;
}

/** A code for a forgotten password, if the number has an account. */
export interface ResetSent extends CodeSent {
  readonly resetId: string;
}

const sent = (phone: string, resendAfterMs: number): CodeSent => ({
  phone,
  resendAt: Date.now() + resendAfterMs,
});

export class Account {
  readonly #needs: AccountNeeds;
  constructor(needs: AccountNeeds) {
    this.#needs = needs;
  }

  async devices(): Promise<readonly DeviceSession[]> {
    return (await this.#needs.api.sessions()).items;
  }

  async signOutDevice(id: string): Promise<void> {
    await this.#needs.api.endSession(id);
  }

  /** This phone too. */
  async signOutEverywhere(): Promise<void> {
    await this.#needs.api.endSessions();
    await this.#needs.leave();
  }

  async askForCode(act: StepUpAct): Promise<CodeSent> {
    const { phone, resendAfterMs } = await this.#needs.api.startStepUp(act);
    return sent(phone, resendAfterMs);
  }

  /** The act may be done once from now on, within minutes. */
  async proveByCode(act: StepUpAct, code: string): Promise<void> {
    await this.#needs.api.proveStepUp(act, code);
  }

  /** @param password in the place of a code to the old number, where that one is lost. */
  async startPhoneChange(phone: string, password: string | null): Promise<CodeSent> {
    const started = await this.#needs.api.startPhoneChange({
      phone,
      ...(password === null ? {} : { password }),
    });
    return sent(started.phone, started.resendAfterMs);
  }

  async finishPhoneChange(code: string): Promise<void> {
    await this.#needs.keepProfile(await this.#needs.api.finishPhoneChange(code));
  }

  async closingBlockers(): Promise<readonly ClosingBlocker[]> {
    return (await this.#needs.api.closing()).blockers;
  }

  async close(password: string): Promise<void> {
    await this.#needs.api.closeAccount(password);
    await this.#needs.leave();
  }

  async startPasswordReset(phone: string): Promise<ResetSent> {
    const { resetId, resendAfterMs } = await this.#needs.api.startPasswordReset(phone);
    return { resetId, ...sent(phone, resendAfterMs) };
  }

  async finishPasswordReset(reset: { resetId: string; code: string; password: string }): Promise<void> {
    const { api, enter } = this.#needs;
    await enter((sessionKey) => api.finishPasswordReset({ ...reset, sessionKey }));
  }
}
