/**
 * While a release is rolled out, the one before it answers on the newer schema, beside it and after it was taken back. It comes
 * from the git history and runs as a process of its own; the new one runs here, on the same database, which nobody has narrowed yet.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import { ClaimView, HistoryItem, pageOf, TransferResult, WalletView } from '../contract/index.ts';
import { reconcile } from '../src/ledger/index.ts';
import { freePort } from './free-port.ts';
import { findPreviousRelease, unpackRelease } from './previous-release.ts';
import { type Machine, startApi, stopMachine } from './scale/machines.ts';
import { SimulatedKiosk } from './simulated-kiosk.ts';
import { type OfflineWallet, pay, SimulatedPhone } from './simulated-phone.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const found = findPreviousRelease();
const missing = 'missing' in found ? found.missing : null;
if (missing !== null) console.warn(`Skipped: ${missing}.`);

describe.skipIf(missing !== null)(`the release before${missing === null ? '' : ` (${missing})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-previous-'));
  let now: TestServer;
  let before: TestServer;
  let process: Machine;

  beforeAll(async () => {
    if ('missing' in found) throw new Error(found.missing);
    chmodSync(folder, 0o755);
    // As the runbook says for as long as the release before is there, or may be again (docs/runbooks/roll-out.md).
    const env = { TIKI_SETTLEMENT_TRANSFERS: 'each' };
    now = await startTestServer({ maxConnections: 16, database: { isWide: true }, env });
    const port = await freePort();
    process = await startApi({
      name: `the release of ${found.commit}`,
      port,
      main: unpackRelease(found, folder),
      env: {
        ...now.env,
        DATABASE_URL: now.database.appUrl,
        TIKI_MIGRATE: 'never',
        TIKI_NEWER_SCHEMA: 'accept',
        TIKI_LEAVE_SECONDS: '0',
        LOG_LEVEL: 'warn',
      },
    });
    before = now.at(`http://127.0.0.1:${port}`);
  });
  afterAll(async () => {
    // Where the start failed there is less to end.
    if (process !== undefined) await stopMachine(process);
    if (now !== undefined) await now.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A sale in the journal, and what its customer holds. */
  function buy(kiosk: SimulatedKiosk, wallet: OfflineWallet, amountMinor: bigint) {
    const request = kiosk.request(amountMinor);
    const payment = pay(wallet, request);
    kiosk.write(request, wallet, payment);
    return kiosk.claimFor(wallet, { request, payment });
  }

  test('registers, logs in, tops up and transfers on the newer schema', async () => {
    const person = await before.customerWith(1_000n);
    const friend = await before.register('customer');
    const { token } = await before.signInAgain(person);
    const body = { phone: friend.phone, amountMinor: '250' };
    await before.expect(TransferResult, '/v1/transfers', { body, token, key: randomUUID() });
    for (const server of [before, now]) {
      const { onlineMinor } = await server.expect(WalletView, '/v1/wallet', { token });
      expect(onlineMinor).toBe('750');
      const history = await server.expect(pageOf(HistoryItem), '/v1/history', { token });
      expect(history.items).toHaveLength(2);
    }
  });

  test('settles batches in turn with the new one, and each answers a batch again that the other took', async () => {
    const phone = await SimulatedPhone.withMoney(before, 10_000n);
    const kiosk = await SimulatedKiosk.open(before, await before.register('merchant', { agent: true }));
    const wallet = await phone.load(5_000n);
    const batches: Uint8Array[] = [];
    const sold: string[] = [];
    for (const server of [before, now, before, now, before]) {
      const from = kiosk.journal.length + 1;
      sold.push(...[100n, 50n].map((amountMinor) => toHex(kiosk.sell(wallet, amountMinor).hash)));
      const batch = kiosk.batch({ from, to: from + 1 });
      batches.push(batch);
      kiosk.server = server;
      expect(await kiosk.settle(batch)).toEqual(['settled', 'settled']);
    }
    for (const server of [before, now]) {
      kiosk.server = server;
      for (const batch of batches) expect(await kiosk.settle(batch)).toEqual(['settled', 'settled']);
    }
    expect(await kiosk.availableMinor()).toBe(750n);
    // The phone knows its own payments again by their hashes, whichever release booked them and whichever tells of them.
    for (const server of [before, now]) {
      const { items } = await server.expect(pageOf(HistoryItem), '/v1/history', {
        token: phone.person.token,
      });
      const paid = items.filter(({ kind }) => kind === 'offline_payment');
      expect(paid).toHaveLength(10);
      expect(new Set(paid.map(({ paymentHash }) => paymentHash))).toEqual(new Set(sold));
    }
    await phone.close(wallet);
  });

  test('pays a claim, and the new one knows of it', async () => {
    const phone = await SimulatedPhone.withMoney(before, 10_000n);
    const merchant = await before.register('merchant', { agent: true });
    const kiosk = await SimulatedKiosk.open(before, merchant);
    const wallet = await phone.load(5_000n);
    const receipts = [buy(kiosk, wallet, 700n), buy(kiosk, wallet, 300n)];
    const path = `/v1/merchant/kiosks/${kiosk.kioskId}/deny`;
    expect((await before.call(path, { method: 'POST', token: merchant.token })).status).toBe(200);
    const { token } = phone.person;
    for (const [at, body] of receipts.entries()) {
      const server = [before, now][at] ?? now;
      expect(await server.expect(ClaimView, '/v1/claims', { body, token })).toMatchObject({ state: 'paid' });
    }
    expect(await kiosk.availableMinor()).toBe(1_000n);
  });

  test('leaves books that add up', async () => {
    expect(await reconcile(now.context.db)).toMatchObject({ sound: true });
  });
});
