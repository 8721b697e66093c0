/** A large database: opened after a look at its structure, checked whole beside the store, and never used on once damage is found. */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestIssuer, TestKiosk } from '../test/world.ts';
import { Audit } from './audit.ts';
import { Journal } from './journal.ts';
import { migrationsFolder } from './migrations-folder.ts';
import { openDatabase } from './open-database.ts';
import { StoreClient } from './store-client.ts';
import { findDamage } from './whole-check.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  for (let sales = 0; sales < 3; sales += 1)
    kiosk.acceptOne(issuer.phone().pay(kiosk.sell().envelope).delivery);
});
afterEach(() => kiosk.dispose());

const asLarge = () => ({ path: kiosk.path, migrationsFolder: migrationsFolder(), checksAllUpToBytes: 0 });

/** With nothing that would forbid it. */
function edit(work: (db: Database.Database) => unknown): void {
  kiosk.desk.store.close();
  const db = new Database(kiosk.path);
  db.pragma('foreign_keys = OFF');
  for (const trigger of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().all())
    db.exec(`DROP TRIGGER ${String(trigger)}`);
  work(db);
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
}

/** What each leaves is found by the whole check only. */
const UNSEEN_IN_THE_STRUCTURE = {
  'an index that lacks a row': (db: Database.Database) => {
    db.unsafeMode(true);
    db.exec('CREATE INDEX odd ON payments (amount_minor)');
    db.pragma('writable_schema = ON');
    db.exec("UPDATE sqlite_schema SET sql = 'CREATE INDEX odd ON payments (counter)' WHERE name = 'odd'");
  },
  'a row that points to nothing': (db: Database.Database) => db.exec('DELETE FROM allowance_certificates'),
};

test.each(Object.entries(UNSEEN_IN_THE_STRUCTURE))(
  'R38 R44 %s does not keep a large database from opening, and is found beside it',
  async (_, damage) => {
    edit(damage);
    openDatabase(asLarge()).close();
    expect(findDamage(kiosk.path)).not.toBe(null);
    expect(() => openDatabase({ ...asLarge(), checksAllUpToBytes: 1_000_000_000 })).toThrow(
      'database_damaged',
    );

    const quarantined = Promise.withResolvers<string>();
    const store = new StoreClient(
      { ...asLarge(), signingKeyPem: kiosk.signing.pem, sealingKeyPem: kiosk.sealing.pem },
      {
        onSnapshot: () => undefined,
        onQuarantine: quarantined.resolve,
        onFatal: quarantined.reject,
        onLog: (_level, text) => quarantined.reject(new Error(text)),
      },
    );
    expect(await quarantined.promise).toContain('database_damaged');
    const sale = { saleId: 'x', amountMinor: 1n, addresses: [], ttlSeconds: 120 };
    await expect(store.run('openSale', sale)).rejects.toMatchObject({ code: 'journal_quarantined' });
    expect(readFileSync(`${kiosk.path}.quarantined`).equals(readFileSync(kiosk.path))).toBe(true);
    await store.stop();
    // The next start sells nothing at all: what is wrong is known.
    expect(() => openDatabase(asLarge())).toThrow('database_damaged');
  },
);

test('R44 what is not known to be sound is checked whole before it is used, however large it is', () => {
  const sound = `${kiosk.path}.sound`;
  expect(existsSync(sound)).toBe(true);
  edit(UNSEEN_IN_THE_STRUCTURE['an index that lacks a row']);
  // As after an earlier version, and where damage was found.
  rmSync(sound);
  expect(() => openDatabase(asLarge())).toThrow('database_damaged');
  expect(() => kiosk.reopen()).toThrow('database_damaged');
  expect(existsSync(sound)).toBe(false);
  edit((db) => {
    db.unsafeMode(true);
    db.pragma('writable_schema = ON');
    db.exec('DROP INDEX odd');
  });
  kiosk.reopen();
  expect(existsSync(sound)).toBe(true);
});

test('R44 damage that a command meets is known to the next start', async () => {
  kiosk.desk.store.close();
  const { path } = kiosk;
  const fatal = Promise.withResolvers<string>();
  const store = new StoreClient(
    {
      path,
      migrationsFolder: migrationsFolder(),
      signingKeyPem: kiosk.signing.pem,
      sealingKeyPem: kiosk.sealing.pem,
    },
    {
      onSnapshot: () => undefined,
      onQuarantine: fatal.reject,
      onFatal: fatal.resolve,
      onLog: (_level, text) => fatal.reject(new Error(text)),
    },
  );
  await store.whenReady();
  expect(existsSync(`${path}.sound`)).toBe(true);
  // Another writer, so that the store reads its pages anew.
  const db = new Database(path);
  db.exec('UPDATE settlement_cursor SET last_contact_at = 1');
  db.pragma('wal_checkpoint(TRUNCATE)');
  spoilPages(1);
  await expect(store.run('page', { before: null, limit: 9 })).rejects.toMatchObject({
    code: 'storage_failed',
  });
  await fatal.promise;
  expect(existsSync(`${path}.sound`)).toBe(false);
  db.close();
  await store.stop();
});

/** From the second on, each `step`-th. */
function spoilPages(step: number): void {
  const file = openSync(kiosk.path, 'r+');
  const pages = statSync(kiosk.path).size / 4_096;
  for (let page = 2; page < pages; page += step)
    writeSync(file, Buffer.alloc(4_096, 0x5a), 0, 4_096, page * 4_096);
  closeSync(file);
}

test('R44 a torn page keeps a large database from opening', () => {
  edit(() => undefined);
  spoilPages(7);
  expect(() => openDatabase(asLarge())).toThrow(/database_damaged/);
});

test('an old sale that differs from the journal sells once until that is found, and never again', () => {
  const { store } = kiosk.desk;
  store.write(() => {
    for (let entry = 0; entry < 1_000; entry += 1) store.append('start', store.now().seconds, []);
  });
  edit((db) => {
    db.exec('UPDATE settlement_cursor SET acknowledged_sequence = (SELECT max(sequence) FROM journal)');
    db.exec('UPDATE payments SET amount_minor = 1 WHERE sequence = (SELECT min(sequence) FROM payments)');
  });
  kiosk.reopen();
  expect(() => kiosk.desk.store.audit.finish()).toThrow('payments_differ_from_journal');
  kiosk.desk.store.close();
  writeFileSync(`${kiosk.path}.quarantined`, '');
  expect(() => kiosk.reopen()).toThrow('payments_differ_from_journal');
});

test('a database that is whole is found whole, beside the store that writes to it', () => {
  expect(findDamage(kiosk.path)).toBe(null);
  kiosk.acceptOne(issuer.phone().pay(kiosk.sell().envelope).delivery);
  expect(findDamage(kiosk.path)).toBe(null);
});

test('R43 what the cloud has not acknowledged is audited before anything is sold, and everything afterwards', () => {
  const edited = 'UPDATE payments SET amount_minor = 1 WHERE sequence = (SELECT min(sequence) FROM payments)';
  edit((db) => db.exec(edited));
  const db = openDatabase({ path: kiosk.path, migrationsFolder: migrationsFolder() });
  const { crypto, memory } = kiosk.desk.store;
  const head = memory.head.sequence;
  const auditOf = (acknowledged: number, most = 20_000) => {
    const audit = new Audit(db, new Journal(db, crypto), crypto, { least: 1, most });
    return { start: () => audit.start(head, acknowledged), rest: () => audit.next() };
  };
  expect(() => auditOf(0).start()).toThrow('payments_differ_from_journal');
  for (const late of [auditOf(head - 1), auditOf(0, 1)]) {
    late.start();
    expect(() => late.rest()).toThrow('payments_differ_from_journal');
  }
  db.close();
});
