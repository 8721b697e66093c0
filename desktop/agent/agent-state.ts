/**
 * The one picture of the agent that its clients see: composed from what each room says, published at once when the
 * sale changes and at most every 100 ms otherwise. Owns the composition; no fact in it is made here.
 */
import type { AgentProblem, AgentState, Refund, Sale } from '../ipc/index.ts';
import type { MerchantView } from './cloud/merchant-session.ts';
import type { ReachabilityView } from './cloud/reachability.ts';
import { describeRadio, type RadioView } from './radio/radio-view.ts';
import { isoOf } from './sales.ts';
import type { SettlementView } from './settle/settle-loop.ts';
import type { JournalDoubt } from './store/journal-standing.ts';
import type { TrustRefusal } from './store/kiosk-record.ts';
import type { StoreSnapshot } from './store/kiosk-store.ts';

export interface StateParts {
  readonly version: string;
  readonly apiUrl: string;
  /** Null until the store is open. */
  readonly snapshot: StoreSnapshot | null;
  readonly merchant: MerchantView | null;
  readonly cloud: ReachabilityView;
  readonly settlement: SettlementView;
  /** Why the cloud's newest trust was not believed, if it was not. */
  readonly trustRefusal: TrustRefusal | null;
  readonly radio: RadioView;
  readonly addresses: readonly string[];
  /** In front. */
  readonly sale: Sale | null;
  readonly sales: readonly Sale[];
  readonly refund: Refund | null;
}

export function composeState(parts: StateParts): AgentState {
  const { snapshot, cloud } = parts;
  return {
    phase: phaseOf(snapshot),
    problems: problemsOf(snapshot, parts),
    version: parts.version,
    apiUrl: parts.apiUrl,
    kiosk: describeKiosk(snapshot),
    merchant: parts.merchant,
    cloud: {
      state: cloud.state,
      since: new Date(cloud.sinceMs).toISOString(),
      lastContactAt: lastContactOf(cloud, snapshot),
    },
    settlement: describeSettlement(parts.settlement, snapshot),
    today: {
      count: snapshot?.today.count ?? 0,
      sumMinor: (snapshot?.today.sumMinor ?? 0n).toString(),
      refundedMinor: (snapshot?.today.refundedMinor ?? 0n).toString(),
    },
    limits: {
      perPaymentMinor: (snapshot?.limits.perPaymentMinor ?? 0n).toString(),
      storedSumMinor: (snapshot?.limits.storedSumMinor ?? 0n).toString(),
      storedCount: snapshot?.limits.storedCount ?? 0,
      withManagerMinor: snapshot?.limits.withManagerMinor?.toString() ?? null,
    },
    managerPin: snapshot?.managerPin ?? { state: 'none', retryAfterMs: 0 },
    trust: describeTrust(snapshot),
    radio: describeRadio(parts.radio),
    addresses: [...parts.addresses],
    sale: parts.sale,
    sales: [...parts.sales],
    till: { mostOpen: snapshot?.mostOpen ?? 1 },
    refund: parts.refund,
  };
}

function phaseOf(snapshot: StoreSnapshot | null): AgentState['phase'] {
  if (snapshot === null) return 'starting';
  if (snapshot.quarantine !== null) return 'quarantined';
  if (snapshot.kiosk === null) return 'not_enrolled';
  return snapshot.doubt === null ? 'ready' : 'quarantined';
}

const DOUBTS = {
  unconfirmed: 'journal_unconfirmed',
  behind_cloud: 'journal_behind_cloud',
  differs_from_cloud: 'journal_differs_from_cloud',
} as const satisfies Record<JournalDoubt, AgentProblem>;

function problemsOf(
  snapshot: StoreSnapshot | null,
  { settlement, trustRefusal }: Pick<StateParts, 'settlement' | 'trustRefusal'>,
): AgentProblem[] {
  const problems: AgentProblem[] = [];
  if (snapshot?.isClockBehind === true) problems.push('clock_behind_trusted_time');
  if (snapshot !== null && snapshot.doubt !== null) problems.push(DOUBTS[snapshot.doubt]);
  const { lastErrorCode } = settlement;
  if (snapshot?.trust?.kioskIsDenied === true) problems.push('kiosk_denied');
  else if (lastErrorCode === 'not_authenticated' || lastErrorCode === 'kiosk_denied')
    problems.push('kiosk_not_recognised');
  if (snapshot?.isSuspended === true) problems.push('kiosk_suspended');
  if (trustRefusal === 'trust_bundle_from_the_future') problems.push('cloud_time_implausible');
  return problems;
}

function describeKiosk(snapshot: StoreSnapshot | null): AgentState['kiosk'] {
  const kiosk = snapshot?.kiosk ?? null;
  if (kiosk === null) return null;
  return {
    id: kiosk.kioskId,
    name: kiosk.name,
    merchantName: kiosk.merchantName,
    merchantPhone: kiosk.merchantPhone,
    currency: kiosk.currency,
    certificateNotAfter: isoOf(kiosk.certificateNotAfter),
  };
}

function describeTrust(snapshot: StoreSnapshot | null): AgentState['trust'] {
  const trust = snapshot?.trust ?? null;
  if (trust === null) return null;
  const { issuedAt, level, nextLevelAt } = trust;
  return {
    issuedAt: isoOf(issuedAt),
    level,
    nextLevelAt: nextLevelAt === null ? null : isoOf(nextLevelAt),
  };
}

function lastContactOf(cloud: ReachabilityView, snapshot: StoreSnapshot | null): string | null {
  if (cloud.lastContactMs !== null) return new Date(cloud.lastContactMs).toISOString();
  const stored = snapshot?.cursor.lastContactAt ?? null;
  return stored === null ? null : isoOf(stored);
}

function describeSettlement(
  settlement: SettlementView,
  snapshot: StoreSnapshot | null,
): AgentState['settlement'] {
  const lastSettledAt = snapshot?.cursor.lastSettledAt ?? null;
  // A clock that stops the selling stops nothing else here; this is the one place that says why.
  const lastErrorCode =
    snapshot?.isClockBehind === true ? 'clock_behind_trusted_time' : settlement.lastErrorCode;
  return {
    state: settlement.state,
    pendingCount: snapshot?.unsettled.count ?? 0,
    pendingMinor: (snapshot?.unsettled.sumMinor ?? 0n).toString(),
    progress: settlement.progress,
    nextAttemptAt:
      settlement.nextAttemptMs === null ? null : new Date(settlement.nextAttemptMs).toISOString(),
    lastSettledAt: lastSettledAt === null ? null : isoOf(lastSettledAt),
    lastErrorCode,
  };
}

const THROTTLE_MS = 100;

export class StatePublisher {
  readonly #compose: () => AgentState;
  readonly #publish: (state: AgentState) => void;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: { compose: () => AgentState; publish: (state: AgentState) => void }) {
    this.#compose = options.compose;
    this.#publish = options.publish;
  }

  /** A sale changed: a cashier and a customer are looking. */
  now(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastMs = performance.now();
    this.#publish(this.#compose());
  }

  soon(): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    const waitMs = Math.max(0, this.#lastMs + THROTTLE_MS - performance.now());
    this.#timer = setTimeout(() => this.now(), waitMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}
