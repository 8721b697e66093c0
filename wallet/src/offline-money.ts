/**
 * Everything that needs the protocol's cryptography, loaded when it is first needed: reading requests, paying,
 * loading and closing allowances, trust. The wallet opens without it; the service worker has it ready without a network.
 */
import { webCrypto, type TrustBundle } from '@tikiwallet/protocol';
import type { TrustView } from '@tikiwallet/server/contract';
import type { Endpoints } from './api/endpoints.ts';
import type { Clock } from './clock.ts';
import { ensureDeviceKey, openDeviceKey, type KeyOwner } from './keys/device-key.ts';
import { closeOnPhone, reportClosing } from './pay/close-allowance.ts';
import { WalletError } from './pay/codes.ts';
import { pause } from './pay/deliver.ts';
import { handInReceipts, handInRefunds } from './pay/hand-in.ts';
import { shopOfCode, shopsPaid, type KnownShop } from './pay/known-shops.ts';
import { linkInBrowser, localNetworkDenied } from './pay/link.ts';
import { finishLoad, orderLoad, type LoadIntent, type LoadOrder } from './pay/load-allowance.ts';
import { askForRefunds, refundsWaiting, type NearbyRefund } from './pay/nearby-refunds.ts';
import { askNearby } from './pay/nearby-shops.ts';
import { lockInBrowser, type PayNeeds } from './pay/needs.ts';
import { paymentText } from './pay/payment-text.ts';
import { readRefund, type OfferedRefund, type RefundOutcome } from './pay/read-refund.ts';
import { readRequest, type PaymentOffer, type ReadOutcome } from './pay/read-request.ts';
import {
  confirmAndSend,
  needWhole,
  noteLeaving,
  sendPayment,
  type Emit,
  type RunNeeds,
} from './pay/run-payment.ts';
import {
  confirmRefund,
  refundCodeOf,
  sendRefund,
  takeRefundReceipt,
  type RefundEvent,
} from './pay/run-refund.ts';
import { worthShowing } from './pay/signed-subject.ts';
import { takeAnswer, type TakenAnswer } from './pay/take-answer.ts';
import { takeReceipt } from './pay/take-receipt.ts';
import { storedTrust, takeTrust } from './pay/trust.ts';
import type { MarkerMirror } from './store/marker.ts';
import { findPaymentByRequest } from './store/records.ts';
import type {
  Database,
  KeyGuard,
  Profile,
  StoredAllowance,
  StoredPayment,
  StoredRefund,
} from './store/schema.ts';

export interface OfflineNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly mirrors: readonly MarkerMirror[];
  readonly api: Endpoints;
  /** The vault's master key for one signature. @throws WalletError `unlock_needed` */
  readonly masterFor: (amountMinor: bigint) => CryptoKey;
  /** What the page may call; null: not known. */
  readonly kioskOrigins: () => readonly string[] | null;
}

export class OfflineMoney {
  readonly #needs: OfflineNeeds;
  readonly #pay: PayNeeds;
  #trust: TrustBundle | null = null;

  constructor(needs: OfflineNeeds) {
    this.#needs = needs;
    this.#pay = {
      ...needs,
      crypto: webCrypto(crypto.subtle),
      withLock: lockInBrowser,
      openKey: (id, amountMinor) => openDeviceKey(needs.database, id, () => needs.masterFor(amountMinor)),
    };
  }

  async #storedTrust(): Promise<TrustBundle | null> {
    this.#trust ??= await storedTrust(this.#needs.database, this.#pay.crypto);
    return this.#trust;
  }

  /**
   * Asks the cloud for what is newer than this phone's trust: the difference first, everything where that does not fit. The
   * clock learns the bundle's time, a lower bound of now. @throws WalletError
   */
  async renewTrust(): Promise<void> {
    const { api } = this.#needs;
    const known = await this.#storedTrust();
    try {
      await this.#takeTrust(await api.trust(known));
    } catch (error) {
      const doesNotFit =
        error instanceof WalletError &&
        (error.code === 'deny_list_base_differs' || error.code === 'deny_list_result_differs');
      if (!doesNotFit) throw error;
      await this.#takeTrust(await api.trust(null));
    }
  }

  async #takeTrust(view: TrustView): Promise<void> {
    const { database, clock } = this.#needs;
    // The newest time that is certain: a clock set years ahead would find every issuer's time over, and never sync again.
    const needs = {
      database,
      crypto: this.#pay.crypto,
      nowSeconds: clock.newestTime,
      wallSeconds: clock.nowSeconds(),
    };
    const { trust, isTimeCorrected } = await takeTrust(needs, view);
    this.#trust = trust;
    if (isTimeCorrected) clock.goBackTo(trust.issuedAt);
    else clock.learnLowerBound(trust.issuedAt);
  }

  async readRequest(text: string, allowances: readonly StoredAllowance[]): Promise<ReadOutcome> {
    const { clock, database } = this.#needs;
    return await readRequest(text, {
      crypto: this.#pay.crypto,
      trust: await this.#storedTrust(),
      nowSeconds: clock.nowSeconds(),
      clockIsPlausible: clock.isPlausible(),
      allowances,
      findPayment: (hash) => findPaymentByRequest(database, hash),
    });
  }

  /** What the kiosks at these addresses ask for now, read as scans are. @throws WalletError */
  async readNearby(
    origins: readonly string[],
    allowances: readonly StoredAllowance[],
    signal: AbortSignal,
  ): Promise<readonly ReadOutcome[]> {
    const texts = await askNearby(
      origins,
      { fetch: (input, init) => fetch(input, init), pause, permissionDenied: localNetworkDenied },
      signal,
    );
    return worthShowing(await Promise.all(texts.map((text) => this.readRequest(text, allowances))));
  }

  /** Offers to give back what this person paid, read as scans are. @param userId whose payments count */
  async refundsNearby(
    origins: readonly string[],
    payments: readonly StoredPayment[],
    userId: string,
    signal: AbortSignal,
  ): Promise<readonly NearbyRefund[]> {
    const texts = await askForRefunds(origins, payments, (input, init) => fetch(input, init), signal);
    return await refundsWaiting(texts, (text) => this.readRefund(text, userId));
  }

  async #running(): Promise<RunNeeds> {
    const trust = await this.#storedTrust();
    if (trust === null) throw new WalletError('trust_missing');
    const { clock, database, kioskOrigins } = this.#needs;
    return {
      ...this.#pay,
      issuers: trust.issuers,
      link: linkInBrowser(database, kioskOrigins),
      delivery: {
        crypto: this.#pay.crypto,
        fetch: (input, init) => fetch(input, init),
        nowMs: () => clock.nowMs(),
        pause,
        permissionDenied: localNetworkDenied,
      },
    };
  }

  async pay(offer: PaymentOffer, emit: Emit, signal: AbortSignal): Promise<void> {
    await confirmAndSend(offer, await this.#running(), emit, signal);
  }

  async sendAgain(payment: StoredPayment, emit: Emit, signal: AbortSignal, wish?: 'page'): Promise<void> {
    await sendPayment(payment, await this.#running(), emit, signal, wish);
  }

  /** What the kiosk's page brought back. @throws WalletError */
  async takeAnswer(fragment: string): Promise<TakenAnswer> {
    return await takeAnswer(fragment, await this.#running());
  }

  /** The text of the code that the kiosk's camera reads: the same signed bytes as over the radio. */
  async codeOf(payment: StoredPayment): Promise<string> {
    const needs = await this.#running();
    return await paymentText(await noteLeaving(payment, needs), needs);
  }

  /** The kiosk asks for the larger code. */
  async needWhole(payment: StoredPayment): Promise<void> {
    await needWhole(payment, this.#needs);
  }

  async takeReceipt(payment: StoredPayment, text: string): Promise<StoredPayment> {
    return await takeReceipt(payment, text, await this.#running());
  }

  /** What a shop offers to give back. @param userId whose payments count */
  async readRefund(text: string, userId: string): Promise<RefundOutcome> {
    const { clock, database } = this.#needs;
    return await readRefund(text, {
      crypto: this.#pay.crypto,
      trust: await this.#storedTrust(),
      nowSeconds: clock.nowSeconds(),
      clockIsPlausible: clock.isPlausible(),
      findPayment: async (id) => {
        const payment = await database.get('payments', id);
        return payment?.userId === userId ? payment : undefined;
      },
      refundsOf: (paymentId) => database.getAllFromIndex('refunds', 'paymentId', paymentId),
    });
  }

  async confirmRefund(
    offered: OfferedRefund,
    emit: (event: RefundEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await confirmRefund(offered, await this.#running(), emit, signal);
  }

  async sendRefund(
    refund: StoredRefund,
    emit: (event: RefundEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await sendRefund(refund, await this.#running(), emit, signal);
  }

  async refundCodeOf(refund: StoredRefund): Promise<string> {
    return await refundCodeOf(refund, this.#needs);
  }

  async takeRefundReceipt(refund: StoredRefund, text: string): Promise<StoredRefund> {
    return await takeRefundReceipt(refund, text, await this.#running());
  }

  async #loading(profile: Profile) {
    const trust = await this.#storedTrust();
    if (trust === null) throw new WalletError('trust_missing');
    const { api, database, masterFor } = this.#needs;
    const ensureKey = (owner: KeyOwner) => ensureDeviceKey(database, owner, () => masterFor(0n));
    return { ...this.#pay, api, ensureKey, profile, trust };
  }

  async #shopFacts() {
    const trust = await this.#storedTrust();
    if (trust === null) throw new WalletError('trust_missing');
    return { crypto: this.#pay.crypto, trust, nowSeconds: this.#needs.clock.nowSeconds() };
  }

  /** Shops that this phone has paid and that money can be locked to. @throws WalletError */
  async shopsPaid(payments: readonly StoredPayment[]): Promise<readonly KnownShop[]> {
    return await shopsPaid(payments, await this.#shopFacts());
  }

  /** @throws WalletError */
  async shopOfCode(text: string): Promise<KnownShop> {
    return await shopOfCode(text, await this.#shopFacts());
  }

  async orderLoad(order: LoadOrder & { readonly guard: KeyGuard }, profile: Profile): Promise<LoadIntent> {
    return await orderLoad(order, await this.#loading(profile));
  }

  async finishLoad(intent: LoadIntent, profile: Profile): Promise<StoredAllowance> {
    return await finishLoad(intent, await this.#loading(profile));
  }

  async close(allowanceId: string): Promise<StoredAllowance> {
    return await closeOnPhone(allowanceId, this.#pay);
  }

  /** Stands in for kiosks that do not report. @throws WalletError when the cloud could not decide */
  async handInReceipts({
    payments,
    allowances,
    refunds,
  }: {
    readonly payments: readonly StoredPayment[];
    readonly allowances: readonly StoredAllowance[];
    readonly refunds: readonly StoredRefund[];
  }): Promise<void> {
    const { api, clock, database } = this.#needs;
    const trust = await this.#storedTrust();
    if (trust === null) return;
    const facts = { nowSeconds: clock.nowSeconds(), allowances, deniedKiosks: trust.deniedKiosks };
    const needs = { database, api, nowMs: () => clock.nowMs() };
    await handInReceipts(payments, facts, needs);
    await handInRefunds(refunds, payments, facts, needs);
  }

  async reportClosing(allowance: StoredAllowance): Promise<void> {
    await reportClosing(allowance, { database: this.#needs.database, api: this.#needs.api });
  }
}
