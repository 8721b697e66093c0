// Who is in the group that a radio hosts: told by events, and counted where events may have been missed. What a count
// hears is as old as its answers: of whom an event told meanwhile, the event is right.

import { WifiDirectError } from './errors.ts';
import type { RadioEvent } from './radio.ts';
import type { HardwareAddress } from './supplicant-events.ts';
import { parseStation } from './supplicant-replies.ts';

/** More than any radio serves; a list that does not end is a fault of the other side. */
const MOST_STATIONS = 256;
/** How often a list is begun anew because somebody on it left while it was read. */
const MOST_BEGINNINGS = 16;

type Ask = (command: string) => Promise<string>;

export class GroupClients {
  readonly #say: (event: RadioEvent) => void;
  readonly #here = new Set<HardwareAddress>();
  /** The counts that run, each with those of whom it was told since it began. */
  readonly #counts = new Set<Set<HardwareAddress>>();

  constructor(say: (event: RadioEvent) => void) {
    this.#say = say;
  }

  get all(): readonly HardwareAddress[] {
    return [...this.#here];
  }

  has(address: HardwareAddress): boolean {
    return this.#here.has(address);
  }

  joined(address: HardwareAddress): void {
    for (const told of this.#counts) told.add(address);
    this.#add(address);
  }

  left(address: HardwareAddress): void {
    for (const told of this.#counts) told.add(address);
    this.#drop(address);
  }

  #add(address: HardwareAddress): void {
    if (this.#here.has(address)) return;
    this.#here.add(address);
    this.#say({ type: 'client_joined', address });
  }

  #drop(address: HardwareAddress): void {
    if (this.#here.delete(address)) this.#say({ type: 'client_left', address });
  }

  /** Without a word: their group is over. What is being counted of it counts no more. */
  clear(): void {
    this.#here.clear();
    this.#counts.clear();
  }

  /** Those who came before this radio listened, or while it did not, and those who left meanwhile. */
  async count(ask: Ask): Promise<void> {
    const told = new Set<HardwareAddress>();
    this.#counts.add(told);
    let here: ReadonlySet<HardwareAddress> | undefined;
    try {
      for (let at = 0; at < MOST_BEGINNINGS && here === undefined; at += 1) here = await stationsOf(ask);
    } finally {
      if (!this.#counts.delete(told)) here = undefined;
    }
    if (here === undefined) return;
    // What a count found is no event: another one that runs may have heard something newer.
    for (const address of this.#here) if (!here.has(address) && !told.has(address)) this.#drop(address);
    for (const address of here) if (!told.has(address)) this.#add(address);
  }
}

/** Undefined when the list was torn: it is asked for by its last one, who may have left by then. */
async function stationsOf(ask: Ask): Promise<ReadonlySet<HardwareAddress> | undefined> {
  const here = new Set<HardwareAddress>();
  let reply = await ask('STA-FIRST');
  for (let at = 0; at < MOST_STATIONS; at += 1) {
    const station = parseStation(reply);
    if (station === undefined) break;
    if (station.isAuthorized) here.add(station.address);
    const next = await ask(`STA-NEXT ${station.address}`).catch((error: unknown) => {
      if (error instanceof WifiDirectError && error.code === 'supplicant_refused') return undefined;
      throw error;
    });
    if (next === undefined) return undefined;
    reply = next;
  }
  return here;
}
