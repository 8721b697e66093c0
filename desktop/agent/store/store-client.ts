/**
 * The main thread's end of the store: commands as promises, and deliveries grouped by nature: sent at once when the
 * store is idle, collected while a group is on its way, never held back by a timer. Owns the queue; knows nothing of
 * SQL or signatures.
 */
import { Worker } from 'node:worker_threads';
import type { AcceptCode, AcceptOutcome } from '../accept-payment.ts';
import { IpcError } from '../../ipc/index.ts';
import type { StoreSnapshot } from './kiosk-store.ts';
import type { CommandName, CommandParams, CommandResult, StoreReply, StoreThreadData } from './messages.ts';
import { LookAhead, type Queued } from './look-ahead.ts';
import { packDeliveries, unpackOutcomes } from './packing.ts';
import type { RefundRecord, SaleRecord } from './rows.ts';

/** One commit for so many at most: beyond, waiting costs more than the sync saves. */
const MAX_GROUP = 512;
/** More callers than this wait for nothing good: they are told to come back. */
const MAX_QUEUE = 4_096;

export interface StoreEvents {
  onSnapshot(snapshot: StoreSnapshot): void;
  onQuarantine(detail: string): void;
  /** The process must end: a write failed in a way that leaves its outcome unknown. */
  onFatal(detail: string): void;
  onLog(level: 'warn' | 'error', text: string): void;
}

interface WaitingCommand {
  resolve(result: unknown): void;
  reject(error: IpcError): void;
}

interface WaitingDelivery extends Queued {
  resolve(outcome: AcceptOutcome): void;
}

export interface StoreReady {
  readonly snapshot: StoreSnapshot;
  /** What is on the counter, oldest first. */
  readonly sales: readonly SaleRecord[];
  /** An offer to give back that can still be accepted. */
  readonly refund: RefundRecord | null;
}

export class StoreClient {
  readonly #worker: Worker;
  readonly #events: StoreEvents;
  readonly #waiting = new Map<number, WaitingCommand>();
  readonly #queue: WaitingDelivery[] = [];
  readonly #ready: PromiseWithResolvers<StoreReady>;
  readonly #lookAhead: LookAhead;
  #nextId = 1;
  #groupInFlight = false;
  #ended = false;

  constructor(data: StoreThreadData, events: StoreEvents) {
    this.#events = events;
    this.#ready = Promise.withResolvers<StoreReady>();
    this.#lookAhead = new LookAhead((error) =>
      events.onLog('error', `signatures are not checked ahead: ${String(error)}`),
    );
    this.#worker = new Worker(threadFile(), { workerData: data, name: 'store' });
    this.#worker.on('message', (reply: StoreReply) => this.#received(reply));
    this.#worker.on('error', (error) =>
      this.#die(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.#worker.on('exit', (code) => {
      if (!this.#ended) this.#die(`the store's thread ended with code ${code}`);
    });
  }

  /** Resolves when the store is open or set aside; which of both, the snapshot says. */
  whenReady(): Promise<StoreReady> {
    return this.#ready.promise;
  }

  /** Never rejects: a delivery that could not be looked at is refused with the reason. */
  accept(bytes: Uint8Array): Promise<AcceptOutcome> {
    if (this.#queue.length >= MAX_QUEUE)
      return Promise.resolve({ kind: 'refused', code: 'kiosk_busy', requestId: null });
    return new Promise((resolve) => {
      this.#queue.push({ bytes, isSigned: false, isLookedAt: false, resolve });
      if (this.#groupInFlight) this.#lookAhead.look(this.#queue);
      else this.#sendGroup();
    });
  }

  /** @throws IpcError */
  run<N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> {
    if (this.#ended) return Promise.reject(new IpcError('storage_failed'));
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as CommandResult<N>), reject });
      this.#worker.postMessage({ id, name, params });
    });
  }

  /** Writes the last entry, closes the database and ends the thread. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.run('stop', null);
    } catch (error) {
      // A quarantined store writes no last entry; there is nothing else to do at the end.
      if (!(error instanceof IpcError)) throw error;
    }
    this.#ended = true;
    await Promise.all([this.#worker.terminate(), this.#lookAhead.stop()]);
  }

  #sendGroup(): void {
    if (this.#groupInFlight || this.#queue.length === 0) return;
    const group = this.#takeGroup();
    this.#groupInFlight = true;
    // The next group first: the store works while this one's answers are written to their sockets.
    const sendNext = (): void => {
      this.#groupInFlight = false;
      this.#sendGroup();
    };
    void this.run('acceptGroup', packDeliveries(group)).then(
      (packed) => {
        sendNext();
        const outcomes = unpackOutcomes(packed);
        for (const [index, delivery] of group.entries())
          delivery.resolve(outcomes[index] ?? refusal('internal_error'));
      },
      (error: unknown) => {
        sendNext();
        for (const delivery of group) delivery.resolve(refusal(acceptCodeOf(error)));
      },
    );
  }

  /** In order, up to what the other thread is checking, which goes next; when that is all there is, it goes now. */
  #takeGroup(): readonly WaitingDelivery[] {
    const firstOut = this.#queue.findIndex((queued) => this.#lookAhead.isChecking(queued));
    return this.#queue.splice(0, Math.min(firstOut > 0 ? firstOut : this.#queue.length, MAX_GROUP));
  }

  #received(reply: StoreReply): void {
    switch (reply.type) {
      case 'ready':
        this.#events.onSnapshot(reply.snapshot);
        return this.#ready.resolve({ snapshot: reply.snapshot, sales: reply.sales, refund: reply.refund });
      case 'done':
        // The state first: whoever waits for the answer may look at it.
        this.#events.onSnapshot(reply.snapshot);
        return this.#take(reply.id)?.resolve(reply.result);
      case 'failed':
        if (reply.snapshot !== null) this.#events.onSnapshot(reply.snapshot);
        return this.#take(reply.id)?.reject(new IpcError(reply.code, { retryAfterMs: reply.retryAfterMs }));
      case 'quarantined':
        this.#events.onSnapshot(reply.snapshot);
        this.#events.onQuarantine(reply.detail);
        return this.#ready.resolve({ snapshot: reply.snapshot, sales: [], refund: null });
      case 'fatal':
        return this.#die(reply.detail);
      case 'log':
        return this.#events.onLog(reply.level, reply.text);
    }
  }

  #take(id: number): WaitingCommand | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #die(detail: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const waiting of this.#waiting.values()) waiting.reject(new IpcError('storage_failed'));
    this.#waiting.clear();
    this.#events.onFatal(detail);
  }
}

function refusal(code: AcceptCode): AcceptOutcome {
  return { kind: 'refused', code, requestId: null };
}

/** What a failed call of the store means to whoever delivered something. */
export function acceptCodeOf(error: unknown): AcceptCode {
  if (!(error instanceof IpcError)) return 'internal_error';
  switch (error.code) {
    case 'storage_full':
    case 'storage_failed':
    case 'journal_quarantined':
    case 'kiosk_not_enrolled':
      return error.code;
    default:
      return 'internal_error';
  }
}

/** Beside this file as source; beside the one file that a packaged agent is built into. */
function threadFile(): URL {
  const source = new URL('./store-thread.ts', import.meta.url);
  return import.meta.url.endsWith('.ts') ? source : new URL('./store-thread.js', import.meta.url);
}
