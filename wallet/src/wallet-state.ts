/** What the screens see: one immutable snapshot and a way to hear of the next one. Never: decides anything. */
import { useEffect, useState } from 'preact/hooks';
import type { HistoryItem, PublicConfig, WalletView } from '@tikiwallet/server/contract';
import type { SessionState } from './api/client.ts';
import type { VaultStatus } from './keys/vault.ts';
import type { Integrity } from './store/marker.ts';
import type {
  Intent,
  MetaValues,
  Orders,
  Profile,
  StoredAllowance,
  StoredPayment,
  StoredRefund,
} from './store/schema.ts';

export interface WalletState {
  readonly profile: Profile | null;
  readonly session: SessionState;
  /** Whether the cloud answered the last time it was asked. */
  readonly reachable: boolean;
  readonly config: PublicConfig | null;
  /** The last answer, however old: `asOf` says how old. */
  readonly view: WalletView | null;
  readonly syncing: boolean;
  readonly allowances: readonly StoredAllowance[];
  readonly payments: readonly StoredPayment[];
  readonly refunds: readonly StoredRefund[];
  readonly history: readonly HistoryItem[];
  readonly historyCursor: string | null;
  readonly orders: Orders;
  readonly intents: readonly Intent[];
  readonly integrity: Integrity;
  /** What is known of this person's PIN on this phone. */
  readonly vault: VaultStatus;
  readonly registration: MetaValues['registration'] | null;
  /** Ids of allowances whose denial the person has read. */
  readonly denialsRead: readonly string[];
  /** A newer version of the wallet is installed and waits for the person's word. */
  readonly applyUpdate: (() => void) | null;
}

export const INITIAL_STATE: WalletState = {
  profile: null,
  session: 'unknown',
  reachable: true,
  config: null,
  view: null,
  syncing: false,
  allowances: [],
  payments: [],
  refunds: [],
  history: [],
  historyCursor: null,
  orders: { topUps: [], withdrawals: [] },
  intents: [],
  integrity: 'intact',
  vault: { kind: 'none' },
  registration: null,
  denialsRead: [],
  applyUpdate: null,
};

export class Observable<T extends object> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();
  constructor(value: T) {
    this.#value = value;
  }
  get value(): T {
    return this.#value;
  }
  change(changes: Partial<T>): void {
    this.#value = { ...this.#value, ...changes };
    for (const listener of this.#listeners) listener(this.#value);
  }
  /** @returns the unsubscribe. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

export function useObservable<T extends object>(observable: Observable<T>): T {
  const [value, setValue] = useState(observable.value);
  useEffect(() => {
    // It may have changed between the first drawing and this subscription.
    setValue(observable.value);
    return observable.subscribe(setValue);
  }, [observable]);
  return value;
}
