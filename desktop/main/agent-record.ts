/**
 * Which agent this app started, remembered past a crash of the app: the next start can then tell its own orphan from an
 * agent that somebody else runs. Owns one small file; a process is known by its id and its birth, never by its id alone.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

interface Remembered {
  pid: number;
  birth: string;
}

export interface AgentRecord {
  remember(pid: number): void;
  /** The agent of an earlier run of this app, if that very process still lives. */
  recall(): number | undefined;
  forget(): void;
}

export function agentRecord(file: string, birthOf: (pid: number) => string | undefined = birth): AgentRecord {
  return {
    remember(pid) {
      const born = birthOf(pid);
      // Where a process's birth cannot be read, its orphan stays a stranger and is left alone.
      if (born === undefined) return;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify({ pid, birth: born }), { mode: 0o600 });
    },
    recall() {
      const remembered = read(file);
      return remembered !== undefined && birthOf(remembered.pid) === remembered.birth
        ? remembered.pid
        : undefined;
    },
    forget() {
      rmSync(file, { force: true });
    },
  };
}

/** The boot and the tick at which the process began, as Linux tells them; undefined when it is gone. */
export function birth(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The name before the last parenthesis may hold spaces; state is the first field after it, the start the twentieth.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.trim().split(' ') ?? [];
    const [state, start] = [fields[0], fields[19]];
    return start === undefined || state === 'Z' ? undefined : `${boot} ${start}`;
  } catch {
    // No such process, or no such system.
    return undefined;
  }
}

function read(file: string): Remembered | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // None was remembered, or a crash tore the writing of it: then the orphan is a stranger.
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('pid' in parsed) || !('birth' in parsed))
    return undefined;
  const { pid, birth: born } = parsed;
  const valid = typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 1 && typeof born === 'string';
  return valid ? { pid, birth: born } : undefined;
}
