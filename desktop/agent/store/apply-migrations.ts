/**
 * Brings a database up to date by the numbered migrations of drizzle/kiosk: all that are missing, or none. Owns the list of what
 * was applied, `__drizzle_migrations`, in the form that drizzle-orm's migrator gave it, so that databases of before go on; never
 * lets a migration run twice, and never opens what another program's migrations made.
 */
import type Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Quarantined } from './faults.ts';

interface Migration {
  readonly tag: string;
  /** Milliseconds; the order in which they are applied. */
  readonly when: bigint;
  readonly sql: string;
  /** Of the file, byte for byte. */
  readonly hash: string;
}

const MigrationJournal = z.object({ entries: z.array(z.object({ tag: z.string(), when: z.number() })) });
const AppliedMigration = z.object({ hash: z.string(), created_at: z.bigint() });

function readMigrations(folder: string): readonly Migration[] {
  const journal: unknown = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8'));
  return MigrationJournal.parse(journal).entries.map(({ tag, when }) => {
    const sql = readFileSync(join(folder, `${tag}.sql`), 'utf8');
    return { tag, when: BigInt(when), sql, hash: createHash('sha256').update(sql).digest('hex') };
  });
}

/** @throws Quarantined when they are not the first of `known`. @returns how many */
function countApplied(db: Database.Database, known: readonly Migration[]): number {
  const table = db
    .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '__drizzle_migrations'")
    .get();
  if (table === undefined) return 0;
  const rows = db
    .prepare(
      'SELECT hash, CAST(created_at AS INTEGER) AS created_at FROM __drizzle_migrations ORDER BY created_at',
    )
    .safeIntegers()
    .all();
  const applied = z.array(AppliedMigration).parse(rows);
  for (const [index, row] of applied.entries()) {
    const expected = known[index];
    if (expected === undefined)
      throw new Quarantined(
        'database_from_the_future',
        `this database was written by a newer version (migration ${index})`,
      );
    if (expected.hash !== row.hash || expected.when !== row.created_at)
      throw new Quarantined(
        'database_from_the_future',
        `migration ${expected.tag} is not the one that made this database`,
      );
  }
  return applied.length;
}

export interface MigrateOptions {
  readonly folder: string;
  /** Called when there is something to apply, before anything is. */
  readonly checkFirst: () => void;
}

/**
 * Foreign keys are on afterwards.
 * @throws Quarantined, or the database's own error, which has then undone whatever was begun
 */
export function applyMigrations(db: Database.Database, { folder, checkFirst }: MigrateOptions): void {
  const known = readMigrations(folder);
  const missing = known.slice(countApplied(db, known));
  if (missing.length === 0) return;
  checkFirst();
  // A table that others point to is made anew by a migration that proves at its end that every key holds. The pragma does
  // nothing inside a transaction.
  db.pragma('foreign_keys = OFF');
  try {
    db.transaction(() => applyAll(db, missing)).immediate();
  } finally {
    db.pragma('foreign_keys = ON');
  }
  if (Number(db.pragma('foreign_keys', { simple: true })) !== 1)
    throw new Error('SQLite runs without foreign keys');
}

function applyAll(db: Database.Database, missing: readonly Migration[]): void {
  db.exec(
    'CREATE TABLE IF NOT EXISTS "__drizzle_migrations" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)',
  );
  const note = db.prepare<[string, bigint]>(
    'INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)',
  );
  for (const { sql, hash, when } of missing) {
    // Drizzle's mark between two statements is a comment of SQL.
    db.exec(sql);
    note.run(hash, when);
  }
}
