import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IpcError } from '../../ipc/index.ts';
import type { CommandName, CommandParams, CommandResult } from '../store/messages.ts';
import { FakeCloud } from '../test/fake-cloud.ts';
import { NOW_SECONDS, TestIssuer, TestKiosk, type TestPhone } from '../test/world.ts';
import { SettleLoop } from './settle-loop.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let cloud: FakeCloud;
let phone: TestPhone;
let loop: SettleLoop;
let isOnline: boolean;

beforeEach(async () => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  cloud = new FakeCloud(issuer);
  cloud.knowsKiosk(kiosk.desk.store.memory.kiosk?.certificate);
  phone = cloud.knowsPhone(issuer.phone({ capMinor: 10_000_000n, hardCounterLimit: 5_000 }));
  isOnline = true;
  loop = new SettleLoop({
    api: cloud,
    store: {
      run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
        kiosk.desk.run(name, params),
    },
    snapshot: () => kiosk.snapshot(),
    isOnline: () => isOnline,
    onChange: () => undefined,
    log: pino({ level: 'silent' }),
    random: () => 0,
  });
  // Every start begins with the question how far the cloud is: restored-copy.test.ts.
  const question = kiosk.desk.run('nextBatch', { heartbeat: false });
  kiosk.desk.run('acknowledge', await cloud.settle('', question?.envelope ?? new Uint8Array(0)));
  cloud.calls = 0;
});
afterEach(async () => {
  await loop.stop();
  kiosk.dispose();
});

function sell(count: number): void {
  for (let i = 0; i < count; i += 1) {
    const outcome = kiosk.acceptOne(phone.pay(kiosk.sell(100n).envelope).delivery);
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
  }
}

function settled(): Promise<void> {
  return expect.poll(() => kiosk.snapshot().unsettled.count, { interval: 10 }).toBe(0);
}

test('what was accepted is settled, once, with the cloud told of the whole journal', async () => {
  sell(3);
  loop.retryNow();
  await settled();
  expect(cloud.sumMinor).toBe(300n);
  expect(cloud.highestSequence).toBe(kiosk.snapshot().headSequence);
  expect(kiosk.desk.run('page', { before: null, limit: 10 }).map((payment) => payment.settlement)).toEqual([
    'settled',
    'settled',
    'settled',
  ]);
  await expect.poll(() => loop.view.state).toBe('idle');
});

test('R48 a lost answer is asked for again with the same bytes and credits nothing twice', async () => {
  sell(2);
  cloud.loseAnswers = 2;
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('waiting');
  expect(kiosk.snapshot().unsettled.count).toBe(2);
  loop.retryNow();
  await expect.poll(() => cloud.calls).toBe(2);
  await expect.poll(() => loop.view.state).toBe('waiting');
  loop.retryNow();
  await settled();
  expect(cloud.sumMinor).toBe(200n);
  expect(cloud.credited.size).toBe(2);
});

test('a journal larger than one batch goes in several, in order', async () => {
  sell(520);
  loop.retryNow();
  await settled();
  expect(cloud.calls).toBe(2);
  expect(cloud.credited.size).toBe(520);
}, 20_000);

test('R47 a cloud that lost entries names its place and receives the rest again', async () => {
  sell(2);
  loop.retryNow();
  await settled();
  await expect.poll(() => loop.view.state).toBe('idle');
  cloud.forgetAfter(1);
  sell(1);
  loop.retryNow();
  await settled();
  expect(cloud.highestSequence).toBe(kiosk.snapshot().headSequence);
  expect(cloud.credited.size).toBe(3);
});

test('an acknowledgement of another batch, of more than the journal, or without its results changes nothing', async () => {
  sell(1);
  for (const distort of [
    { batchHash: new Uint8Array(32) },
    { results: [] },
    { kioskId: '33333333-3333-4333-8333-333333333333' },
    { highestSequence: 99 },
  ]) {
    cloud.distort = distort;
    const { calls } = cloud;
    loop.retryNow();
    await expect.poll(() => cloud.calls).toBe(calls + 1);
    await expect.poll(() => loop.view.state).toBe('refused');
    expect(kiosk.snapshot().unsettled.count).toBe(1);
    expect(kiosk.snapshot().cursor.acknowledgedSequence).toBe(0);
  }
  loop.retryNow();
  await settled();
});

test('an acknowledgement that no issuer signed is refused', () => {
  sell(1);
  kiosk.desk.run('nextBatch', { heartbeat: false });
  expect(kiosk.desk.run('acknowledge', new Uint8Array([1, 2, 3])).ok).toBe(false);
  expect(kiosk.snapshot().unsettled.count).toBe(1);
});

test('an acknowledgement says nothing about entries that were not in its batch', async () => {
  sell(1);
  kiosk.desk.run('nextBatch', { heartbeat: false });
  sell(1);
  const [newest, older] = kiosk.desk.run('page', { before: null, limit: 2 });
  if (newest === undefined || older === undefined) throw new Error('two payments were stored');
  cloud.distort = {
    results: [older, newest].map(({ sequence }) => ({ sequence, outcome: 'settled' as const, code: null })),
  };
  const batch = kiosk.desk.run('nextBatch', { heartbeat: false });
  expect(batch?.toSequence).toBe(older.sequence);
  const answer = await cloud.settle('', batch?.envelope ?? new Uint8Array(0));
  expect(kiosk.desk.run('acknowledge', answer).ok).toBe(true);
  const states = kiosk.desk.run('page', { before: null, limit: 2 }).map((payment) => payment.settlement);
  expect(states).toEqual(['on_this_device', 'settled']);
  expect(kiosk.snapshot().unsettled.count).toBe(1);
});

test('the cloud naming a place ahead of what it has signed for never moves the cursor forward', () => {
  sell(3);
  kiosk.desk.run('nextBatch', { heartbeat: false });
  kiosk.desk.run('resendAfter', kiosk.snapshot().headSequence);
  expect(kiosk.snapshot().cursor.acknowledgedSequence).toBe(0);
});

test('the wait that the cloud asks for is kept', async () => {
  sell(1);
  cloud.refuse = [new IpcError('rate_limited', { retryAfterMs: 60_000 })];
  const before = Date.now();
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('waiting');
  expect(loop.view.nextAttemptMs).toBeGreaterThanOrEqual(before + 60_000);
  expect(loop.view.lastErrorCode).toBe('rate_limited');
});

test('a kiosk without internet waits and sells on', async () => {
  isOnline = false;
  sell(2);
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('waiting');
  sell(1);
  expect(cloud.calls).toBe(0);
  isOnline = true;
  loop.retryNow();
  await settled();
  expect(cloud.sumMinor).toBe(300n);
});

test('a journal that spans two certificates settles under the newer one', async () => {
  sell(1);
  const renewed = issuer.kioskCertificate(kiosk.publicKeys, {
    notBefore: NOW_SECONDS + 1,
    notAfter: NOW_SECONDS + 200 * 24 * 3600,
  });
  expect(kiosk.desk.run('refreshTrust', issuer.trust(renewed, { version: 2 }))).toEqual({
    ok: true,
    limits: null,
  });
  cloud.knowsKiosk(kiosk.desk.store.memory.kiosk?.certificate);
  sell(1);
  loop.retryNow();
  await settled();
  expect(cloud.credited.size).toBe(2);
});

test('a new deny list is reported even when nothing was sold', async () => {
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('idle');
  await expect.poll(() => kiosk.snapshot().cursor.acknowledgedSequence).toBe(1);
  const bytes = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  kiosk.desk.run('refreshTrust', issuer.trust(bytes, { version: 2, denyListVersion: 4 }));
  loop.retryNow();
  await expect.poll(() => cloud.heartbeats.at(-1)?.denyListVersion).toBe(4);
  await expect.poll(() => kiosk.snapshot().cursor.denyListVersion).toBe(4);
});

test('a part of the journal claims only the deny list that was in force at its end', () => {
  sell(510);
  const bytes = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  kiosk.desk.run('refreshTrust', issuer.trust(bytes, { version: 2, denyListVersion: 9 }));
  kiosk.desk.run('nextBatch', { heartbeat: false });
  expect(kiosk.desk.store.cursor.outgoing()).toMatchObject({ toSequence: 500, denyListVersion: 0 });
}, 20_000);

test('R30 the signed time of the cloud brings back a mark that a clock running ahead had left', async () => {
  kiosk.clock.wall += 365 * 24 * 3600 * 1000;
  kiosk.desk.run('tick', null);
  kiosk.clock.wall -= 365 * 24 * 3600 * 1000;
  expect(kiosk.snapshot().isClockBehind).toBe(true);
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().isClockBehind).toBe(false);
  sell(1);
});

test('an acknowledgement by a key that was rotated out prunes nothing; by its successor it settles', async () => {
  const rotated = issuer.rotated();
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  sell(1);
  expect(kiosk.desk.run('refreshTrust', rotated.trust(certificate, { version: 2 }))).toEqual({
    ok: true,
    limits: null,
  });
  loop.retryNow();
  await expect.poll(() => loop.view.lastErrorCode).not.toBeNull();
  expect(kiosk.snapshot().unsettled.count).toBe(1);
  cloud.issuer = rotated;
  loop.retryNow();
  await settled();
});
