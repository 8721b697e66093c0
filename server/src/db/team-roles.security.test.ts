/** What a place in a team allows, by the database alone: raw SQL of who works there, with no room's own condition before it (R52). */
import { sql, type SQL } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReceivedInvitations, type TeamRole } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { freshPhone, type Person, startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
let team: Record<TeamRole, Person>;
let second: Record<'manager' | 'cashier', Person>;
let merchantId: string;
let stranger: Person;

beforeAll(async () => {
  server = await startTestServer();
  const owner = await server.register('merchant', { agent: true });
  merchantId = owner.session.user.merchant?.id ?? '';
  await SimulatedKiosk.open(server, owner);
  team = { owner, manager: await hire('manager', owner), cashier: await hire('cashier', owner) };
  second = { manager: await hire('manager', owner), cashier: await hire('cashier', owner) };
  stranger = await server.register('customer');
});
afterAll(() => server.close());

async function hire(role: 'manager' | 'cashier', owner: Person): Promise<Person> {
  const person = await server.register('customer');
  await server.call('/v1/merchant/team/invitations', {
    token: owner.token,
    body: { phone: person.phone, role },
  });
  const { items } = await server.expect(ReceivedInvitations, '/v1/team-invitations', { token: person.token });
  const path = `/v1/team-invitations/${items[0]?.id}/accept`;
  expect((await server.call(path, { method: 'POST', token: person.token })).status).toBe(200);
  return person;
}

const idOf = ({ session }: Person) => session.user.id;
const run = (by: Person, statement: SQL) =>
  server.context.dbOf({ userId: idOf(by), merchantId }).execute(statement);
const refused = (by: Person, statement: SQL) =>
  expect(run(by, statement)).rejects.toMatchObject({ cause: { code: '42501' } });

const add = (person: Person, role: TeamRole) => sql`
  insert into team_members (id, merchant_id, user_id, role, added_at)
  values (gen_random_uuid(), ${merchantId}, ${idOf(person)}, ${role}, now())`;
const end = (person: Person, by: Person) => sql`
  update team_members set ended_at = now(), ended_by = ${idOf(by)} where user_id = ${idOf(person)} and ended_at is null`;
const invite = (by: Person, role: TeamRole) => sql`
  insert into team_invitations (id, merchant_id, phone, role, invited_by, created_at, expires_at)
  values (gen_random_uuid(), ${merchantId}, ${freshPhone()}, ${role}, ${idOf(by)}, now(), now() + interval '1 day')`;
test('R52: nobody brings somebody into a team who was not invited, whatever the own role is', async () => {
  for (const by of [team.owner, team.manager, team.cashier])
    for (const role of ['cashier', 'manager', 'owner'] as const) await refused(by, add(stranger, role));
});

test('R52: a manager ends a cashier’s place and no other, in the own name', async () => {
  const { manager, owner, cashier } = team;
  await refused(manager, end(second.manager, manager));
  await refused(manager, end(owner, manager));
  await refused(manager, end(second.cashier, owner));
  await refused(cashier, end(second.cashier, cashier));
  await refused(owner, end(owner, owner));
});

test('R52: who changes a role makes nobody their own equal', async () => {
  const { manager, owner } = team;
  const change = (by: Person, role: TeamRole) =>
    server.context.dbOf({ userId: idOf(by), merchantId }).transaction(async (tx) => {
      await tx.execute(end(second.cashier, by));
      await tx.execute(add(second.cashier, role));
      throw new Error('held');
    });
  await expect(change(manager, 'manager')).rejects.toMatchObject({ cause: { code: '42501' } });
  await expect(change(owner, 'owner')).rejects.toMatchObject({ cause: { code: '42501' } });
  await expect(change(manager, 'cashier')).rejects.toThrow('held');
  await expect(change(owner, 'manager')).rejects.toThrow('held');
});

test('R52: nobody leaves a place and comes back to a better one', async () => {
  const { manager, cashier } = team;
  for (const by of [manager, cashier])
    await expect(
      server.context.dbOf({ userId: idOf(by), merchantId }).transaction(async (tx) => {
        await tx.execute(end(by, by));
        await tx.execute(add(by, 'manager'));
      }),
    ).rejects.toMatchObject({ cause: { code: '42501' } });
});

test('R52: a manager invites cashiers, under the own name, and takes back no offer of the owner’s', async () => {
  const { manager, owner, cashier } = team;
  await refused(manager, invite(manager, 'manager'));
  await refused(manager, invite(owner, 'cashier'));
  await refused(cashier, invite(cashier, 'cashier'));
  await run(manager, invite(manager, 'cashier'));
  await run(owner, invite(owner, 'manager'));
  const withdraw = sql`update team_invitations set ended_at = now(), ended_reason = 'withdrawn' where role = 'manager'`;
  await refused(manager, withdraw);
  expect(await run(owner, sql`${withdraw} returning id`)).toHaveLength(1);
});

test('R52: a cashier changes no till and no limit, and who is not the owner tells programs nothing', async () => {
  const { manager, cashier } = team;
  const suspend = sql`update kiosks set suspended_at = now()`;
  await refused(cashier, suspend);
  await refused(cashier, sql`update kiosk_enrolments set ended_reason = 'denied', ended_at = now()`);
  await refused(
    cashier,
    sql`insert into denied_subjects (kind, subject_id, version, reason) select 'kiosk', id, 99, 'lost' from kiosks`,
  );
  await refused(
    cashier,
    sql`insert into kiosks (id, merchant_id, name, currency, status, created_at)
      select gen_random_uuid(), merchant_id, 'mine', currency, status, now() from kiosks limit 1`,
  );
  await run(manager, sql`${suspend} where false`);
  await refused(
    manager,
    sql`insert into webhook_endpoints (id, merchant_id, idempotency_key, url, events, secret_changed_at, created_at)
      values (gen_random_uuid(), ${merchantId}, 'forged', 'https://example.com/', '{payment.settled}', now(), now())`,
  );
});
