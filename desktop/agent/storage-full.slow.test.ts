import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrationsFolder } from './store/migrations-folder.ts';
import { copyAside } from './store/soundness.ts';
import { StoreClient } from './store/store-client.ts';
import { StoreDesk } from './store/store-desk.ts';
import { cloudOf, settleLoop } from './test/settling.ts';
import { TestIssuer, TestKiosk } from './test/world.ts';
import { storageFaultOf } from './store/faults.ts';
import { putBack } from './test/former-schema.ts';

/** A disk of its own that can be filled to the last block. */
let disk: string;
let canMount = false;
beforeAll(() => {
  disk = mkdtempSync(join(tmpdir(), 'tiki-full-'));
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'ignore' });
    canMount = true;
  } catch {
    canMount = false;
  }
});
afterAll(() => {
  if (canMount) execFileSync('/bin/umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
});

test('R41 a full disk stops acceptance, keeps what was stored, and settles once there is room', async (context) => {
  if (!canMount) context.skip('needs the right to mount a small tmpfs: run as root');
  const issuer = new TestIssuer();
  const kiosk = new TestKiosk(disk);
  kiosk.enrol(issuer);
  const cloud = cloudOf(kiosk, issuer);
  const phone = cloud.knowsPhone(issuer.phone({ capMinor: 1_000_000n, hardCounterLimit: 1_000 }));
  const first = phone.pay(kiosk.sell(100n).envelope);
  expect(kiosk.acceptOne(first.delivery).kind).toBe('accepted');
  const pending = phone.pay(kiosk.sell(100n).envelope);

  const filler = join(disk, 'filler');
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(filler, Buffer.alloc(Number(bavail) * Number(bsize)));
  const before = kiosk.snapshot();
  let fault: unknown;
  try {
    kiosk.acceptOne(pending.delivery);
  } catch (error) {
    fault = error;
  }
  expect(storageFaultOf(fault)).toBe('full');
  expect(kiosk.snapshot().unsettled).toEqual(before.unsettled);
  expect(kiosk.snapshot().headSequence).toBe(before.headSequence);
  expect(kiosk.acceptOne(first.delivery).kind).toBe('repeated');
  // As after a kill: nobody has tidied up, and nothing can be written.
  const keys = { signingKeyPem: kiosk.signing.pem, sealingKeyPem: kiosk.sealing.pem };
  const options = { path: kiosk.path, migrationsFolder: migrationsFolder(), clock: kiosk.clock, ...keys };
  const errors: unknown[] = [];
  const started = new StoreDesk(options, (error) => errors.push(error));
  expect(errors.map(storageFaultOf)).toEqual(['full']);
  expect(started.store.snapshot().unsettled).toEqual(before.unsettled);
  expect(started.run('accept', [{ bytes: first.delivery, isSigned: false }])[0]?.kind).toBe('repeated');
  started.store.close();

  rmSync(filler);
  expect(kiosk.acceptOne(pending.delivery).kind).toBe('accepted');
  const loop = settleLoop(kiosk, cloud);
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().unsettled.count).toBe(0);
  expect(cloud.sumMinor).toBe(200n);
  await loop.stop();
  kiosk.reopen();
  expect(kiosk.snapshot().unsettled.count).toBe(0);
  kiosk.dispose();
});

test('R44 what was found damaged is not sold on with after a restart, though no copy of it could be made', async (context) => {
  if (!canMount) context.skip('needs the right to mount a small tmpfs: run as root');
  const issuer = new TestIssuer();
  const kiosk = new TestKiosk(disk);
  kiosk.enrol(issuer);
  kiosk.acceptOne(issuer.phone().pay(kiosk.sell(100n).envelope).delivery);
  kiosk.desk.store.close();
  const db = new Database(kiosk.path);
  db.unsafeMode(true);
  db.exec('CREATE INDEX odd ON payments (amount_minor)');
  db.pragma('writable_schema = ON');
  db.exec('CREATE TABLE padding AS SELECT zeroblob(500000)');
  db.exec("UPDATE sqlite_schema SET sql = 'CREATE INDEX odd ON payments (counter)' WHERE name = 'odd'");
  db.close();
  const filler = join(disk, 'filler');
  const { bavail, bsize } = statfsSync(disk);
  // Room for the log of a start, and for no copy.
  writeFileSync(filler, Buffer.alloc(Number(bavail) * Number(bsize) - 200 * 1024));
  const start = () => {
    const quarantined = Promise.withResolvers<string>();
    const keys = { signingKeyPem: kiosk.signing.pem, sealingKeyPem: kiosk.sealing.pem };
    // As a large one, which opens before all of it is checked.
    const options = {
      path: kiosk.path,
      migrationsFolder: migrationsFolder(),
      checksAllUpToBytes: 0,
      ...keys,
    };
    const store = new StoreClient(options, {
      onSnapshot: () => undefined,
      onQuarantine: quarantined.resolve,
      onFatal: quarantined.reject,
      onLog: (_level, text) => quarantined.reject(new Error(text)),
    });
    return { store, quarantined: quarantined.promise };
  };
  const first = start();
  expect((await first.store.whenReady()).snapshot.quarantine).toBeNull();
  expect(await first.quarantined).toContain('no copy could be made');
  expect(readdirSync(disk).filter((name) => name.includes('quarantined'))).toEqual([]);
  await first.store.stop();
  const second = start();
  expect((await second.store.whenReady()).snapshot.quarantine).toBe('database_damaged');
  await second.store.stop();
  rmSync(filler);
  const third = start();
  expect((await third.store.whenReady()).snapshot.quarantine).toBe('database_damaged');
  expect(existsSync(`${kiosk.path}.quarantined`)).toBe(true);
  await third.store.stop();
  kiosk.dispose();
});

test('R44 a copy of what is set aside is whole, with its log, or nothing of it is left on the disk', (context) => {
  if (!canMount) context.skip('needs the right to mount a small tmpfs: run as root');
  const path = join(disk, 'damaged.db');
  const copies = () => readdirSync(disk).filter((name) => name.startsWith('damaged.db.'));
  writeFileSync(path, Buffer.alloc(500_000, 1));
  writeFileSync(`${path}-wal`, Buffer.alloc(50_000, 2));
  // As one that was killed in the middle of it left it; this, too, is room.
  writeFileSync(`${path}.quarantined.part`, Buffer.alloc(100_000, 1));
  const filler = join(disk, 'filler');
  const { bavail, bsize } = statfsSync(disk);
  // With the part that is taken away: room for the log, and not for the database.
  writeFileSync(filler, Buffer.alloc(Number(bavail) * Number(bsize) - 200 * 1024));
  expect(() => copyAside(path)).toThrow('ENOSPC');
  expect(copies()).toEqual([]);
  rmSync(filler);
  copyAside(path);
  expect(copies().sort()).toEqual(['damaged.db.quarantined', 'damaged.db.quarantined-wal']);
  expect(readFileSync(`${path}.quarantined`).equals(readFileSync(path))).toBe(true);
  expect(readFileSync(`${path}.quarantined-wal`).equals(readFileSync(`${path}-wal`))).toBe(true);
  // The first copy stays, whatever the file has become.
  writeFileSync(path, 'mended by hand');
  copyAside(path);
  expect(readFileSync(`${path}.quarantined`).length).toBe(500_000);
  for (const name of readdirSync(disk)) if (name.startsWith('damaged')) rmSync(join(disk, name));
});

test('R41 a disk that fills up while tables are made anew is named, and changes nothing', (context) => {
  if (!canMount) context.skip('needs the right to mount a small tmpfs: run as root');
  const issuer = new TestIssuer();
  const kiosk = new TestKiosk(disk);
  kiosk.enrol(issuer);
  for (let sales = 0; sales < 3; sales += 1)
    kiosk.acceptOne(issuer.phone().pay(kiosk.sell(100n).envelope).delivery);
  kiosk.desk.store.close();
  putBack(kiosk.path, 11);
  const filler = join(disk, 'filler');
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(filler, Buffer.alloc(Number(bavail) * Number(bsize) - 64 * 1024));
  let fault: unknown;
  try {
    kiosk.reopen();
  } catch (error) {
    fault = error;
  }
  expect(storageFaultOf(fault)).toBe('full');
  rmSync(filler);
  kiosk.reopen();
  expect(kiosk.desk.store.payments.page(null, 9)).toHaveLength(3);
  kiosk.dispose();
});
