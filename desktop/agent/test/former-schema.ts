/** A kiosk's database as an earlier version left it: what is stored now, poured into the schema of the first migrations. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { migrationsFolder } from '../store/migrations-folder.ts';
import { openDatabase } from '../store/open-database.ts';

/** Where a column of a former schema comes from, when it has another name by now. */
const FORMER: Readonly<Record<string, string>> = {
  'payments.allowance_id': '(SELECT allowance_id FROM allowances WHERE number = allowance)',
  'requests.state': `CASE WHEN state = 'open' AND request_id NOT IN (SELECT request_id FROM now.open_requests) THEN 'paid' ELSE state END`,
};

/**
 * Puts the closed database at `path` back to the schema of the first `migrations` migrations. The file itself stays, as another
 * one would be taken for a copy. @param change What else was otherwise then.
 */
export function putBack(path: string, migrations: number, change?: (db: Database.Database) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-former-'));
  try {
    cpSync(migrationsFolder(), folder, { recursive: true });
    const journalFile = join(folder, 'meta', '_journal.json');
    const journal = JSON.parse(readFileSync(journalFile, 'utf8')) as { entries: unknown[] };
    writeFileSync(journalFile, JSON.stringify({ ...journal, entries: journal.entries.slice(0, migrations) }));
    const former = join(folder, 'former.sqlite');
    const db = openDatabase({ path: former, migrationsFolder: folder });
    pour(db, path);
    change?.(db);
    db.pragma('journal_mode = DELETE');
    db.close();
    writeFileSync(path, readFileSync(former));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function pour(db: Database.Database, path: string): void {
  db.pragma('foreign_keys = OFF');
  db.prepare('ATTACH ? AS now').run(path);
  const namesOf = (sql: string, ...of: string[]) =>
    db
      .prepare<string[], string>(sql)
      .pluck()
      .all(...of);
  const triggers = db
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'",
    )
    .all();
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  const tables = namesOf(
    "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '__drizzle%'",
  );
  for (const table of tables) {
    const now = new Set(namesOf("SELECT name FROM pragma_table_info(?, 'now')", table));
    const columns = namesOf("SELECT name FROM pragma_table_info(?, 'main')", table)
      .map((name) => ({ name, from: FORMER[`${table}.${name}`] ?? (now.has(name) ? name : null) }))
      .filter(({ from }) => from !== null);
    const names = columns.map(({ name }) => name).join(', ');
    const from = columns.map((column) => column.from).join(', ');
    db.exec(
      `DELETE FROM main.${table}; INSERT INTO main.${table} (${names}) SELECT ${from} FROM now.${table}`,
    );
  }
  for (const { sql } of triggers) db.exec(sql);
  db.exec('DETACH now');
}
