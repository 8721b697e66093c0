/**
 * The sale on the screen, as the main thread follows it: opened, counted down, paid, expired or cancelled, and what
 * was last refused. The truth is in the store; this holds the newest copy and the timer. Never decides a payment.
 */
import { CHECK, comparisonCode, fromHex, paidCode, runSync, toQrText } from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { IpcError, type Payment, type Sale } from '../ipc/index.ts';
import type { AcceptCode, AcceptOutcome } from './accept-payment.ts';
import type { Clock } from './clock.ts';
import type { OverrideOffer } from './held-payments.ts';
import { remainingMs } from './request-life.ts';
import type { CommandParams } from './store/messages.ts';
import type { StoreClient } from './store/store-client.ts';
import type { SaleRecord, StoredPayment } from './store/rows.ts';

interface Refused {
  readonly code: AcceptCode;
  readonly atMs: number;
  readonly attempts: number;
  readonly offer: OverrideOffer | null;
}

export interface SalesOptions {
  readonly store: Pick<StoreClient, 'accept' | 'run'>;
  readonly clock: Clock;
  readonly addresses: () => readonly string[];
  readonly requestTtlSeconds: number;
  /** The sale changed: the screen must know at once. */
  readonly onChange: () => void;
  /** An attempt was refused: anybody nearby can make thousands, so the screen may take its time. */
  readonly onRefusal: () => void;
  readonly onError: (error: unknown) => void;
}

export class Sales {
  readonly #options: SalesOptions;
  #current: SaleRecord | null = null;
  #refused: Refused | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SalesOptions) {
    this.#options = options;
  }

  /** What the store remembered from before. */
  resume(record: SaleRecord | null): void {
    if (record !== null) this.#show(record);
  }

  /** @throws IpcError */
  async open(sale: {
    readonly saleId: string;
    readonly amountMinor: string;
    readonly payerPhone?: string | undefined;
  }): Promise<Sale> {
    const record = await this.#options.store.run('openSale', {
      saleId: sale.saleId,
      amountMinor: BigInt(sale.amountMinor),
      addresses: this.#options.addresses(),
      ttlSeconds: this.#options.requestTtlSeconds,
      payerPhone: sale.payerPhone,
    });
    // Asked again for a sale of before: it is answered, and the one that can be paid stays on the screen.
    const current = this.#current;
    const isOther = current !== null && current.saleId !== record.saleId;
    if (isOther && record.state !== 'open' && this.#isPayable(current)) return this.#describe(record);
    if (current?.saleId !== record.saleId) this.#refused = null;
    return this.#show(record);
  }

  /** @throws IpcError */
  async cancel(saleId: string): Promise<Sale> {
    const record = await this.#options.store.run('cancelSale', saleId);
    return this.#current?.saleId === saleId ? this.#show(record) : this.#describe(record);
  }

  /** A delivery by any channel; the screen changes when the outcome does, which is after the commit. */
  async accept(delivery: Uint8Array): Promise<AcceptOutcome> {
    const outcome = await this.#options.store.accept(delivery);
    return this.#isBesideTheOffer(outcome) ? outcome : this.#noteOutcome(outcome);
  }

  /** The manager lets a refused payment through. @throws IpcError */
  async override(consent: CommandParams<'overridePayment'>): Promise<AcceptOutcome> {
    return this.#noteOutcome(await this.#options.store.run('overridePayment', consent));
  }

  /** Anybody nearby can send noise: it must not take from the screen what a manager can decide about. */
  #isBesideTheOffer(outcome: AcceptOutcome): boolean {
    const hasOffer = this.#refused !== null && this.#refused.offer !== null;
    return hasOffer && outcome.kind === 'refused' && outcome.offer === undefined;
  }

  #noteOutcome(outcome: AcceptOutcome): AcceptOutcome {
    const current = this.#current;
    if (current === null) return outcome;
    if (outcome.kind !== 'refused') {
      if (outcome.payment.requestId === current.requestId)
        this.#show({ ...current, state: 'paid', payment: outcome.payment });
    } else if (outcome.requestId === current.requestId && current.state === 'open') {
      // A phone that waits for the manager asks again and again: that is the same attempt.
      if (isSameAttempt(this.#refused, outcome)) return outcome;
      this.#refused = {
        code: outcome.code,
        atMs: this.#options.clock.wallMs(),
        attempts: (this.#refused?.attempts ?? 0) + 1,
        offer: outcome.offer ?? null,
      };
      this.#options.onRefusal();
    }
    return outcome;
  }

  /** The cloud took entries over: the payment of the sale that is still shown may be among them. */
  async noteSettledUpTo(sequence: number): Promise<void> {
    const payment = this.#current?.payment ?? null;
    if (this.#current === null || payment === null || payment.sequence > sequence) return;
    if (payment.settlement !== 'on_this_device' && payment.settlement !== 'sent') return;
    const record = await this.#options.store.run('lookAtSale', this.#current.saleId);
    if (this.#current.saleId === record.saleId) this.#show(record);
  }

  /** Time has passed in a way that no timer notices: the machine slept. */
  async lookAgain(): Promise<void> {
    const current = this.#current;
    if (current !== null && current.state === 'open' && this.#remainingMs(current) === 0)
      await this.#expire(current.saleId);
  }

  get current(): SaleRecord | null {
    return this.#current;
  }

  /** What a phone that cannot scan may fetch: only while it can still be paid. */
  openEnvelope(): Uint8Array | null {
    const current = this.#current;
    return current !== null && this.#isPayable(current) ? current.envelope : null;
  }

  view(): Sale | null {
    return this.#current === null ? null : this.#describe(this.#current);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #isPayable(record: SaleRecord): boolean {
    return record.state === 'open' && this.#remainingMs(record) > 0;
  }

  #show(record: SaleRecord): Sale {
    clearTimeout(this.#timer);
    this.#current = record;
    if (record.state === 'open') {
      // One millisecond late rather than early: the store would find it still open.
      this.#timer = setTimeout(() => void this.#expire(record.saleId), this.#remainingMs(record) + 1);
    }
    this.#options.onChange();
    return this.#describe(record);
  }

  async #expire(saleId: string): Promise<void> {
    try {
      const record = await this.#options.store.run('lookAtSale', saleId);
      if (this.#current?.saleId === saleId && this.#current.state === 'open') this.#show(record);
    } catch (error) {
      // The disk may be full: the sale is over all the same, and the screen must not offer it.
      if (!(error instanceof IpcError)) return this.#options.onError(error);
      if (this.#current?.saleId === saleId && this.#current.state === 'open') {
        this.#show({ ...this.#current, state: 'expired' });
      }
    }
  }

  #remainingMs(record: SaleRecord): number {
    return remainingMs(record, this.#options.clock);
  }

  #describe(record: SaleRecord): Sale {
    const refused = record.saleId === this.#current?.saleId ? this.#refused : null;
    return {
      saleId: record.saleId,
      requestId: record.requestId,
      amountMinor: record.amountMinor.toString(),
      currency: record.currency,
      state: record.state,
      qrText: toQrText('request', record.envelope),
      shortCode: comparisonCode(record.requestHash),
      paidCode: record.payment === null ? null : paidCodeOf(record.requestHash, record.payment),
      openedAt: new Date(record.openedAtMs).toISOString(),
      remainingMs: record.state === 'open' ? Math.floor(this.#remainingMs(record)) : 0,
      lastRefusal:
        refused === null
          ? null
          : {
              code: refused.code,
              at: new Date(refused.atMs).toISOString(),
              attempts: refused.attempts,
              override: refused.offer === null ? null : { ...refused.offer, codes: [...refused.offer.codes] },
            },
      checksPhone: record.checksPhone,
      payment: record.payment === null ? null : describePayment(record.payment),
    };
  }
}

const crypto = nodeCrypto();

function paidCodeOf(requestHash: Uint8Array, { paymentHash }: StoredPayment): string | null {
  const code = runSync(paidCode(requestHash, fromHex(paymentHash)), crypto);
  return code.ok ? code.value : null;
}

function isSameAttempt(known: Refused | null, outcome: Extract<AcceptOutcome, { kind: 'refused' }>): boolean {
  const { offer } = outcome;
  if (known === null || known.offer === null || offer === undefined) return false;
  return known.offer.paymentHash === offer.paymentHash && known.offer.codes.join() === offer.codes.join();
}

export function describePayment(payment: StoredPayment): Payment {
  return {
    paymentHash: payment.paymentHash,
    requestId: payment.requestId,
    amountMinor: payment.amountMinor.toString(),
    currency: payment.currency,
    maskedPhone: payment.maskedPhone,
    tier: payment.tier,
    sequence: payment.sequence,
    acceptedAt: isoOf(payment.acceptedAt),
    settlement: payment.settlement,
    settledAt: payment.settledAt === null ? null : isoOf(payment.settledAt),
    refusalCode: payment.refusalCode,
    refundedMinor: payment.refundedMinor.toString(),
    needsInternetSoon: (payment.checks & CHECK.needsInternetSoon) !== 0,
    phoneChecked: (payment.checks & CHECK.payerPhone) !== 0,
  };
}

export function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
