/**
 * One process per data folder.
 *
 * Owns: the lock file with the holder's pid and start time. Never: kills a holder.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

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
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Takes the lock, replacing one that a dead process left behind.
 * @returns a function that gives it back.
 * @throws FolderInUse
 */
export function lockFolder(path: string): () => void {
  const mine = `${process.pid} ${startTime(process.pid) ?? '-'}\n`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST') || attempt > 3) throw error;
    }
    const [pidText = '', started = '-'] = readFileSync(path, 'utf8').trim().split(' ');
    const pid = Number.parseInt(pidText, 10);
    const same = started === '-' || startTime(pid) === null || startTime(pid) === started;
    if (Number.isSafeInteger(pid) && pid !== process.pid && isAlive(pid) && same)
      throw new FolderInUse(path, pid);
    rmSync(path, { force: true });
  }
}
