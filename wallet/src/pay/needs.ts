/** What paying needs from outside, handed in so that tests can stop the world between any two steps. */
import type { AsyncCrypto } from '@tikiwallet/protocol';
import type { Clock } from '../clock.ts';
import type { DeviceKey } from '../keys/device-key.ts';
import type { MarkerMirror } from '../store/marker.ts';
import type { Database } from '../store/schema.ts';

export interface PayNeeds {
  readonly database: Database;
  readonly crypto: AsyncCrypto;
  readonly clock: Clock;
  readonly mirrors: readonly MarkerMirror[];
  /** One holder at a time in all tabs of this phone. */
  readonly withLock: <T>(work: () => Promise<T>) => Promise<T>;
  /** Opened to sign for `amountMinor`, 0 for what spends nothing. @throws WalletError `unlock_needed` */
  readonly openKey: (id: string, amountMinor: bigint) => Promise<DeviceKey | undefined>;
}

/** Signing is serialised over all tabs by the browser's lock manager. */
export function lockInBrowser<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks.request('tiki.sign', work) as Promise<T>;
}
