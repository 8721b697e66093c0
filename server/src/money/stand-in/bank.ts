/**
 * The stand-in's money: what cards brought, what went to connected accounts and banks, what card holders took back.
 *
 * Owns: balances, as lines that are added to and never changed.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { JsonFile } from '../../json-file.ts';
import {
  accountDocument,
  chargeDocument,
  disputeDocument,
  payoutDocument,
  refundDocument,
  transferDocument,
} from './bank-documents.ts';
import type { Emitter } from './emitter.ts';
import {
  type AccountRecord,
  type DisputeRecord,
  type IntentRecord,
  newId,
  type PayoutRecord,
  type RefundRecord,
  type StripeState,
  type TransferRecord,
} from './state.ts';

/** Bank account numbers that Stripe's documentation gives for pay-outs that fail. */
const FAILING_NUMBERS: Readonly<Record<string, string>> = {
  '000111111116': 'no_account',
  '000111111113': 'account_closed',
  '000222222227': 'insufficient_funds',
  '000333333335': 'debit_not_authorized',
  '000444444440': 'invalid_currency',
};

/** Stripe's own words for a balance that is short. */
export const SHORT = 'You have insufficient available funds in your Stripe account.';

export interface NewTransfer {
  readonly amount: number;
  readonly currency: string;
  readonly destination: string;
  readonly transferGroup: string | null;
  readonly metadata: Record<string, string>;
}

export class Bank {
  readonly knobs = {
    /** How long a bank takes. */
    settleAfterMs: 2_000,
    /** So many of the next pay-outs are sent back by the bank. */
    failNext: 0,
    /** So many of the next pay-outs are refused at once. */
    refuseNext: 0,
  };
  readonly #file: JsonFile<StripeState>;
  readonly #clock: Clock;
  readonly #emitter: Emitter;
  constructor(file: JsonFile<StripeState>, clock: Clock, emitter: Emitter) {
    this.#file = file;
    this.#clock = clock;
    this.#emitter = emitter;
    // A state file of the time before balances were kept.
    const booked = new Set(file.value.movements.map(({ source }) => source));
    for (const intent of file.value.intents)
      if (intent.status === 'succeeded' && !booked.has(intent.chargeId ?? '')) this.take(intent);
  }

  /** `accountId` null: the platform's own. */
  balance(accountId: string | null, currency: string): number {
    return this.#file.value.movements
      .filter((line) => line.accountId === accountId && line.currency === currency)
      .reduce((sum, { amount }) => sum + amount, 0);
  }

  #move(line: {
    accountId: string | null;
    amount: number;
    currency: string;
    category: string;
    source: string;
  }): string {
    const id = newId('txn');
    this.#file.value.movements.push({ id, created: this.#emitter.nowSeconds(), ...line });
    this.#file.save();
    return id;
  }

  /** A card was charged. */
  take({ amount, currency, chargeId }: IntentRecord): void {
    this.#move({ accountId: null, amount, currency, category: 'charge', source: chargeId ?? '' });
  }

  // ---------------------------------------------------------------- card holders take it back

  findPaid(intentId: string): IntentRecord | undefined {
    return this.#file.value.intents.find(({ id, status }) => id === intentId && status === 'succeeded');
  }

  charge(intent: IntentRecord) {
    const { refunds, disputes } = this.#file.value;
    const refunded = refunds
      .filter(({ intentId, hasFailed }) => intentId === intent.id && !hasFailed)
      .reduce((sum, { amount }) => sum + amount, 0);
    const isDisputed = disputes.some(({ intentId }) => intentId === intent.id);
    return { refunded, document: chargeDocument(intent, refunded, isDisputed) };
  }

  async refund(intent: IntentRecord, amount: number): Promise<Record<string, unknown>> {
    const { currency, id: intentId } = intent;
    const chargeId = intent.chargeId ?? '';
    const created = this.#emitter.nowSeconds();
    const refund: RefundRecord = {
      id: newId('re'),
      intentId,
      chargeId,
      amount,
      currency,
      hasFailed: false,
      isCanceled: false,
      failureReason: null,
      failureMovementId: null,
      created,
    };
    this.#file.value.refunds.push(refund);
    this.#move({ accountId: null, amount: -amount, currency, category: 'refund', source: refund.id });
    const answer = refundDocument(refund);
    await this.#emitter.emit('refund.created', answer);
    await this.#emitter.emit('charge.refunded', this.charge(intent).document);
    return answer;
  }

  /** The card's bank did not take it, or it was called off (`reason` null): the money is ours again. */
  async failRefund(id: string, reason: string | null): Promise<Record<string, unknown> | null> {
    const refund = this.#file.value.refunds.find((one) => one.id === id);
    if (refund === undefined || refund.hasFailed) return null;
    refund.hasFailed = true;
    refund.isCanceled = reason === null;
    refund.failureReason = reason;
    const { amount, currency } = refund;
    const line = { accountId: null, amount, currency, category: 'refund_failure', source: id };
    refund.failureMovementId = this.#move(line);
    this.#file.save();
    const answer = refundDocument(refund);
    await this.#emitter.emit('refund.updated', answer);
    if (reason !== null) await this.#emitter.emit('refund.failed', answer);
    return answer;
  }

  async dispute(intent: IntentRecord, amount: number): Promise<Record<string, unknown>> {
    const { currency, id: intentId } = intent;
    const dispute: DisputeRecord = {
      id: newId('du'),
      intentId,
      chargeId: intent.chargeId ?? '',
      amount,
      currency,
      status: 'needs_response',
      created: this.#emitter.nowSeconds(),
    };
    this.#file.value.disputes.push(dispute);
    this.#move({ accountId: null, amount: -amount, currency, category: 'dispute', source: dispute.id });
    await this.#emitter.emit('charge.dispute.created', disputeDocument(dispute));
    return disputeDocument(dispute);
  }

  async closeDispute(id: string, status: 'won' | 'lost'): Promise<Record<string, unknown> | null> {
    const dispute = this.#file.value.disputes.find((one) => one.id === id);
    // The card's bank may contest a win, and the merchant a loss.
    if (dispute === undefined || dispute.status === status) return null;
    const isLostAgain = dispute.status === 'won';
    dispute.status = status;
    const { amount, currency } = dispute;
    if (status === 'won')
      this.#move({ accountId: null, amount, currency, category: 'dispute_reversal', source: id });
    if (isLostAgain)
      this.#move({ accountId: null, amount: -amount, currency, category: 'dispute', source: id });
    this.#file.save();
    await this.#emitter.emit('charge.dispute.closed', disputeDocument(dispute));
    return disputeDocument(dispute);
  }

  // ---------------------------------------------------------------- money to banks

  openAccount(input: Pick<AccountRecord, 'country' | 'businessType' | 'metadata'>): AccountRecord {
    const account: AccountRecord = {
      id: newId('acct'),
      ...input,
      detailsSubmitted: false,
      payoutsEnabled: false,
      bank: null,
      created: this.#emitter.nowSeconds(),
    };
    this.#file.value.accounts.push(account);
    this.#file.save();
    return account;
  }

  async linkBank(
    account: AccountRecord,
    typed: { holder: string; name: string; number: string },
  ): Promise<void> {
    const fingerprint = createHash('sha256').update(typed.number).digest('base64url').slice(0, 16);
    account.bank = { id: newId('ba'), fingerprint, ...typed };
    account.detailsSubmitted = true;
    account.payoutsEnabled = true;
    this.#file.save();
    await this.#emitter.emit('account.updated', accountDocument(account), account.id);
  }

  /** @returns null when the platform's balance is short. */
  async transfer(input: NewTransfer): Promise<TransferRecord | null> {
    const { amount, currency, destination } = input;
    if (this.balance(null, currency) < amount) return null;
    const created = this.#emitter.nowSeconds();
    const transfer: TransferRecord = { id: newId('tr'), ...input, reversalId: null, created };
    this.#file.value.transfers.push(transfer);
    const line = { currency, category: 'transfer', source: transfer.id };
    this.#move({ accountId: null, amount: -amount, ...line });
    this.#move({ accountId: destination, amount, ...line });
    await this.#emitter.emit('transfer.created', transferDocument(transfer));
    return transfer;
  }

  /** @returns null when the connected account's balance is short. */
  async reverse(transfer: TransferRecord): Promise<TransferRecord | null> {
    const { amount, currency, destination } = transfer;
    if (this.balance(destination, currency) < amount) return null;
    transfer.reversalId = newId('trr');
    const line = { currency, category: 'transfer_reversal', source: transfer.reversalId };
    this.#move({ accountId: destination, amount: -amount, ...line });
    this.#move({ accountId: null, amount, ...line });
    await this.#emitter.emit('transfer.reversed', transferDocument(transfer));
    return transfer;
  }

  /** @returns null when the connected account's balance is short. */
  async payOut(
    account: AccountRecord,
    input: { amount: number; currency: string; metadata: Record<string, string> },
  ): Promise<PayoutRecord | null> {
    const { amount, currency } = input;
    if (this.balance(account.id, currency) < amount) return null;
    const payout: PayoutRecord = {
      id: newId('po'),
      accountId: account.id,
      ...input,
      destination: account.bank?.id ?? '',
      status: 'pending',
      failureCode: null,
      settlesAtMs: this.#clock.nowMs() + this.knobs.settleAfterMs,
      created: this.#emitter.nowSeconds(),
    };
    this.#file.value.payouts.push(payout);
    this.#move({ accountId: account.id, amount: -amount, currency, category: 'payout', source: payout.id });
    await this.#emitter.emit('payout.created', payoutDocument(payout), account.id);
    return payout;
  }

  /** The bank's word on what is due. */
  async settleDue(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const payout of this.#file.value.payouts) {
      if (payout.status !== 'pending' || payout.settlesAtMs > nowMs) continue;
      const account = this.#file.value.accounts.find(({ id }) => id === payout.accountId);
      const code = FAILING_NUMBERS[account?.bank?.number ?? ''] ?? null;
      const isUnlucky = code === null && this.knobs.failNext > 0;
      if (isUnlucky) this.knobs.failNext -= 1;
      if (code !== null || isUnlucky) {
        await this.failPayout(payout.id, code ?? 'could_not_process');
        continue;
      }
      payout.status = 'paid';
      this.#file.save();
      await this.#emitter.emit('payout.paid', payoutDocument(payout), payout.accountId);
    }
  }

  /** A bank can send money back that it had taken. */
  async failPayout(id: string, failureCode: string): Promise<Record<string, unknown> | null> {
    const payout = this.#file.value.payouts.find((one) => one.id === id);
    if (payout === undefined || payout.status === 'failed') return null;
    payout.status = 'failed';
    payout.failureCode = failureCode;
    const { accountId, amount, currency } = payout;
    this.#move({ accountId, amount, currency, category: 'payout_reversal', source: id });
    await this.#emitter.emit('payout.failed', payoutDocument(payout), accountId);
    return payoutDocument(payout);
  }
}
