import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SettleLoop } from './settle/settle-loop.ts';
import type { CommandName, CommandParams, CommandResult } from './store/messages.ts';
import { migrationsFolder } from './store/migrations-folder.ts';
import { StoreDesk } from './store/store-desk.ts';
import { FakeCloud } from './test/fake-cloud.ts';
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
  const cloud = new FakeCloud(issuer);
  cloud.knowsKiosk(kiosk.desk.store.memory.kiosk?.certificate);
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
  const loop = new SettleLoop({
    api: cloud,
    store: {
      run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
        kiosk.desk.run(name, params),
    },
    snapshot: () => kiosk.snapshot(),
    isOnline: () => true,
    onChange: () => undefined,
    log: pino({ level: 'silent' }),
  });
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().unsettled.count).toBe(0);
  expect(cloud.sumMinor).toBe(200n);
  await loop.stop();
  kiosk.reopen();
  expect(kiosk.snapshot().unsettled.count).toBe(0);
  kiosk.dispose();
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
