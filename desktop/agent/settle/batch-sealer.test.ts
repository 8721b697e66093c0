/** What goes sealed to the cloud, what does not, and that no answer on the way talks a till out of sealing. */
import {
  isSealedSettlement,
  keyIdOf,
  runSync,
  type CloudSealingKeyDraft,
  type HeldSealingKey,
} from '@tikiwallet/protocol';
import { generateKeyPair, loadPrivateKey } from '@tikiwallet/protocol/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IpcError } from '../../ipc/index.ts';
import type { FakeCloud } from '../test/fake-cloud.ts';
import { askHowFar, cloudOf, sellTo, settleLoop } from '../test/settling.ts';
import { crypto, NOW_SECONDS, ok, TestIssuer, TestKiosk, type TestPhone } from '../test/world.ts';
import type { SettleLoop } from './settle-loop.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let cloud: FakeCloud;
let phone: TestPhone;
let loop: SettleLoop;
/** What the cloud names beside its trust; null: a cloud of before. Undefined: it cannot be reached for it. */
let named: string | null | undefined;
let fetches: number;
let sent: Uint8Array[];
let version = 1;
/** What the cloud's clock says, and what it signs. */
let cloudNow = NOW_SECONDS;

interface CloudKey extends HeldSealingKey {
  readonly publicKey: Uint8Array;
}

function newKey(): CloudKey {
  const { publicKey, scalar: privateKey } = loadPrivateKey(generateKeyPair().privateKeyPem);
  return { publicKey, privateKey, keyId: ok(runSync(keyIdOf(publicKey), crypto)) };
}

const offer = ({ publicKey }: CloudKey, changes: Partial<CloudSealingKeyDraft> = {}, by = issuer) =>
  by.sealingKey({ publicKey, ...changes });

/** Fetched as the trust's refresher does. */
function fetchTrust(sealingKey = named, by = issuer) {
  fetches += 1;
  if (sealingKey === undefined) return null;
  version += 1;
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
  return kiosk.desk.run('refreshTrust', {
    ...by.trust(certificate, { version, issuedAt: cloudNow }),
    sealingKey,
  });
}

/** Time, which every right clock shows. */
function pass(seconds: number): void {
  kiosk.clock.pass(seconds * 1_000);
  cloudNow += seconds;
}

function makeLoop(): SettleLoop {
  return settleLoop(kiosk, cloud, { refreshTrust: async () => fetchTrust() !== null });
}

beforeEach(async () => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  cloud = cloudOf(kiosk, issuer);
  phone = cloud.knowsPhone(issuer.phone({ capMinor: 10_000_000n, hardCounterLimit: 5_000 }));
  named = null;
  fetches = 0;
  cloudNow = NOW_SECONDS;
  sent = [];
  await askHowFar(kiosk, cloud);
  const { settle } = cloud;
  cloud.settle = (token, bytes) => {
    sent.push(bytes);
    return settle(token, bytes);
  };
  cloud.unsealed = 0;
  loop = makeLoop();
});
afterEach(async () => {
  await loop.stop();
  kiosk.dispose();
});

const sell = (count: number): void => sellTo(phone, kiosk, count);

async function settled(): Promise<void> {
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().unsettled.count, { interval: 10 }).toBe(0);
}

/** A batch without a sale, which a till at such a time may not take. */
async function sendMore(): Promise<void> {
  const before = sent.length;
  kiosk.desk.store.write(() => kiosk.desk.store.append('clockJump', NOW_SECONDS, []));
  loop.retryNow();
  await expect.poll(() => sent.length, { interval: 10 }).toBe(before + 1);
  await expect.poll(() => loop.view.state, { interval: 10 }).toBe('idle');
}

const forms = () => sent.map((bytes) => (isSealedSettlement(bytes) ? 'sealed' : 'unsealed'));

test('a cloud of before names no key, and batches go as they always went', async () => {
  fetchTrust();
  sell(2);
  await settled();
  expect(forms()).toEqual(['unsealed']);
  expect(cloud.sumMinor).toBe(200n);
});

test('with a key every batch goes sealed, alone and in a stream, and after kill -9', async () => {
  const key = newKey();
  cloud.sealingKeys = [key];
  expect(fetchTrust(offer(key))).toEqual({ ok: true, limits: null });
  sell(2);
  await settled();
  kiosk.desk.store.write(() => {
    for (let n = 0; n < 1_100; n += 1) kiosk.desk.store.append('clockJump', NOW_SECONDS, []);
  });
  sell(1);
  await settled();
  await expect.poll(() => loop.view.state).toBe('idle');
  await loop.stop();
  kiosk.reopen();
  loop = makeLoop();
  sell(1);
  await settled();
  expect(cloud.streams).toBe(1);
  expect(forms()).not.toContain('unsealed');
  expect(cloud.sumMinor).toBe(400n);
});

test('a batch whose answer was lost is sealed anew and counts once', async () => {
  const key = newKey();
  cloud.sealingKeys = [key];
  fetchTrust(offer(key));
  sell(2);
  cloud.loseAnswers = 1;
  loop.retryNow();
  await expect.poll(() => loop.view.state).toBe('waiting');
  await settled();
  const [first, second] = sent;
  expect(first).not.toEqual(second);
  expect(cloud.credited.size).toBe(2);
  expect(forms()).toEqual(['sealed', 'sealed']);
});

test('a key that is gone in the middle is fetched anew, and the same batch goes under the new one', async () => {
  const [former, next] = [newKey(), newKey()];
  cloud.sealingKeys = [former];
  fetchTrust(offer(former));
  sell(1);
  await settled();
  cloud.sealingKeys = [next];
  named = offer(next, { generation: 2 });
  sell(1);
  await settled();
  expect(forms()).toEqual(['sealed', 'sealed', 'sealed']);
  expect(cloud.sumMinor).toBe(200n);
  // The same in a stream.
  const third = newKey();
  cloud.sealingKeys = [third];
  named = offer(third, { generation: 3 });
  kiosk.desk.store.write(() => {
    for (let n = 0; n < 1_100; n += 1) kiosk.desk.store.append('clockJump', NOW_SECONDS, []);
  });
  sell(1);
  await settled();
  expect(cloud.unsealed).toBe(0);
  expect(cloud.sumMinor).toBe(300n);
});

test('a proxy that says again and again that the key is unknown gets nothing unsealed, nor does any other refusal', async () => {
  const key = newKey();
  cloud.sealingKeys = [key];
  named = offer(key);
  fetchTrust();
  sell(1);
  for (const code of ['sealing_key_unknown', 'batch_malformed', 'request_invalid', 'not_found'] as const) {
    cloud.refuse = [new IpcError(code)];
    const before = cloud.calls;
    loop.retryNow();
    await expect.poll(() => cloud.calls).toBe(before + 1);
    await expect.poll(() => loop.view.lastErrorCode).toBe(code);
    expect(kiosk.snapshot().unsettled.count).toBe(1);
  }
  // Nor one that strips the key from the trust, or names one that no issuer signed.
  named = null;
  fetchTrust();
  expect(fetchTrust(offer(newKey(), { generation: 9 }, new TestIssuer()))).toMatchObject({
    ok: true,
    sealing: 'issuer_unknown',
  });
  await settled();
  expect(forms()).not.toContain('unsealed');
});

test('an older key object is refused, and the one in force stays', () => {
  const [one, two] = [newKey(), newKey()];
  fetchTrust(offer(two, { generation: 2 }));
  expect(fetchTrust(offer(one))).toEqual({ ok: true, limits: null, sealing: 'sealing_key_older_than_known' });
  expect(kiosk.desk.run('sealingKey', null)).toEqual({
    key: { publicKey: two.publicKey, keyId: two.keyId },
    isDue: false,
  });
});

test('a bundle that is refused does not keep the key that came with it from being taken: a till would have none to settle by', async () => {
  const [former, next] = [newKey(), newKey()];
  cloud.sealingKeys = [next];
  fetchTrust(offer(former));
  // A cloud that came back from a backup: its versions are behind, its new key is not.
  const trust = kiosk.desk.store.memory.kiosk?.trust;
  const stale = issuer.trust(kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0), {
    version: 1,
  });
  const sealingKey = offer(next, { generation: 2 });
  expect(kiosk.desk.run('refreshTrust', { ...stale, sealingKey })).toEqual({
    ok: false,
    code: 'trust_bundle_older_than_known',
  });
  expect(kiosk.desk.store.memory.kiosk?.trust).toEqual(trust);
  sell(1);
  await settled();
  expect(forms()).toEqual(['sealed']);
});

test('a suspended till is told the newest key with the word that suspends it, and settles what it took', async () => {
  const [former, next] = [newKey(), newKey()];
  cloud.sealingKeys = [next];
  fetchTrust(offer(former));
  sell(1);
  kiosk.desk.run('noteSuspended', offer(next, { generation: 2 }));
  expect(kiosk.snapshot().isSuspended).toBe(true);
  await settled();
  expect(forms()).toEqual(['sealed']);
  expect(kiosk.desk.run('noteSuspended', offer(former))).toBe('sealing_key_older_than_known');
});

test('when its time is over the cloud is asked first; it goes unsealed only when that was answered without another', async () => {
  const [key, next] = [newKey(), newKey()];
  cloud.sealingKeys = [key, next];
  fetchTrust(offer(key, { notAfter: NOW_SECONDS + 3_600 }));
  pass(3_600);
  sell(1);
  named = undefined;
  loop.retryNow();
  await expect.poll(() => loop.view.lastErrorCode).toBe('cloud_unreachable');
  expect(sent).toEqual([]);
  named = offer(next, { generation: 2 });
  await settled();
  expect(forms()).toEqual(['sealed']);
  sell(1);
  pass(14 * 24 * 3_600);
  named = null;
  await settled();
  expect(forms()).toEqual(['sealed', 'unsealed']);
});

test('a clock that is ahead, by mistake or by somebody who set it, makes nothing go unsealed', async () => {
  const key = newKey();
  cloud.sealingKeys = [key];
  named = offer(key);
  fetchTrust();
  sell(1);
  // Only this machine's clock: the cloud's, and so what it signs, stays where it is.
  kiosk.clock.pass(200 * 24 * 3_600_000);
  await settled();
  expect(forms()).toEqual(['sealed']);
  // It was asked all the same, and is not before each batch.
  expect(fetches).toBe(2);
  await sendMore();
  expect(fetches).toBe(2);
  // Nor with a proxy that strips the key from every answer, until the cloud itself has signed that its time has come.
  named = null;
  await loop.stop();
  loop = makeLoop();
  await sendMore();
  expect(fetches).toBe(3);
  expect(forms()).toEqual(['sealed', 'sealed', 'sealed']);
  cloudNow += 14 * 24 * 3_600;
  await loop.stop();
  loop = makeLoop();
  await sendMore();
  expect(forms().at(-1)).toBe('unsealed');
});

test('the issuer ends sealing by its signed word, at once', async () => {
  const key = newKey();
  fetchTrust(offer(key));
  named = offer(key, { notAfter: issuer.now + 1 });
  fetchTrust();
  kiosk.clock.pass(2_000);
  sell(1);
  await settled();
  const before = fetches;
  sell(1);
  await settled();
  expect(forms()).toEqual(['unsealed', 'unsealed']);
  expect(fetches).toBe(before);
  named = offer(key, { issuedAt: issuer.now + 1, notAfter: issuer.now + 9_999 });
  cloud.sealingKeys = [key];
  fetchTrust();
  sell(1);
  await settled();
  expect(forms().at(-1)).toBe('sealed');
});

test('enrolling takes the key along', () => {
  const fresh = new TestKiosk();
  const key = newKey();
  const keys = fresh.publicKeys;
  const answer = { ...issuer.enrolment(keys), sealingKey: offer(key) };
  expect(fresh.desk.run('enrol', answer)).toEqual({ ok: true, limits: null });
  expect(fresh.desk.run('sealingKey', null)).toMatchObject({ key: { keyId: key.keyId } });
  fresh.dispose();
});
