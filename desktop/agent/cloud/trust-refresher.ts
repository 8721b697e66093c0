/**
 * Keeps what the kiosk trusts fresh: fetches bundle and certificate whenever the cloud comes into reach, and every
 * few minutes while it stays. Owns the rhythm; verification and the refusal of older bundles are the store's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { IpcError } from '../../ipc/index.ts';
import type { Log } from '../log.ts';
import type { TrustRefusal } from '../store/kiosk-record.ts';
import type { StoreClient } from '../store/store-client.ts';
import type { StoreSnapshot } from '../store/kiosk-store.ts';
import type { CloudApi } from './cloud-api.ts';
import { CloudProblem } from './cloud-client.ts';

const REFRESH_EVERY_MS = 5 * 60 * 1000;
const AFTER_FAILURE_MS = 30 * 1000;
/** No word of a cloud, or of a proxy before it, keeps this till from asking for longer. */
const LONGEST_WAIT_MS = 60 * 60 * 1000;
/** Sales in quick succession ask once. */
const SALE_EVERY_MS = 15 * 1000;
const STOP_WAIT_MS = 1_500;
const DOES_NOT_FIT: ReadonlySet<TrustRefusal> = new Set([
  'deny_list_base_differs',
  'deny_list_result_differs',
]);

export interface TrustRefresherOptions {
  readonly api: Pick<CloudApi, 'trust'>;
  readonly store: Pick<StoreClient, 'run'>;
  readonly snapshot: () => StoreSnapshot | null;
  readonly isOnline: () => boolean;
  readonly log: Log;
  /** What is wrong with the cloud's trust changed. */
  readonly onChange: () => void;
}

export class TrustRefresher {
  readonly #options: TrustRefresherOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  /** Asked for while one was running, whose answer may be older than the news: one more follows, however often it was asked. */
  #isAskedAgain = false;
  #isStopped = false;
  #lastRefusal: TrustRefusal | null = null;
  #isAnswered = false;
  /** On this process's clock. */
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** On the same clock: until then the cloud has asked to be left alone, whoever wants to know. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: TrustRefresherOptions) {
    this.#options = options;
  }

  /** Came online, or was just enrolled, or somebody says that something changed. */
  refreshNow(): void {
    if (this.#running === null) this.#schedule(0);
    else this.#isAskedAgain = true;
  }

  /** Something is about to be sold: a till that was blocked since it last asked should not go on selling for minutes. */
  refreshForSale(): void {
    if (this.#options.isOnline() && performance.now() - this.#askedAtMs >= SALE_EVERY_MS) this.refreshNow();
  }

  /**
   * As {@link refreshNow}, and resolves when that is done, or when it is not to be done now.
   * @returns whether the cloud answered, be it with what was refused here
   */
  async refreshed(): Promise<boolean> {
    await this.#running;
    if (this.#isStopped) return false;
    if (this.#waitMs() > 0) {
      this.#schedule(0);
      return false;
    }
    this.#isAnswered = false;
    await this.#run();
    return this.#isAnswered;
  }

  /** Why the newest answer of the cloud was not believed; null when it was. */
  get lastRefusal(): TrustRefusal | null {
    return this.#lastRefusal;
  }

  #note(refusal: TrustRefusal | null): void {
    if (refusal === this.#lastRefusal) return;
    this.#lastRefusal = refusal;
    this.#options.onChange();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.race([this.#running, sleep(STOP_WAIT_MS, undefined, { ref: false })]);
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), Math.max(delayMs, this.#waitMs()));
    this.#timer.unref();
  }

  /** What is left of the time that the cloud asked for. */
  #waitMs(): number {
    return Math.max(0, this.#notBeforeMs - performance.now());
  }

  /** One at a time. */
  #run(): Promise<void> {
    this.#running ??= this.#refresh().finally(() => {
      this.#running = null;
      if (!this.#isAskedAgain) return;
      this.#isAskedAgain = false;
      this.#schedule(0);
    });
    return this.#running;
  }

  /** Kept on disk: without internet it stays so. What is stored settles as ever, and lifting it shows at the next fetch. */
  async #suspended(word: IpcError): Promise<void> {
    const { store, log } = this.#options;
    const sealingKey = word instanceof CloudProblem ? (word.sealingKey ?? null) : null;
    try {
      const refused = await store.run('noteSuspended', sealingKey);
      if (refused !== null) log.warn({ code: refused }, "the cloud's sealing key was refused");
      log.warn('the merchant has suspended this till: nothing is sold until that is lifted');
    } catch (error) {
      log.error({ err: error }, 'the suspension could not be written down');
    }
  }

  async #refresh(): Promise<void> {
    const { api, store, snapshot, isOnline, log } = this.#options;
    const kiosk = snapshot()?.kiosk;
    // Not yet, or not now: asked again soon, because the event that would ask may have come and gone already.
    if (kiosk === null || kiosk === undefined || !isOnline()) return this.#schedule(AFTER_FAILURE_MS);
    try {
      this.#askedAtMs = performance.now();
      const trust = snapshot()?.trust ?? null;
      let installed = await store.run('refreshTrust', await api.trust(kiosk.kioskToken, trust));
      // A difference that does not fit is no harm: everything is fetched, at once.
      if (!installed.ok && DOES_NOT_FIT.has(installed.code))
        installed = await store.run('refreshTrust', await api.trust(kiosk.kioskToken, null));
      this.#isAnswered = true;
      this.#note(installed.ok ? null : installed.code);
      if (!installed.ok) log.error({ code: installed.code }, 'the trust bundle of the cloud was refused');
      else if (installed.limits !== null)
        log.error({ code: installed.limits }, "the merchant's limits of the cloud were refused");
      if (installed.sealing !== undefined)
        log.warn({ code: installed.sealing }, "the cloud's sealing key was refused");
      this.#schedule(REFRESH_EVERY_MS);
    } catch (error) {
      this.#isAnswered = error instanceof IpcError && error.code === 'kiosk_suspended';
      // Whatever it was, the till goes on with the bundle that it has.
      if (error instanceof IpcError && error.code === 'kiosk_suspended') await this.#suspended(error);
      else if (error instanceof IpcError)
        log.warn({ code: error.code }, 'the trust bundle could not be refreshed');
      else log.error({ err: error }, 'the trust bundle could not be refreshed');
      const askedToWaitMs = error instanceof IpcError ? error.retryAfterMs : undefined;
      if (askedToWaitMs !== undefined)
        this.#notBeforeMs = performance.now() + Math.min(askedToWaitMs, LONGEST_WAIT_MS);
      this.#schedule(AFTER_FAILURE_MS);
    }
  }
}
