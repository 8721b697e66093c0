/**
 * Connections beside the pool, each for one transaction of `pipeline.ts` at a time: it sends statements one behind the other
 * without waiting for their answers, and keeps them prepared.
 *
 * Owns: who has which. Never: two transactions on one connection.
 */
import type { Sql } from 'postgres';

export interface LaneConnection {
  readonly sql: Sql;
  /** How often it was lost so far. The driver makes it anew by itself, and sends there what was still to be sent. */
  readonly losses: () => number;
  /** What each transaction begins with, as statements after its `begin`; empty where the connection has it for good. */
  readonly settings: string;
}

export class Lane {
  readonly #open: () => LaneConnection;
  #connection: LaneConnection;

  constructor(open: () => LaneConnection) {
    this.#open = open;
    this.#connection = open();
  }

  now(): LaneConnection {
    return this.#connection;
  }

  /** Drops the connection, in whatever state it is. What is sent from now on goes over another. */
  renew(): void {
    void this.#connection.sql.end({ timeout: 0 });
    this.#connection = this.#open();
  }
}

export class Lanes {
  readonly #all: readonly Lane[];
  /** The last one that was used is the first to be used again: who is alone keeps one connection warm. */
  readonly #free: Lane[];
  readonly #waiting: ((lane: Lane) => void)[] = [];

  constructor(count: number, open: () => LaneConnection) {
    this.#all = Array.from({ length: count }, () => new Lane(open));
    this.#free = [...this.#all];
  }

  async use<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = this.#free.pop() ?? (await new Promise<Lane>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(lane);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(lane);
      else next(lane);
    }
  }

  async end(timeoutSeconds: number): Promise<void> {
    await Promise.all(this.#all.map((lane) => lane.now().sql.end({ timeout: timeoutSeconds })));
  }
}
