/** Migration 0011: payments in a table made anew, over what kiosks of before have stored. */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { putBack } from '../test/former-schema.ts';
import { TestIssuer, TestKiosk, type TestPhone } from '../test/world.ts';
import { migrationsFolder } from './migrations-folder.ts';
import { openDatabase } from './open-database.ts';

const BEFORE = 11;
const issuer = new TestIssuer();
let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
});
afterEach(() => {
  expect(kiosk.errors).toEqual([]);
  kiosk.dispose();
});

function pay(phone: TestPhone): Uint8Array {
  const { delivery } = phone.pay(kiosk.sell().envelope);
  expect(kiosk.acceptOne(delivery).kind).toBe('accepted');
  return delivery;
}

/** What the store says of all that it holds. */
function told(phones: readonly TestPhone[]) {
  const { payments, requests } = kiosk.desk.store;
  const all = payments.page(null, 100);
  return {
    all,
    receipts: all.map(({ paymentHash }) => kiosk.desk.run('receiptOf', paymentHash)),
    states: requests.recent({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100 }),
    unsettled: payments.unsettled(),
    histories: phones.map(({ allowance }) => payments.historyOf(allowance.allowanceId)),
    facts: phones.map(({ allowance }) => payments.payerFacts(allowance, 0)),
  };
}

test('a database of before says the same after it was made anew, and every key in it holds', () => {
  kiosk.serveSeveral(3);
  const phones = [issuer.phone(), issuer.phone()] as const;
  const [first, second] = phones;
  const again = [first, second, first].map(pay);
  kiosk.desk.run('cancelSale', kiosk.sell().saleId);
  const open = kiosk.sell();
  const [newest] = kiosk.desk.store.payments.page(null, 1);
  const offer = kiosk.offer(newest?.sequence ?? 0, 100n, { pinHash: kiosk.tryPin() });
  expect(offer.kind).toBe('offered');
  kiosk.reopen();
  const before = told(phones);
  expect(before.all).toHaveLength(3);
  expect(before.states.map(({ state }) => state)).toEqual(['paid', 'paid', 'paid', 'open']);
  kiosk.desk.store.close();
  putBack(kiosk.path, BEFORE);
  kiosk.reopen();
  expect(told(phones)).toEqual(before);
  const db = new Database(kiosk.path);
  expect(db.pragma('foreign_key_check')).toEqual([]);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
  for (const delivery of again) expect(kiosk.acceptOne(delivery).kind).toBe('repeated');
  expect(kiosk.acceptOne(second.pay(open.envelope).delivery).kind).toBe('accepted');
  kiosk.reopen();
});

test('R44 a large database is checked whole before its tables are made anew: an index that lies would lose a payment', () => {
  for (const phone of [issuer.phone(), issuer.phone()]) pay(phone);
  kiosk.desk.store.close();
  putBack(kiosk.path, BEFORE);
  const rewrite = (work: (db: Database.Database) => unknown) => {
    const db = new Database(kiosk.path);
    db.unsafeMode(true);
    db.pragma('writable_schema = ON');
    work(db);
    db.close();
  };
  // The index of counters as a table of its own: what is written into it is written into the index alone.
  rewrite((db) =>
    db.exec(`INSERT INTO sqlite_schema SELECT 'table', 'alone', 'alone', rootpage,
      'CREATE TABLE alone (id TEXT, counter INTEGER, row INTEGER, PRIMARY KEY (id, counter, row)) WITHOUT ROWID'
      FROM sqlite_schema WHERE name = 'sqlite_autoindex_payments_4'`),
  );
  rewrite((db) => {
    db.exec("UPDATE alone SET id = 'x' || substr(id, 2) WHERE row = 1");
    db.exec("DELETE FROM sqlite_schema WHERE name = 'alone'");
  });
  const open = () =>
    openDatabase({ path: kiosk.path, migrationsFolder: migrationsFolder(), checksAllUpToBytes: 0 });
  expect(open).toThrow('database_damaged');
  rewrite((db) => {
    expect(db.prepare('SELECT count(*) FROM payments NOT INDEXED').pluck().get()).toBe(2);
    db.exec('REINDEX');
  });
  open().close();
  kiosk.reopen();
  expect(kiosk.desk.store.payments.page(null, 9)).toHaveLength(2);
});

test('the schema itself refuses a second payment of a request, of a counter, of the same bytes, and one of a closed request', () => {
  pay(issuer.phone());
  const open = kiosk.sell();
  const db = new Database(kiosk.path);
  db.exec('BEGIN');
  db.exec(
    `INSERT INTO journal SELECT sequence + 100, hash, kind, written_at, deny_list_version, bytes FROM journal`,
  );
  const columns = db.prepare<[], string>("SELECT name FROM pragma_table_info('payments')").pluck().all();
  /** The stored payment once more, but for these. */
  const insert = (changes: Readonly<Record<string, string>>) => () =>
    db.exec(
      `INSERT INTO payments SELECT ${columns.map((name) => changes[name] ?? name).join(', ')} FROM payments LIMIT 1`,
    );
  const others = {
    sequence: 'sequence + 100',
    counter: 'counter + 1',
    payment_hash: 'randomblob(32)',
    request_id: `'${open.requestId}'`,
  };
  expect(insert({ ...others, counter: 'counter' })).toThrow(/UNIQUE.*counter/);
  expect(insert({ ...others, payment_hash: 'payment_hash' })).toThrow(/UNIQUE.*payment_hash/);
  expect(insert({ ...others, request_id: 'request_id' })).toThrow(/UNIQUE.*request_id/);
  expect(insert({ ...others, sequence: 'sequence' })).toThrow(/UNIQUE.*sequence/);
  expect(insert({ ...others, sequence: '1000' })).toThrow(/FOREIGN KEY/);
  expect(insert({ ...others, tier: "'lent'" })).toThrow(/CHECK/);
  expect(insert({ ...others, settlement: "'lost'" })).toThrow(/CHECK/);
  db.exec(`UPDATE requests SET state = 'cancelled' WHERE request_id = '${open.requestId}'`);
  expect(insert(others)).toThrow('only an open request is paid');
  expect(() => db.exec("UPDATE requests SET state = 'expired'")).toThrow('stays as it ended');
  db.close();
});
