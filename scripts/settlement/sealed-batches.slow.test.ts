/**
 * What a till sends and who can read it: the agent's own loop, store, trust and client on one side, the whole server with its PostgreSQL on
 * the other, and between them somebody who reads and changes what passes.
 */
import { encodeDelivery, isSealedSettlement, openRequestEnvelope, runSync } from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { KioskView, MerchantSummary } from '@tikiwallet/server/contract';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { cloudApi } from '../../desktop/agent/cloud/cloud-api.ts';
import { CloudClient } from '../../desktop/agent/cloud/cloud-client.ts';
import { TrustRefresher } from '../../desktop/agent/cloud/trust-refresher.ts';
import { enrolKiosk } from '../../desktop/agent/enrol-kiosk.ts';
import { SettleLoop } from '../../desktop/agent/settle/settle-loop.ts';
import type { CommandName, CommandParams, CommandResult } from '../../desktop/agent/store/messages.ts';
import { ok, TestKiosk } from '../../desktop/agent/test/world.ts';
import { reconcile } from '../../server/src/ledger/index.ts';
import { createLogger } from '../../server/src/log.ts';
import { rotateSealingKey } from '../../server/src/trust/index.ts';
import { type OfflineWallet, pay, SimulatedPhone } from '../../server/test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../server/test/test-server.ts';

const PRICE_MINOR = 100n;
const log = createLogger({ level: 'silent' });
let server: TestServer;
let silent: TestServer;
let wallet: OfflineWallet;
let paid: Uint8Array[];
/** Bodies that went to the settlement routes, and what was answered. */
let passed: { readonly body: Uint8Array; readonly status: number }[];
/** Takes the sealing key out of every answer. */
let strips: boolean;
let kiosk: TestKiosk;
let merchant: Person;
let loop: SettleLoop;
let trust: TrustRefresher;

beforeAll(async () => {
  server = await startTestServer();
  silent = await startTestServer({ env: { TIKI_SEALED_BATCHES: 'off' } });
});
afterAll(async () => {
  await server.close();
  await silent.close();
});
beforeEach(() => {
  paid = [];
  passed = [];
  strips = false;
});
afterEach(async () => {
  await loop.stop();
  await trust.stop();
  kiosk.dispose();
});

/** Whoever ends TLS before the cloud. */
const between: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const text = input instanceof Request ? input.url : input.toString();
  if (text.endsWith('/v1/kiosk/settlements') && init?.body instanceof Uint8Array)
    passed.push({ body: new Uint8Array(init.body), status: response.status });
  const hasTrust = text.includes('/trust-bundle') || text.endsWith('/enrol');
  if (!strips || !hasTrust || !response.ok) return response;
  const { sealingKey: _, ...rest } = (await response.json()) as Record<string, unknown>;
  return new Response(JSON.stringify(rest), { status: 200, headers: response.headers });
};

async function openTill(at: TestServer): Promise<void> {
  const phone = await SimulatedPhone.withMoney(at, 2_000n);
  wallet = await phone.load(1_000n);
  merchant = await at.register('merchant');
  const view = await at.expect(KioskView, '/v1/merchant/kiosks', {
    body: { name: 'Till' },
    token: merchant.token,
    key: randomUUID(),
  });
  kiosk = new TestKiosk();
  kiosk.clock.wall = at.clock.nowMs();
  const events = { onReached: () => undefined, onUnreachable: () => undefined };
  const api = cloudApi(new CloudClient({ apiUrl: at.origin, events, fetch: between }));
  const store = {
    run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
      kiosk.desk.run(name, params),
  };
  const { publicKeys } = kiosk;
  await enrolKiosk({ api, store, publicKeys, log }, view.enrolment?.code ?? '');
  const parts = { api, store, snapshot: () => kiosk.snapshot(), isOnline: () => true, log };
  trust = new TrustRefresher({ ...parts, onChange: () => undefined });
  loop = new SettleLoop({ ...parts, refreshTrust: () => trust.refreshed(), onChange: () => undefined });
}

function sell(): void {
  const issuers = kiosk.desk.store.memory.kiosk?.trust.issuers ?? [];
  const { request } = ok(
    runSync(openRequestEnvelope(kiosk.sell(PRICE_MINOR).envelope, issuers), nodeCrypto()),
  );
  const payment = pay(wallet, request).bytes;
  paid.push(payment);
  const delivery = encodeDelivery({ allowanceCertificate: wallet.allowance.bytes, payment, phoneSalt: null });
  const outcome = kiosk.acceptOne(delivery);
  if (outcome.kind !== 'accepted') throw new Error(JSON.stringify(outcome));
}

async function settled(at: TestServer): Promise<void> {
  loop.retryNow();
  await expect.poll(() => kiosk.snapshot().unsettled.count, { interval: 10 }).toBe(0);
  await expect.poll(() => loop.view.state).toBe('idle');
  const { token } = merchant;
  expect(await at.expect(MerchantSummary, '/v1/merchant/summary', { token })).toMatchObject({
    availableMinor: String(PRICE_MINOR * BigInt(paid.length)),
  });
  expect(await reconcile(at.context.db)).toMatchObject({ sound: true });
}

const readable = () =>
  passed.filter(({ body }) => paid.some((payment) => Buffer.from(body).includes(Buffer.from(payment))));
const unsealed = () => passed.filter(({ body }) => !isSealedSettlement(body));
const parts = () => ({
  db: server.context.db,
  clock: server.clock,
  secret: server.context.config.keysSecret,
});

test('nobody between till and cloud reads a sale, and every sale settles', async () => {
  await openTill(server);
  for (let n = 0; n < 3; n += 1) sell();
  await settled(server);
  expect(passed.length).toBeGreaterThan(0);
  expect(unsealed()).toEqual([]);
  expect(readable()).toEqual([]);
});

test('a key that leaked is taken back in the middle: the till is told, fetches the new one and sends the same batch', async () => {
  await openTill(server);
  sell();
  await settled(server);
  await rotateSealingKey(parts(), { leaked: true });
  server.clock.advance(31_000);
  sell();
  await settled(server);
  expect(passed.map(({ status }) => status)).toContain(409);
  expect(unsealed()).toEqual([]);
});

test('who strips the key from every answer gets nothing from a till that has one, and the old way from one that never had', async () => {
  await openTill(server);
  strips = true;
  await trust.refreshed();
  sell();
  await settled(server);
  expect(unsealed()).toEqual([]);
  await loop.stop();
  await trust.stop();
  kiosk.dispose();
  paid = [];
  await openTill(server);
  sell();
  await settled(server);
  expect(readable()).toHaveLength(1);
});

test('a cloud that never offered a key gets batches as ever', async () => {
  await openTill(silent);
  sell();
  await settled(silent);
  expect(unsealed().length).toBe(passed.length);
});
