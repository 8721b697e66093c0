/**
 * Opens the kiosk's one database connection, the way money needs it: WAL, synchronous=FULL, foreign keys, checked
 * and migrated. Never opens a file that a newer version wrote, and never replaces one that does not read.
 */
import Database from 'better-sqlite3';
import { existsSync, statSync } from 'node:fs';
import { applyMigrations } from './apply-migrations.ts';
import { Quarantined, storageFaultOf } from './faults.ts';
import { isKnownSound } from './soundness.ts';

export type KioskDatabase = Database.Database;

/** The oldest SQLite without the WAL reset bug that could lose a commit. */
const MIN_SQLITE_VERSION = '3.51.3';
const SYNCHRONOUS_FULL = 2n;
const CACHE_KIB = 16_384;

export interface OpenDatabaseOptions {
  readonly path: string;
  readonly migrationsFolder: string;
  /** A larger file is opened after a look at its structure; {@link isCheckedAside} says so. */
  readonly checksAllUpToBytes?: number;
}

/** A quarter of a second of reading on a small PC; 30,000 sales. */
const CHECKS_ALL_UP_TO_BYTES = 64 * 1024 * 1024;

/** Whether opening this file leaves a part of the check to whole-check.ts. Asked before it is opened. */
export function isCheckedAside({ path, checksAllUpToBytes }: OpenDatabaseOptions): boolean {
  // Damage may have been found in it before, and by the part that would come afterwards: nothing is sold until all of it is read.
  if (!isKnownSound(path)) return false;
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return size > (checksAllUpToBytes ?? CHECKS_ALL_UP_TO_BYTES);
}

/** @throws Quarantined when the file is damaged or from a newer version. Other errors are the system's. */
export function openDatabase(options: OpenDatabaseOptions): KioskDatabase {
  const isNew = !existsSync(options.path);
  const isLarge = isCheckedAside(options);
  const db = new Database(options.path, { timeout: 5_000 });
  try {
    db.defaultSafeIntegers(true);
    configure(db);
    if (isLarge) checkStructure(db);
    else if (!isNew) checkIntegrity(db);
    applyMigrations(db, {
      folder: options.migrationsFolder,
      // A table that is made anew is poured through its indexes: what a wrong one hides would be gone, and the file whole again.
      checkFirst: () => (isLarge ? checkIntegrity(db) : undefined),
    });
    return db;
  } catch (error) {
    closeUnlessBroken(db, error);
    if (storageFaultOf(error) === 'damaged') throw new Quarantined('database_damaged', options.path, error);
    throw error;
  }
}

/** Closing writes and syncs once more, which a handle whose sync has failed must never do. */
export function closeUnlessBroken(db: KioskDatabase, error: unknown): void {
  if (storageFaultOf(error) !== 'broken') db.close();
}

function configure(db: KioskDatabase): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  if (compareVersions(version, MIN_SQLITE_VERSION) < 0) {
    throw new Error(`SQLite ${version} is too old: ${MIN_SQLITE_VERSION} or newer is required`);
  }
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  // SQLite would write the log back by itself and keep a failing disk to itself: see KioskStore.checkpointIfDue.
  db.pragma('wal_autocheckpoint = 0');
  db.pragma('foreign_keys = ON');
  db.pragma('trusted_schema = OFF');
  db.pragma('cell_size_check = ON');
  // Hashes and ids land anywhere in their indexes: SQLite's usual 2 MB hold less than a month of sales, and every
  // page that falls out in the middle of a group is read, or even written, once more. Filled as it is needed.
  db.pragma(`cache_size = -${CACHE_KIB}`);
  // Asked back, because a pragma that is refused is silent, and a receipt would then promise what may be lost.
  const mode = db.pragma('journal_mode', { simple: true });
  const synchronous = db.pragma('synchronous', { simple: true });
  const foreignKeys = db.pragma('foreign_keys', { simple: true });
  if (mode !== 'wal' || synchronous !== SYNCHRONOUS_FULL || foreignKeys !== 1n) {
    throw new Error(
      `SQLite runs with ${[mode, synchronous, foreignKeys].map(String).join(', ')} (journal_mode, synchronous, foreign_keys)`,
    );
  }
}

/** Every page and every row, but not whether each index names each row: a sixth of the time of the whole check. */
function checkStructure(db: KioskDatabase): void {
  requireOk(db.prepare('PRAGMA quick_check(5)').pluck().all());
}

function requireOk(findings: readonly unknown[]): void {
  if (findings.length !== 1 || findings[0] !== 'ok')
    throw new Quarantined('database_damaged', findings.map(String).join('; '));
}

function checkIntegrity(db: KioskDatabase): void {
  requireOk(db.prepare('PRAGMA integrity_check(5)').pluck().all());
  const orphans = db.prepare('PRAGMA foreign_key_check').all();
  if (orphans.length > 0)
    throw new Quarantined('database_damaged', `${orphans.length} rows point to nothing`);
}

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i += 1) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
