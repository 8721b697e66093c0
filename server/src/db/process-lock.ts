/**
 * One process per data folder.
 *
 * Owns: the lock file with the holder's pid and start time. Never: kills a holder.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Another living process holds the folder. */
export class FolderInUse extends Error {
  readonly code = 'data_folder_in_use';
  readonly pid: number;
  constructor(path: string, pid: number) {
    super(
      `The data folder is in use by another server (process ${pid}, ${path}); stop it or set TIKI_DATA_DIR.`,
    );
    this.pid = pid;
  }
}

/** Fields of /proc/PID/stat after the name: the state first. Null where there is no /proc or no such process. */
function statFields(pid: number): readonly string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // Not Linux, or the process is gone: isAlive() decides.
    return null;
  }
}

/** The kernel's start time of a process, which tells a reused pid from the old one; null where it cannot be known. */
function startTime(pid: number): string | null {
  return statFields(pid)?.[19] ?? null;
}

/** True when a process with this pid runs. One that was killed and that nobody has collected yet does not. */
export function isAlive(pid: number): boolean {
  if (['Z', 'X'].includes(statFields(pid)?.[0] ?? '')) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

const ATTEMPTS = 400;
const PAUSE_MS = 5;

/**
 * Takes the lock, replacing one that a dead process left behind.
 * @returns a function that gives it back.
 * @throws FolderInUse
 */
export function lockFolder(path: string): () => void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${process.pid} ${startTime(process.pid) ?? '-'}\n`, { mode: 0o600 });
  try {
    let holder: string | null = null;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      // A link appears whole or not at all: nobody ever reads a lock that is half written.
      if (linkIfFree(draft, path)) return () => rmSync(path, { force: true });
      holder = readIfThere(path);
      if (holder !== null && isHeld(holder)) throw new FolderInUse(path, pidOf(holder));
      if (holder !== null && takeOver({ path, draft, deadHolder: holder }))
        return () => rmSync(path, { force: true });
      pause();
    }
    throw new FolderInUse(path, pidOf(holder ?? ''));
  } finally {
    rmSync(draft, { force: true });
  }
}

interface TakeOver {
  readonly path: string;
  readonly draft: string;
  /** What the lock said when its holder was found dead. */
  readonly deadHolder: string;
}

/**
 * Puts our lock in a dead one's place. One process at a time, and only while the dead one's still stands there: else
 * the second of two that found it dead would throw away the lock of the first.
 */
function takeOver({ path, draft, deadHolder }: TakeOver): boolean {
  const turn = `${path}.takeover`;
  if (!linkIfFree(draft, turn)) {
    const other = readIfThere(turn);
    if (other !== null && !isHeld(other)) rmSync(turn, { force: true });
    return false;
  }
  try {
    if (readIfThere(path) !== deadHolder) return false;
    renameSync(draft, path);
    return true;
  } finally {
    rmSync(turn, { force: true });
  }
}

function linkIfFree(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

const pidOf = (holder: string) => Number.parseInt(holder, 10);

/** Does the process live that wrote this? Our own pid in an old lock is that of an earlier process. */
function isHeld(holder: string): boolean {
  const pid = pidOf(holder);
  if (!Number.isSafeInteger(pid) || pid === process.pid || !isAlive(pid)) return false;
  const [, started = '-'] = holder.split(' ');
  return started === '-' || startTime(pid) === null || startTime(pid) === started;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
