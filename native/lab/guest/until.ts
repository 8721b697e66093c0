import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something is so; throws, saying what, when it does not come in time. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const startedAt = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAt > timeoutMs)
      throw new Error(`not within ${String(timeoutMs)} ms: ${what}`);
    await sleep(100);
  }
}
