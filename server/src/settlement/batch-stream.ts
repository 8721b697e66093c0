/**
 * Batches out of a request's body, one after the other (protocol page 08).
 *
 * Owns: what is held of a stream (one frame and one piece of the socket's), and how long and how much a stream may be.
 * Never: reads on while a batch is being settled, so that the sender is held back instead of our memory filled.
 */
import type { IncomingMessage } from 'node:http';
import { attempt, MAX_BATCH_BYTES, StreamReader } from '@tikiwallet/protocol';
import { problem } from '../http/problem.ts';
import { nextPiece } from '../http/request-body.ts';

export interface StreamLimits {
  readonly maxBatches: number;
  readonly maxBytes: number;
  /** From asking for a batch to having all of it. */
  readonly batchMs: number;
  /** Of the whole stream; what is on its way then is still answered. */
  readonly allMs: number;
}

export class BatchStream {
  readonly #body: IncomingMessage;
  readonly #limits: StreamLimits;
  readonly #signal: AbortSignal;
  readonly #reader = new StreamReader({ maxObjectBytes: MAX_BATCH_BYTES, maxProblemBytes: 0 });
  readonly #over: number;
  #batches = 0;
  #bytes = 0;
  #mostHeldBytes = 0;

  constructor(body: IncomingMessage, options: { limits: StreamLimits; signal: AbortSignal }) {
    this.#body = body;
    this.#limits = options.limits;
    this.#signal = options.signal;
    this.#over = performance.now() + options.limits.allMs;
  }

  get figures() {
    return { batches: this.#batches, bytes: this.#bytes, mostHeldBytes: this.#mostHeldBytes };
  }

  /**
   * The next envelope as it came; null at the end of the body.
   * @throws ApiProblem `request_too_large`, `batch_malformed`, `stream_stalled`, `stream_limit_reached`, and the signal's reason
   */
  async next(): Promise<Uint8Array | null> {
    const leftMs = this.#over - performance.now();
    if (leftMs <= 0) throw overdue();
    const { batchMs } = this.#limits;
    const patience = new AbortController();
    const late = leftMs < batchMs ? overdue : stalled;
    const timer = setTimeout(() => patience.abort(late()), Math.min(batchMs, leftMs));
    const end = () => patience.abort(this.#signal.reason);
    this.#signal.addEventListener('abort', end);
    if (this.#signal.aborted) end();
    try {
      return await this.#read(patience.signal);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', end);
    }
  }

  async #read(signal: AbortSignal): Promise<Uint8Array | null> {
    for (;;) {
      // A batch that is here already is not begun by a process that leaves.
      signal.throwIfAborted();
      const frame = attempt(() => this.#reader.next());
      if (!frame.ok)
        throw problem(frame.code === 'message_too_large' ? 'request_too_large' : 'batch_malformed', {
          detail: frame.code,
        });
      if (frame.value !== null) return this.#count(frame.value.content);
      const piece = await nextPiece(this.#body, signal);
      if (piece === null) {
        if (this.#reader.isBetweenFrames) return null;
        throw problem('batch_malformed', { detail: 'the stream ends inside a batch' });
      }
      this.#bytes += piece.length;
      if (this.#bytes > this.#limits.maxBytes) throw full(`at most ${this.#limits.maxBytes} bytes`);
      this.#reader.give(piece);
      this.#mostHeldBytes = Math.max(this.#mostHeldBytes, this.#reader.heldBytes + this.#body.readableLength);
    }
  }

  #count(envelope: Uint8Array): Uint8Array {
    if (this.#batches === this.#limits.maxBatches) throw full(`at most ${this.#limits.maxBatches} batches`);
    this.#batches += 1;
    return envelope;
  }
}

const full = (detail: string) => problem('stream_limit_reached', { detail });
const overdue = () => full('its time is over');
const stalled = () => problem('stream_stalled');
