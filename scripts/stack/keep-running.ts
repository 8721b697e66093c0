// Brings a part of the product back when it ends by itself, as a service manager does
// in a shop, and says so. Gives up on a part that keeps ending: its log is the answer then.

import type { ManagedProcess } from './managed-process.ts';

export type Part = {
  readonly name: string;
  readonly current: () => Pick<ManagedProcess, 'exited' | 'wasStopped'> | undefined;
  readonly start: () => Promise<void>;
};

export type KeepRunningOptions = {
  readonly say: (line: string) => void;
  readonly nowMs?: () => number;
};

const mostRestarts = 5;
const withinMs = 60_000;

/** Resolves when the part was stopped on purpose, or given up. */
export async function keepRunning(part: Part, options: KeepRunningOptions): Promise<void> {
  const nowMs = options.nowMs ?? (() => performance.now());
  let restarts: readonly number[] = [];
  for (let running = part.current(); running !== undefined; running = part.current()) {
    await running.exited;
    if (running.wasStopped) return;
    restarts = restarts.filter((at) => nowMs() - at < withinMs);
    if (restarts.length >= mostRestarts) {
      options.say(`The ${part.name} keeps ending and is left alone. Its log says why.`);
      return;
    }
    restarts = [...restarts, nowMs()];
    options.say(`The ${part.name} ended by itself. Starting it again.`);
    try {
      await part.start();
    } catch (error) {
      // Stopped while it was starting: nobody wants it back.
      if (part.current()?.wasStopped ?? true) return;
      options.say(error instanceof Error ? error.message : String(error));
    }
  }
}
