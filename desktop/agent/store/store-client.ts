/**
 * The main thread's end of the store: commands as promises, and deliveries: laid down as they come, never held back by a
 * timer. The store takes what lies before it as one group. Owns who waits for what; knows nothing of SQL or signatures.
 */
import { Worker } from 'node:worker_threads';
import type { AcceptCode, AcceptOutcome } from '../accept-payment.ts';
import { IpcError } from '../../ipc/index.ts';
import { BeltHead } from './delivery-belt.ts';
import type { StoreSnapshot } from './kiosk-store.ts';
import { LookAhead } from './look-ahead.ts';
import type {
  CommandName,
  CommandParams,
  CommandResult,
  StoreMessage,
  StoreOptions,
  StoreReply,
  StoreThreadData,
} from './messages.ts';
import { unpackOutcomes } from './packing.ts';
import type { RefundRecord, SaleRecord } from './rows.ts';
import { signingMemory } from './signing-aside.ts';
import { TicketBox, type Ticket } from './verdicts.ts';

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
  readonly #tickets = new TicketBox();
  readonly #belt = new BeltHead();
  /** Those who wait for a delivery's outcome. */
  readonly #callers = new Map<Ticket, (outcome: AcceptOutcome) => void>();
  readonly #ready: PromiseWithResolvers<StoreReady>;
  readonly #lookAhead: LookAhead;
  #nextId = 1;
  #ended = false;

  constructor(options: StoreOptions, events: StoreEvents) {
    this.#events = events;
    this.#ready = Promise.withResolvers<StoreReady>();
    const shared = { cells: this.#tickets.cells, belt: this.#belt.memory, signing: signingMemory() };
    const { signingKeyPem } = options;
    this.#lookAhead = new LookAhead({ ...shared, signingKeyPem }, (error) =>
      events.onLog('error', `signatures are not done beside the store: ${String(error)}`),
    );
    const workerData: StoreThreadData = { ...options, ...shared };
    this.#worker = new Worker(threadFile(), { workerData, name: 'store' });
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
    if (this.#ended) return Promise.resolve(refusal('storage_failed'));
    const isIdle = this.#callers.size === 0;
    const ticket = this.#tickets.take();
    if (ticket === null) return Promise.resolve(refusal('kiosk_busy'));
    return new Promise((resolve) => {
      this.#callers.set(ticket, resolve);
      if (this.#belt.lay(ticket, bytes)) this.#post(null);
      // An idle store checks the signature itself: nobody would be quicker.
      if (isIdle) return;
      this.#lookAhead.begin();
      this.#belt.call();
    });
  }

  /** @throws IpcError */
  run<N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> {
    if (this.#ended) return Promise.reject(new IpcError('storage_failed'));
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as CommandResult<N>), reject });
      this.#post({ id, after: this.#belt.laid, name, params });
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

  #post(message: StoreMessage): void {
    this.#worker.postMessage(message);
  }

  #answer(tickets: Int32Array, outcomes: readonly AcceptOutcome[] | AcceptCode): void {
    for (const [index, ticket] of tickets.entries()) {
      const resolve = this.#callers.get(ticket);
      this.#callers.delete(ticket);
      this.#tickets.giveBack(ticket);
      const outcome = typeof outcomes === 'string' ? refusal(outcomes) : outcomes[index];
      resolve?.(outcome ?? refusal('internal_error'));
    }
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
      case 'judged':
        this.#events.onSnapshot(reply.snapshot);
        return this.#answer(reply.tickets, unpackOutcomes(reply.outcomes));
      case 'notJudged':
        if (reply.snapshot !== null) this.#events.onSnapshot(reply.snapshot);
        return this.#answer(reply.tickets, acceptCodeOf(new IpcError(reply.code)));
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
    for (const resolve of this.#callers.values()) resolve(refusal('storage_failed'));
    this.#callers.clear();
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
