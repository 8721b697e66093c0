// Waits for the event that answers a command. Reading begins before the command is sent, so that an answer that comes
// at once is not missed.

import { WifiDirectError } from './errors.ts';

export type WaitOptions<Value> = {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Sends the command; a value ends the wait, since what is waited for has happened already. */
  readonly start: () => Promise<{ readonly value: Value } | undefined>;
};

/**
 * Resolves with the value that `choose` makes of the first event it knows; `choose` may throw to end the wait. Rejects
 * with WifiDirectError timed_out, aborted, or closed when the events end. Ends the iterator in any case.
 */
export async function waitFor<Event, Value>(
  events: AsyncIterableIterator<Event>,
  choose: (event: Event) => { readonly value: Value } | undefined,
  { timeoutMs, signal, start }: WaitOptions<Value>,
): Promise<Value> {
  const { promise: ended, reject: end } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => end(new WifiDirectError('timed_out', 'It did not happen in time.')),
    timeoutMs,
  );
  const onAbort = (): void => end(new WifiDirectError('aborted', 'It was given up.'));
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const wait = async (): Promise<Value> => {
    for await (const event of events) {
      const chosen = choose(event);
      if (chosen !== undefined) return chosen.value;
    }
    throw new WifiDirectError('closed', 'The radio was closed.');
  };
  try {
    const waiting = wait();
    // Whichever of them loses is heard by nobody else.
    waiting.catch(() => undefined);
    ended.catch(() => undefined);
    const done = signal?.aborted === true ? undefined : await Promise.race([start(), ended]);
    return done === undefined ? await Promise.race([waiting, ended]) : done.value;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    await events.return?.();
  }
}

/** Rejects with WifiDirectError aborted as soon as the signal says so; what was started goes on unheard. */
export async function abortable<Value>(
  signal: AbortSignal | undefined,
  start: () => Promise<Value>,
): Promise<Value> {
  if (signal === undefined) return await start();
  const { promise: ended, reject: end } = Promise.withResolvers<never>();
  const onAbort = (): void => end(new WifiDirectError('aborted', 'It was given up.'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) return await ended;
    const started = start();
    started.catch(() => undefined);
    return await Promise.race([started, ended]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
