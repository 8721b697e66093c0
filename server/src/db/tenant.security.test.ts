/** Row-level security, the second line: what the database itself hides when a room's own condition is forgotten (R52). */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { createLogger } from '../log.ts';
import { createTenantReads, type Tenant } from './tenant.ts';

let server: TestServer;
let victim: Tenant;
let shop: Tenant;
let strangers: Tenant[];

const tenantOf = ({ session }: Person): Tenant => ({
  userId: session.user.id,
  merchantId: session.user.merchant?.id ?? null,
});

beforeAll(async () => {
  server = await startTestServer();
  const phone = await SimulatedPhone.withMoney(server, 5_000n);
  const merchant = await server.register('merchant', { agent: true });
  const kiosk = await SimulatedKiosk.open(server, merchant);
  kiosk.sell(await phone.load(2_000n), 700n);
  await kiosk.settle();
  victim = tenantOf(phone.person);
  shop = tenantOf(merchant);
  strangers = [tenantOf(await server.register('customer')), tenantOf(await server.register('merchant'))];
});
afterAll(() => server.close());

/** Every table that the tenant's reader may read at all. */
async function readable(): Promise<string[]> {
  const rows = await server.database.owner<{ name: string }[]>`
    select distinct table_name as name from information_schema.column_privileges
    where grantee = 'tiki_tenant' and table_schema = 'public' order by 1`;
  return rows.map(({ name }) => name);
}

/** How many rows each sees when nobody has written a condition. */
function countAll(tenant: Tenant, table: string): Promise<number> {
  return server.context.asTenant(tenant, async (tx) => {
    const rows = await tx.execute<{ n: string }>(sql`select count(*) as n from ${sql.identifier(table)}`);
    return Number(rows[0]?.n);
  });
}

test('R52: every table with a person or a merchant in it is guarded by the database', async () => {
  const bare = await server.database.owner`
    select distinct c.table_name from information_schema.columns c
    join pg_class t on t.oid = format('public.%I', c.table_name)::regclass and t.relkind in ('r', 'p')
    where c.table_schema = 'public' and c.column_name in ('user_id', 'merchant_id', 'owner_id', 'holder_id')
      and not t.relrowsecurity`;
  expect(bare.map((row) => row['table_name'])).toEqual([]);
});

test('R52: a query without any condition shows a stranger nothing of anybody', async () => {
  const tables = await readable();
  expect(tables.length).toBeGreaterThan(15);
  const own = ['users', 'merchants', 'ledger_accounts', 'team_members'];
  for (const tenant of strangers) {
    for (const table of tables.filter((name) => name !== 'issuer_certificates')) {
      const seen = await countAll(tenant, table);
      expect([table, seen]).toEqual([table, own.includes(table) ? Math.min(seen, 1) : 0]);
    }
  }
});

test('R52: a forged tenant in the query changes nothing: the transaction’s own counts', async () => {
  const [stranger] = strangers;
  if (stranger === undefined) throw new Error('no stranger');
  const rows = await server.context.asTenant(stranger, (tx) =>
    tx.execute(sql`select id from allowances where user_id = ${victim.userId}`),
  );
  expect(rows).toHaveLength(0);
  expect(await countAll(victim, 'allowances')).toBe(1);
  expect(await countAll(shop, 'sales')).toBe(1);
  // The shop sees the allowance that paid there, and nothing else of its holder.
  expect(await countAll(shop, 'allowances')).toBe(1);
  expect(await countAll(shop, 'top_ups')).toBe(0);
  expect(await countAll(victim, 'sales')).toBe(0);
});

test('R52: nobody set is nobody: without a tenant there are no rows, and the pool’s connection forgets the last one', async () => {
  const rows = await server.context.db.transaction(async (tx) => {
    await tx.execute(sql`set local role tiki_tenant`);
    return tx.execute<{ n: string }>(sql`select count(*) as n from ledger_accounts`);
  });
  expect(Number(rows[0]?.n)).toBe(0);
  await server.context.asTenant(victim, () => Promise.resolve());
  const settings = await server.context.db.execute(
    sql`select current_user as who, nullif(current_setting('app.user', true), '') as tenant`,
  );
  expect([...settings]).toEqual([{ who: 'tiki_app', tenant: null }]);
});

test.each([
  'update ledger_entries set amount_minor = 1',
  'delete from sales',
  "insert into top_ups (id, user_id, amount_minor, currency) values (gen_random_uuid(), app_user(), 1, 'SGD')",
  'select password_hash from users',
  'select * from sessions',
  'select * from server_keys',
  'select * from idempotency_keys',
  'select * from kiosk_tokens',
])('R52: a tenant’s reader may not: %s', async (statement) => {
  const tried = server.database.owner.begin(async (owner) => {
    await owner.unsafe(`set local role tiki_tenant; select set_config('app.user', '${victim.userId}', true)`);
    await owner.unsafe(statement);
  });
  await expect(tried).rejects.toMatchObject({ code: '42501' });
});

test('R50: the application’s role may not change what is booked', async () => {
  for (const statement of [
    'update ledger_entries set amount_minor = 1',
    'delete from ledger_entries',
    "update ledger_transfers set reference = '{}'",
    'delete from ledger_transfers',
    'truncate ledger_entries',
    "update webhook_events set type = 'x'",
    // Only triggers tell: not a statement that calls what they call, and not a trigger of one's own.
    `select webhook_tell('${shop.merchantId}', 'payment.settled', 'forged', '{}')`,
    'create temp table mine (); create trigger t after insert on mine execute function webhook_tell_kiosk()',
  ]) {
    await expect(server.context.db.execute(sql.raw(statement))).rejects.toMatchObject({
      cause: { code: '42501' },
    });
  }
});

test('a database whose roles do not allow it is said loudly, and reads go on', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
  await server.database.owner`alter table ledger_accounts disable row level security`;
  const asTenant = await createTenantReads(server.context.db, log);
  await server.database.owner`alter table ledger_accounts enable row level security`;
  expect(lines.join('')).toContain('row-level security is off');
  expect(await asTenant(victim, () => Promise.resolve('read'))).toBe('read');
});
