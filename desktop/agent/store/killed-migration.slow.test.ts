/** A process that is killed in the middle of making tables anew: what the next one opens is as it was, or as it should be. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seed } from '../test/bench/seed.ts';
import { BenchShop } from '../test/bench/shop.ts';
import { putBack } from '../test/former-schema.ts';
import { Audit } from './audit.ts';
import { Journal } from './journal.ts';
import { migrationsFolder } from './migrations-folder.ts';
import { openDatabase } from './open-database.ts';

/** More than SQLite's memory holds: most of it is in the log before the commit. */
const SALES = 15_000;
const BEFORE = 11;

let shop: BenchShop;
let former: string;
beforeAll(() => {
  shop = new BenchShop();
  seed(shop, SALES);
  former = join(shop.folder, 'former.sqlite');
  shop.beside((db) => db.pragma('wal_checkpoint(TRUNCATE)'));
  copyFileSync(shop.path, former);
  putBack(former, BEFORE);
});
afterAll(() => shop.dispose());

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Opens a copy of the former database in a process that keeps it open, and kills it: once `isTime`, or once it has opened. */
async function killed(path: string, isTime: (walBytes: number) => boolean): Promise<{ hadOpened: boolean }> {
  copyFileSync(former, path);
  const module = JSON.stringify(new URL('./open-database.ts', import.meta.url).href);
  const options = JSON.stringify({ path, migrationsFolder: migrationsFolder() });
  const script = `
    const { openDatabase } = await import(${module});
    globalThis.held = openDatabase(${options});
    console.log('opened');
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let hadOpened = false;
  child.stdout.on('data', () => (hadOpened = true));
  const ended = once(child, 'close');
  while (!hadOpened && child.exitCode === null && !isTime(sizeOf(`${path}-wal`))) await turn();
  child.kill('SIGKILL');
  await ended;
  return { hadOpened };
}

const PAYMENT = `counter, amount_minor, cumulative_minor, accepted_at, hex(payment_hash), request_id, currency,
  hex(allowance_certificate_hash), hex(payer), masked_phone, tier, checks, hex(receipt), settlement, settled_at, refusal_code`;

/** The payments in words that both schemas know. */
function paymentsOf(db: Database.Database, allowance: string): string {
  const digest = createHash('sha256');
  const rows = db.prepare(`SELECT sequence, ${allowance}, ${PAYMENT} FROM payments ORDER BY sequence`).raw();
  for (const row of rows.iterate()) digest.update(JSON.stringify(row, (_, value: unknown) => String(value)));
  return digest.digest('hex');
}

/** Every row of every table, and every law. */
function contentOf(db: Database.Database): Readonly<Record<string, unknown>> {
  const tables = db
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .pluck()
    .all();
  const rows = tables.map((table) => {
    const digest = createHash('sha256');
    let count = 0;
    const everything = db.prepare<[], unknown[]>(`SELECT * FROM ${table}`).raw();
    const order = everything.columns().map((_, column) => column + 1);
    const rows = db.prepare<[], unknown[]>(`SELECT * FROM ${table} ORDER BY ${order.join(', ')}`).raw();
    for (const row of rows.iterate()) {
      count += 1;
      for (const value of row) digest.update(Buffer.isBuffer(value) ? value : String(value)).update('|');
    }
    return [table, count, digest.digest('hex')];
  });
  return { rows, schema: db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all() };
}

function appliedTo(path: string): number {
  // Reads the log that the killed process left, as the next one will.
  const db = new Database(path);
  const count = Number(db.prepare('SELECT count(*) FROM __drizzle_migrations').pluck().get());
  db.close();
  return count;
}

const open = (path: string): Database.Database =>
  openDatabase({ path, migrationsFolder: migrationsFolder() });

test('R44 a SIGKILL at any moment of a migration over many rows leaves every row and every law', async () => {
  const undisturbed = join(shop.folder, 'undisturbed.sqlite');
  copyFileSync(former, undisturbed);
  const before = new Database(former);
  const payments = paymentsOf(before, 'allowance_id');
  before.close();
  const control = open(undisturbed);
  const most = sizeOf(`${undisturbed}-wal`);
  const expected = contentOf(control);
  expect(paymentsOf(control, '(SELECT allowance_id FROM allowances WHERE number = allowance)')).toBe(
    payments,
  );
  control.close();

  const moments = [0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9].map(
    (part) => (walBytes: number) => walBytes > part * most,
  );
  let undone = 0;
  for (const [index, isTime] of [...moments, () => false].entries()) {
    const path = join(shop.folder, `killed-${index}.sqlite`);
    const { hadOpened } = await killed(path, isTime);
    const isDone = appliedTo(path) > BEFORE;
    if (hadOpened) expect(isDone).toBe(true);
    if (!isDone) undone += 1;
    const db = open(path);
    expect(contentOf(db), `killed ${index}`).toEqual(expected);
    expect(db.pragma('foreign_key_check')).toEqual([]);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const crypto = nodeCrypto();
    const audit = new Audit(db, new Journal(db, crypto), crypto);
    audit.start(headOf(db), 0);
    audit.finish();
    db.close();
    rmSync(path);
  }
  // Most of these moments are within the transaction, however fast the machine is.
  expect(undone).toBeGreaterThanOrEqual(3);
});

function headOf(db: Database.Database): number {
  return Number(db.prepare('SELECT max(sequence) FROM journal').pluck().get());
}
