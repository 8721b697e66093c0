/**
 * What is known of a database before it is looked at: a small file beside it says "all of it was checked, and no damage has been
 * found since". Owns that file and the copy of what was set aside. To say damage is to remove the file, which needs no room on
 * a full disk; where it is missing, for whatever reason, nothing is sold before all is checked (decisions/0019).
 */
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { storageFaultOf } from './faults.ts';

function markerOf(databasePath: string): string {
  return `${databasePath}.sound`;
}

/** Where a copy of a database stays as it was when it was set aside; it is there from then on. */
function copyOf(databasePath: string): string {
  return `${databasePath}.quarantined`;
}

export function isKnownSound(databasePath: string): boolean {
  // A copy is also what earlier versions left, and nothing else. One that was begun says as much.
  const copy = copyOf(databasePath);
  return existsSync(markerOf(databasePath)) && !existsSync(copy) && !existsSync(partOf(copy));
}

/** All of it was checked. A disk too full to say so has it checked again at the next start. */
export function noteSound(databasePath: string): void {
  try {
    closeSync(openSync(markerOf(databasePath), 'w', 0o600));
  } catch (error) {
    if (storageFaultOf(error) !== 'full') throw error;
  }
}

/** On disk when this returns: the next start checks everything. */
export function noteDamage(databasePath: string): void {
  rmSync(markerOf(databasePath), { force: true });
  syncFolderOf(databasePath);
}

/**
 * Keeps what the file and its log are now, even if somebody tries to repair them. The first copy stays. It is whole, on disk and under
 * its name, or it is not there: half a copy would pass for one, and take the room that a full disk needs.
 */
export function copyAside(databasePath: string): void {
  const copy = copyOf(databasePath);
  // What a run left that was killed while it copied.
  for (const begun of [partOf(copy), partOf(logOf(copy))]) rmSync(begun, { force: true });
  if (existsSync(copy) || !existsSync(databasePath)) return;
  try {
    // The database comes last: where its copy is, that of its log is too.
    rmSync(logOf(copy), { force: true });
    if (existsSync(logOf(databasePath))) copyWhole(logOf(databasePath), logOf(copy));
    copyWhole(databasePath, copy);
  } catch (error) {
    rmSync(logOf(copy), { force: true });
    throw error;
  }
  syncFolderOf(databasePath);
}

function logOf(databasePath: string): string {
  return `${databasePath}-wal`;
}

function partOf(copy: string): string {
  return `${copy}.part`;
}

function copyWhole(from: string, to: string): void {
  const part = partOf(to);
  try {
    copyFileSync(from, part);
    const copied = openSync(part, 'r+');
    try {
      fsyncSync(copied);
    } finally {
      closeSync(copied);
    }
    renameSync(part, to);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

function syncFolderOf(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
