/**
 * Kiosk and cloud with a line between them that breaks anywhere: the agent's own loop, store and client on one side, the whole
 * server with its PostgreSQL on the other, TCP between.
 */
import { fc } from '@fast-check/vitest';
import { openRequestEnvelope, encodeDelivery, runSync, toHex } from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { KioskView, MerchantSummary } from '@tikiwallet/server/contract';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cloudApi } from '../../desktop/agent/cloud/cloud-api.ts';
import { CloudClient } from '../../desktop/agent/cloud/cloud-client.ts';
import { enrolKiosk } from '../../desktop/agent/enrol-kiosk.ts';
import { SettleLoop } from '../../desktop/agent/settle/settle-loop.ts';
import type { CommandName, CommandParams, CommandResult } from '../../desktop/agent/store/messages.ts';
import { ok, TestKiosk } from '../../desktop/agent/test/world.ts';
import { reconcile } from '../../server/src/ledger/index.ts';
import { createLogger } from '../../server/src/log.ts';
import { type OfflineWallet, pay, SimulatedPhone } from '../../server/test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../server/test/test-server.ts';
import { type Budget, CuttingProxy, UNCUT } from './cutting-proxy.ts';

const SALES = 10;
const FILLERS = 330;
const PRICE_MINOR = 100n;
const RUNS = 6;
let server: TestServer;
let wallet: OfflineWallet;
let proxy: CuttingProxy;
let apiUrl: string;
beforeAll(async () => {
  server = await startTestServer();
  const phone = await SimulatedPhone.withMoney(server, 20_000n);
  wallet = await phone.load(PRICE_MINOR * BigInt(SALES * RUNS));
  proxy = new CuttingProxy(Number(new URL(server.origin).port));
  apiUrl = `http://127.0.0.1:${await proxy.listen()}`;
});
afterAll(async () => {
  proxy.close();
  await server.close();
});

const store = (kiosk: TestKiosk) => ({
  run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
    kiosk.desk.run(name, params),
});
const log = createLogger({ level: 'silent' });
const events = { onReached: () => undefined, onUnreachable: () => undefined };
let streams = 0;
function api() {
  const calls = cloudApi(new CloudClient({ apiUrl, events }));
  const settleStream: typeof calls.settleStream = (token, batches) => {
    streams += 1;
    return calls.settleStream(token, batches);
  };
  return { ...calls, settleStream };
}

/** A till of a merchant of its own, with a journal of seven batches: sales, and much that is none. */
async function openTill(): Promise<{ kiosk: TestKiosk; merchant: Person }> {
  const merchant = await server.register('merchant');
  const view = await server.expect(KioskView, '/v1/merchant/kiosks', {
    body: { name: 'Till' },
    token: merchant.token,
    key: randomUUID(),
  });
  const kiosk = new TestKiosk();
  kiosk.clock.wall = Date.now();
  const publicKeys = kiosk.publicKeys;
  proxy.budgets = [];
  await enrolKiosk({ api: api(), store: store(kiosk), publicKeys, log }, view.enrolment?.code ?? '');
  for (let n = 0; n < SALES; n += 1) {
    sell(kiosk);
    kiosk.desk.store.write(() => {
      for (let f = 0; f < FILLERS; f += 1)
        kiosk.desk.store.append('clockJump', kiosk.desk.store.now().seconds, []);
    });
  }
  return { kiosk, merchant };
}

function sell(kiosk: TestKiosk): void {
  const issuers = kiosk.desk.store.memory.kiosk?.trust.issuers ?? [];
  const { request } = ok(
    runSync(openRequestEnvelope(kiosk.sell(PRICE_MINOR).envelope, issuers), nodeCrypto()),
  );
  const payment = pay(wallet, request).bytes;
  const delivery = encodeDelivery({ allowanceCertificate: wallet.allowance.bytes, payment, phoneSalt: null });
  const outcome = kiosk.acceptOne(delivery);
  if (outcome.kind !== 'accepted') throw new Error(JSON.stringify(outcome));
}

/** One life of an agent: until everything is settled, or it has to wait because the line broke. */
async function settleOnce(kiosk: TestKiosk): Promise<void> {
  const loop = new SettleLoop({
    api: api(),
    store: store(kiosk),
    snapshot: () => kiosk.snapshot(),
    isOnline: () => true,
    onChange: () => undefined,
    log,
  });
  loop.retryNow();
  await expect.poll(() => isDone(kiosk) || loop.view.state === 'waiting', { interval: 5 }).toBe(true);
  await loop.stop();
}

const isDone = (kiosk: TestKiosk) =>
  kiosk.snapshot().cursor.acknowledgedSequence === kiosk.snapshot().headSequence;

async function cloudStandsAt(kiosk: TestKiosk) {
  const id = kiosk.desk.store.memory.kiosk?.kioskId ?? '';
  const [row] = await server.database.owner<{ at: string; hash: Buffer }[]>`
    select settled_sequence as at, settled_hash as hash from kiosk_enrolments where kiosk_id = ${id}`;
  return { sequence: Number(row?.at), hash: toHex(new Uint8Array(row?.hash ?? [])) };
}

/** Of bytes up: somewhere in head, question or the journal of 170 KB. Of bytes down: the heads and seven small answers. */
const budget = fc.oneof(
  { arbitrary: fc.nat(180_000).map((up): Budget => ({ ...UNCUT, up })), weight: 3 },
  { arbitrary: fc.nat(4_500).map((down): Budget => ({ ...UNCUT, down })), weight: 3 },
  { arbitrary: fc.constant(UNCUT), weight: 1 },
);

test('R48 wherever the line breaks, on either side, every payment settles exactly once and both heads agree', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(budget, { minLength: 3, maxLength: 9 }),
      fc.array(fc.boolean()),
      async (budgets, kills) => {
        const { kiosk, merchant } = await openTill();
        try {
          proxy.budgets = [...budgets];
          let before = 0;
          for (let life = 0; !isDone(kiosk); life += 1) {
            await settleOnce(kiosk);
            const { acknowledgedSequence } = kiosk.snapshot().cursor;
            // Never back, and never ahead of what the cloud has committed.
            expect(acknowledgedSequence).toBeGreaterThanOrEqual(before);
            expect(acknowledgedSequence).toBeLessThanOrEqual((await cloudStandsAt(kiosk)).sequence);
            before = acknowledgedSequence;
            if (kills[life] === true) kiosk.reopen();
          }
          const { headSequence, unsettled } = kiosk.snapshot();
          expect(unsettled.count).toBe(0);
          const headHash = kiosk.desk.store.journal.hashAt(headSequence) ?? new Uint8Array();
          expect(await cloudStandsAt(kiosk)).toEqual({ sequence: headSequence, hash: toHex(headHash) });
          const states = kiosk.desk
            .run('page', { before: null, limit: 50 })
            .map(({ settlement }) => settlement);
          expect(states).toEqual(Array(SALES).fill('settled'));
          const { token } = merchant;
          const expected = { settledTodayCount: SALES, availableMinor: String(PRICE_MINOR * BigInt(SALES)) };
          expect(await server.expect(MerchantSummary, '/v1/merchant/summary', { token })).toMatchObject(
            expected,
          );
        } finally {
          kiosk.dispose();
        }
      },
    ),
    // No other run after a failure: the wallet has money for so many.
    { numRuns: RUNS, endOnFailure: true },
  );
  expect(proxy.cuts).toBeGreaterThan(0);
  expect(streams).toBeGreaterThanOrEqual(RUNS);
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});
