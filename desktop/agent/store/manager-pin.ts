/**
 * The manager's PIN in the store: its hash, and the count of tries that failed. Owns the rule of the tries: five are
 * free, then each costs a growing wait, the tenth in vain locks until the merchant has signed in online. The count is
 * on disk before a try is looked at, and the wait begins anew with the process: neither the plug nor the clock helps.
 */
import { timingSafeEqual } from 'node:crypto';
import { IpcError } from '../../ipc/index.ts';
import type { Clock } from '../clock.ts';
import type { KioskDatabase } from './open-database.ts';
import { ownBytes, toNumber } from './rows.ts';

const FREE_TRIES = 5;
const LAST_TRY = 10;
/** After the fifth try in vain, the sixth, and so on. */
const WAITS_MS = [30_000, 60_000, 120_000, 300_000, 900_000] as const;

export interface PinStanding {
  readonly state: 'none' | 'set' | 'waiting' | 'locked';
  /** Zero unless `waiting`. */
  readonly retryAfterMs: number;
}

interface Row {
  readonly salt: Buffer;
  readonly hash: Buffer;
  readonly failures: bigint;
}

export class ManagerPin {
  readonly #clock: Clock;
  readonly #statements;
  #waitUntilMs: number;
  #isTrying = false;

  constructor(db: KioskDatabase, clock: Clock) {
    this.#clock = clock;
    this.#statements = {
      read: db.prepare<[], Row>('SELECT salt, hash, failures FROM manager_pin WHERE id = 1'),
      count: db.prepare<[number]>('UPDATE manager_pin SET failures = ? WHERE id = 1'),
      replace: db.prepare<[Uint8Array, Uint8Array, number]>(
        `INSERT INTO manager_pin (id, salt, hash, set_at, failures) VALUES (1, ?, ?, ?, 0)
         ON CONFLICT (id) DO UPDATE SET salt = excluded.salt, hash = excluded.hash, set_at = excluded.set_at, failures = 0`,
      ),
    };
    this.#waitUntilMs = this.#waitAfter(toNumber(this.#statements.read.get()?.failures ?? 0n));
  }

  standing(): PinStanding {
    const row = this.#statements.read.get();
    if (row === undefined) return { state: 'none', retryAfterMs: 0 };
    if (toNumber(row.failures) >= LAST_TRY) return { state: 'locked', retryAfterMs: 0 };
    const retryAfterMs = Math.max(0, this.#waitUntilMs - this.#clock.monotonicMs());
    return retryAfterMs > 0 ? { state: 'waiting', retryAfterMs } : { state: 'set', retryAfterMs: 0 };
  }

  /** Inside a transaction of its own, on disk before the PIN is hashed. @returns the salt. @throws IpcError */
  beginTry(): Uint8Array {
    const standing = this.standing();
    const row = this.#statements.read.get();
    if (row === undefined || standing.state === 'none') throw new IpcError('manager_pin_not_set');
    if (standing.state === 'locked') throw new IpcError('manager_pin_locked');
    if (standing.state === 'waiting')
      throw new IpcError('manager_pin_wait', { retryAfterMs: standing.retryAfterMs });
    const failures = toNumber(row.failures) + 1;
    this.#statements.count.run(failures);
    this.#waitUntilMs = this.#waitAfter(failures);
    this.#isTrying = true;
    return ownBytes(row.salt);
  }

  /** Inside a transaction. One answer for each try that was begun. @throws IpcError `manager_pin_wrong` */
  prove(hash: Uint8Array): void {
    const row = this.#statements.read.get();
    const isExpected = this.#isTrying && row !== undefined && row.hash.length === hash.length;
    this.#isTrying = false;
    if (!isExpected || !timingSafeEqual(row.hash, hash)) {
      const { retryAfterMs } = this.standing();
      throw new IpcError('manager_pin_wrong', retryAfterMs > 0 ? { retryAfterMs } : {});
    }
    this.#statements.count.run(0);
    this.#waitUntilMs = 0;
  }

  /** Inside a transaction, by whoever has proved that they may: with the former PIN, or the account's password. */
  replace(pin: { readonly salt: Uint8Array; readonly hash: Uint8Array; readonly at: number }): void {
    this.#statements.replace.run(pin.salt, pin.hash, pin.at);
    this.#waitUntilMs = 0;
    this.#isTrying = false;
  }

  #waitAfter(failures: number): number {
    if (failures < FREE_TRIES) return 0;
    const waitMs = WAITS_MS[Math.min(failures - FREE_TRIES, WAITS_MS.length - 1)] ?? 0;
    return this.#clock.monotonicMs() + waitMs;
  }
}
