import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyMigrations } from './apply-migrations.ts';
import { Quarantined } from './faults.ts';
import { migrationsFolder } from './migrations-folder.ts';

let folder: string;
let db: Database.Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-migrations-'));
  db = new Database(':memory:');
  db.pragma('foreign_keys = ON');
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Migrations of these statements, one after the other, and nothing else. */
function migrations(...statements: readonly string[]): void {
  rmSync(join(folder, 'meta'), { recursive: true, force: true });
  cpSync(migrationsFolder(), folder, { recursive: true });
  const entries = statements.map((sql, index) => {
    writeFileSync(join(folder, `${index}_test.sql`), sql);
    return { idx: index, version: '6', when: 1_000 + index, tag: `${index}_test`, breakpoints: true };
  });
  writeFileSync(join(folder, 'meta', '_journal.json'), JSON.stringify({ entries }));
}

let checks = 0;
const apply = (): void => applyMigrations(db, { folder, checkFirst: () => (checks += 1) });

const tables = () =>
  db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY name",
    )
    .pluck()
    .all();
const list = () => db.prepare('SELECT hash, created_at FROM __drizzle_migrations ORDER BY created_at').all();

const A = 'CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT;';
const B = 'CREATE TABLE b (id INTEGER PRIMARY KEY REFERENCES a (id)) STRICT;';

test('what is missing is applied once, in its order, and looked at before only then', () => {
  migrations(A);
  checks = 0;
  apply();
  expect([tables(), checks]).toEqual([['a'], 1]);
  apply();
  expect(checks).toBe(1);
  const before = list();
  migrations(A, `${B}\n--> statement-breakpoint\nINSERT INTO a VALUES (1);`);
  apply();
  expect([tables(), checks]).toEqual([['a', 'b'], 2]);
  expect(list()).toHaveLength(2);
  expect(list()[0]).toEqual(before[0]);
  expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
});

test('a migration that fails at its end undoes those before it too, and its error keeps its code', () => {
  migrations(A);
  apply();
  const before = list();
  migrations(A, B, 'INSERT INTO a VALUES (1);\n--> statement-breakpoint\nINSERT INTO a VALUES (1);');
  expect(apply).toThrow(expect.objectContaining({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' }));
  expect([tables(), list(), db.inTransaction]).toEqual([['a'], before, false]);
  expect(db.prepare('SELECT count(*) FROM a').pluck().get()).toBe(0);
  expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
});

test('a first migration that fails leaves not even the list', () => {
  migrations('CREATE TABLE a (id); CREATE TABLE a (id);');
  expect(apply).toThrow();
  expect(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()).toBe(0);
});

test('a full disk that ends a migration is named by its code', () => {
  migrations(
    A,
    'CREATE TABLE much AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;',
  );
  db.pragma('max_page_count = 20');
  expect(apply).toThrow(expect.objectContaining({ code: 'SQLITE_FULL' }));
  expect([tables(), db.inTransaction]).toEqual([[], false]);
});

test('a list that drizzle-orm wrote goes on where it ends', () => {
  migrations(A);
  apply();
  const [row] = list() as [{ hash: string; created_at: number }];
  db.exec('DROP TABLE __drizzle_migrations');
  // As its migrator 0.45 did, to the letter.
  db.exec(`
			CREATE TABLE IF NOT EXISTS "__drizzle_migrations" (
				id SERIAL PRIMARY KEY,
				hash text NOT NULL,
				created_at numeric
			)
		`);
  db.prepare('INSERT INTO "__drizzle_migrations" ("hash", "created_at") VALUES(?, ?)').run(
    row.hash,
    row.created_at,
  );
  migrations(A, B);
  apply();
  expect(tables()).toEqual(['a', 'b']);
  expect(list()[0]).toEqual(row);
});

test('a database that other migrations made, or more than are known, is not opened', () => {
  migrations(A, B);
  apply();
  migrations(A);
  expect(apply).toThrow(Quarantined);
  migrations(`${A} -- otherwise`, B);
  expect(apply).toThrow('migration 0_test is not the one that made this database');
  const written = readFileSync(join(folder, 'meta', '_journal.json'), 'utf8');
  migrations(A, B);
  writeFileSync(join(folder, 'meta', '_journal.json'), written.replace('1001', '1002'));
  expect(apply).toThrow('migration 1_test is not the one that made this database');
});
