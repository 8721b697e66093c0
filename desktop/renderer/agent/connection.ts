/**
 * What this page knows about the agent: its newest state, or that it is lost. Owns the one subscription to main;
 * keeps the moment of arrival, because `remainingMs` counts from it and wall clocks may be wrong.
 */
import { createContext, useContext, useSyncExternalStore } from 'react';
import type { AgentState } from '../../ipc/agent-contract.ts';
import type { RendererEvent, TikiBridge } from '../../ipc/renderer-contract.ts';

export type Connection =
  | { readonly kind: 'starting' }
  | { readonly kind: 'lost'; readonly since: string }
  | { readonly kind: 'ready'; readonly state: AgentState; readonly receivedAtMs: number };

/** An agent that has never answered is given this long before the page speaks of loss. */
export const STARTING_GRACE_MS = 12_000;

let current: Connection = { kind: 'starting' };
let heard = false;
const listeners = new Set<() => void>();

function change(next: Connection): void {
  current = next;
  for (const listener of [...listeners]) listener();
}

/** Pure: what an event makes of what was known. */
export function connectionAfter(
  event: RendererEvent,
  before: { heard: boolean; elapsedMs: number; nowMs: number },
): Connection {
  if (event.type === 'agentState') return { kind: 'ready', state: event.state, receivedAtMs: before.nowMs };
  if (!before.heard && before.elapsedMs < STARTING_GRACE_MS) return { kind: 'starting' };
  return { kind: 'lost', since: event.since };
}

/** Subscribes for the life of the page; returns the unsubscribe. */
export function startConnection(
  bridge: Pick<TikiBridge, 'onEvent'>,
  clock: () => number = () => performance.now(),
): () => void {
  const startedAtMs = clock();
  current = { kind: 'starting' };
  heard = false;
  let grace: ReturnType<typeof setTimeout> | undefined;
  const receive = (event: RendererEvent): void => {
    clearTimeout(grace);
    const nowMs = clock();
    const next = connectionAfter(event, { heard, elapsedMs: nowMs - startedAtMs, nowMs });
    if (next.kind === 'starting')
      grace = setTimeout(() => receive(event), STARTING_GRACE_MS - (nowMs - startedAtMs));
    heard ||= event.type === 'agentState';
    change(next);
  };
  const unsubscribe = bridge.onEvent(receive);
  return () => {
    clearTimeout(grace);
    unsubscribe();
  };
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => current,
  );
}

/** The state for everything that is shown only while there is one. */
export const AgentStateContext = createContext<{ state: AgentState; receivedAtMs: number } | undefined>(
  undefined,
);

export function useAgent(): { state: AgentState; receivedAtMs: number } {
  const value = useContext(AgentStateContext);
  if (value === undefined) throw new Error('shown without an agent state');
  return value;
}
