// Events for any number of readers, each at its own pace: `for await (const event of radio.events())`.

import { setImmediate as nextTurn } from 'node:timers/promises';

/** A reader that does not read for this many events is ended rather than fed for ever. */
const MOST_UNREAD = 10_000;

/** One that was busy for long catches up in portions: between them everybody else has a turn. */
const MOST_IN_A_TURN = 64;

type Reader<T> = {
  readonly unread: T[];
  wake: (() => void) | undefined;
  isOver: boolean;
  readInThisTurn: number;
};

export class EventQueue<T> {
  readonly #readers = new Set<Reader<T>>();
  #isClosed = false;

  push(event: T): void {
    for (const reader of this.#readers) {
      if (reader.unread.length >= MOST_UNREAD) reader.isOver = true;
      else reader.unread.push(event);
      reader.wake?.();
    }
  }

  /** Ends every reader after what it has not read yet. */
  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers) {
      reader.isOver = true;
      reader.wake?.();
    }
  }

  /** Everything that is pushed from the moment of this call. Ends with close(), `break`, or the signal. */
  read(signal?: AbortSignal): AsyncIterableIterator<T> {
    const reader: Reader<T> = {
      unread: [],
      wake: undefined,
      isOver: this.#isClosed || signal?.aborted === true,
      readInThisTurn: 0,
    };
    this.#readers.add(reader);
    const end = (): void => {
      reader.isOver = true;
      this.#readers.delete(reader);
      reader.wake?.();
    };
    signal?.addEventListener('abort', end, { once: true });
    const finish = (): IteratorResult<T> => {
      end();
      signal?.removeEventListener('abort', end);
      return { done: true, value: undefined };
    };
    return {
      async next() {
        for (;;) {
          if (reader.readInThisTurn >= MOST_IN_A_TURN) {
            await nextTurn();
            reader.readInThisTurn = 0;
          }
          const [event] = reader.unread.splice(0, 1);
          if (event !== undefined) {
            reader.readInThisTurn += 1;
            return { done: false, value: event };
          }
          if (reader.isOver) return finish();
          await new Promise<void>((resolve) => (reader.wake = resolve));
          reader.wake = undefined;
          reader.readInThisTurn = 0;
        }
      },
      return: async () => {
        reader.unread.length = 0;
        return finish();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
