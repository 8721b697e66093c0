/**
 * A small file beside the database that says "this folder was enrolled": what tells a new folder from one whose
 * database has vanished. Owns that file; it is written once, after the enrolment is on disk, and never removed here.
 */
import { closeSync, existsSync, fsyncSync, openSync, statSync, writeFileSync } from 'node:fs';
import { Quarantined } from './faults.ts';

function markerOf(databasePath: string): string {
  return `${databasePath}.enrolled`;
}

/** Before the database is opened, because opening makes what is not there. @throws Quarantined */
export function checkNotLost(databasePath: string): void {
  const size = statSync(databasePath, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0 && existsSync(markerOf(databasePath))) throw lost(databasePath);
}

/** Once the database is open: both say the same, or the marker is still to be written. @throws Quarantined */
export function agreeWithMarker(databasePath: string, kioskId: string | null): void {
  const marker = markerOf(databasePath);
  if (kioskId === null && existsSync(marker)) throw lost(databasePath);
  if (kioskId !== null && !existsSync(marker)) writeMarker(marker, kioskId);
}

function writeMarker(marker: string, kioskId: string): void {
  const file = openSync(marker, 'w', 0o600);
  try {
    writeFileSync(file, `${kioskId}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function lost(databasePath: string): Quarantined {
  return new Quarantined(
    'database_missing',
    `this folder belongs to an enrolled kiosk and ${databasePath} does not hold its journal`,
  );
}
