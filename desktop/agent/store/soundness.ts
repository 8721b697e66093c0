/**
 * What is known of a database before it is looked at: a small file beside it says "all of it was checked, and no damage has been
 * found since". Owns that file and the copy of what was set aside. To say damage is to remove the file, which needs no room on
 * a full disk; where it is missing, for whatever reason, nothing is sold before all is checked (decisions/0019).
 */
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs';
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
  // A copy is also what earlier versions left, and nothing else.
  return existsSync(markerOf(databasePath)) && !existsSync(copyOf(databasePath));
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
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(databasePath), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Keeps what the file and its log are now, even if somebody tries to repair them. The first copy stays. */
export function copyAside(databasePath: string): void {
  const copy = copyOf(databasePath);
  if (existsSync(databasePath) && !existsSync(copy)) copyFileSync(databasePath, copy);
  if (existsSync(`${databasePath}-wal`) && !existsSync(`${copy}-wal`))
    copyFileSync(`${databasePath}-wal`, `${copy}-wal`);
}
