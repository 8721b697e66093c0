import { generateKeyPair, loadPrivateKey } from '@tikiwallet/protocol/node';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { IpcError } from '../../ipc/index.ts';
import type { CommandName, CommandParams, CommandResult } from '../store/messages.ts';
import type { StoreSnapshot } from '../store/kiosk-store.ts';
import type { KioskTrust } from '@tikiwallet/server/contract';
import { TestIssuer, TestKiosk } from '../test/world.ts';
import { CloudProblem } from './cloud-client.ts';
import { TrustRefresher } from './trust-refresher.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let refresher: TrustRefresher;
let snapshot: StoreSnapshot | null;
let fetches: number;
let failure: IpcError | null;
/** What the cloud was asked to continue, and what it answers instead. */
let asked: (number | null)[];
let answers: ((since: number | null) => KioskTrust)[];
let changes: number;
/** What the cloud's answer waits for. */
let gate: Promise<void> | null;

beforeEach(() => {
  vi.useFakeTimers();
  kiosk = new TestKiosk();
  snapshot = null;
  fetches = 0;
  failure = null;
  asked = [];
  answers = [];
  changes = 0;
  gate = null;
  refresher = new TrustRefresher({
    api: {
      trust: async (_token, since) => {
        fetches += 1;
        asked.push(since?.version ?? null);
        await gate;
        if (failure !== null) throw failure;
        const answer = answers.shift();
        if (answer !== undefined) return answer(since?.version ?? null);
        return issuer.trust(kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0), {
          version: fetches + 1,
        });
      },
    },
    store: {
      run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
        kiosk.desk.run(name, params),
    },
    snapshot: () => snapshot,
    isOnline: () => true,
    log: pino({ level: 'silent' }),
    onChange: () => (changes += 1),
  });
});
afterEach(async () => {
  await refresher.stop();
  vi.useRealTimers();
  kiosk.dispose();
});

const version = () => kiosk.desk.store.memory.kiosk?.trust.version;

test('R31 the cloud that came into reach before the store was open, or before enrolment, is asked all the same', async () => {
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(1_000);
  snapshot = kiosk.snapshot();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(fetches).toBe(0);
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(version()).toBe(2);
});

test('while the cloud stays in reach the bundle is renewed every few minutes, and sooner after a failure', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  failure = new IpcError('cloud_unreachable');
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  expect(version()).toBe(1);
  failure = null;
  await vi.advanceTimersByTimeAsync(31_000);
  expect(version()).toBe(3);
  await vi.advanceTimersByTimeAsync(11 * 60_000);
  expect(version()).toBe(5);
});

test('a sale asks for the news of the cloud, and the next within seconds does not', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(20_000);
  for (let sale = 0; sale < 3; sale += 1) {
    refresher.refreshForSale();
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(fetches).toBe(2);
});

test('what is asked for while a refresh is running is done once more after it, however often, and not again', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  const answer = Promise.withResolvers<void>();
  gate = answer.promise;
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  for (let times = 0; times < 3; times += 1) {
    refresher.refreshNow();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(fetches).toBe(1);
  gate = null;
  answer.resolve();
  await vi.advanceTimersByTimeAsync(100);
  expect([fetches, version()]).toEqual([2, 3]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(fetches).toBe(2);
});

test('what is asked for while a refresh fails is done at once after it', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  const answer = Promise.withResolvers<void>();
  gate = answer.promise;
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  refresher.refreshNow();
  gate = null;
  answer.reject(new IpcError('cloud_unreachable'));
  await vi.advanceTimersByTimeAsync(100);
  expect(fetches).toBe(2);
});

const certificate = () => kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
const difference = (baseVersion: number, listed: readonly string[]) => () =>
  issuer.trustDelta(certificate(), { version: 5 }, { baseVersion, added: listed, listed });

test('R31 the difference to the bundle in force is asked for, and what does not fit is fetched whole at once', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  const denied = '0190d8c2-0000-7000-8000-0000000000d1';
  answers = [difference(1, [denied])];
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  expect([asked, version()]).toEqual([[1], 5]);
  expect(kiosk.desk.store.memory.kiosk?.trust.deniedAllowances).toEqual(new Set([denied]));
  snapshot = kiosk.snapshot();
  fetches = 5;
  answers = [difference(4, [])];
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  expect([asked, version()]).toEqual([[1, 5, null], 8]);
  expect(refresher.lastRefusal).toBeNull();
});

test('nothing newer changes nothing, and is no failure', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  answers = [() => ({ ...issuer.trust(certificate()), trustBundle: null })];
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  expect([asked, version(), refresher.lastRefusal]).toEqual([[1], 1, null]);
});

test('R30 a cloud whose clock is years ahead is not believed, and a person is told until it is right', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  const issuedAt = Math.floor(Date.now() / 1000) + 3 * 365 * 86_400;
  answers = [() => issuer.trust(certificate(), { version: 2, issuedAt })];
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  expect([version(), refresher.lastRefusal, changes]).toEqual([1, 'trust_bundle_from_the_future', 1]);
  await vi.advanceTimersByTimeAsync(6 * 60_000);
  expect([version(), refresher.lastRefusal, changes]).toEqual([3, null, 2]);
});

test('a till that is suspended sells nothing, also after a restart without internet, until the cloud gives it trust again', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  const { publicKey } = loadPrivateKey(generateKeyPair().privateKeyPem);
  const sealingKey = issuer.sealingKey({ publicKey });
  const word = { type: '', title: '', status: 403, code: 'kiosk_suspended', sealingKey } as const;
  failure = new CloudProblem(word, undefined);
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  expect(kiosk.snapshot().isSuspended).toBe(true);
  expect(kiosk.desk.run('sealingKey', null)).toMatchObject({ key: { publicKey } });
  expect(() => kiosk.sell()).toThrow(expect.objectContaining({ code: 'kiosk_suspended' }));
  kiosk.reopen();
  expect(() => kiosk.sell()).toThrow(expect.objectContaining({ code: 'kiosk_suspended' }));
  failure = null;
  await vi.advanceTimersByTimeAsync(31_000);
  expect(kiosk.snapshot().isSuspended).toBe(false);
  expect(kiosk.sell().state).toBe('open');
});

test('a cloud that asks to wait is left alone for so long, whoever asks meanwhile, and for an hour at the most', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  const answer = Promise.withResolvers<void>();
  gate = answer.promise;
  failure = new IpcError('rate_limited', { retryAfterMs: 90_000 });
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(100);
  // Asked for while that answer was on its way.
  refresher.refreshNow();
  answer.resolve();
  await vi.advanceTimersByTimeAsync(40_000);
  refresher.refreshNow();
  refresher.refreshForSale();
  await refresher.refreshed();
  await vi.advanceTimersByTimeAsync(40_000);
  expect(fetches).toBe(1);
  failure = new IpcError('service_unavailable', { retryAfterMs: 30 * 24 * 3_600_000 });
  await vi.advanceTimersByTimeAsync(15_000);
  expect(fetches).toBe(2);
  failure = null;
  await vi.advanceTimersByTimeAsync(59 * 60_000);
  expect(fetches).toBe(2);
  await vi.advanceTimersByTimeAsync(2 * 60_000);
  expect(fetches).toBe(3);
  expect(version()).toBe(4);
});

test('a cloud, or a proxy before it, that asks for no wait at all is not asked in a circle', async () => {
  kiosk.enrol(issuer);
  snapshot = kiosk.snapshot();
  failure = new IpcError('service_unavailable', { retryAfterMs: 0 });
  refresher.refreshNow();
  await vi.advanceTimersByTimeAsync(29_000);
  expect(fetches).toBe(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(fetches).toBe(2);
});
