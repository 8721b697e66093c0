/**
 * What rooms tell whoever counts: facts that happened, published and forgotten.
 *
 * Owns: the names and shapes. Never: a person's data (counts and durations only), never a room's decision: nobody
 * may depend on a listener being there.
 */
import { channel } from 'node:diagnostics_channel';

export interface Facts {
  /** A batch was settled and its transaction committed. */
  readonly settled: {
    readonly entries: number;
    /** Seconds from each new entry's writing at the kiosk to now. */
    readonly lagSeconds: readonly number[];
  };
  /** A stored certificate of ours did not verify: what names it is refused. */
  readonly certificateDamaged: { readonly count: number; readonly of: 'allowance' | 'kiosk' };
  /** Transfers were posted inside a transaction; one that is rolled back afterwards is counted all the same. */
  readonly posted: { readonly kind: string; readonly count: number };
  /** Offline payments were paid to a merchant, inside a transaction, as `posted` is told. */
  readonly offlinePaid: { readonly count: number };
  /** A provider was asked. `failed` is no answer, a 429 or a 5xx; refusals are answers. */
  readonly providerAsked: {
    readonly provider: 'stripe' | 'twilio';
    readonly outcome: 'answered' | 'failed';
    readonly seconds?: number;
  };
  /** A transaction began or ended; the difference is what runs now. */
  readonly transaction: { readonly step: 'begun' | 'ended' | 'retried' };
  /** A round of periodic work. */
  readonly round: { readonly job: string; readonly outcome: 'done' | 'failed' };
}

export type FactName = keyof Facts;

const channelOf = (name: FactName) => channel(`tikiwallet:${name}`);

/** Costs a property look-up when nobody listens. */
export function publish<N extends FactName>(name: N, fact: Facts[N]): void {
  const to = channelOf(name);
  if (to.hasSubscribers) to.publish(fact);
}

/** @returns the unsubscribe. */
export function listenTo<N extends FactName>(name: N, hear: (fact: Facts[N]) => void): () => void {
  const from = channelOf(name);
  // Only `publish` above writes to these channels.
  const onMessage = (message: unknown) => hear(message as Facts[N]);
  from.subscribe(onMessage);
  return () => {
    from.unsubscribe(onMessage);
  };
}
