// Lets one process at a time through, across processes that share a folder.
// A lock whose owner is gone is taken over, so a killed process blocks nobody.

import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

export type FileLockOptions = {
  readonly say?: (line: string) => void;
  /** Completes the sentence "Waiting for ...". */
  readonly waitingFor?: string;
};

const retryMs = 200;

/** Runs the action while holding the lock file; waits as long as a living process holds it. */
export async function withFileLock<T>(
  path: string,
  options: FileLockOptions,
  action: () => Promise<T>,
): Promise<T> {
  await acquire(path, options);
  try {
    return await action();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, options: FileLockOptions): Promise<void> {
  const mine = `${path}.${randomUUID()}`;
  // A hard link appears with its content or not at all: nobody reads a half-written owner.
  await writeFile(mine, String(process.pid));
  let announced = false;
  try {
    for (;;) {
      if (await linked(mine, path)) return;
      if (await removedStale(path)) continue;
      if (!announced) options.say?.(`Waiting for ${options.waitingFor ?? 'another process'}.`);
      announced = true;
      await sleep(retryMs);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** True when the lock's owner is gone; the lock file is then out of the way. */
async function removedStale(path: string): Promise<boolean> {
  const owner = await ownerOf(path);
  if (owner === undefined) return true;
  if (isAlive(owner)) return false;
  // Renamed before it is removed: of two that see the same stale lock only one may take it away,
  // and what it took is checked again, since a new owner may have come in between.
  const aside = `${path}.stale-${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true;
    throw error;
  }
  const taken = await ownerOf(aside);
  if (taken !== undefined && taken !== owner && isAlive(taken)) await linked(aside, path);
  await rm(aside, { force: true });
  return true;
}

async function ownerOf(path: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(path, 'utf8'), 10);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
