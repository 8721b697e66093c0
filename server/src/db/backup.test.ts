import { createHash, randomUUID } from 'node:crypto';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { CBOR_MEDIA_TYPE, TransferResult, WalletView } from '../../contract/index.ts';
import { ADMIN_URL_ENV, TEST_APP_PASSWORD } from '../../test/fresh-database.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, TestServer } from '../../test/test-server.ts';
import { createApp } from '../app.ts';
import { createContext } from '../context-from-config.ts';
import { type Listening, listen } from '../http/listen.ts';
import { reconcile } from '../ledger/index.ts';
import { reconcileJournals } from '../settlement/reconcile-journals.ts';
import { deny } from '../trust/index.ts';
import { restoreBackup, takeBackup } from './backup.ts';
import { connect, type Database } from './client.ts';
import { migrate } from './migrate.ts';
import { inTransaction, sqlState } from './retry.ts';

let before: TestServer;
let after: TestServer;
let restored: { database: Database; ownerUrl: string; appUrl: string; listening: Listening; name: string };
let folder: string;
let kiosk: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
let recipient: Person;
let firstBatch: Uint8Array;
let acknowledged: Uint8Array;
let sent: { key: string; answer: TransferResult };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-backup-'));
  before = await startTestServer();
  phone = await SimulatedPhone.withMoney(before, 20_000n);
  recipient = await before.register('customer');
  const merchant = await before.register('merchant', { agent: true });
  kiosk = await SimulatedKiosk.open(before, merchant);
  await before.call('/v1/merchant/webhooks', {
    body: { url: 'https://shop.example.com/told', events: ['payment.settled'] },
    token: merchant.token,
    key: randomUUID(),
  });
  wallet = await phone.load(5_000n);
  for (const amount of [100n, 200n, 300n]) kiosk.sell(wallet, amount);
  firstBatch = kiosk.batch();
  acknowledged = (await kiosk.handIn(firstBatch)).bytes;
  sent = await transfer(before, randomUUID());
  await before.database.owner`update webhook_deliveries set state = 'queued' where sequence = 1`;
  await takeBackup(before.database.ownerUrl, join(folder, 'backup'));
  // After the backup: lost with the database, but for what the kiosk still has.
  for (const amount of [400n, 500n]) kiosk.sell(wallet, amount);
  await kiosk.settle(kiosk.batch({ from: 4, to: 5 }));
  await inTransaction(before.context.db, (tx) =>
    deny(tx, [{ kind: 'allowance', subjectId: randomUUID(), reason: 'lost', notAfter: null }]),
  );
  await kiosk.syncTrust();
  restored = await restore(join(folder, 'backup'));
  const { config, log } = before.context;
  const { clock, stripe, stripeOrigin, sms, webhookSecret, database } = before;
  const context = await createContext({ config, clock, log, db: restored.database.db });
  const { fetch } = createApp(context);
  restored.listening = await listen({ fetch, host: '127.0.0.1', port: 0, setting: 'none' });
  const origin = `http://127.0.0.1:${restored.listening.port}`;
  after = new TestServer({ origin, context, clock, database, stripe, stripeOrigin, sms, webhookSecret }, []);
});
afterAll(async () => {
  await restored.listening.close(100);
  await restored.database.close();
  const admin = postgres(process.env[ADMIN_URL_ENV] ?? '', { max: 1 });
  await admin.unsafe(`drop database ${restored.name} with (force)`);
  await admin.end();
  await before.close();
  rmSync(folder, { recursive: true, force: true });
});

async function emptyDatabase() {
  const name = `r_${randomUUID().replaceAll('-', '')}`;
  const admin = postgres(process.env[ADMIN_URL_ENV] ?? '', { max: 1 });
  await admin.unsafe(`create database ${name}`);
  await admin.end();
  const ownerUrl = new URL(process.env[ADMIN_URL_ENV] ?? '');
  ownerUrl.pathname = `/${name}`;
  const appUrl = new URL(ownerUrl);
  appUrl.username = 'tiki_app';
  appUrl.password = TEST_APP_PASSWORD;
  await migrate({ ownerUrl: ownerUrl.href });
  return { name, ownerUrl: ownerUrl.href, appUrl: appUrl.href };
}

async function restore(from: string) {
  const empty = await emptyDatabase();
  await restoreBackup(empty.ownerUrl, from);
  const database = connect({ url: empty.appUrl, maxConnections: 4 });
  return {
    ...empty,
    database,
    listening: { port: 0, leave: () => undefined, close: () => Promise.resolve() },
  };
}

async function transfer(server: TestServer, key: string) {
  const body = { phone: recipient.phone, amountMinor: '700' };
  const answer = await server.expect(TransferResult, '/v1/transfers', {
    body,
    key,
    token: phone.person.token,
  });
  return { key, answer };
}

async function handIn(envelope: Uint8Array): Promise<{ status: number; bytes: Uint8Array }> {
  const response = await fetch(`${after.origin}/v1/kiosk/settlements`, {
    method: 'POST',
    headers: { 'content-type': CBOR_MEDIA_TYPE, authorization: `Kiosk ${kiosk.token}` },
    body: new Uint8Array(envelope),
  });
  return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
}

const transferCount = async () => (await reconcile(restored.database.db)).transferCount;

test('what merchants were told comes along and is not told again; what was on its way waits', async () => {
  const rows = await restored.database.db.execute<{ state: string }>(
    sql`select d.state from webhook_deliveries d join webhook_events e on e.id = d.event_id`,
  );
  expect(rows.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting']);
});

test('a restored ledger is sound, and whoever was signed in goes on with the money of that moment', async () => {
  expect(await reconcile(restored.database.db)).toMatchObject({ sound: true });
  const seen = await after.expect(WalletView, '/v1/wallet', { token: phone.person.token });
  // 200.00 topped up, 50.00 taken offline, 7.00 sent; three sales settled.
  expect(seen).toMatchObject({ onlineMinor: '14300', offlineMinor: '4400' });
});

test('R45 a restore re-opens nothing: repeated writes, batches and payments are what they were', async () => {
  const count = await transferCount();
  expect((await transfer(after, sent.key)).answer).toEqual(sent.answer);
  const again = await handIn(firstBatch);
  expect([again.status, again.bytes]).toEqual([200, acknowledged]);
  expect(await transferCount()).toBe(count);
});

test('a kiosk that was acknowledged after the backup hands in again what the cloud misses, once', async () => {
  const gap = await handIn(kiosk.heartbeat());
  expect(gap.status).toBe(409);
  expect(JSON.parse(Buffer.from(gap.bytes).toString())).toMatchObject({
    code: 'batch_gap',
    highestSequence: 3,
  });
  const count = await transferCount();
  expect((await handIn(kiosk.batch({ from: 4, to: 5 }))).status).toBe(200);
  expect((await handIn(kiosk.batch())).status).toBe(200);
  // Both sales, by one transfer; the second time by none.
  expect(await transferCount()).toBe(count + 1n);
  expect(await reconcile(restored.database.db)).toMatchObject({ sound: true });
});

test('a till takes the trust that a restored cloud signs, which no version that it knew is as high as', async () => {
  const known = kiosk.trust;
  kiosk.server = after;
  await kiosk.syncTrust();
  expect(kiosk.trust.version).toBeGreaterThan(known.version);
  expect(kiosk.trust.denyListVersion).toBeGreaterThan(known.denyListVersion);
});

/** A backup in which one table has other rows, and which says so itself. */
function bent(table: string, change: (rows: Buffer) => Buffer): string {
  const broken = join(folder, `broken-${table}`);
  cpSync(join(folder, 'backup'), broken, { recursive: true });
  const file = join(broken, `${table}.copy.gz`);
  const rows = change(gunzipSync(readFileSync(file)));
  writeFileSync(file, gzipSync(rows));
  const manifest = z
    .looseObject({ tables: z.array(z.looseObject({ name: z.string(), rows: z.number() })) })
    .parse(JSON.parse(readFileSync(join(broken, 'manifest.json'), 'utf8')));
  const sha256 = createHash('sha256').update(rows).digest('hex');
  const count = rows.filter((byte) => byte === 10).length;
  const tables = manifest.tables.map((one) => (one.name === table ? { ...one, rows: count, sha256 } : one));
  writeFileSync(join(broken, 'manifest.json'), JSON.stringify({ ...manifest, tables }));
  return broken;
}

test.each<{ what: string; table: string; change: (rows: Buffer) => Buffer }>([
  {
    what: 'a row that the database refuses, the last of its file,',
    table: 'users',
    change: (rows) => Buffer.concat([rows, Buffer.from('no uuid\tand no more\n')]),
  },
  {
    what: 'a payment less than its batch’s transfer paid',
    table: 'payments',
    change: (rows) => rows.subarray(rows.indexOf(10) + 1),
  },
])('$what ends the restore, and nothing of it stays', async ({ table, change }) => {
  const empty = await emptyDatabase();
  await expect(restoreBackup(empty.ownerUrl, bent(table, change))).rejects.toMatchObject({
    code: 'backup_damaged',
  });
  await restoreBackup(empty.ownerUrl, join(folder, 'backup'));
  const admin = postgres(process.env[ADMIN_URL_ENV] ?? '', { max: 1 });
  await admin.unsafe(`drop database ${empty.name} with (force)`);
  await admin.end();
});

test('payments come back with the transfer that they share, and its rule judges on', async () => {
  const asOwner = connect({ url: restored.ownerUrl, maxConnections: 1 });
  try {
    const shared = await asOwner.db.execute(sql`
      select t.kind, count(*)::int as n from payments p join ledger_transfers t on t.id = p.transfer_id
      where p.sequence <= 3 group by t.id`);
    expect([...shared]).toEqual([{ kind: 'offline_payments', n: 3 }]);
    const twin = asOwner.db.execute(sql`
      insert into payments (payment_hash, allowance_id, enrolment_id, sequence, merchant_id, counter, amount_minor, cumulative_minor,
        bytes, outcome, from_reserve_minor, from_guarantee_minor, settled_at, transfer_id)
      select sha256(payment_hash), allowance_id, enrolment_id, 1000, merchant_id, 1000, 600, 600,
        bytes, outcome, 600, 0, settled_at, transfer_id from payments where sequence = 1`);
    expect(await twin.then(() => 'no error', sqlState)).toBe('23514');
    expect(await reconcileJournals(restored.database.db)).toMatchObject({ sound: true });
  } finally {
    await asOwner.close();
  }
});

test('a backup is never restored over rows, and not at all when a file is damaged or the folder is half written', async () => {
  const from = join(folder, 'backup');
  await expect(restoreBackup(restored.ownerUrl, from)).rejects.toMatchObject({ code: 'database_not_empty' });
  const damaged = join(folder, 'damaged');
  cpSync(from, damaged, { recursive: true });
  writeFileSync(join(damaged, 'ledger_transfers.copy.gz'), gzipSync(''));
  const empty = await emptyDatabase();
  await expect(restoreBackup(empty.ownerUrl, damaged)).rejects.toMatchObject({ code: 'backup_damaged' });
  rmSync(join(damaged, 'manifest.json'));
  await expect(restoreBackup(empty.ownerUrl, damaged)).rejects.toMatchObject({ code: 'backup_damaged' });
  appendFileSync(join(damaged, 'manifest.json'), '{}');
  // Nothing of the failed attempts stayed.
  await restoreBackup(empty.ownerUrl, from);
  const admin = postgres(process.env[ADMIN_URL_ENV] ?? '', { max: 1 });
  await admin.unsafe(`drop database ${empty.name} with (force)`);
  await admin.end();
});
