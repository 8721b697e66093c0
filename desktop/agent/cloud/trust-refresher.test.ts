import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { IpcError } from '../../ipc/index.ts';
import type { CommandName, CommandParams, CommandResult } from '../store/messages.ts';
import type { StoreSnapshot } from '../store/kiosk-store.ts';
import { TestIssuer, TestKiosk } from '../test/world.ts';
import { TrustRefresher } from './trust-refresher.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let refresher: TrustRefresher;
let snapshot: StoreSnapshot | null;
let fetches: number;
let failure: IpcError | null;

beforeEach(() => {
  vi.useFakeTimers();
  kiosk = new TestKiosk();
  snapshot = null;
  fetches = 0;
  failure = null;
  refresher = new TrustRefresher({
    api: {
      trust: async () => {
        fetches += 1;
        if (failure !== null) throw failure;
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
