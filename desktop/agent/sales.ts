/**
 * The sales on the counter, as the main thread follows them: opened, counted down, paid, expired or cancelled, what was
 * last refused of each, and which is in front. The truth is in the store; this holds the newest copies and their timers.
 * Never decides a payment.
 */
import { CHECK, comparisonCode, fromHex, paidCode, runSync, shownMask, toQrText } from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { IpcError, type Payment, type Sale } from '../ipc/index.ts';
import type { AcceptCode, AcceptOutcome } from './accept-payment.ts';
import type { Clock } from './clock.ts';
import type { OverrideOffer } from './held-payments.ts';
import { remainingMs } from './request-life.ts';
import type { StopCode } from './till-standing.ts';
import type { CommandParams } from './store/messages.ts';
import type { StoreClient } from './store/store-client.ts';
import type { SaleRecord, StoredPayment } from './store/rows.ts';

interface Refused {
  readonly code: AcceptCode;
  readonly atMs: number;
  readonly attempts: number;
  readonly offer: OverrideOffer | null;
}

/** How a payment came. Who shows a code to the camera reaches no network and waits for the receipt on the screen. */
export type Channel = 'network' | 'camera';

/** A sale on the counter. */
interface Shown {
  record: SaleRecord;
  refused: Refused | null;
  wasScanned: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Ended sales that nobody puts away make room for newer ones. */
const MOST_ENDED = 16;

export interface SalesOptions {
  readonly store: Pick<StoreClient, 'accept' | 'run'>;
  readonly clock: Clock;
  readonly addresses: () => readonly string[];
  readonly requestTtlSeconds: number;
  /** Requests that may be open at one time. */
  readonly mostOpen: () => number;
  /** A sale changed: the screen must know at once. */
  readonly onChange: () => void;
  /** An attempt was refused: anybody nearby can make thousands, so the screen may take its time. */
  readonly onRefusal: () => void;
  readonly onError: (error: unknown) => void;
}

export class Sales {
  readonly #options: SalesOptions;
  /** By sale id, in the order in which they came onto the counter. */
  readonly #shown = new Map<string, Shown>();
  #frontId: string | null = null;

  constructor(options: SalesOptions) {
    this.#options = options;
  }

  /** What the store remembered from before, oldest first. The newest that can be paid comes to the front. */
  resume(records: readonly SaleRecord[]): void {
    for (const record of records) this.#keep(record);
    const newest = records.findLast(({ state }) => state === 'open') ?? null;
    this.#frontId = (newest ?? (this.#servesSeveral ? null : (records.at(-1) ?? null)))?.saleId ?? null;
    if (records.length > 0) this.#options.onChange();
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
    const { current } = this;
    const isOther = current !== null && current.saleId !== record.saleId;
    if (isOther && record.state !== 'open' && this.#isPayable(current)) return this.#describe(record);
    this.#makeRoomFor(record.saleId);
    this.#frontId = record.saleId;
    return this.#show(record);
  }

  /** @throws IpcError */
  async cancel(saleId: string): Promise<Sale> {
    const record = await this.#options.store.run('cancelSale', saleId);
    if (!this.#shown.has(saleId)) return this.#describe(record);
    if (record.state !== 'cancelled' || !this.#servesSeveral) return this.#show(record);
    this.#takeOff(saleId);
    return this.#describe(record);
  }

  /** Null: the keypad, while the others stay on the counter. @throws IpcError */
  bringToFront(saleId: string | null): void {
    if (saleId !== null && !this.#shown.has(saleId)) throw new IpcError('sale_not_found');
    this.#frontId = saleId;
    this.#options.onChange();
  }

  /** How it ended was seen. @throws IpcError */
  async putAway(saleId: string): Promise<void> {
    await this.#options.store.run('putAwaySale', saleId);
    if (this.#servesSeveral) this.#takeOff(saleId);
  }

  /** A delivery by any channel; the screen changes when the outcome does, which is after the commit. */
  async accept(delivery: Uint8Array, channel: Channel = 'network'): Promise<AcceptOutcome> {
    const outcome = await this.#options.store.accept(delivery);
    if (channel === 'camera' && outcome.kind !== 'refused') this.#noteScanned(outcome);
    return this.#noteOutcome(outcome);
  }

  /** The manager lets a refused payment through. @throws IpcError */
  async override(consent: CommandParams<'overridePayment'>): Promise<AcceptOutcome> {
    return this.#noteOutcome(await this.#options.store.run('overridePayment', consent), 'manager');
  }

  /** Whose code was read stands at the camera and has no other way to the receipt than this screen. */
  #noteScanned(outcome: Exclude<AcceptOutcome, { kind: 'refused' }>): void {
    const shown = this.#ofRequest(outcome.payment.requestId);
    if (shown === undefined) return;
    shown.wasScanned = true;
    if (outcome.kind === 'accepted') this.#frontId = shown.record.saleId;
  }

  #noteOutcome(outcome: AcceptOutcome, by: 'phone' | 'manager' = 'phone'): AcceptOutcome {
    if (outcome.kind !== 'refused') {
      const { payment } = outcome;
      const shown = this.#ofRequest(payment.requestId);
      if (shown !== undefined) this.#show({ ...shown.record, state: 'paid', payment });
      return outcome;
    }
    const shown = this.#ofRequest(outcome.requestId);
    if (shown === undefined || shown.record.state !== 'open') return outcome;
    const { refused } = shown;
    // Anybody nearby can send noise: it must not take from the screen what a manager can decide about.
    const isBesideTheOffer =
      by === 'phone' && outcome.offer === undefined && (refused?.offer ?? null) !== null;
    // A phone that waits for the manager asks again and again: that is the same attempt.
    if (isBesideTheOffer || isSameAttempt(refused, outcome)) return outcome;
    shown.refused = {
      code: outcome.code,
      atMs: this.#options.clock.wallMs(),
      attempts: (refused?.attempts ?? 0) + 1,
      offer: outcome.offer ?? null,
    };
    this.#options.onRefusal();
    return outcome;
  }

  /** The cloud took entries over: payments of the sales that are still shown may be among them. */
  async noteSettledUpTo(sequence: number): Promise<void> {
    for (const { record } of [...this.#shown.values()]) {
      const { payment } = record;
      if (payment === null || payment.sequence > sequence) continue;
      if (payment.settlement !== 'on_this_device' && payment.settlement !== 'sent') continue;
      const newest = await this.#options.store.run('lookAtSale', record.saleId);
      if (this.#shown.has(record.saleId)) this.#show(newest);
    }
  }

  /** The till was stopped, and the store has closed what nobody had paid: the screen says why. */
  async noteStopped(code: StopCode): Promise<void> {
    for (const { record } of [...this.#shown.values()]) {
      if (record.state !== 'open') continue;
      const newest = await this.#options.store.run('lookAtSale', record.saleId);
      const shown = this.#shown.get(record.saleId);
      // Paid before the word came, or put away.
      if (shown?.record.state !== 'open') continue;
      const attempts = shown.refused?.attempts ?? 0;
      if (newest.state === 'cancelled')
        shown.refused = { code, atMs: this.#options.clock.wallMs(), attempts, offer: null };
      this.#show(newest);
    }
  }

  /** Time has passed in a way that no timer notices: the machine slept. */
  async lookAgain(): Promise<void> {
    for (const { record } of [...this.#shown.values()])
      if (record.state === 'open' && this.#remainingMs(record) === 0) await this.#expire(record.saleId);
  }

  /** In front. */
  get current(): SaleRecord | null {
    return this.#front?.record ?? null;
  }

  /** What a phone that cannot scan may fetch: only what can still be paid, oldest first. */
  openEnvelopes(): readonly Uint8Array[] {
    return [...this.#shown.values()]
      .filter(({ record }) => this.#isPayable(record))
      .map(({ record }) => record.envelope);
  }

  view(): Sale | null {
    return this.#front === null ? null : this.#describe(this.#front.record);
  }

  /** Everything on the counter, oldest first. */
  views(): readonly Sale[] {
    return [...this.#shown.values()].map(({ record }) => this.#describe(record));
  }

  close(): void {
    for (const { timer } of this.#shown.values()) clearTimeout(timer);
  }

  get #front(): Shown | null {
    return this.#frontId === null ? null : (this.#shown.get(this.#frontId) ?? null);
  }

  /** By choice, or because the choice was taken back while several were open. */
  get #servesSeveral(): boolean {
    return this.#options.mostOpen() > 1 || this.#shown.size > 1;
  }

  #ofRequest(requestId: string | null): Shown | undefined {
    return [...this.#shown.values()].find(({ record }) => record.requestId === requestId);
  }

  /** One customer at a time: the former sale leaves. Several: only what ended long ago does. */
  #makeRoomFor(saleId: string): void {
    const ended = [...this.#shown.values()].map(({ record }) => record).filter((one) => one.state !== 'open');
    const others = ended.filter((one) => one.saleId !== saleId);
    const leaving = this.#servesSeveral ? others.slice(0, -MOST_ENDED) : others;
    for (const one of leaving) this.#forget(one.saleId);
  }

  #takeOff(saleId: string): void {
    this.#forget(saleId);
    this.#options.onChange();
  }

  #forget(saleId: string): void {
    clearTimeout(this.#shown.get(saleId)?.timer);
    this.#shown.delete(saleId);
    if (this.#frontId === saleId) this.#frontId = null;
  }

  #isPayable(record: SaleRecord): boolean {
    return record.state === 'open' && this.#remainingMs(record) > 0;
  }

  #show(record: SaleRecord): Sale {
    this.#keep(record);
    this.#options.onChange();
    return this.#describe(record);
  }

  #keep(record: SaleRecord): void {
    const { saleId } = record;
    const known = this.#shown.get(saleId);
    clearTimeout(known?.timer);
    const timer =
      record.state === 'open'
        ? // One millisecond late rather than early: the store would find it still open.
          setTimeout(() => void this.#expire(saleId), this.#remainingMs(record) + 1)
        : undefined;
    this.#shown.set(saleId, { ...(known ?? { refused: null, wasScanned: false }), record, timer });
  }

  async #expire(saleId: string): Promise<void> {
    const isOpen = (): boolean => this.#shown.get(saleId)?.record.state === 'open';
    try {
      const record = await this.#options.store.run('lookAtSale', saleId);
      if (isOpen()) this.#show(record);
    } catch (error) {
      // The disk may be full: the sale is over all the same, and the screen must not offer it.
      if (!(error instanceof IpcError)) return this.#options.onError(error);
      const known = this.#shown.get(saleId);
      if (known?.record.state === 'open') this.#show({ ...known.record, state: 'expired' });
    }
  }

  #remainingMs(record: SaleRecord): number {
    return remainingMs(record, this.#options.clock);
  }

  #describe(record: SaleRecord): Sale {
    const shown = this.#shown.get(record.saleId);
    const refused = shown?.refused ?? null;
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
      lastRefusal: refused === null ? null : describeRefusal(refused),
      checksPhone: record.checksPhone,
      wasScanned: shown?.wasScanned ?? false,
      payment: record.payment === null ? null : describePayment(record.payment),
    };
  }
}

function describeRefusal({ code, atMs, attempts, offer }: Refused): Sale['lastRefusal'] {
  const override = offer === null ? null : { ...offer, codes: [...offer.codes] };
  return { code, at: new Date(atMs).toISOString(), attempts, override };
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
    maskedPhone: shownMask(payment.maskedPhone),
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
