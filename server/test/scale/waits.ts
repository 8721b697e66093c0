/**
 * Waiting, for a run over many processes of which any may hang: every wait has an end, and what ends it says what was waited for.
 *
 * Owns: the list of what is waited for just now. Never: a promise that is waited for without a bound.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** What a wait ends with that took too long. What it waited for may come still; nobody looks at it any more. */
export class WaitedInVain extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`waited ${timeoutMs / 1000} s in vain for this: ${what}`);
  }
}

const standing = new Map<symbol, { readonly what: string; readonly sinceMs: number }>();

/** What is waited for just now, the oldest first: each with its seconds so far. */
export function waitsNow(): string[] {
  return [...standing.values()].map(
    ({ what, sinceMs }) => `${what} (${((performance.now() - sinceMs) / 1000).toFixed(0)} s)`,
  );
}

/**
 * @param what as a fact that is waited for: "the replica answers"
 * @throws WaitedInVain, or what the promise does
 */
export async function within<T>(what: string, timeoutMs: number, wanted: Promise<T>): Promise<T> {
  const wait = Symbol(what);
  standing.set(wait, { what, sinceMs: performance.now() });
  const over = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: over.signal }).then(() => {
    throw new WaitedInVain(what, timeoutMs);
  });
  // Called off when the other comes first.
  late.catch(() => undefined);
  // And what comes after its time is nobody's failure any more.
  wanted.catch(() => undefined);
  try {
    return await Promise.race([wanted, late]);
  } finally {
    over.abort();
    standing.delete(wait);
  }
}

/**
 * Asks again and again. A question without an answer is bounded by the same time.
 * @throws WaitedInVain, or what the question does
 */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  let isOver = false;
  const ask = async () => {
    while (!isOver && !(await holds())) await delay(100);
  };
  try {
    await within(what, timeoutMs, ask());
  } finally {
    isOver = true;
  }
}
