/**
 * Deliveries on their way to the store, in memory that three threads share: the main thread lays them down in the order in
 * which they came, the store's thread takes them up in that order, the signature thread looks at what still lies there. A
 * message between threads would cost more than everything else that the main thread does with a delivery, twice; here one
 * is sent only to wake a store that sleeps. Owns the memory and the order; a delivery's place is its ticket's (`verdicts.ts`).
 */
import { MAX_ENVELOPE_BYTES } from '@tikiwallet/protocol';
import { MAX_UNDERWAY, placeOf, type Ticket } from './verdicts.ts';

/** Whatever is longer than a delivery can be is refused by its length: so much of it says that. */
const PLACE_BYTES = MAX_ENVELOPE_BYTES + 8;
const MAX_BYTES = MAX_ENVELOPE_BYTES + 1;

/** Of `marks`: how many deliveries were ever laid down (it wraps around), whether the store sleeps, and whether the signature thread does. */
const LAID = 0;
const SLEEPS = 1;
const WATCHER_SLEEPS = 2;

/** What the threads are given. Touched where deliveries lie, which is a few places in a quiet shop. */
export interface BeltMemory {
  readonly marks: Int32Array;
  /** By when it was laid down: which ticket. */
  readonly tickets: Int32Array;
  /** By the ticket's place. */
  readonly lengths: Int32Array;
  readonly bytes: Uint8Array;
}

export function beltMemory(): BeltMemory {
  const integers = (count: number): Int32Array =>
    new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
  const marks = integers(3);
  marks[SLEEPS] = 1;
  return {
    marks,
    tickets: integers(MAX_UNDERWAY),
    lengths: integers(MAX_UNDERWAY),
    bytes: new Uint8Array(new SharedArrayBuffer(MAX_UNDERWAY * PLACE_BYTES)),
  };
}

/** The main thread's end. */
export class BeltHead {
  readonly memory = beltMemory();

  /** How many were laid down before; compared, never counted with, for it wraps around. */
  get laid(): number {
    return Atomics.load(this.memory.marks, LAID);
  }

  /**
   * @param ticket held by nobody else until the store has answered
   * @returns true when the store sleeps and must be woken
   */
  lay(ticket: Ticket, delivery: Uint8Array): boolean {
    const { marks, tickets, lengths, bytes } = this.memory;
    const place = placeOf(ticket);
    const content = delivery.length > MAX_BYTES ? delivery.subarray(0, MAX_BYTES) : delivery;
    bytes.set(content, place * PLACE_BYTES);
    lengths[place] = content.length;
    const laid = this.laid;
    Atomics.store(tickets, laid & (MAX_UNDERWAY - 1), ticket);
    // Last: who sees the number sees what it counts.
    Atomics.store(marks, LAID, (laid + 1) | 0);
    return Atomics.exchange(marks, SLEEPS, 0) === 1;
  }

  /** Tells the signature thread that there is something to look at. */
  call(): void {
    callWatcher(this.memory);
  }
}

function callWatcher({ marks }: BeltMemory): void {
  if (Atomics.exchange(marks, WATCHER_SLEEPS, 0) === 1) Atomics.notify(marks, WATCHER_SLEEPS);
}

export interface BeltGroup {
  readonly tickets: Int32Array;
  /** Views of one piece of memory that is nobody else's: whoever keeps one for longer than the group copies it. */
  readonly deliveries: readonly Uint8Array[];
}

/** The store's end. */
export class BeltTail {
  readonly #memory: BeltMemory;
  #taken = 0;

  constructor(memory: BeltMemory) {
    this.#memory = memory;
  }

  /** As {@link BeltHead.laid}. */
  get laid(): number {
    return Atomics.load(this.#memory.marks, LAID);
  }

  /** How many of those that were laid down before number `before` were not taken yet. */
  waiting(before: number): number {
    return (before - this.#taken) | 0;
  }

  /** Of these at most `most`, the oldest; the others lie where they lay. */
  take(before: number, most: number): BeltGroup {
    const { tickets: laid, lengths, bytes } = this.#memory;
    const count = Math.min(most, this.waiting(before));
    const tickets = new Int32Array(count);
    let length = 0;
    for (let index = 0; index < count; index += 1) {
      const ticket = Atomics.load(laid, (this.#taken + index) & (MAX_UNDERWAY - 1));
      tickets[index] = ticket;
      length += lengths[placeOf(ticket)] ?? 0;
    }
    const own = new Uint8Array(length);
    let end = 0;
    const deliveries = Array.from(tickets, (ticket) => {
      const start = placeOf(ticket) * PLACE_BYTES;
      const delivery = bytes.subarray(start, start + (lengths[placeOf(ticket)] ?? 0));
      own.set(delivery, end);
      end += delivery.length;
      return own.subarray(end - delivery.length, end);
    });
    this.#taken = (this.#taken + count) | 0;
    return { tickets, deliveries };
  }

  /** @returns false when something was laid down in the meantime and nobody will say so */
  fallsAsleep(): boolean {
    const { marks } = this.#memory;
    Atomics.store(marks, SLEEPS, 1);
    // Whoever laid something down since then has put the mark back, and wakes the store.
    return this.waiting(this.laid) === 0 || Atomics.exchange(marks, SLEEPS, 0) === 0;
  }

  /** As {@link BeltHead.call}, for what the store itself has for that thread. */
  call(): void {
    callWatcher(this.#memory);
  }

  wakesUp(): void {
    Atomics.store(this.#memory.marks, SLEEPS, 0);
  }
}

/** The signature thread's end: looks, and takes nothing away. What it sees may be of a delivery that is gone; its ticket says so. */
export class BeltWatcher {
  readonly #memory: BeltMemory;
  readonly #seen = new Uint8Array(PLACE_BYTES);
  #next = 0;

  constructor(memory: BeltMemory) {
    this.#memory = memory;
  }

  /** Blocks its thread until it is called, if there is nothing that it has not seen. @param hasMore has something else to do */
  wait(hasMore: () => boolean = () => false): void {
    const { marks } = this.#memory;
    Atomics.store(marks, WATCHER_SLEEPS, 1);
    // Whoever lays something down from here on finds that it sleeps.
    if (Atomics.load(marks, LAID) !== this.#next || hasMore()) Atomics.store(marks, WATCHER_SLEEPS, 0);
    else Atomics.wait(marks, WATCHER_SLEEPS, 1);
  }

  /** Each that was laid down since the last time, oldest first; more than can lie there at one time are gone. */
  *tickets(): Generator<Ticket> {
    const { marks, tickets } = this.#memory;
    for (;;) {
      const laid = Atomics.load(marks, LAID);
      const behind = (laid - this.#next) | 0;
      if (behind === 0) return;
      if (behind < 0 || behind > MAX_UNDERWAY) this.#next = (laid - MAX_UNDERWAY) | 0;
      const ticket = Atomics.load(tickets, this.#next & (MAX_UNDERWAY - 1));
      this.#next = (this.#next + 1) | 0;
      yield ticket;
    }
  }

  /** Good until the next is asked for. */
  look(ticket: Ticket): Uint8Array {
    const { lengths, bytes } = this.#memory;
    const start = placeOf(ticket) * PLACE_BYTES;
    const length = lengths[placeOf(ticket)] ?? 0;
    this.#seen.set(bytes.subarray(start, start + length));
    return this.#seen.subarray(0, length);
  }
}
