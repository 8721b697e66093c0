/**
 * The limits that the merchant and this kiosk set below the issuer's. Owns their table; never decides which limit
 * counts, which is the protocol's: the lowest of all owners.
 */
import {
  MAX_AMOUNT_MINOR,
  MAX_COUNTER,
  MONEY_LIMITS,
  NUMBER_LIMITS,
  type LimitSettings,
} from '@tikiwallet/protocol';
import { IpcError } from '../../ipc/index.ts';
import type { KioskDatabase } from './open-database.ts';

/** Who sets limits at this kiosk; what the merchant says in the cloud is in merchant-limits.ts. */
export type LimitOwner = 'merchant' | 'kiosk';

export interface OwnedLimits {
  readonly owner: LimitOwner;
  /** All that this owner wants; what is absent is not limited by them any more. */
  readonly limits: LimitSettings;
}

export class LimitStore {
  readonly #statements;

  constructor(db: KioskDatabase) {
    this.#statements = {
      all: db.prepare<[string], { name: string; value: bigint }>(
        'SELECT name, value FROM limit_settings WHERE owner = ?',
      ),
      clear: db.prepare<[string]>('DELETE FROM limit_settings WHERE owner = ?'),
      insert: db.prepare<[string, string, bigint]>(
        'INSERT INTO limit_settings (owner, name, value) VALUES (?, ?, ?)',
      ),
    };
  }

  /** One for each owner. */
  read(): readonly LimitSettings[] {
    return (['merchant', 'kiosk'] as const).map((owner) => this.of(owner));
  }

  of(owner: LimitOwner): LimitSettings {
    return fromValues(new Map(this.#statements.all.all(owner).map(({ name, value }) => [name, value])));
  }

  /** Inside the caller's transaction. @throws IpcError `call_invalid` for a value that no limit can have */
  replace({ owner, limits }: OwnedLimits): void {
    this.#statements.clear.run(owner);
    for (const name of MONEY_LIMITS) this.#insert(owner, name, limits[name], MAX_AMOUNT_MINOR);
    for (const name of NUMBER_LIMITS) {
      const value = limits[name];
      this.#insert(owner, name, value === undefined ? undefined : wholeNumber(value), BigInt(MAX_COUNTER));
    }
  }

  #insert(owner: LimitOwner, name: string, value: bigint | undefined, max: bigint): void {
    if (value === undefined) return;
    if (value < 1n || value > max) throw new IpcError('call_invalid');
    this.#statements.insert.run(owner, name, value);
  }
}

export function isSame(one: LimitSettings, other: LimitSettings): boolean {
  return [...MONEY_LIMITS, ...NUMBER_LIMITS].every((name) => one[name] === other[name]);
}

/** Whether `wanted` lets anything through that `now` does not: a higher value, or none where there was one. */
export function raises(now: LimitSettings, wanted: LimitSettings): boolean {
  return [...MONEY_LIMITS, ...NUMBER_LIMITS].some((name) => {
    const former = now[name];
    const next = wanted[name];
    return former !== undefined && (next === undefined || next > former);
  });
}

function wholeNumber(value: number): bigint {
  if (!Number.isSafeInteger(value)) throw new IpcError('call_invalid');
  return BigInt(value);
}

function fromValues(values: ReadonlyMap<string, bigint>): LimitSettings {
  const money = MONEY_LIMITS.flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const numbers = NUMBER_LIMITS.flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, Number(value)] as const];
  });
  return { ...Object.fromEntries(money), ...Object.fromEntries(numbers) };
}
