/**
 * What is known of the signatures of deliveries on their way to the store, in memory that three threads share: the main
 * thread gives each delivery a place, the signature thread writes what it found, the store's thread looks when the
 * delivery's turn comes. Each signature is begun by one of the two, whichever comes first; nobody waits for the other.
 * Owns the places; knows no bytes. A place that is given again has another generation, so that what is said late of a
 * former delivery is said to nobody.
 */

/** As many deliveries can be on their way; beyond, callers are told to come back. */
export const MAX_UNDERWAY = 4_096;
const GENERATIONS = 2 ** 18;

const UNSEEN = 0;
const STORES = 1;
const BEING_CHECKED = 2;
const HOLDS = 3;
const STATES = 4;

/** A delivery's place and its generation: below 2^30, so that it is a small integer everywhere. */
export type Ticket = number;

export const placeOf = (ticket: Ticket): number => ticket % MAX_UNDERWAY;
const cellOf = (ticket: Ticket, state: number): number => Math.floor(ticket / MAX_UNDERWAY) * STATES + state;

/** The main thread's end: gives places and takes them back. */
export class TicketBox {
  readonly cells = new Int32Array(new SharedArrayBuffer(MAX_UNDERWAY * Int32Array.BYTES_PER_ELEMENT));
  readonly #free = Array.from({ length: MAX_UNDERWAY }, (_, place) => place);
  readonly #generations = new Uint32Array(MAX_UNDERWAY);

  /** Null when all places are taken. */
  take(): Ticket | null {
    const place = this.#free.pop();
    if (place === undefined) return null;
    const generation = ((this.#generations[place] ?? 0) + 1) % GENERATIONS;
    this.#generations[place] = generation;
    const ticket = generation * MAX_UNDERWAY + place;
    Atomics.store(this.cells, place, cellOf(ticket, UNSEEN));
    return ticket;
  }

  giveBack(ticket: Ticket): void {
    this.#free.push(placeOf(ticket));
  }

  get underway(): number {
    return MAX_UNDERWAY - this.#free.length;
  }
}

/** The store's end. True only when the signature was found to hold; otherwise the store checks it, and nobody else begins to. */
export function takeVerdict(cells: Int32Array, ticket: Ticket): boolean {
  const was = Atomics.compareExchange(cells, placeOf(ticket), cellOf(ticket, UNSEEN), cellOf(ticket, STORES));
  return was === cellOf(ticket, HOLDS);
}

/** The signature thread's end: checks what nobody has begun, and says so only when it holds. */
export function giveVerdict(cells: Int32Array, ticket: Ticket, isSigned: () => boolean): void {
  const place = placeOf(ticket);
  const unseen = cellOf(ticket, UNSEEN);
  const begun = cellOf(ticket, BEING_CHECKED);
  if (Atomics.compareExchange(cells, place, unseen, begun) !== unseen) return;
  if (isSigned()) Atomics.compareExchange(cells, place, begun, cellOf(ticket, HOLDS));
}
