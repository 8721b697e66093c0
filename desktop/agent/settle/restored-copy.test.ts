import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CloudProblem } from '../cloud/cloud-client.ts';
import type { FakeCloud } from '../test/fake-cloud.ts';
import { cloudOf, settleLoop } from '../test/settling.ts';
import { codeOf, TestIssuer, TestKiosk, type TestPhone } from '../test/world.ts';
import type { SettleLoop } from './settle-loop.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let cloud: FakeCloud;
let phone: TestPhone;
let loop: SettleLoop;

function newLoop(): SettleLoop {
  return settleLoop(kiosk, cloud);
}

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  kiosk.reopen();
  cloud = cloudOf(kiosk, issuer);
  phone = cloud.knowsPhone(issuer.phone({ capMinor: 1_000_000n }));
  loop = newLoop();
});
afterEach(async () => {
  await loop.stop();
  kiosk.dispose();
});

const buy = (amountMinor = 100n) => phone.pay(kiosk.sell(amountMinor).envelope).delivery;
const sell = () => expect(codeOf(kiosk.acceptOne(buy()))).toBe('accepted');

async function settle(): Promise<void> {
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().unsettled.count).toBe(0);
  await expect.poll(() => loop.view.state).toBe('idle');
}

/** Every start of the program begins its settlement anew. */
async function restart(): Promise<void> {
  await loop.stop();
  kiosk.reopen();
  loop = newLoop();
}

function backUp(): string {
  const backup = `${kiosk.path}.backup`;
  kiosk.desk.store.close();
  copyFileSync(kiosk.path, backup);
  kiosk.reopen();
  return backup;
}

async function restore(backup: string, how: 'as a file' | 'as an image of the disk'): Promise<void> {
  await loop.stop();
  kiosk.desk.store.close();
  rmSync(`${kiosk.path}-wal`, { force: true });
  if (how === 'as an image of the disk') writeFileSync(kiosk.path, readFileSync(backup));
  else {
    rmSync(kiosk.path);
    copyFileSync(backup, kiosk.path);
  }
  await restart();
}

test('R45 a restored copy gives out no number and opens no request again until the cloud has been asked', async () => {
  sell();
  const open = kiosk.sell();
  const backup = backUp();
  const known = phone.pay(open.envelope).delivery;
  expect(codeOf(kiosk.acceptOne(known))).toBe('accepted');
  await restore(backup, 'as a file');
  expect(kiosk.snapshot().doubt).toBe('unconfirmed');
  const head = kiosk.snapshot().headSequence;
  expect(() => kiosk.sell()).toThrow('journal_quarantined');
  expect(codeOf(kiosk.acceptOne(known))).toBe('journal_quarantined');
  kiosk.desk.run('tick', null);
  await restart();
  expect(kiosk.snapshot().headSequence).toBe(head);
  await settle();
  expect(kiosk.snapshot().doubt).toBeNull();
  expect(codeOf(kiosk.acceptOne(known))).toBe('request_expired');
  sell();
  await settle();
});

test('a copy answers a repeat of what it holds with the same receipt', async () => {
  const delivery = buy();
  const first = kiosk.acceptOne(delivery);
  await restore(backUp(), 'as a file');
  const again = kiosk.acceptOne(delivery);
  if (first.kind === 'refused' || again.kind === 'refused') throw new Error('refused');
  expect(again.kind).toBe('repeated');
  expect(again.receipt).toEqual(first.receipt);
});

for (const how of ['as a file', 'as an image of the disk'] as const) {
  test(`R45 a journal restored ${how} learns that the cloud knows more of it, and stops for good`, async () => {
    sell();
    await settle();
    const backup = backUp();
    sell();
    await settle();
    const { credited, highestSequence } = cloud;
    await restore(backup, how);
    // Before the cloud can be asked, an image of a disk cannot be told from the disk.
    if (how === 'as an image of the disk') {
      sell();
      await restart();
      sell();
      await restart();
    }
    loop.retryNow();
    await expect.poll(() => kiosk.snapshot().doubt).toBe('behind_cloud');
    await expect.poll(() => loop.view).toMatchObject({ state: 'refused' });
    expect(loop.view.lastErrorCode).toBe('cloud_is_ahead_of_journal');
    expect(() => kiosk.sell()).toThrow('journal_quarantined');
    const head = kiosk.snapshot().headSequence;
    await restart();
    expect(kiosk.snapshot()).toMatchObject({ doubt: 'behind_cloud', headSequence: head });
    expect(() => kiosk.sell()).toThrow('journal_quarantined');
    expect(cloud.highestSequence).toBe(highestSequence);
    expect(cloud.credited.size).toBe(credited.size);
  });
}

test('R45 a database made anew under the keys of an old one is behind the cloud as soon as it asks', async () => {
  sell();
  await settle();
  await loop.stop();
  kiosk.desk.store.close();
  for (const suffix of ['', '-wal', '-shm', '.enrolled']) rmSync(`${kiosk.path}${suffix}`, { force: true });
  kiosk.reopen();
  kiosk.enrol(issuer);
  loop = newLoop();
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().doubt).toBe('behind_cloud');
});

test('a folder that moved to another disk sells on after one word of the cloud', async () => {
  sell();
  await settle();
  sell();
  await restore(backUp(), 'as a file');
  expect(kiosk.snapshot().doubt).toBe('unconfirmed');
  await settle();
  expect(kiosk.snapshot().doubt).toBeNull();
  sell();
  await settle();
  expect(cloud.sumMinor).toBe(300n);
  await restart();
  expect(kiosk.snapshot().doubt).toBeNull();
});

test('an answer that was lost, and a process that was killed, are not mistaken for a newer journal', async () => {
  await settle();
  sell();
  cloud.loseAnswers = 1;
  loop.retryNow();
  await expect.poll(() => cloud.loseAnswers).toBe(0);
  await restart();
  sell();
  await settle();
  expect(kiosk.snapshot().doubt).toBeNull();
  expect(cloud.sumMinor).toBe(200n);
});

test('a cloud that twice calls this journal another story stops the selling, until it takes it after all', async () => {
  sell();
  await settle();
  const broken = () =>
    new CloudProblem({ type: 'urn:x', title: '', status: 422, code: 'batch_chain_broken' }, undefined);
  sell();
  cloud.refuse = [broken()];
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('refused');
  expect(kiosk.snapshot().doubt).toBeNull();
  cloud.refuse = [broken()];
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().doubt).toBe('differs_from_cloud');
  expect(() => kiosk.sell()).toThrow('journal_quarantined');
  await restart();
  expect(() => kiosk.sell()).toThrow('journal_quarantined');
  await settle();
  expect(kiosk.snapshot().doubt).toBeNull();
  sell();
});
