import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestIssuer, TestKiosk } from '../test/world.ts';
import { Quarantined, storageFaultOf } from './faults.ts';
import { migrationsFolder } from './migrations-folder.ts';
import { openDatabase } from './open-database.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-db-'));
  path = join(folder, 'kiosk.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () => openDatabase({ path, migrationsFolder: migrationsFolder() });

function reasonOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Quarantined) return error.reason;
    throw error;
  }
  return 'opened';
}

test('R37 the database runs in WAL mode with synchronous=FULL and foreign keys', () => {
  const db = open();
  expect(db.pragma('synchronous', { simple: true })).toBe(2n);
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  expect(db.pragma('foreign_keys', { simple: true })).toBe(1n);
  db.close();
});

test('R38 SQLite is new enough', () => {
  const db = open();
  const [major = 0, minor = 0, patch = 0] = String(db.prepare('SELECT sqlite_version()').pluck().get())
    .split('.')
    .map(Number);
  expect(major * 1_000_000 + minor * 1_000 + patch).toBeGreaterThanOrEqual(3_051_003);
  db.close();
});

test('the migrations make the schema that is written down, and making it again changes nothing', () => {
  const schema = () => {
    const db = open();
    const text = db
      .prepare(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '__drizzle%' ORDER BY type, name",
      )
      .pluck()
      .all()
      .join(';\n\n');
    db.close();
    return `${text};\n`;
  };
  const first = schema();
  expect(schema()).toBe(first);
  const snapshot = join(migrationsFolder(), 'meta', 'schema.sql');
  if (!existsSync(snapshot)) writeFileSync(snapshot, first);
  expect(first).toBe(readFileSync(snapshot, 'utf8'));
});

test('every table is STRICT', () => {
  const db = open();
  const loose = db
    .prepare(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '__drizzle%'",
    )
    .all();
  expect(loose).toEqual([]);
  db.close();
});

test('a database of a newer version is set aside by name', () => {
  const db = open();
  db.prepare("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('later', 9999999999999)").run();
  db.close();
  expect(reasonOf(open)).toBe('database_from_the_future');
});

test('R44 a damaged file is set aside and not made anew', () => {
  open().close();
  const bytes = readFileSync(path);
  bytes.fill(0x5a, 4_096);
  writeFileSync(path, bytes);
  expect(reasonOf(open)).toBe('database_damaged');
  expect(readFileSync(path).subarray(4_096, 4_100).toString()).toBe('ZZZZ');
  writeFileSync(
    path,
    'this is no database at all, and it is longer than a header of one hundred bytes, which SQLite reads first of all',
  );
  expect(reasonOf(open)).toBe('database_damaged');
});

test('R44 an enrolled folder whose database is gone or empty is set aside and not begun anew', () => {
  const losses: Record<string, (kiosk: TestKiosk) => void> = {
    gone: (kiosk) => rmSync(kiosk.path),
    empty: (kiosk) => writeFileSync(kiosk.path, ''),
    exchanged: (kiosk) => {
      rmSync(kiosk.path);
      openDatabase({ path: kiosk.path, migrationsFolder: migrationsFolder() }).close();
    },
  };
  for (const [name, lose] of Object.entries(losses)) {
    const kiosk = new TestKiosk();
    kiosk.reopen();
    kiosk.enrol(new TestIssuer());
    kiosk.reopen();
    kiosk.desk.store.close();
    lose(kiosk);
    expect(
      reasonOf(() => kiosk.reopen()),
      name,
    ).toBe('database_missing');
    expect(
      reasonOf(() => kiosk.reopen()),
      name,
    ).toBe('database_missing');
    expect(existsSync(kiosk.path)).toBe(name !== 'gone');
    rmSync(kiosk.folder, { recursive: true });
  }
});

test('R43 an entry that was edited, removed or exchanged is found when the store opens', () => {
  const issuer = new TestIssuer();
  const edits = [
    "UPDATE journal SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB) WHERE sequence = 2",
    'DELETE FROM journal WHERE sequence = 1',
    'UPDATE journal SET hash = randomblob(32) WHERE sequence = 2',
    'UPDATE payments SET amount_minor = 1 WHERE sequence = 2',
    'DELETE FROM payments WHERE sequence = 2',
  ];
  for (const edit of edits) {
    const kiosk = new TestKiosk();
    kiosk.enrol(issuer);
    expect(kiosk.acceptOne(issuer.phone().pay(kiosk.sell().envelope).delivery).kind).toBe('accepted');
    kiosk.desk.store.close();
    const db = new Database(kiosk.path);
    db.pragma('foreign_keys = OFF');
    for (const trigger of db.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").pluck().all()) {
      db.exec(`DROP TRIGGER ${String(trigger)}`);
    }
    db.exec(edit);
    db.close();
    const reason = reasonOf(() => kiosk.reopen());
    expect(['journal_chain_broken', 'payments_differ_from_journal', 'database_damaged'], edit).toContain(
      reason,
    );
    rmSync(kiosk.folder, { recursive: true });
  }
});

test('the database itself refuses to forget', () => {
  const issuer = new TestIssuer();
  const kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  kiosk.acceptOne(issuer.phone().pay(kiosk.sell().envelope).delivery);
  const db = new Database(kiosk.path);
  const forbidden = [
    'DELETE FROM journal',
    'UPDATE journal SET kind = 2',
    'DELETE FROM payments',
    'UPDATE payments SET amount_minor = 1',
    'DELETE FROM requests',
    "UPDATE requests SET state = 'open'",
    'UPDATE kiosk SET trust_bundle_version = 0',
    "UPDATE kiosk SET kiosk_id = 'other'",
  ];
  for (const statement of forbidden)
    expect(() => db.exec(statement), statement).toThrow(
      /SQLITE_CONSTRAINT|change|append-only|stay|final|goes|replaces|ended|CHECK/,
    );
  db.close();
  kiosk.dispose();
});

test('R41 a failing disk is told from a full one', () => {
  const coded = (code: string) => Object.assign(new Error(code), { code });
  expect(storageFaultOf(coded('SQLITE_FULL'))).toBe('full');
  expect(storageFaultOf(coded('SQLITE_IOERR_FSYNC'))).toBe('broken');
  expect(storageFaultOf(coded('SQLITE_CORRUPT_INDEX'))).toBe('damaged');
  expect(storageFaultOf(coded('SQLITE_BUSY'))).toBe('refused');
  expect(storageFaultOf(coded('SQLITE_CONSTRAINT_UNIQUE'))).toBeNull();
});
