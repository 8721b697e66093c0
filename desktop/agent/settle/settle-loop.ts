/**
 * Brings the journal to the cloud whenever there is a way: one batch after the other, in a stream where several wait, back-off
 * with jitter when it fails, never in the way of selling. Owns the rhythm and what is said about it; which entries go and what an answer
 * means is batches.ts, in the store's thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudProblem } from '../cloud/cloud-client.ts';
import type { CloudApi } from '../cloud/cloud-api.ts';
import { IpcError } from '../../ipc/index.ts';
import type { Log } from '../log.ts';
import type { StoreSnapshot } from '../store/kiosk-store.ts';
import type { StoreClient } from '../store/store-client.ts';
import { BatchSealer } from './batch-sealer.ts';
import type { BatchToSend } from './batches.ts';
import { AcknowledgementRefused, type SentBatch, StreamSender } from './send-stream.ts';

export interface SettlementView {
  readonly state: 'idle' | 'settling' | 'waiting' | 'refused';
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly nextAttemptMs: number | null;
  readonly lastErrorCode: string | null;
}

export interface SettleLoopOptions {
  readonly api: Pick<CloudApi, 'settle' | 'settleStream'>;
  readonly store: Pick<StoreClient, 'run'>;
  readonly snapshot: () => StoreSnapshot | null;
  readonly isOnline: () => boolean;
  /** Asks the cloud for the newest trust. @returns whether it answered; never, where nobody is there to ask */
  readonly refreshTrust?: () => Promise<boolean>;
  readonly onChange: () => void;
  readonly log: Log;
  readonly random?: () => number;
}

const STOP_WAIT_MS = 1_500;
const IDLE: SettlementView = { state: 'idle', progress: null, nextAttemptMs: null, lastErrorCode: null };
/** Collects what comes in quick succession; a payment is safe here meanwhile. */
const GATHER_MS = 250;
const HEARTBEAT_AFTER_MS = 3_600_000;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 5 * 60 * 1000;
/** As with trust: no word of a cloud, or of a proxy before it, keeps money here for longer, nor overflows a timer, which then runs out at once. */
const LONGEST_WAIT_MS = 60 * 60 * 1000;
/** Something that waiting alone will not heal: asked again rarely, and said on the screen. */
const REFUSED_BACKOFF_MS = 2 * 60 * 1000;
/** Heartbeats are spaced: where the answer changes nothing, asking again at once does not either. */
const MIN_HEARTBEAT_MS = 60_000;

export class SettleLoop {
  readonly #options: SettleLoopOptions;
  #view: SettlementView = IDLE;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #failures = 0;
  /** How often in a row the cloud has called this journal another one than it knows. */
  #contradictions = 0;
  /** On this process's clock: the wall clock may be the very thing in doubt. */
  #lastHeartbeatMs = Number.NEGATIVE_INFINITY;
  #lastAnswerMs: number | null = null;
  #isStopped = false;
  /** Where the journal stood when this run began, for its progress. */
  #beganAt = 0;
  readonly #streams: StreamSender;
  readonly #sealer: BatchSealer;

  constructor(options: SettleLoopOptions) {
    this.#options = options;
    const { store, log, refreshTrust = () => Promise.resolve(false) } = options;
    this.#sealer = new BatchSealer({ store, log, refreshTrust });
    this.#streams = new StreamSender({
      ...options,
      seal: (envelope) => this.#sealer.seal(envelope),
      isStopped: () => this.#isStopped,
      onTaken: (batch, acknowledged) => this.#taken(batch, acknowledged),
    });
  }

  get view(): SettlementView {
    return this.#view;
  }

  /** Something was stored or the way opened: look whether there is work, unless a back-off is running. */
  poke(): void {
    if (this.#timer !== undefined || this.#running !== null || this.#isStopped) return;
    if (this.#needsTo() && this.#options.isOnline()) this.#after(GATHER_MS);
    else this.#rest();
  }

  /** The way opened again, or a person asked: earlier failures say nothing any more. */
  retryNow(): void {
    if (this.#running !== null || this.#isStopped) return;
    this.#failures = 0;
    this.#after(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    // A batch on its way needs no waiting for: its answer, if lost, is asked for again with the same bytes.
    await Promise.race([this.#running, sleep(STOP_WAIT_MS, undefined, { ref: false })]);
  }

  #after(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running ??= this.#run().finally(() => {
        this.#running = null;
        this.poke();
      });
    }, delayMs);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    const snapshot = this.#options.snapshot();
    const kiosk = snapshot?.kiosk;
    this.#beganAt = snapshot?.cursor.acknowledgedSequence ?? 0;
    if (kiosk === null || kiosk === undefined || !this.#options.isOnline()) return this.#rest();
    try {
      let isMore = true;
      while (isMore && !this.#isStopped) isMore = await this.#sendNext(kiosk.kioskToken);
      this.#failures = 0;
      this.#rest();
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** @returns whether there may be more to send. */
  async #sendNext(kioskToken: string): Promise<boolean> {
    const { store } = this.#options;
    const heartbeat = this.#heartbeatIsDue();
    const batch = await store.run('nextBatch', { heartbeat });
    if (batch === null) return false;
    const isHeartbeat = batch.toSequence < batch.fromSequence;
    if (isHeartbeat) this.#lastHeartbeatMs = performance.now();
    this.#tellProgress();
    try {
      if (this.#streams.isFor(batch) && (await this.#streams.send(batch, kioskToken)) === 'gone_on')
        return true;
      return await this.#sendAlone(kioskToken, batch);
    } catch (error) {
      if (!(await this.#goesBack(error)) && !(await this.#goesUnderAnotherKey(error))) throw error;
      return true;
    }
  }

  /** @returns whether there may be more to send. */
  async #sendAlone(kioskToken: string, batch: BatchToSend): Promise<boolean> {
    const { api, store } = this.#options;
    const answer = await api.settle(kioskToken, await this.#sealer.seal(batch.envelope));
    const result = await store.run('acknowledge', answer);
    if (!result.ok) throw new AcknowledgementRefused(result.code);
    const isHeartbeat = batch.toSequence < batch.fromSequence;
    if (isHeartbeat) this.#lastAnswerMs = performance.now();
    else this.#taken(batch, result.acknowledgedSequence);
    if (result.acknowledgedSequence < batch.toSequence)
      throw new AcknowledgementRefused('acknowledgement_incomplete');
    if (!batch.isQuestion) this.#contradictions = 0;
    return batch.isQuestion || (!isHeartbeat && !result.isComplete);
  }

  /** Settled here as well: whatever went wrong before is over, and the screen may say so. */
  #taken({ fromSequence, toSequence }: SentBatch, acknowledged: number): void {
    this.#lastAnswerMs = performance.now();
    this.#failures = 0;
    this.#contradictions = 0;
    this.#options.log.info({ fromSequence, toSequence, acknowledged }, 'the cloud took a batch over');
    this.#tellProgress();
  }

  /** @returns whether the cloud named an earlier place to go on from; the same place again would go round for ever. */
  async #goesBack(error: unknown): Promise<boolean> {
    if (!(error instanceof CloudProblem) || error.code !== 'batch_gap') return false;
    const from = error.highestSequence ?? 0;
    this.#options.log.warn({ from }, 'the cloud misses earlier entries; sending them again');
    return this.#options.store.run('resendAfter', from);
  }

  /** The same key again would be refused again; without another one it waits, and goes unsealed for no answer. */
  async #goesUnderAnotherKey(error: unknown): Promise<boolean> {
    return error instanceof IpcError && error.code === 'sealing_key_unknown' && (await this.#sealer.renew());
  }

  #needsTo(): boolean {
    return this.#pendingEntries() > 0 || this.#heartbeatIsDue();
  }

  #pendingEntries(): number {
    const snapshot = this.#options.snapshot();
    if (snapshot === null || snapshot.kiosk === null) return 0;
    return snapshot.headSequence - snapshot.cursor.acknowledgedSequence;
  }

  #heartbeatIsDue(): boolean {
    const snapshot = this.#options.snapshot();
    if (snapshot === null || snapshot.kiosk === null) return false;
    const { lastContactAt, denyListVersion } = snapshot.cursor;
    if (snapshot.trust !== null && snapshot.trust.denyListVersion !== denyListVersion) return true;
    if (performance.now() - this.#lastHeartbeatMs < MIN_HEARTBEAT_MS) return false;
    if (snapshot.doubt !== null) return true;
    if (snapshot.isClockBehind || lastContactAt === null) return true;
    const silentMs =
      this.#lastAnswerMs === null
        ? Date.now() - lastContactAt * 1000
        : performance.now() - this.#lastAnswerMs;
    return silentMs > HEARTBEAT_AFTER_MS;
  }

  /** Sales that come meanwhile count, and what must be sent again is not done any more. */
  #tellProgress(): void {
    const acknowledged = this.#options.snapshot()?.cursor.acknowledgedSequence ?? 0;
    this.#beganAt = Math.min(this.#beganAt, acknowledged);
    const done = acknowledged - this.#beganAt;
    const total = done + this.#pendingEntries();
    if (total === 0) return;
    this.#set({ ...this.#view, state: 'settling', nextAttemptMs: null, progress: { done, total } });
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#isStopped) return;
    const code =
      error instanceof IpcError || error instanceof AcknowledgementRefused ? error.code : 'internal_error';
    if (code === 'internal_error') this.#options.log.error({ err: error }, 'settlement failed');
    else this.#options.log.warn({ code }, 'settlement failed');
    if (code === 'batch_chain_broken') await this.#contradicted();
    const isRefused = !isPassing(code);
    const waitMs = this.#backoffMs(isRefused, error instanceof IpcError ? error.retryAfterMs : undefined);
    this.#failures += 1;
    const state = isRefused ? 'refused' : 'waiting';
    this.#set({ state, progress: null, nextAttemptMs: Date.now() + waitMs, lastErrorCode: code });
    this.#after(waitMs);
    if (isRefused) await this.#forgetBatch();
  }

  /** The same bytes would be refused again; the next attempt signs anew. */
  #forgetBatch(): Promise<void> {
    return this.#note('forgetBatch', 'the refused batch could not be dropped');
  }

  /** Once may be a line that bends bytes; twice, with bytes signed anew, is two histories under one name. */
  async #contradicted(): Promise<void> {
    this.#contradictions += 1;
    if (this.#contradictions < 2) return;
    this.#options.log.fatal(
      'the cloud knows another journal of this kiosk: nothing is sold until that is clear',
    );
    await this.#note('noteContradiction', 'the contradiction could not be written down');
  }

  async #note(command: 'forgetBatch' | 'noteContradiction', otherwise: string): Promise<void> {
    try {
      await this.#options.store.run(command, null);
    } catch (error) {
      if (!(error instanceof IpcError)) throw error;
      this.#options.log.warn({ code: error.code }, otherwise);
    }
  }

  /** Full jitter above half: a street of shops that lost its line together does not come back together. */
  #backoffMs(isRefused: boolean, retryAfterMs: number | undefined): number {
    const isFirstContradiction = this.#contradictions === 1;
    const ceiling =
      isRefused && !isFirstContradiction
        ? REFUSED_BACKOFF_MS
        : Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS);
    const jittered = Math.round(ceiling * (0.5 + 0.5 * (this.#options.random ?? Math.random)()));
    return Math.max(jittered, Math.min(retryAfterMs ?? 0, LONGEST_WAIT_MS));
  }

  #rest(): void {
    if (this.#timer !== undefined) return;
    const isWaiting = this.#pendingEntries() > 0 && (this.#options.snapshot()?.unsettled.count ?? 0) > 0;
    const lastErrorCode = isWaiting ? this.#view.lastErrorCode : null;
    this.#set({ state: isWaiting ? 'waiting' : 'idle', progress: null, nextAttemptMs: null, lastErrorCode });
  }

  #set(view: SettlementView): void {
    if (JSON.stringify(view) === JSON.stringify(this.#view)) return;
    this.#view = view;
    this.#options.onChange();
  }
}

/** What time alone may heal. */
function isPassing(code: string): boolean {
  return [
    'cloud_unreachable',
    'service_unavailable',
    'rate_limited',
    'internal_error',
    'batch_gap',
    'sealing_key_unknown',
    'storage_full',
  ].includes(code);
}
