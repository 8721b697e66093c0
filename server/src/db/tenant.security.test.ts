/** Row-level security, the second line: what the database itself hides when a room's own condition is forgotten (R52). */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { createLogger } from '../log.ts';
import { createTenantReads, type Tenant } from './tenant.ts';
import { createActingRoles } from './acting-as.ts';

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

/** Tables that no policy guards: there is nobody's row in them. */
const OF_NOBODY = [
  'issuer_certificates',
  'provider_events',
  'rate_limits',
  'revoked_issuers',
  'server_keys',
  'trust_bundles',
  'trust_state',
];
/** What `tiki_app` itself still writes, and why no narrower role does. */
const WRITTEN_BY_APPLICATION: Readonly<Record<string, string>> = {
  account_events: 'proofs of who is calling',
  allowances: 'closing an account erases the masked number',
  bank_accounts: 'closing an account deletes it',
  debts: 'a transfer between two people pays them',
  denied_subjects: 'a till that is replaced or lost is denied, by no person',
  idempotency_keys: 'before it is known what a request does',
  issuer_certificates: 'the server’s own keys',
  kiosk_certificates: 'a till enrols, which is no person',
  kiosk_enrolments: 'a till enrols, which is no person',
  kiosk_tokens: 'a till enrols, which is no person',
  kiosks: 'a till enrols, which is no person',
  ledger_accounts: 'transfers between people, many in one transaction',
  ledger_entries: 'transfers between people, many in one transaction',
  ledger_transfers: 'transfers between people, many in one transaction',
  merchants: 'registration: there is nobody yet',
  operator_acts: 'the operator’s own log',
  owner_codes: 'proofs of who is calling',
  password_resets: 'proofs of who is calling',
  phone_changes: 'proofs of who is calling',
  provider_events: 'before the release that has a worker',
  rate_limits: 'before it is known who is calling',
  registrations: 'registration: there is nobody yet',
  revoked_issuers: 'the server’s own keys',
  server_keys: 'the server’s own keys',
  sessions: 'who is calling',
  team_invitations: 'a number that changes ends what other shops offered to it',
  team_members: 'registration: there is nobody yet; closing ends them',
  top_ups: 'the terminal’s commands of the operator',
  trust_bundles: 'the server’s own keys',
  trust_state: 'the server’s own keys',
  users: 'registration, a new password, a new number, closing',
  webhook_endpoints: 'closing an account ends and erases them',
  withdrawals: 'the terminal’s commands of the operator',
};

test('R52: every table is guarded by the database, or is nobody’s', async () => {
  const tables = await server.database.owner<{ name: string; guarded: boolean }[]>`
    select relname as name, relrowsecurity as guarded from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`;
  expect(tables.filter(({ guarded }) => !guarded).map(({ name }) => name)).toEqual(OF_NOBODY);
});

test('R52: the application writes itself only what no narrower role does, each for a reason', async () => {
  const rows = await server.database.owner<{ name: string }[]>`
    select distinct table_name as name from information_schema.column_privileges
    where grantee = 'tiki_app' and table_schema = 'public' and privilege_type in ('INSERT', 'UPDATE')
    union select table_name from information_schema.table_privileges
    where grantee = 'tiki_app' and table_schema = 'public' and privilege_type = 'DELETE' order by 1`;
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(WRITTEN_BY_APPLICATION).sort());
});

/** Every table of which the member may change something, with one column of those. */
async function changeable(): Promise<{ name: string; column: string }[]> {
  return server.database.owner<{ name: string; column: string }[]>`
    select table_name as name, min(column_name) as column from information_schema.column_privileges
    where grantee = 'tiki_member' and table_schema = 'public' and privilege_type = 'UPDATE' and table_name <> 'trust_state'
    group by 1 order by 1`;
}

test('R52: a write without any condition changes nothing of anybody else’s', async () => {
  const tables = await changeable();
  expect(tables.length).toBeGreaterThan(10);
  const own = ['ledger_accounts', 'team_members'];
  for (const tenant of strangers) {
    const db = server.context.dbOf(tenant);
    for (const { name, column } of tables.filter((table) => !own.includes(table.name))) {
      const changed = await db.execute(
        sql`update ${sql.identifier(name)} set ${sql.identifier(column)} = ${sql.identifier(column)} returning 1`,
      );
      expect([name, changed.length]).toEqual([name, 0]);
    }
    // Their own pocket and ours; of a team their own place.
    const moved = await db.execute<{ holder_id: string | null }>(
      sql`update ledger_accounts set balance_minor = balance_minor returning holder_id`,
    );
    expect(moved.filter(({ holder_id: holder }) => holder !== null && holder !== tenant.userId)).toEqual([]);
  }
});

test('R52: a row with somebody else’s name on it is refused, and money finds no way to their account', async () => {
  const [stranger] = strangers;
  if (stranger === undefined) throw new Error('no stranger');
  const db = server.context.dbOf(stranger);
  const theirs = victim.userId;
  const [account] = await server.database.owner<{ id: string }[]>`
    select id from ledger_accounts where owner_id = ${theirs} and kind = 'user_online'`;
  const [till] = await server.database.owner<{ id: string }[]>`select id from kiosks limit 1`;
  for (const forged of [
    sql`insert into top_ups (id, user_id, amount_minor, currency) values (gen_random_uuid(), ${theirs}, 1, 'SGD')`,
    sql`insert into team_members (id, merchant_id, user_id, role, added_at)
      values (gen_random_uuid(), ${shop.merchantId}, ${stranger.userId}, 'manager', now())`,
    sql`insert into webhook_endpoints (id, merchant_id, idempotency_key, url, events, secret_changed_at, created_at)
      values (gen_random_uuid(), ${shop.merchantId}, 'forged', 'https://example.com/', '{payment.settled}', now(), now())`,
    sql`insert into denied_subjects (kind, subject_id, version, reason) values ('kiosk', ${till?.id ?? ''}, 9, 'lost')`,
    sql`with t as (insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
        values (gen_random_uuid(), 'correction', 'forged', '', '{}') returning id)
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
        select t.id, ${account?.id ?? ''}, 'SGD', 1 from t`,
    sql`update users set withdrawals_from = null`,
    sql`insert into sales (enrolment_id) values (gen_random_uuid())`,
  ])
    await expect(db.execute(forged)).rejects.toMatchObject({ cause: { code: '42501' } });
});

test('R52: who settles sees everybody’s money and nobody’s secrets', async () => {
  for (const statement of [
    'select password_hash from users',
    'select token_hash from kiosk_tokens',
    'select material from server_keys',
    'select * from owner_codes',
    'select proof_key from sessions',
    'update users set phone = phone',
    'update kiosks set enrolment_code = null',
    'insert into operator_acts select * from operator_acts',
    'delete from ledger_entries',
  ])
    await expect(server.context.worker.execute(sql.raw(statement))).rejects.toMatchObject({
      cause: { code: '42501' },
    });
  // And what it is, it is for one statement.
  const [who] = await server.context.db.execute(sql`select current_user as who`);
  expect(who).toEqual({ who: 'tiki_app' });
});

test('R52: the operator’s pages see no secret, move no money, and write down under the own name only', async () => {
  const { session } = await server.operator();
  const { id } = session.user;
  const db = server.context.operatorOf(id);
  const act = (by: string) =>
    db.execute(sql`insert into operator_acts (id, operator_id, act, subject_id, reason, at)
      values (gen_random_uuid(), ${by}, 'user_suspended', ${victim.userId}, 'forged', now())`);
  for (const statement of [
    'select password_hash from users',
    'select enrolment_code_hash from kiosks',
    'select proof_key from sessions',
    'select material from server_keys',
    'select * from owner_codes',
    'update users set role = role',
    'update ledger_accounts set balance_minor = 0',
    'insert into denied_subjects select * from denied_subjects',
    'delete from operator_acts',
    `insert into suspensions (id, user_id, reason, since) values (gen_random_uuid(), '${id}', 'myself', now())`,
  ])
    await expect(db.execute(sql.raw(statement))).rejects.toMatchObject({ cause: { code: '42501' } });
  await expect(act(victim.userId)).rejects.toMatchObject({ cause: { code: '42501' } });
  await act(id);
  expect(() => server.context.operatorOf("'; reset role; --")).toThrow(TypeError);
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
    // Only triggers tell: not a statement that calls what they call (nor a trigger of one's own: temporary-things.security.test.ts).
    `select webhook_tell('${shop.merchantId}', 'payment.settled', 'forged', '{}')`,
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

test('a role that was made after the migrations that grant to it is not worn, and that is said', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
  const { owner } = server.database;
  await owner`revoke select on ledger_accounts from tiki_operator`;
  const { operatorOf } = await createActingRoles(server.context.db, log);
  await owner`grant select on ledger_accounts to tiki_operator`;
  expect(lines.join('')).toContain('these roles cannot be taken on: tiki_operator');
  const [row] = await operatorOf(victim.userId).execute(sql`select current_user as who`);
  expect(row).toEqual({ who: 'tiki_app' });
});
