/**
 * What the shop chose for this till beside its limits, and the cloud's word that it sells nothing for now. Owns their one row; who may
 * change it is manager-commands.ts and the trust refresher.
 */
import type { KioskDatabase } from './open-database.ts';
import { toNumber } from './rows.ts';

export class TillSettings {
  readonly #read;
  readonly #write;
  readonly #readSuspended;
  readonly #writeSuspended;

  constructor(db: KioskDatabase) {
    this.#read = db.prepare<[], bigint>('SELECT most_open FROM till_settings WHERE id = 1').pluck();
    this.#write = db.prepare<[number]>('UPDATE till_settings SET most_open = ? WHERE id = 1');
    this.#readSuspended = db.prepare<[], bigint>('SELECT suspended FROM till_settings WHERE id = 1').pluck();
    this.#writeSuspended = db.prepare<[number]>('UPDATE till_settings SET suspended = ? WHERE id = 1');
  }

  /** Requests that may be open at one time. */
  mostOpen(): number {
    return toNumber(this.#read.get() ?? 1n);
  }

  /** Inside the caller's transaction; the table bounds it. */
  setMostOpen(most: number): void {
    this.#write.run(most);
  }

  isSuspended(): boolean {
    return this.#readSuspended.get() === 1n;
  }

  /** Inside the caller's transaction. */
  setSuspended(isSuspended: boolean): void {
    this.#writeSuspended.run(isSuspended ? 1 : 0);
  }
}
