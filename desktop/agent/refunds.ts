/**
 * The offer to give back on the screen, as the main thread follows it: opened, counted down, accepted, expired or
 * cancelled, and what was last refused. The truth is in the store; this holds the newest copy and the timer.
 */
import { MAX_REFUND_OFFER_TTL_SECONDS, shownMask, toQrText } from '@tikiwallet/protocol';
import type { CheckedParams } from '../ipc/agent-handlers.ts';
import { IpcError, type AgentResult, type GivenBack, type Refund } from '../ipc/index.ts';
import type { AcceptCode } from './accept-payment.ts';
import type { Clock } from './clock.ts';
import type { RefundOutcome } from './give-back.ts';
import type { StopCode } from './till-standing.ts';
import { remainingMs } from './request-life.ts';
import { isoOf } from './sales.ts';
import { acceptCodeOf, type StoreClient } from './store/store-client.ts';
import type { RefundRecord, StoredRefund } from './store/rows.ts';

export interface RefundsOptions {
  readonly store: Pick<StoreClient, 'run'>;
  readonly clock: Clock;
  readonly addresses: () => readonly string[];
  /** The offer changed: the screen must know at once. */
  readonly onChange: () => void;
  /** An attempt was refused: anybody nearby can make thousands, so the screen may take its time. */
  readonly onRefusal: () => void;
  readonly onError: (error: unknown) => void;
}

interface Refused {
  readonly code: AcceptCode;
  readonly atMs: number;
  readonly attempts: number;
}

export class Refunds {
  readonly #options: RefundsOptions;
  #current: RefundRecord | null = null;
  #refused: Refused | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RefundsOptions) {
    this.#options = options;
  }

  /** What the store remembered from before. */
  resume(record: RefundRecord | null): void {
    if (record !== null) this.#show(record);
  }

  /** @throws IpcError */
  async open(
    asked: Omit<CheckedParams<'refund.open'>, 'pin'>,
    pinHash: Uint8Array | null,
  ): Promise<AgentResult<'refund.open'>> {
    const outcome = await this.#options.store.run('openRefund', {
      ...asked,
      amountMinor: BigInt(asked.amountMinor),
      addresses: this.#options.addresses(),
      ttlSeconds: MAX_REFUND_OFFER_TTL_SECONDS,
      pinHash,
    });
    if (outcome.kind === 'refused') return { outcome: 'refused', code: outcome.code };
    if (this.#current?.refundId !== outcome.refund.refundId) this.#refused = null;
    return { outcome: 'offered', refund: this.#show(outcome.refund) };
  }

  /** @throws IpcError */
  async cancel(refundId: string): Promise<Refund> {
    const record = await this.#options.store.run('cancelRefund', refundId);
    return this.#current?.refundId === refundId ? this.#show(record) : this.#describe(record);
  }

  /** An acceptance by any channel; the screen changes when the outcome does, which is after the commit. Never rejects. */
  async accept(acceptance: Uint8Array): Promise<RefundOutcome> {
    const outcome = await this.#decide(acceptance);
    const refundId = outcome.kind === 'refused' ? outcome.refundId : outcome.refund.refundId;
    const current = this.#current;
    if (current === null || current.refundId !== refundId) return outcome;
    if (outcome.kind !== 'refused') {
      const { refund, receipt } = outcome;
      this.#show({ ...current, state: 'given_back', refundedMinor: refund.refundedMinor, refund, receipt });
    } else if (current.state === 'open') {
      this.#refused = {
        code: outcome.code,
        atMs: this.#options.clock.wallMs(),
        attempts: (this.#refused?.attempts ?? 0) + 1,
      };
      this.#options.onRefusal();
    }
    return outcome;
  }

  async #decide(acceptance: Uint8Array): Promise<RefundOutcome> {
    try {
      return await this.#options.store.run('acceptRefund', acceptance);
    } catch (error) {
      return { kind: 'refused', code: acceptCodeOf(error), refundId: null };
    }
  }

  /** The till was stopped, and the store has closed the offer: the screen says why. */
  async noteStopped(code: StopCode): Promise<void> {
    const current = this.#current;
    if (current?.state !== 'open') return;
    const newest = await this.#options.store.run('lookAtRefund', current.refundId);
    if (!this.#isOpen(current.refundId)) return;
    const attempts = this.#refused?.attempts ?? 0;
    if (newest.state === 'cancelled') this.#refused = { code, atMs: this.#options.clock.wallMs(), attempts };
    this.#show(newest);
  }

  /** Time has passed in a way that no timer notices: the machine slept. */
  async lookAgain(): Promise<void> {
    const current = this.#current;
    if (current !== null && current.state === 'open' && this.#remainingMs(current) === 0)
      await this.#expire(current.refundId);
  }

  /** Of the offer that is open, to who names its payment. @param paymentHash hex */
  envelopeFor(paymentHash: string): Uint8Array | null {
    const current = this.#current;
    if (current?.state !== 'open' || current.paymentHash !== paymentHash) return null;
    return this.#remainingMs(current) === 0 ? null : current.envelope;
  }

  view(): Refund | null {
    return this.#current === null ? null : this.#describe(this.#current);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #show(record: RefundRecord): Refund {
    clearTimeout(this.#timer);
    this.#current = record;
    if (record.state === 'open') {
      // One millisecond late rather than early: the store would find it still open.
      this.#timer = setTimeout(() => void this.#expire(record.refundId), this.#remainingMs(record) + 1);
    }
    this.#options.onChange();
    return this.#describe(record);
  }

  async #expire(refundId: string): Promise<void> {
    try {
      const record = await this.#options.store.run('lookAtRefund', refundId);
      if (this.#isOpen(refundId)) this.#show(record);
    } catch (error) {
      // The disk may be full: the offer is over all the same, and the screen must not show it.
      if (!(error instanceof IpcError)) return this.#options.onError(error);
      if (this.#isOpen(refundId) && this.#current !== null)
        this.#show({ ...this.#current, state: 'expired' });
    }
  }

  #isOpen(refundId: string): boolean {
    return this.#current?.refundId === refundId && this.#current.state === 'open';
  }

  #remainingMs(record: RefundRecord): number {
    return remainingMs(record, this.#options.clock, MAX_REFUND_OFFER_TTL_SECONDS);
  }

  #describe(record: RefundRecord): Refund {
    const refused = record.refundId === this.#current?.refundId ? this.#refused : null;
    return {
      refundId: record.refundId,
      paymentHash: record.paymentHash,
      saleSequence: record.saleSequence,
      saleMinor: record.saleMinor.toString(),
      refundedMinor: record.refundedMinor.toString(),
      currency: record.currency,
      maskedPhone: shownMask(record.maskedPhone),
      kind: record.kind,
      amountMinor: record.amountMinor.toString(),
      reason: record.reason,
      state: record.state,
      qrText: toQrText('refundOffer', record.envelope),
      remainingMs: record.state === 'open' ? Math.floor(this.#remainingMs(record)) : 0,
      lastRefusal:
        refused === null
          ? null
          : { code: refused.code, at: new Date(refused.atMs).toISOString(), attempts: refused.attempts },
      refund: record.refund === null ? null : describeGivenBack(record.refund),
      receiptQrText: record.receipt === null ? null : toQrText('refundReceipt', record.receipt),
    };
  }
}

export function describeGivenBack(refund: StoredRefund): GivenBack {
  return {
    refundId: refund.refundId,
    kind: refund.kind,
    reason: refund.reason,
    sequence: refund.sequence,
    amountMinor: refund.amountMinor.toString(),
    refundedMinor: refund.refundedMinor.toString(),
    givenBackAt: isoOf(refund.givenBackAt),
    settlement: refund.settlement,
    settledAt: refund.settledAt === null ? null : isoOf(refund.settledAt),
    refusalCode: refund.refusalCode,
  };
}
