/** Whoever looks for what a damaged certificate did reads the refused sales, however many others there are. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from 'drizzle-orm';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { listDamage } from './damage.ts';

const SALES = 30_000;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** Of machines that nobody enrolled: only the size of the table counts. */
async function manySales(): Promise<void> {
  const { owner } = server.database;
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
      insert into sales (enrolment_id, sequence, kiosk_id, merchant_id, counted, outcome, code, payment_hash, amount_minor,
        currency, masked_phone, accepted_at, settled_at)
      select e, s, e, e, true, case when s = 7 then 'refused' else 'settled' end, case when s = 7 then 'issuer_unknown' end,
        sha256((e::text || s)::bytea), 100, 'SGD', '', now(), now()
      from (select gen_random_uuid() as e from generate_series(1, 30)) m, generate_series(1, ${SALES / 30}) s`;
  });
  await owner`analyze sales`;
}

test('looking for damage goes through the refused sales, never through all', async () => {
  await manySales();
  const { db } = server.context;
  const read = await db.transaction(async (tx) => {
    await listDamage(tx, { issuers: [], now: new Date(), limit: 50 });
    const [counted] = await tx.execute<{ scanned: number; fetched: number }>(sql`
      select seq_tup_read::int as scanned, idx_tup_fetch::int as fetched
      from pg_stat_xact_user_tables where relname = 'sales'`);
    return counted;
  });
  expect(read).toMatchObject({ scanned: 0 });
  // Once for each of the two reasons, and for each reason all refused ones.
  expect(read?.fetched).toBeLessThanOrEqual(4 * 30);
});
