/**
 * Processor time of whoever works in a measurement, which a busy machine changes little. By Linux's own count; nothing elsewhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { BenchCloud } from './cloud.ts';

/** `USER_HZ`, which is a hundred wherever Linux runs on what we have. */
const TICK_US = 10_000;

/** Microseconds of a process with all of its threads. */
function ofProcess(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce(
      (sum, thread) =>
        sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1_000,
      0,
    );
  } catch {
    return Number.NaN;
  }
}

/** Of children of ours that have ended, the callers among them; in ticks of ten milliseconds. */
function ofEndedChildren(): number {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[13]) + Number(fields[14])) * TICK_US;
  } catch {
    return Number.NaN;
  }
}

export interface Spent {
  readonly server: number;
  readonly postgres: number;
  readonly callers: number;
  /** This process. */
  readonly own: number;
}

/** Microseconds that went by while `work` was done. */
export async function spentOn<T>(
  { cloud, serverPid }: { readonly cloud: BenchCloud; readonly serverPid?: number },
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly spent: Spent }> {
  const rows = await cloud.owner<
    { pid: number }[]
  >`select pid from pg_stat_activity where pid <> pg_backend_pid()`;
  const now = () => {
    const { user, system } = process.cpuUsage();
    return {
      server: serverPid === undefined ? 0 : ofProcess(serverPid),
      postgres: rows.reduce((sum, { pid }) => sum + ofProcess(pid), 0),
      callers: ofEndedChildren(),
      own: user + system,
    };
  };
  const from = now();
  const result = await work();
  const to = now();
  const spent = {
    server: to.server - from.server,
    postgres: to.postgres - from.postgres,
    callers: to.callers - from.callers,
    own: to.own - from.own,
  };
  return { result, spent };
}
