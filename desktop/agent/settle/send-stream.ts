/**
 * Many batches in one request: sends one after the other and takes each acknowledgement as it comes. Owns whether streams are
 * used at the moment; a cloud or a proxy that takes none, or keeps them from bringing anything, is left alone with single
 * batches for a while. Decides nothing about money: that is batches.ts.
 */
import { type CloudProblem, StreamNotTaken } from '../cloud/cloud-client.ts';
import type { CloudApi } from '../cloud/cloud-api.ts';
import { IpcError } from '../../ipc/index.ts';
import type { Log } from '../log.ts';
import type { StoreClient } from '../store/store-client.ts';
import type { AcknowledgementFault, BatchToSend } from './batches.ts';

export interface StreamParts {
  readonly api: Pick<CloudApi, 'settleStream'>;
  readonly store: Pick<StoreClient, 'run'>;
  readonly log: Log;
  /** What goes out for an envelope. */
  readonly seal: (envelope: Uint8Array) => Promise<Uint8Array>;
  readonly isStopped: () => boolean;
  /** After each batch that the cloud took over. */
  readonly onTaken: (batch: SentBatch, acknowledgedSequence: number) => void;
}

export type SentBatch = Pick<BatchToSend, 'fromSequence' | 'toSequence'>;

/** The cloud answered, and not with what an issuer signs. */
export class AcknowledgementRefused extends Error {
  override readonly name = 'AcknowledgementRefused';
  readonly code: AcknowledgementFault;
  constructor(code: AcknowledgementFault) {
    super(code);
    this.code = code;
  }
}

/** Below the cloud's own limit of batches, and far below its limit of time: 50,000 entries. */
const MAX_BATCHES = 100;
/** Where no stream was taken, another version of the cloud has to come first. */
const REST_NOT_TAKEN_MS = 3_600_000;
/** A stream that brought nothing may have met a proxy that waits for its end. */
const REST_BARREN_MS = 10 * 60_000;

export class StreamSender {
  readonly #parts: StreamParts;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** One batch alone goes by the route that every cloud has. */
  isFor({ isFollowed, isQuestion }: BatchToSend): boolean {
    return isFollowed && !isQuestion && performance.now() >= this.#restsUntilMs;
  }

  /**
   * @returns `gone_on` when something was taken over; `alone` when the first batch must go by itself, now.
   * @throws IpcError, AcknowledgementRefused; what was taken before stays
   */
  async send(first: BatchToSend, kioskToken: string): Promise<'gone_on' | 'alone'> {
    const sent: SentBatch[] = [];
    let taken = 0;
    try {
      const answers = this.#parts.api.settleStream(kioskToken, this.#envelopes(first, sent));
      for await (const answer of answers) {
        await this.#take(answer, sent.shift());
        taken += 1;
      }
    } catch (error) {
      return this.#ended(error, taken);
    }
    return taken > 0 ? 'gone_on' : this.#alone(REST_BARREN_MS, 'no answer');
  }

  async *#envelopes(first: BatchToSend, sent: SentBatch[]): AsyncGenerator<Uint8Array, void, void> {
    let batch: BatchToSend | null = first;
    for (let count = 1; batch !== null; count += 1) {
      const { envelope, fromSequence, toSequence } = batch;
      // Before it is given away: its answer may be here before the next one is asked for.
      sent.push({ fromSequence, toSequence });
      yield await this.#parts.seal(envelope);
      const isOver = count === MAX_BATCHES || this.#parts.isStopped();
      batch = isOver ? null : await this.#parts.store.run('followingBatch', null);
    }
  }

  async #take(answer: Uint8Array, batch: SentBatch | undefined): Promise<void> {
    if (batch === undefined) throw new AcknowledgementRefused('acknowledgement_is_for_another_batch');
    const result = await this.#parts.store.run('acknowledge', answer);
    if (!result.ok) throw new AcknowledgementRefused(result.code);
    this.#parts.onTaken(batch, result.acknowledgedSequence);
    if (result.acknowledgedSequence < batch.toSequence)
      throw new AcknowledgementRefused('acknowledgement_incomplete');
  }

  #ended(error: unknown, taken: number): 'gone_on' | 'alone' {
    if (error instanceof StreamNotTaken) return this.#alone(REST_NOT_TAKEN_MS, `status ${error.status}`);
    if (isEndOfAStream(error))
      return taken > 0 ? 'gone_on' : this.#alone(REST_BARREN_MS, 'ended before anything was settled');
    if (taken === 0 && error instanceof IpcError && error.code === 'cloud_unreachable')
      this.#alone(REST_BARREN_MS, 'cut before anything was settled');
    throw error;
  }

  #alone(restMs: number, reason: string): 'alone' {
    this.#restsUntilMs = performance.now() + restMs;
    this.#parts.log.info({ reason, restMs }, 'batches go one by one for a while');
    return 'alone';
  }
}

/** About the stream, and not about what was in it. */
function isEndOfAStream(error: unknown): error is CloudProblem {
  return (
    error instanceof IpcError && (error.code === 'stream_limit_reached' || error.code === 'stream_stalled')
  );
}
