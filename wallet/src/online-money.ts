/**
 * Money at the cloud: top-ups, withdrawals and transfers. Each is decided once, on this phone: what was asked for is kept with its
 * key until the cloud has answered. Never: touches offline money.
 */
import type {
  BankAccountView,
  TopUp,
  TransferPreview,
  TransferResult,
  Withdrawal,
} from '@tikiwallet/server/contract';
import type { Endpoints } from './api/endpoints.ts';
import { ApiError } from './api/problems.ts';
import { WalletError } from './pay/codes.ts';
import { dropIntent, putIntent } from './store/records.ts';
import type { Database, Intent } from './store/schema.ts';
import type { Observable, WalletState } from './wallet-state.ts';

export interface OnlineNeeds {
  readonly database: Database;
  readonly api: Endpoints;
  readonly state: Observable<WalletState>;
  readonly nowMs: () => number;
  /** Draws what the database holds. */
  readonly reload: () => Promise<void>;
  /** Something was decided at the cloud: balances and history are asked for, in the background. */
  readonly decided: () => void;
}

type TransferIntent = Extract<Intent, { kind: 'transfer' }>;

type DistributiveDraft = Intent extends infer I
  ? I extends Intent
    ? Omit<I, 'key' | 'userId' | 'createdAtMs'>
    : never
  : never;

export class OnlineMoney {
  readonly #needs: OnlineNeeds;

  constructor(needs: OnlineNeeds) {
    this.#needs = needs;
  }

  /** @returns where to pay. */
  async startTopUp(amountMinor: bigint, currency: string): Promise<TopUp> {
    const intent = await this.#intend({ kind: 'top_up', amountMinor: amountMinor.toString(), currency });
    return await this.#decide(intent.key, () =>
      this.#needs.api.startTopUp({ key: intent.key, amountMinor: amountMinor.toString() }),
    );
  }

  topUp(id: string): Promise<TopUp> {
    return this.#needs.api.topUp(id);
  }

  async cancelTopUp(id: string): Promise<TopUp> {
    const topUp = await this.#needs.api.cancelTopUp(id);
    this.#needs.decided();
    return topUp;
  }

  bankAccount(): Promise<BankAccountView> {
    return this.#needs.api.bankAccount();
  }

  /** @returns where the person names a bank account. */
  async linkBankAccount(): Promise<string> {
    return (await this.#needs.api.linkBankAccount()).url;
  }

  /** @param feeMinor what the person saw and agreed to. */
  async withdraw(order: { amountMinor: bigint; feeMinor: bigint; currency: string }): Promise<Withdrawal> {
    const intent = await this.#intend({
      kind: 'withdrawal',
      amountMinor: order.amountMinor.toString(),
      feeMinor: order.feeMinor.toString(),
      currency: order.currency,
    });
    return await this.#decide(intent.key, () => this.#needs.api.withdraw(intent));
  }

  withdrawal(id: string): Promise<Withdrawal> {
    return this.#needs.api.withdrawal(id);
  }

  async confirmWithdrawal(id: string, code: string): Promise<Withdrawal> {
    const withdrawal = await this.#needs.api.confirmWithdrawal(id, code);
    this.#needs.decided();
    return withdrawal;
  }

  resendWithdrawalCode(id: string): Promise<Withdrawal> {
    return this.#needs.api.resendWithdrawalCode(id);
  }

  previewTransfer(phone: string): Promise<TransferPreview> {
    return this.#needs.api.previewTransfer(phone);
  }

  /** Decided once, here: a repeat after a lost answer reuses the stored intent through {@link finishTransfer}. */
  async transfer(order: {
    phone: string;
    amountMinor: bigint;
    currency: string;
    note: string | null;
    recipient: TransferPreview;
  }): Promise<TransferResult> {
    const intent = await this.#intend({
      ...order,
      kind: 'transfer',
      amountMinor: order.amountMinor.toString(),
    });
    return await this.finishTransfer(intent);
  }

  async finishTransfer(intent: TransferIntent): Promise<TransferResult> {
    return await this.#decide(intent.key, () => this.#needs.api.transfer(intent));
  }

  async forgetIntent(key: string): Promise<void> {
    await dropIntent(this.#needs.database, key);
    await this.#needs.reload();
  }

  /** The same decision made again before it was answered is the same decision: it keeps its key. */
  async #intend<D extends DistributiveDraft>(draft: D): Promise<Extract<Intent, { kind: D['kind'] }>> {
    const { profile, intents } = this.#needs.state.value;
    if (profile === null) throw new WalletError('not_authenticated');
    const same = intents.find((one) => one.kind === draft.kind && sameDecision(one, draft));
    const intent = same ?? {
      ...draft,
      key: crypto.randomUUID(),
      userId: profile.id,
      createdAtMs: this.#needs.nowMs(),
    };
    if (same === undefined) {
      await putIntent(this.#needs.database, intent);
      await this.#needs.reload();
    }
    return intent as Extract<Intent, { kind: D['kind'] }>;
  }

  async #decide<T>(key: string, send: () => Promise<T>): Promise<T> {
    try {
      const answer = await send();
      await this.forgetIntent(key);
      this.#needs.decided();
      return answer;
    } catch (error) {
      if (error instanceof ApiError && !error.isUndecided) await this.forgetIntent(key);
      throw error;
    }
  }
}

function sameDecision(intent: Intent, draft: DistributiveDraft): boolean {
  if (intent.amountMinor !== draft.amountMinor || intent.currency !== draft.currency) return false;
  if (intent.kind === 'withdrawal' && draft.kind === 'withdrawal') return intent.feeMinor === draft.feeMinor;
  if (intent.kind !== 'transfer' || draft.kind !== 'transfer') return true;
  return intent.phone === draft.phone && intent.note === draft.note;
}
