/** What `reconcile` says when refunds and the ledger do not agree: whoever bent them, it is named. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { refund } from '../../test/simulated-refunds.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { inTransaction } from '../db/retry.ts';
import { describe as inWords } from './print.ts';
import { findAccount, postTransfers, reconcile } from './index.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let offerHash: string;
beforeEach(async () => {
  server = await startTestServer();
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  const wallet = await phone.load(5_000n);
  const payment = kiosk.sell(wallet, 1_000n);
  const offer = refund(kiosk, wallet, { payment, amountMinor: 400n });
  offerHash = toHex(offer.hash);
  expect(await kiosk.settle()).toEqual(['settled', 'settled']);
});
afterEach(() => server.close());

const faults = async () => (await reconcile(server.context.db)).refunds.faults;

test('a refund that was paid once is sound, and is counted', async () => {
  const books = await reconcile(server.context.db);
  expect(books).toMatchObject({ sound: true, refunds: { settledCount: 1n, waitingCount: 0n, faults: [] } });
  expect(inWords(books).join('\n')).toContain("1 refunds paid, 0 waiting for their merchants' money");
});

test('a sum that is not the sum of its refunds is named', async () => {
  await server.database.owner`update refund_sums set refunded_minor = refunded_minor + 1`;
  expect(await faults()).toEqual([
    { offerHash, fault: 'the sum kept for its payment is not the sum of its refunds' },
  ]);
  expect((await reconcile(server.context.db)).sound).toBe(false);
});

test('a refund of another amount, one that waits though it was paid, and one beyond its sale are named', async () => {
  const { owner } = server.database;
  await owner`alter table refunds disable trigger refunds_only_forward`;
  await owner`update refunds set amount_minor = 401`;
  expect((await faults()).map(({ fault }) => fault)).toContain('has a transfer of another amount');
  await owner`update refunds set amount_minor = 400, state = 'waiting', has_waited = true, settled_at = null`;
  expect(await faults()).toEqual([{ offerHash, fault: 'waits and has a transfer' }]);
  await owner`update refunds set state = 'settled', settled_at = now()`;
  expect(await faults()).toEqual([]);
  await owner`update refunds set amount_minor = 1400`;
  expect((await faults()).map(({ fault }) => fault)).toContain(
    'its payment was given back beyond what the merchant got',
  );
});

test('money that left a merchant under a refund that nobody recorded is named', async () => {
  const { merchantId } = await kiosk.summary();
  const { currency } = kiosk.certificate;
  const stray = 'cd'.repeat(32);
  await inTransaction(server.context.db, async (tx) => {
    const from = await findAccount(tx, { kind: 'merchant_available', ownerId: merchantId, currency });
    const to = await findAccount(tx, { kind: 'guarantee_fund', currency });
    const entries = [
      { accountId: from, amountMinor: -5n },
      { accountId: to, amountMinor: 5n },
    ];
    const idempotencyKey = `offline_refund:${stray}`;
    await postTransfers(tx, [
      { id: randomUUID(), kind: 'offline_refund', idempotencyKey, reference: {}, entries },
    ]);
  });
  expect(await faults()).toEqual([{ offerHash: stray, fault: 'has a transfer and is not recorded' }]);
});
