/** What the shop chose for this till beside its limits. Owns their one row; who may change it is manager-commands.ts. */
import type { KioskDatabase } from './open-database.ts';
import { toNumber } from './rows.ts';

export class TillSettings {
  readonly #read;
  readonly #write;

  constructor(db: KioskDatabase) {
    this.#read = db.prepare<[], bigint>('SELECT most_open FROM till_settings WHERE id = 1').pluck();
    this.#write = db.prepare<[number]>('UPDATE till_settings SET most_open = ? WHERE id = 1');
  }

  /** Requests that may be open at one time. */
  mostOpen(): number {
    return toNumber(this.#read.get() ?? 1n);
  }

  /** Inside the caller's transaction; the table bounds it. */
  setMostOpen(most: number): void {
    this.#write.run(most);
  }
}
