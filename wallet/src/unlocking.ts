/**
 * The wallet's side of the vault: which PIN step stands before what the person wants, and what the screens know of it.
 * Never: sees a key.
 */
import type { Session } from '@tikiwallet/server/contract';
import type { Endpoints } from './api/endpoints.ts';
import type { Passkeys } from './keys/passkey.ts';
import { defaultLimitMinor } from './keys/pin-rules.ts';
import type { Vault } from './keys/vault.ts';
import { WalletError } from './pay/codes.ts';
import { guardOf } from './pay/load-guard.ts';
import type { KeyGuard, StoredAllowance } from './store/schema.ts';
import type { Observable, WalletState } from './wallet-state.ts';

/** `choose`: there is no PIN yet. `unlock`: there is, and it is asked for. */
export type PinNeed = 'choose' | 'unlock';

export interface UnlockingNeeds {
  readonly vault: Vault;
  readonly passkeys: Pick<Passkeys, 'isPossible'>;
  readonly state: Observable<WalletState>;
  readonly nowSeconds: () => number;
  readonly api: Pick<Endpoints, 'denyAllowance' | 'startPinReset' | 'finishPinReset'>;
  /** The cloud is asked to open a new session under this key. @throws WalletError */
  readonly enter: (ask: (sessionKey: string) => Promise<Session>) => Promise<void>;
  readonly endSession: () => Promise<void>;
  readonly reload: () => Promise<void>;
}

/** The most that may be paid without a PIN: the issuer's share. */
export function mostWithoutPin(state: Pick<WalletState, 'config'>): bigint {
  const perPayment = state.config?.limits.perPaymentMaxMinor;
  return defaultLimitMinor(perPayment === undefined ? null : BigInt(perPayment));
}

/** What may be paid without a PIN: {@link mostWithoutPin}, or less where the person chose less. */
export function limitOf(state: Pick<WalletState, 'config' | 'vault'>): bigint {
  const most = mostWithoutPin(state);
  const chosen = state.vault.kind === 'set' ? state.vault.limitMinor : null;
  return chosen !== null && chosen < most ? chosen : most;
}

/** Between the password and the code. Kept by the screen alone: closed, it begins anew. */
export interface Forgetting {
  readonly resetToken: string;
  readonly phone: string;
  /** Milliseconds since 1970: another code no sooner. */
  readonly resendAt: number;
}

export class Unlocking {
  readonly #needs: UnlockingNeeds;

  constructor(needs: UnlockingNeeds) {
    this.#needs = needs;
  }

  get #userId(): string {
    const { profile } = this.#needs.state.value;
    if (profile === null) throw new WalletError('not_authenticated');
    return profile.id;
  }

  /** Looks at the record again; also what makes the waiting pass. */
  async refresh(): Promise<void> {
    const { profile } = this.#needs.state.value;
    const vault = profile === null ? ({ kind: 'none' } as const) : await this.#needs.vault.status(profile.id);
    this.#needs.state.change({ vault });
  }

  lock(): void {
    this.#needs.vault.lock();
  }

  get limitMinor(): bigint {
    return limitOf(this.#needs.state.value);
  }

  guardForLoad(amountMinor: bigint): KeyGuard {
    const { allowances, intents } = this.#needs.state.value;
    const order = { amountMinor, limitMinor: this.limitMinor, nowSeconds: this.#needs.nowSeconds() };
    return guardOf(order, allowances, intents);
  }

  /** The first load asks for a PIN to be chosen, whatever its size: the next one may be larger. */
  needForLoad(amountMinor: bigint): PinNeed | null {
    if (this.#needs.state.value.vault.kind !== 'set') return 'choose';
    return this.guardForLoad(amountMinor) === 'pin' ? this.#unless(0n) : null;
  }

  /** Before a payment out of this load; 0 for closing it. */
  needFor(allowance: Pick<StoredAllowance, 'guard'>, amountMinor: bigint): PinNeed | null {
    if (allowance.guard !== 'pin' && amountMinor <= this.limitMinor) return null;
    return this.#unless(amountMinor);
  }

  #unless(amountMinor: bigint): PinNeed | null {
    const use = { amountMinor, limitMinor: this.limitMinor };
    return this.#needs.vault.permits(this.#userId, use) ? null : 'unlock';
  }

  /** For the rooms that sign. @throws WalletError `unlock_needed` */
  readonly masterFor = (amountMinor: bigint): CryptoKey =>
    this.#needs.vault.open(this.#userId, { amountMinor, limitMinor: this.limitMinor });

  async #then(work: Promise<void>): Promise<void> {
    try {
      await work;
    } finally {
      await this.refresh();
      await this.endSessionIfOwed();
      await this.#needs.reload();
    }
  }

  async choosePin(pin: string): Promise<void> {
    await this.#then(this.#needs.vault.create(this.#userId, pin));
  }

  async unlock(pin: string): Promise<void> {
    await this.#then(this.#needs.vault.unlock(this.#userId, pin));
  }

  async changePin(pin: string, next: string): Promise<void> {
    await this.#then(this.#needs.vault.changePin(this.#userId, pin, next));
  }

  /** Can this phone ask for a fingerprint or a face at all? */
  isPasskeyPossible(): Promise<boolean> {
    return this.#needs.passkeys.isPossible();
  }

  async addPasskey(pin: string): Promise<void> {
    const name = this.#needs.state.value.profile?.phone ?? 'TikiWallet';
    await this.#then(this.#needs.vault.addPasskey(this.#userId, pin, name));
  }

  async dropPasskey(): Promise<void> {
    await this.#then(this.#needs.vault.dropPasskey(this.#userId));
  }

  async unlockByPasskey(): Promise<void> {
    await this.#then(this.#needs.vault.unlockByPasskey(this.#userId));
  }

  async changeLimit(pin: string, limitMinor: bigint): Promise<void> {
    await this.#then(this.#needs.vault.changeLimit(this.#userId, pin, limitMinor));
  }

  /** The first step of {@link forgetPin}: the password is right, and a code is on its way. @throws WalletError */
  async startForgetting(password: string): Promise<Forgetting> {
    const { profile } = this.#needs.state.value;
    if (profile === null) throw new WalletError('not_authenticated');
    const started = await this.#needs.api.startPinReset({ phone: profile.phone, password });
    return {
      resetToken: started.resetToken,
      phone: started.phone,
      // By this phone's own clock, which draws the countdown.
      resendAt: Date.now() + started.resendAfterMs,
    };
  }

  /**
   * The PIN is forgotten: nobody can bring it back. Who proves to the cloud who they are, by password and by phone, has
   * the keys deleted and the cloud told that nothing will be signed any more, so that the rest returns as early as that
   * of a lost phone.
   */
  async forgetPin({ resetToken }: Forgetting, code: string): Promise<void> {
    const { profile, allowances } = this.#needs.state.value;
    if (profile === null) throw new WalletError('not_authenticated');
    const { api, enter } = this.#needs;
    await enter((sessionKey) => api.finishPinReset({ resetToken, code, sessionKey }));
    // Those that were frozen before cannot be signed for either, and come back sooner once the cloud knows it.
    const open = allowances.filter(
      (one) => one.state !== 'closing' && (one.cloudStatus === null || one.cloudStatus === 'active'),
    );
    await this.#then(this.#needs.vault.giveUp(profile.id));
    for (const one of open) await this.#needs.api.denyAllowance(one.id).catch(ignoreRefusal);
    await this.#needs.reload();
  }

  /** Also after a restart, and before anything else is asked of the cloud. */
  async endSessionIfOwed(): Promise<void> {
    const { profile } = this.#needs.state.value;
    if (profile === null || !(await this.#needs.vault.owesSignOut(profile.id))) return;
    try {
      await this.#needs.endSession();
    } catch (error) {
      // Without a network it is owed until there is one.
      if (error instanceof WalletError) return;
      throw error;
    }
    await this.#needs.vault.noteSignedOut(profile.id);
  }
}

/** Ended, or being closed already: then there is nothing to deny. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof WalletError)) throw error;
}
