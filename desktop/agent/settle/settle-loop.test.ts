import { afterEach, beforeEach, expect, test } from 'vitest';
import { IpcError } from '../../ipc/index.ts';
import type { FakeCloud } from '../test/fake-cloud.ts';
import { askHowFar, cloudOf, sellTo, settleLoop } from '../test/settling.ts';
import { NOW_SECONDS, TestIssuer, TestKiosk, type TestPhone } from '../test/world.ts';
import type { SettleLoop } from './settle-loop.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let cloud: FakeCloud;
let phone: TestPhone;
let loop: SettleLoop;
let isOnline: boolean;

beforeEach(async () => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  cloud = cloudOf(kiosk, issuer);
  phone = cloud.knowsPhone(issuer.phone({ capMinor: 10_000_000n, hardCounterLimit: 5_000 }));
  isOnline = true;
  loop = settleLoop(kiosk, cloud, { isOnline: () => isOnline });
  await askHowFar(kiosk, cloud);
});
afterEach(async () => {
  await loop.stop();
  kiosk.dispose();
});

const sell = (count: number): void => sellTo(phone, kiosk, count);

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
  expect(cloud.streams).toBe(1);
  expect(cloud.credited.size).toBe(520);
}, 20_000);

/** More batches than one, without the time that selling so much takes: entries of a full-grown journal. */
function writeEntries(count: number): void {
  kiosk.desk.store.write(() => {
    for (let n = 0; n < count; n += 1) kiosk.desk.store.append('clockJump', NOW_SECONDS, []);
  });
}

test('a cloud that has no streams gets batch after batch, and is not asked for one again at once', async () => {
  sell(2);
  writeEntries(1_100);
  cloud.takesStreams = false;
  loop.retryNow();
  await settled();
  await expect.poll(() => loop.view.state).toBe('idle');
  expect(cloud.highestSequence).toBe(kiosk.snapshot().headSequence);
  cloud.takesStreams = true;
  writeEntries(600);
  loop.retryNow();
  await expect.poll(() => cloud.highestSequence).toBe(kiosk.snapshot().headSequence);
  expect(cloud.streams).toBe(0);
});

test('R48 a stream that breaks keeps what was acknowledged, and the next one goes on with the same bytes', async () => {
  const envelopes: string[] = [];
  const settle = cloud.settle;
  cloud.settle = (token, bytes) => {
    envelopes.push(Buffer.from(bytes).toString('base64'));
    return settle(token, bytes);
  };
  writeEntries(1_000);
  sell(3);
  writeEntries(1_000);
  cloud.breakStreamsAfter = [2];
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('waiting');
  expect(loop.view.lastErrorCode).toBe('cloud_unreachable');
  expect(kiosk.snapshot().cursor.acknowledgedSequence).toBe(1_000);
  expect(cloud.highestSequence).toBe(1_500);
  loop.retryNow();
  await settled();
  await expect.poll(() => cloud.highestSequence).toBe(kiosk.snapshot().headSequence);
  await expect.poll(() => loop.view.state).toBe('idle');
  expect(envelopes[3]).toBe(envelopes[2]);
  expect([cloud.streams, cloud.credited.size]).toEqual([2, 3]);
});

test('a stream that brings nothing is followed by batches alone: a proxy may stand in its way', async () => {
  sell(1);
  writeEntries(1_100);
  cloud.breakStreamsAfter = [0];
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('waiting');
  loop.retryNow();
  await expect.poll(() => cloud.highestSequence).toBe(kiosk.snapshot().headSequence);
  expect(cloud.streams).toBe(1);
  await settled();
});

test('what the cloud took from a stream that was cut is settled here only when its results are here', async () => {
  sell(1);
  writeEntries(600);
  sell(1);
  // Both arrive, and neither answer does; then the first is cut differently than before.
  const first = kiosk.desk.run('nextBatch', { heartbeat: false });
  const second = kiosk.desk.run('followingBatch', null);
  for (const batch of [first, second]) await cloud.settle('', batch?.envelope ?? new Uint8Array(0));
  kiosk.desk.run('forgetBatch', null);
  const again = kiosk.desk.run('nextBatch', { heartbeat: false });
  const answer = await cloud.settle('', again?.envelope ?? new Uint8Array(0));
  expect(kiosk.desk.run('acknowledge', answer)).toMatchObject({ ok: true, acknowledgedSequence: 500 });
  expect(kiosk.snapshot().unsettled.count).toBe(1);
  loop.retryNow();
  await settled();
  expect(cloud.credited.size).toBe(2);
});

test('progress counts what is settled of what there is, also when sales come meanwhile', async () => {
  const seen: string[] = [];
  writeEntries(1_400);
  const settle = cloud.settle;
  cloud.settle = async (token, bytes) => {
    const answer = await settle(token, bytes);
    const { progress } = loop.view;
    seen.push(`${progress?.done} of ${progress?.total}`);
    if (seen.length === 2) sell(1);
    return answer;
  };
  const begun = kiosk.snapshot().headSequence;
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().headSequence - cloud.highestSequence).toBe(0);
  await settled();
  expect(seen.slice(0, 3)).toEqual([`0 of ${begun}`, `500 of ${begun}`, `1000 of ${begun + 1}`]);
});

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

test('no wait that the cloud or a proxy asks for keeps money here for longer than an hour, or overflows the timer', async () => {
  sell(1);
  cloud.refuse = [new IpcError('service_unavailable', { retryAfterMs: 8_000 * 365 * 24 * 3_600_000 })];
  loop.retryNow();
  await expect.poll(() => loop.view.nextAttemptMs).not.toBe(null);
  const wait = (loop.view.nextAttemptMs ?? 0) - Date.now();
  expect(wait).toBeLessThanOrEqual(3_600_000);
  expect(loop.view.state).toBe('waiting');
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
