/**
 * Puts the agent together: store, listener, sales, cloud, settlement, local socket, and stops it in the order that
 * loses nothing. Owns the wiring and the order; every rule lives in the room it belongs to.
 */
import { loadPrivateKey, sealOpener, type SealOpener } from '@tikiwallet/protocol/node';
import { serveAgent, type AgentServer } from '../ipc/agent-server.ts';
import type { ProblemCode } from '@tikiwallet/server/contract';
import { IpcError } from '../ipc/index.ts';
import { composeState, StatePublisher } from './agent-state.ts';
import { systemClock } from './clock.ts';
import { cloudApi } from './cloud/cloud-api.ts';
import { CloudClient } from './cloud/cloud-client.ts';
import { MerchantSession } from './cloud/merchant-session.ts';
import { type CloudState, Reachability } from './cloud/reachability.ts';
import { TrustRefresher } from './cloud/trust-refresher.ts';
import type { AgentConfig } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { enrolKiosk } from './enrol-kiosk.ts';
import { agentHandlers } from './handlers.ts';
import type { Log } from './log.ts';
import { Manager } from './manager/manager.ts';
import { listenForPhones, type Listener, type PairingView } from './pairing/listener.ts';
import { KIOSK_NAMES } from './radio/address-plan.ts';
import { RadioRoom, type RadioRoomOptions } from './radio/radio-room.ts';
import { Refunds } from './refunds.ts';
import { Sales, type Channel } from './sales.ts';
import { SettleLoop } from './settle/settle-loop.ts';
import type { StoreSnapshot } from './store/kiosk-store.ts';
import { migrationsFolder } from './store/migrations-folder.ts';
import { StoreClient } from './store/store-client.ts';
import { stopCode, type StopCode } from './till-standing.ts';

export interface RunningAgent {
  /** Of the listener for phones. */
  readonly port: number;
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

/** What the radio stands on, where that is not this machine. */
export type RadioParts = Partial<
  Pick<RadioRoomOptions, 'wifi' | 'open' | 'programs' | 'readFacts' | 'soleHost' | 'listen'>
>;

export interface StartOptions {
  readonly config: AgentConfig;
  readonly folder: DataFolder;
  readonly version: string;
  readonly log: Log;
  /** The store can no longer be trusted with a write: the process must end. */
  readonly onFatal: (detail: string) => void;
  readonly radio?: RadioParts;
}

/** Time passes for the store: freshness, the day, the trusted time on disk. */
const TICK_MS = 30_000;

/** Rejects with the system's error when the phones' address is taken. */
export async function startAgent(options: StartOptions): Promise<RunningAgent> {
  const agent = new Agent(options);
  try {
    await agent.start();
  } catch (error) {
    await agent.stop();
    throw error;
  }
  return agent;
}

class Agent implements RunningAgent {
  readonly #options: StartOptions;
  readonly #store: StoreClient;
  readonly #sales: Sales;
  readonly #refunds: Refunds;
  readonly #reachability: Reachability;
  readonly #merchant: MerchantSession;
  readonly #manager: Manager;
  readonly #settle: SettleLoop;
  readonly #trust: TrustRefresher;
  readonly #radio: RadioRoom;
  readonly #publisher: StatePublisher;
  readonly #api: ReturnType<typeof cloudApi>;
  readonly #sealingPublicKey: Uint8Array;
  readonly #signingPublicKey: Uint8Array;
  readonly #open: SealOpener;
  #snapshot: StoreSnapshot | null = null;
  #listener: Listener | null = null;
  #socket: AgentServer | null = null;
  #tick: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(options: StartOptions) {
    const { config, folder, log } = options;
    this.#options = options;
    this.#sealingPublicKey = loadPrivateKey(folder.sealingKeyPem).publicKey;
    this.#signingPublicKey = loadPrivateKey(folder.signingKeyPem).publicKey;
    this.#open = sealOpener(folder.sealingKeyPem);
    const snapshot = (): StoreSnapshot | null => this.#snapshot;
    const isOnline = (): boolean => this.#reachability.isOnline;
    const changed = (): void => this.#publisher.soon();
    this.#store = new StoreClient(
      {
        path: folder.databasePath,
        migrationsFolder: migrationsFolder(),
        signingKeyPem: folder.signingKeyPem,
        sealingKeyPem: folder.sealingKeyPem,
      },
      {
        onSnapshot: (newest) => this.#learned(newest),
        onQuarantine: (detail) =>
          log.fatal({ detail }, 'the database is set aside: nothing is sold until somebody has looked at it'),
        onFatal: options.onFatal,
        onLog: (level, text) => log[level](text),
      },
    );
    const client = new CloudClient({
      apiUrl: config.apiUrl,
      events: {
        onReached: () => this.#reachability.reached(),
        onUnreachable: () => this.#reachability.failed(),
        onProblem: (code) => this.#onProblem(code),
      },
    });
    this.#api = cloudApi(client);
    this.#reachability = new Reachability({
      probe: this.#api.probe,
      onChange: (state) => this.#cloudBecame(state),
    });
    this.#merchant = new MerchantSession({
      api: this.#api,
      serverNowMs: () => client.serverNowMs(),
      onChange: changed,
    });
    this.#manager = new Manager({ api: this.#api, store: this.#store, snapshot });
    this.#sales = new Sales({
      store: this.#store,
      clock: systemClock(),
      addresses: () => this.#listener?.addresses ?? [],
      requestTtlSeconds: this.#options.config.requestTtlSeconds,
      mostOpen: () => this.#snapshot?.mostOpen ?? 1,
      onChange: () => this.#requestChanged(),
      onRefusal: changed,
      onError: (error) => log.error({ err: error }, 'the sale could not be brought up to date'),
    });
    this.#refunds = new Refunds({
      store: this.#store,
      clock: systemClock(),
      addresses: () => this.#listener?.addresses ?? [],
      onChange: () => this.#requestChanged(),
      onRefusal: changed,
      onError: (error) => log.error({ err: error }, 'the refund could not be brought up to date'),
    });
    this.#settle = new SettleLoop({
      api: this.#api,
      store: this.#store,
      snapshot,
      isOnline,
      refreshTrust: () => this.#trust.refreshed(),
      onChange: changed,
      log,
    });
    this.#trust = new TrustRefresher({
      api: this.#api,
      store: this.#store,
      snapshot,
      isOnline,
      log,
      onChange: changed,
    });
    this.#radio = new RadioRoom({
      config: config.radio,
      dataFolder: config.dataFolder,
      clock: systemClock(),
      log,
      port: () => this.port,
      listen: async (address) => this.#listener?.serveGroup(address, KIOSK_NAMES),
      onChange: changed,
      ...options.radio,
    });
    this.#publisher = new StatePublisher({
      compose: () => this.#compose(),
      publish: (state) => this.#socket?.publish(state),
    });
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get addresses(): readonly string[] {
    return this.#listener?.addresses ?? [];
  }

  async start(): Promise<void> {
    const { config, folder, version, log } = this.#options;
    this.#listener = await listenForPhones({
      ...config.listen,
      advertise: config.advertise,
      open: this.#open,
      view: () => pairingView(this.#snapshot),
      openRequests: () => this.#sales.openEnvelopes(),
      openRefund: (paymentHash) => this.#refunds.envelopeFor(paymentHash),
      accept: (delivery) => this.#accept(delivery, 'network'),
      acceptRefund: (acceptance) => this.#giveBack(acceptance),
      log,
    });
    this.#socket = await serveAgent(folder.socketPath, {
      token: folder.token,
      version,
      handlers: this.#handlers(),
      onError: (error, during) => log.error({ err: error, during }, 'a call of the local socket failed'),
    });
    this.#reachability.start();
    this.#radio.start();
    const ready = await this.#store.whenReady();
    this.#sales.resume(ready.sales);
    this.#refunds.resume(ready.refund);
    this.#tick = setInterval(() => void this.#passTime(), TICK_MS);
    this.#tick.unref();
    this.#publisher.now();
    // The cloud may have come into reach before the store was open to hear of it.
    this.#trust.refreshNow();
    this.#settle.poke();
  }

  /** First nothing new comes in, then what is on its way ends, then the journal gets its last entry. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#tick);
    this.#reachability.stop();
    this.#publisher.stop();
    await this.#radio.stop();
    await this.#listener?.close();
    await Promise.all([this.#settle.stop(), this.#trust.stop()]);
    this.#sales.close();
    this.#refunds.close();
    this.#merchant.close();
    await this.#socket?.close();
    await this.#store.stop();
  }

  #handlers(): ReturnType<typeof agentHandlers> {
    return agentHandlers({
      api: this.#api,
      merchant: this.#merchant,
      manager: this.#manager,
      sales: this.#sales,
      refunds: this.#refunds,
      radio: this.#radio,
      store: this.#store,
      state: () => this.#compose(),
      snapshot: () => this.#snapshot,
      refreshTrust: () => this.#trust.refreshed(),
      aboutToSell: () => this.#trust.refreshForSale(),
      enrol: (code) => this.#enrol(code),
      accept: (delivery) => this.#accept(delivery, 'camera'),
      acceptRefund: (acceptance) => this.#giveBack(acceptance),
      open: (sealed) => this.#open(sealed, this.#snapshot?.kiosk?.certificateHashes ?? []),
      settleNow: () => {
        this.#reachability.probeNow();
        this.#trust.refreshNow();
        this.#settle.retryNow();
      },
    });
  }

  async #enrol(code: string): Promise<void> {
    // Whoever asks in the first moments waits for the store as every other call does.
    const { quarantine, kiosk } = this.#snapshot ?? (await this.#store.whenReady()).snapshot;
    if (quarantine !== null) throw new IpcError('journal_quarantined');
    if (kiosk !== null) throw new IpcError('kiosk_already_enrolled');
    const publicKeys = { signing: this.#signingPublicKey, sealing: this.#sealingPublicKey };
    await enrolKiosk({ api: this.#api, store: this.#store, publicKeys, log: this.#options.log }, code);
    this.#options.log.info('this machine is a kiosk now');
    this.#trust.refreshNow();
    this.#settle.retryNow();
  }

  async #accept(delivery: Uint8Array, channel: Channel): ReturnType<Sales['accept']> {
    const outcome = await this.#sales.accept(delivery, channel);
    const { log } = this.#options;
    if (outcome.kind === 'refused') log.info({ code: outcome.code }, 'a payment was refused');
    else
      log.info(
        { sequence: outcome.payment.sequence },
        outcome.kind === 'accepted' ? 'a payment was accepted' : 'a payment was repeated',
      );
    return outcome;
  }

  async #giveBack(acceptance: Uint8Array): ReturnType<Refunds['accept']> {
    const outcome = await this.#refunds.accept(acceptance);
    const { log } = this.#options;
    if (outcome.kind === 'refused') log.info({ code: outcome.code }, 'a refund was refused');
    else log.info({ sequence: outcome.refund.sequence }, `a refund was ${outcome.kind}`);
    return outcome;
  }

  #requestChanged(): void {
    const isAsked = this.#sales.views().some(({ state }) => state === 'open');
    this.#radio.noteRequests(isAsked || this.#refunds.view()?.state === 'open');
    this.#publisher.now();
  }

  #learned(newest: StoreSnapshot): void {
    const former = this.#snapshot;
    this.#snapshot = newest;
    if (this.#isStopping) return;
    this.#radio.setShop(newest.kiosk?.merchantName ?? null);
    if (former !== null && newest.isClockBehind && !former.isClockBehind) {
      this.#options.log.error(
        'the clock of this machine lies behind trusted time: nothing is accepted until it is set right',
      );
    }
    if (former?.cursor.acknowledgedSequence !== newest.cursor.acknowledgedSequence) {
      this.#sales.noteSettledUpTo(newest.cursor.acknowledgedSequence).catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'the settled sale could not be looked at');
      });
    }
    const stopped = stopCodeOfSnapshot(newest);
    if (stopped !== null && (former === null || stopCodeOfSnapshot(former) === null))
      Promise.all([this.#sales.noteStopped(stopped), this.#refunds.noteStopped(stopped)]).catch(
        (error: unknown) => {
          this.#options.log.warn({ err: error }, 'what the stopped till was asking could not be looked at');
        },
      );
    this.#settle.poke();
    this.#publisher.soon();
  }

  /** Denied by the cloud's word alone: the signed list that says so is fetched at once, and stops the selling. */
  #onProblem(code: ProblemCode): void {
    if (code === 'kiosk_denied' && this.#snapshot?.trust?.kioskIsDenied === false) this.#trust.refreshNow();
  }

  #cloudBecame(state: CloudState): void {
    this.#options.log.info({ state }, 'the cloud');
    if (state === 'online') {
      this.#trust.refreshNow();
      this.#settle.retryNow();
    }
    this.#publisher.now();
  }

  async #passTime(): Promise<void> {
    try {
      await this.#store.run('tick', null);
      await this.#sales.lookAgain();
      await this.#refunds.lookAgain();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the trusted time could not be written down');
    }
  }

  #compose(): ReturnType<typeof composeState> {
    return composeState({
      version: this.#options.version,
      apiUrl: this.#options.config.apiUrl,
      snapshot: this.#snapshot,
      merchant: this.#merchant.view,
      cloud: this.#reachability.view,
      settlement: this.#settle.view,
      trustRefusal: this.#trust.lastRefusal,
      radio: this.#radio.view,
      addresses: this.addresses,
      sale: this.#sales.view(),
      sales: this.#sales.views(),
      refund: this.#refunds.view(),
    });
  }
}

function stopCodeOfSnapshot({ trust, isSuspended }: StoreSnapshot): StopCode | null {
  return stopCode({ denied: trust?.kioskIsDenied === true, suspended: isSuspended });
}

function pairingView(snapshot: StoreSnapshot | null): PairingView | null {
  const kiosk = snapshot?.kiosk ?? null;
  return kiosk === null
    ? null
    : {
        kioskId: kiosk.kioskId,
        merchantName: kiosk.merchantName,
        walletOrigins: kiosk.walletOrigins,
        certificateHashes: kiosk.certificateHashes,
      };
}
