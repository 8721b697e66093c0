/**
 * The wallet behind the screens: keeps the snapshot up to date, talks to the cloud when there is one, and hands
 * offline money to its own room. Never: draws, or signs.
 */
import type { Session } from '@tikiwallet/server/contract';
import { Account } from './account.ts';
import { ApiClient, type SessionState } from './api/client.ts';
import { createEndpoints, type Endpoints } from './api/endpoints.ts';
import { ApiError } from './api/problems.ts';
import type { Clock } from './clock.ts';
import { browserPasskeys } from './keys/passkey.ts';
import { SessionKeys } from './keys/session-key.ts';
import { Vault } from './keys/vault.ts';
import type { OfflineMoney } from './offline-money.ts';
import { OnlineMoney } from './online-money.ts';
import { isSpendable } from './pay/allowance-choice.ts';
import { WalletError } from './pay/codes.ts';
import type { KnownShop } from './pay/known-shops.ts';
import type { LoadIntent, LoadOrder } from './pay/load-allowance.ts';
import type { PaymentEvent } from './pay/payment-machine.ts';
import { hasOpenRefund, reconcile, reconcileRefunds } from './pay/reconcile.ts';
import type { TakenAnswer } from './pay/take-answer.ts';
import { pageAddress } from './pay/ways.ts';
import type { NearbyRefund } from './pay/nearby-refunds.ts';
import type { OfferedRefund, RefundOutcome } from './pay/read-refund.ts';
import type { PaymentOffer, ReadOutcome } from './pay/read-request.ts';
import type { RefundEvent } from './pay/run-refund.ts';
import { dropMeta, getMeta, putMeta } from './store/database.ts';
import { checkIntegrity, startNewEpoch } from './store/integrity.ts';
import type { MarkerMirror } from './store/marker.ts';
import { keepHistory } from './store/records.ts';
import type { Database, Profile, StoredPayment, StoredRefund } from './store/schema.ts';
import { Unlocking } from './unlocking.ts';
import { INITIAL_STATE, Observable, type WalletState } from './wallet-state.ts';

export interface WalletNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly mirrors: readonly MarkerMirror[];
  readonly fetch: typeof fetch;
}

type Emit = (event: PaymentEvent) => void;

export class Wallet {
  readonly state = new Observable<WalletState>(INITIAL_STATE);
  readonly clock: Clock;
  readonly unlocking: Unlocking;
  readonly account: Account;
  readonly online: OnlineMoney;
  readonly #needs: WalletNeeds;
  readonly #sessionKeys: SessionKeys;
  readonly #client: ApiClient;
  readonly #api: Endpoints;
  #offline: Promise<OfflineMoney> | null = null;
  #syncing: Promise<void> | null = null;
  #hasConfig = false;

  constructor(needs: WalletNeeds) {
    this.#needs = needs;
    this.clock = needs.clock;
    this.#sessionKeys = new SessionKeys(needs.database);
    this.#client = new ApiClient({
      fetch: needs.fetch,
      nowMs: () => needs.clock.nowMs(),
      withRefreshLock: (work) => navigator.locks.request('tiki.refresh', work) as ReturnType<typeof work>,
      prove: () => this.#sessionKeys.prove(),
      onSession: (session, value) => this.#onSession(session, value),
      onReachable: (reachable) => {
        if (reachable !== this.state.value.reachable) this.state.change({ reachable });
      },
    });
    this.#api = createEndpoints(this.#client);
    this.unlocking = new Unlocking({
      vault: new Vault({
        database: needs.database,
        monotonicMs: () => performance.now(),
        withLock: (work) => navigator.locks.request('tiki.pin', work) as ReturnType<typeof work>,
      }),
      passkeys: browserPasskeys,
      state: this.state,
      nowSeconds: () => needs.clock.nowSeconds(),
      api: this.#api,
      enter: (ask) => this.#enter(ask),
      endSession: () => this.#client.signOut(),
      reload: () => this.#reload(),
    });
    this.online = new OnlineMoney({
      database: needs.database,
      api: this.#api,
      state: this.state,
      nowMs: () => needs.clock.nowMs(),
      reload: () => this.#reload(),
      decided: () => void this.sync().catch(ignoreOffline),
    });
    this.account = new Account({
      api: this.#api,
      enter: (ask) => this.#enter(ask),
      keepProfile: async (user) => {
        await putMeta(needs.database, 'profile', user);
        this.state.change({ profile: user });
      },
      leave: () => this.signOut(),
    });
  }

  /** Opens from what is on the phone; the network comes later and may never come. */
  async start(): Promise<void> {
    const { database, mirrors } = this.#needs;
    const integrity = await checkIntegrity(database, mirrors);
    this.state.change({
      integrity,
      profile: (await getMeta(database, 'profile')) ?? null,
      config: (await getMeta(database, 'config')) ?? null,
      view: (await getMeta(database, 'walletView')) ?? null,
      orders: (await getMeta(database, 'orders')) ?? NO_ORDERS,
      registration: (await getMeta(database, 'registration')) ?? null,
      denialsRead: (await getMeta(database, 'denialsRead')) ?? [],
    });
    await this.#reload();
  }

  /** Draws what the database holds. */
  async #reload(): Promise<void> {
    const { database } = this.#needs;
    const { profile } = this.state.value;
    await this.unlocking.refresh();
    if (profile === null) {
      this.state.change({
        allowances: [],
        payments: [],
        refunds: [],
        history: [],
        intents: [],
        historyCursor: null,
      });
      return;
    }
    const [allowances, payments, refunds, history, intents] = await Promise.all([
      database.getAllFromIndex('allowances', 'userId', profile.id),
      database.getAllFromIndex('payments', 'userId', profile.id),
      database.getAllFromIndex('refunds', 'userId', profile.id),
      database.getAllFromIndex('history', 'userId', profile.id),
      database.getAllFromIndex('intents', 'userId', profile.id),
    ]);
    this.state.change({ allowances, payments, refunds, history, intents });
  }

  #money(): Promise<OfflineMoney> {
    this.#offline ??= import('./offline-money.ts')
      .then(
        ({ OfflineMoney: Room }) =>
          new Room({
            ...this.#needs,
            api: this.#api,
            masterFor: this.unlocking.masterFor,
            kioskOrigins: () => this.state.value.config?.kioskOrigins ?? null,
          }),
      )
      .catch((error: unknown) => {
        // Asked again at the next need: the network may be there by then.
        this.#offline = null;
        throw error;
      });
    return this.#offline;
  }

  #onSession(session: SessionState, value: Session | null): void {
    if (session === 'none') void this.#sessionKeys.forget().catch(console.error);
    this.state.change({ session });
    if (value !== null) this.state.change({ profile: value.user });
  }

  // ---------------------------------------------------------------- the cloud

  async loadConfig(): Promise<void> {
    const config = await this.#api.config();
    await putMeta(this.#needs.database, 'config', config);
    this.#hasConfig = true;
    this.state.change({ config });
  }

  async register(person: { phone: string; username: string; password: string }): Promise<void> {
    await this.#keepRegistration(await this.#api.register(person));
  }

  async resendCode(): Promise<void> {
    const { registration } = this.state.value;
    if (registration === null) throw new WalletError('registration_not_found');
    await this.#keepRegistration(await this.#api.resend(registration.registrationId));
  }

  async #keepRegistration(answer: {
    registrationId: string;
    phone: string;
    expiresAt: string;
    resendAfterMs: number;
  }): Promise<void> {
    const registration = {
      registrationId: answer.registrationId,
      phone: answer.phone,
      resendAt: Date.now() + answer.resendAfterMs,
      expiresAt: Date.parse(answer.expiresAt),
    };
    await putMeta(this.#needs.database, 'registration', registration);
    this.state.change({ registration });
  }

  async forgetRegistration(): Promise<void> {
    await dropMeta(this.#needs.database, 'registration');
    this.state.change({ registration: null });
  }

  async verify(code: string): Promise<void> {
    const { registration } = this.state.value;
    if (registration === null) throw new WalletError('registration_not_found');
    const { registrationId } = registration;
    await this.#enter((sessionKey) => this.#api.verify({ registrationId, code, sessionKey }));
    await this.forgetRegistration();
  }

  async logIn(credentials: { phone: string; password: string }): Promise<void> {
    await this.#enter((sessionKey) => this.#api.logIn({ ...credentials, sessionKey }));
  }

  async #enter(ask: (sessionKey: string) => Promise<Session>): Promise<void> {
    const { database } = this.#needs;
    const offered = await this.#sessionKeys.offer();
    const session = await ask(offered.publicKey);
    if (session.user.role !== 'customer') throw new WalletError('not_permitted');
    // Before anything else: from here on a phone whose battery goes is still signed in.
    if (session.sessionId !== undefined) await offered.keep(session.sessionId);
    const before = await getMeta(database, 'profile');
    if (before?.id !== session.user.id) {
      await dropMeta(database, 'walletView');
      await dropMeta(database, 'orders');
      this.state.change({ view: null, orders: NO_ORDERS });
    }
    await putMeta(database, 'profile', session.user);
    this.#client.take(session);
    await this.#reload();
    void this.sync().catch(ignoreOffline);
  }

  /** Ends the session. Offline money and its history stay on this phone for who signs in again. */
  async signOut(): Promise<void> {
    this.unlocking.lock();
    await this.#client.signOut().catch(ignoreOffline);
    await dropMeta(this.#needs.database, 'profile');
    await dropMeta(this.#needs.database, 'walletView');
    await dropMeta(this.#needs.database, 'orders');
    this.state.change({ profile: null, view: null, orders: NO_ORDERS, session: 'none' });
    await this.#reload();
  }

  /** Everything that the cloud knows and the phone should: balances, history, trust; finishes what was left open. */
  sync(): Promise<void> {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = null;
      this.state.change({ syncing: false });
    });
    return this.#syncing;
  }

  /** A synchronisation that began after this call: one that is under way may have asked before. */
  async #syncAfresh(): Promise<void> {
    await this.#syncing?.catch(ignoreOffline);
    await this.sync();
  }

  async #sync(): Promise<void> {
    const { profile } = this.state.value;
    await this.unlocking.endSessionIfOwed();
    // A session that is over is not asked again and again; the person signs in when they want the online wallet.
    if (profile === null || this.#client.state === 'none') return await this.loadConfig();
    this.state.change({ syncing: true });
    const { database, clock } = this.#needs;
    // Once after each start: limits and addresses are the operator's to change.
    if (!this.#hasConfig) await this.loadConfig();
    await this.#client.refreshIfUnknown();
    const money = await this.#money();
    await money.renewTrust();
    await this.#finishOpenOrders();
    // Before the history: a refund that is told as settled has its entry there.
    const given = hasOpenRefund(this.state.value.refunds, clock.nowSeconds())
      ? await this.#api.refunds()
      : null;
    const [view, page] = await Promise.all([this.#api.wallet(), this.#api.history()]);
    await putMeta(database, 'clockOffsetMs', clock.learn(Date.parse(view.asOf)));
    await putMeta(database, 'newestTime', clock.newestTime);
    await putMeta(database, 'walletView', view);
    await keepHistory(database, profile.id, page.items);
    await reconcile(database, profile.id, { view, history: page.items });
    if (given !== null) await reconcileRefunds(database, given.items);
    const { historyCursor } = this.state.value;
    this.state.change({ view, ...(historyCursor === null ? { historyCursor: page.nextCursor } : {}) });
    await this.#reload();
    // Last: what is slow or refused here must not keep the balance from the screen.
    try {
      await this.#learnOrders();
      await money.handInReceipts(this.state.value);
    } finally {
      await this.#reload();
    }
  }

  /** Top-ups and withdrawals that have no entry in the history, or more to tell than it. */
  async #learnOrders(): Promise<void> {
    const [topUps, withdrawals] = await Promise.all([this.#api.topUps(), this.#api.withdrawals()]);
    const orders = { topUps: topUps.items, withdrawals: withdrawals.items };
    await putMeta(this.#needs.database, 'orders', orders);
    this.state.change({ orders });
  }

  async moreHistory(): Promise<void> {
    const { historyCursor, profile } = this.state.value;
    if (historyCursor === null || profile === null) return;
    const page = await this.#api.history(historyCursor);
    await keepHistory(this.#needs.database, profile.id, page.items);
    this.state.change({ historyCursor: page.nextCursor });
    await this.#reload();
  }

  /** Orders whose answer was lost: loads are finished, closings reported. A transfer waits for its person. */
  async #finishOpenOrders(): Promise<void> {
    const { profile, intents, allowances } = this.state.value;
    if (profile === null) return;
    const money = await this.#money();
    for (const intent of intents) {
      if (intent.kind === 'load') await money.finishLoad(intent, profile).catch(ignoreDecided);
    }
    for (const allowance of allowances) {
      const isUnreported =
        allowance.state === 'closing' &&
        (allowance.cloudStatus === 'active' || allowance.cloudStatus === null);
      if (isUnreported) await money.reportClosing(allowance).catch(ignoreDecided);
    }
  }

  // ---------------------------------------------------------------- money offline

  /** Shops that offline money can be locked to; none before this phone has met the cloud. */
  async shopsPaid(): Promise<readonly KnownShop[]> {
    return await (await this.#money()).shopsPaid(this.state.value.payments);
  }

  /** The shop whose code was read. @throws WalletError */
  async shopOfCode(text: string): Promise<KnownShop> {
    return await (await this.#money()).shopOfCode(text);
  }

  async load(order: LoadOrder): Promise<void> {
    const { profile, intents } = this.state.value;
    if (profile === null) throw new WalletError('not_authenticated');
    const money = await this.#money();
    await money.renewTrust();
    const open = intents.find((one) => one.kind === 'load' && isSameLoad(one, order));
    const intent = open?.kind === 'load' ? open : await this.#orderLoad(money, order, profile);
    try {
      await money.finishLoad(intent, profile);
    } finally {
      await this.#reload();
    }
    // Ask while the person has just seen why; browsers grant it for installed and much used pages.
    await navigator.storage?.persist?.().catch(() => false);
    // Home must not show the same money in both wallets: it waits for the balance that the load left, but not for long.
    const balance = this.#syncAfresh().catch(ignoreOffline);
    await Promise.race([balance, new Promise((resolve) => setTimeout(resolve, 3_000))]);
  }

  async #orderLoad(money: OfflineMoney, order: LoadOrder, profile: Profile): Promise<LoadIntent> {
    const guard = this.unlocking.guardForLoad(order.amountMinor);
    return await money.orderLoad({ ...order, guard }, profile);
  }

  /** Closes on the phone at once; the cloud hears of it now or when it can be reached. */
  async unload(allowanceId: string): Promise<void> {
    const money = await this.#money();
    try {
      await money.reportClosing(await money.close(allowanceId));
    } finally {
      await this.#reload();
    }
    void this.sync().catch(ignoreOffline);
  }

  /** Before a change of phone: everything that can still be spent goes back, each load by its own closing. */
  async unloadAll(): Promise<void> {
    const nowSeconds = this.clock.nowSeconds();
    for (const allowance of this.state.value.allowances) {
      if (isSpendable(allowance, nowSeconds)) await this.unload(allowance.id);
    }
  }

  /** Another phone is gone: its loads are denied everywhere. Stops at the first that could not be; a repeat is safe. */
  async denyLost(allowanceIds: readonly string[]): Promise<void> {
    try {
      for (const id of allowanceIds) await this.#api.denyAllowance(id);
      // This person has just said so: it is no news.
      await this.markDenialsRead(allowanceIds);
    } finally {
      await this.#syncAfresh().catch(ignoreOffline);
    }
  }

  async markDenialsRead(allowanceIds: readonly string[]): Promise<void> {
    const denialsRead = [...new Set([...this.state.value.denialsRead, ...allowanceIds])];
    await putMeta(this.#needs.database, 'denialsRead', denialsRead);
    this.state.change({ denialsRead });
  }

  async readRequest(text: string): Promise<ReadOutcome> {
    const broken = this.#brokenMemory();
    return broken ?? (await (await this.#money()).readRequest(text, this.state.value.allowances));
  }

  /** What the kiosks that this wallet may reach ask for now; at least one. @throws WalletError */
  async readNearby(signal: AbortSignal): Promise<readonly ReadOutcome[]> {
    const broken = this.#brokenMemory();
    if (broken !== null) return [broken];
    const { config, allowances } = this.state.value;
    return await (await this.#money()).readNearby(config?.kioskOrigins ?? [], allowances, signal);
  }

  /** What the kiosks that this wallet may reach offer this person to give back. */
  async refundsNearby(signal: AbortSignal): Promise<readonly NearbyRefund[]> {
    const { config, payments, profile } = this.state.value;
    if (profile === null) return [];
    const money = await this.#money();
    return await money.refundsNearby(config?.kioskOrigins ?? [], payments, profile.id, signal);
  }

  #brokenMemory(): ReadOutcome | null {
    const { integrity } = this.state.value;
    if (integrity === 'intact') return null;
    return {
      kind: 'refused',
      code: integrity === 'lost' ? 'store_lost' : 'store_rolled_back',
      subject: null,
    };
  }

  async pay(offer: PaymentOffer, emit: Emit, signal: AbortSignal): Promise<void> {
    await this.#whileRunning(async (money) => await money.pay(offer, emit, signal));
  }

  /** @param wish `page`: the person wants to go by way of the kiosk's page. */
  async sendAgain(payment: StoredPayment, emit: Emit, signal: AbortSignal, wish?: 'page'): Promise<void> {
    await this.#whileRunning(async (money) => await money.sendAgain(payment, emit, signal, wish));
  }

  /** Where the kiosk's page could be opened, or null. */
  pageOf(payment: StoredPayment): string | null {
    const kioskOrigins = this.state.value.config?.kioskOrigins ?? null;
    return pageAddress({
      addresses: payment.addresses,
      walletOrigin: location.origin,
      kioskOrigins,
      past: null,
    });
  }

  /** What the kiosk's page brought back in the address. @throws WalletError */
  async takeAnswer(fragment: string): Promise<TakenAnswer> {
    const taken = await (await this.#money()).takeAnswer(fragment);
    await this.#reload();
    return taken;
  }

  /** Draws what another page of this wallet has written meanwhile. */
  async lookAgain(): Promise<void> {
    await this.#reload();
  }

  /** For the kiosk's camera: what it reads is what the radio would carry. */
  async codeOf(payment: StoredPayment): Promise<string> {
    const text = await (await this.#money()).codeOf(payment);
    await this.#reload();
    return text;
  }

  /** The kiosk said that it does not know the certificate: its codes are whole from now on. */
  async needWhole(payment: StoredPayment): Promise<void> {
    await (await this.#money()).needWhole(payment);
    await this.#reload();
  }

  /** The receipt from the kiosk's screen. @throws WalletError when it is none, or another payment's */
  async takeReceipt(payment: StoredPayment, text: string): Promise<void> {
    await (await this.#money()).takeReceipt(payment, text);
    await this.#reload();
  }

  async readRefund(text: string): Promise<RefundOutcome> {
    const { integrity, profile } = this.state.value;
    const broken = integrity === 'intact' ? null : integrity === 'lost' ? 'store_lost' : 'store_rolled_back';
    if (broken !== null) return { kind: 'refused', code: broken, subject: null };
    if (profile === null) throw new WalletError('not_authenticated');
    return await (await this.#money()).readRefund(text, profile.id);
  }

  async confirmRefund(
    offered: OfferedRefund,
    emit: (event: RefundEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#whileRunning(async (money) => await money.confirmRefund(offered, emit, signal));
  }

  async sendRefund(
    refund: StoredRefund,
    emit: (event: RefundEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#whileRunning(async (money) => await money.sendRefund(refund, emit, signal));
  }

  async refundCodeOf(refund: StoredRefund): Promise<string> {
    const text = await (await this.#money()).refundCodeOf(refund);
    await this.#reload();
    return text;
  }

  /** From the kiosk's screen. @throws WalletError */
  async takeRefundReceipt(refund: StoredRefund, text: string): Promise<StoredRefund> {
    const taken = await (await this.#money()).takeRefundReceipt(refund, text);
    await this.#reload();
    return taken;
  }

  async #whileRunning(work: (money: OfflineMoney) => Promise<void>): Promise<void> {
    try {
      await work(await this.#money());
    } finally {
      const integrity = await checkIntegrity(this.#needs.database, this.#needs.mirrors);
      this.state.change({ integrity });
      await this.#reload();
    }
  }

  /** After lost or rolled-back storage, with the person's word: what is left is frozen, a new key may be made. */
  async startOver(): Promise<void> {
    await startNewEpoch(this.#needs.database, this.#needs.mirrors);
    this.state.change({ integrity: 'intact' });
    await this.#reload();
  }
}

const NO_ORDERS = { topUps: [], withdrawals: [] } as const;

function isSameLoad(intent: LoadIntent, order: LoadOrder): boolean {
  const ordered = intent.payee?.lock;
  const wanted = order.payee?.lock;
  return (
    intent.amountMinor === order.amountMinor.toString() &&
    ordered?.merchantId === wanted?.merchantId &&
    ordered?.kioskId === wanted?.kioskId
  );
}

/** For work in the background: without a network it simply has not happened yet. */
export function ignoreOffline(error: unknown): void {
  if (!(error instanceof WalletError)) throw error;
}

/** An open order that the cloud has refused is over; what to do next is on the screens. */
function ignoreDecided(error: unknown): void {
  if (error instanceof ApiError && !error.isUndecided) return;
  throw error;
}
