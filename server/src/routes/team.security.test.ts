/**
 * A merchant's team: who may do what on every route of a merchant, and what a team tells to whom. The routes come from the OpenAPI
 * document and the permissions from the contract, so a route that asks for another permission than it says fails here.
 */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  KioskList,
  KioskView,
  mayDo,
  PERMISSIONS,
  type Permission,
  ReceivedInvitations,
  TEAM_ROLES,
  type TeamRole,
  TeamView,
  User,
} from '../../contract/index.ts';
import { freshPhone, type Person, startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
let team: Record<TeamRole, Person>;
beforeAll(async () => {
  server = await startTestServer();
  const owner = await server.register('merchant', { businessName: 'Kopi Tim' });
  team = { owner, manager: await hire(owner, 'manager'), cashier: await hire(owner, 'cashier') };
});
afterAll(() => server.close());

const idOf = (person: Person) => person.session.user.id;
const readTeam = ({ token }: Person) => server.expect(TeamView, '/v1/merchant/team', { token });
const invite = ({ token }: Person, phone: string, role: string) =>
  server.call('/v1/merchant/team/invitations', { token, body: { phone, role } });
const received = async ({ token }: Person) =>
  (await server.expect(ReceivedInvitations, '/v1/team-invitations', { token })).items;
const answer = ({ token }: Person, id: string, how: 'accept' | 'decline') =>
  server.call(`/v1/team-invitations/${id}/${how}`, { method: 'POST', token });
const setRole = ({ token }: Person, id: string, role: string) =>
  server.call(`/v1/merchant/team/members/${id}`, { method: 'PUT', token, body: { role } });
const remove = ({ token }: Person, id: string) =>
  server.call(`/v1/merchant/team/members/${id}`, { method: 'DELETE', token });
const sales = ({ token }: Person) => server.call('/v1/merchant/sales', { token });

/** Invites a customer and accepts for them. */
async function hire(owner: Person, role: 'manager' | 'cashier'): Promise<Person> {
  const person = await server.register('customer');
  await invite(owner, person.phone, role);
  const [offer] = await received(person);
  expect((await answer(person, offer?.id ?? '', 'accept')).status).toBe(200);
  return person;
}

const Document = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({ security: z.array(z.record(z.string(), z.array(z.string()))).optional() }),
    ),
  ),
});
interface MerchantRoute {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly permission: string | undefined;
}
async function merchantRoutes(): Promise<readonly MerchantRoute[]> {
  const { paths } = await server.expect(Document, '/v1/openapi.json');
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(() => path.startsWith('/v1/merchant/'))
      .map(([method, { security }]) => ({
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        permission: security?.[0]?.['session']?.[0],
      })),
  );
}

describe('what each role may do', () => {
  test('a cashier may less than a manager, a manager less than the owner', () => {
    const count = (role: TeamRole) => PERMISSIONS.filter((permission) => mayDo(role, permission)).length;
    expect(count('owner')).toBe(PERMISSIONS.length);
    expect(count('manager')).toBeLessThan(count('owner'));
    expect(count('cashier')).toBeLessThan(count('manager'));
    for (const permission of ['pay_outs.order', 'bank_account.manage', 'webhooks.manage'] as const)
      expect(mayDo('manager', permission)).toBe(false);
    expect(mayDo('cashier', 'kiosks.manage')).toBe(false);
  });

  test('every route of a merchant names a permission, and lets in the roles that have it and no other', async () => {
    const routes = await merchantRoutes();
    expect(routes.length).toBeGreaterThan(12);
    const customer = await server.register('customer');
    for (const { name, method, path, permission } of routes) {
      const known = PERMISSIONS.find((one): one is Permission => one === permission);
      expect([name, known]).toEqual([name, permission]);
      // Ids of nothing and bodies of the wrong shape: who is let in is refused for these, and nothing changes.
      const ask = (token: string) =>
        server.call(path.replaceAll(/\{\w+\}/g, randomUUID()), {
          method,
          token,
          key: randomUUID(),
          ...(method === 'GET' || method === 'DELETE' ? {} : { body: bodyFor(name) }),
        });
      for (const role of TEAM_ROLES) {
        const { code } = await ask(team[role].token);
        const isLetIn = code !== 'not_permitted';
        expect([name, role, isLetIn]).toEqual([name, role, known !== undefined && mayDo(role, known)]);
      }
      expect([name, (await ask(customer.token)).code]).toEqual([name, 'not_permitted']);
    }
  });

  test('a cashier sees the tills, and not the codes by which a machine becomes one', async () => {
    const seen = async (person: Person) =>
      (await server.expect(KioskList, '/v1/merchant/kiosks', { token: person.token })).items;
    await server.expect(KioskView, '/v1/merchant/kiosks', {
      token: team.manager.token,
      key: randomUUID(),
      body: { name: 'Back room' },
    });
    const isShown = { name: 'Back room', enrolment: expect.objectContaining({ code: expect.any(String) }) };
    for (const person of [team.owner, team.manager])
      expect(await seen(person)).toContainEqual(expect.objectContaining(isShown));
    expect(await seen(team.cashier)).toContainEqual(
      expect.objectContaining({ name: 'Back room', enrolment: null }),
    );
  });

  test('a manager orders no pay-out and names no bank: their own wallet is what they get', async () => {
    const ordered = await server.call('/v1/withdrawals', {
      token: team.manager.token,
      key: randomUUID(),
      body: { amountMinor: '1000', feeMinor: '50' },
    });
    expect(ordered.code).toBe('bank_account_not_ready');
    const seen = await server.call('/v1/merchant/pay-outs', { token: team.manager.token });
    expect([seen.status, seen.body]).toEqual([200, { items: [], nextCursor: null }]);
  });
});

/** What a route needs to get as far as asking who calls. */
function bodyFor(name: string): unknown {
  const bodies: Readonly<Record<string, unknown>> = {
    'POST /v1/merchant/webhooks': { url: 'https://shop.example.com/told', events: ['payment.settled'] },
    'POST /v1/merchant/kiosks': { name: 'A till' },
    'PUT /v1/merchant/limits': { basedOn: 2_000_000, limits: {} },
    // Somebody above both: refused by what it is, after the role.
    'POST /v1/merchant/team/invitations': { phone: '+6581112222', role: 'cashier' },
    'PUT /v1/merchant/team/members/{id}': { role: 'cashier' },
  };
  return bodies[name] ?? {};
}

describe('invitations', () => {
  test('answer alike whether the number has an account, and are seen by who proves the number only', async () => {
    const known = await server.register('customer');
    const unknown = freshPhone();
    const answers = [
      await invite(team.owner, known.phone, 'cashier'),
      await invite(team.owner, unknown, 'cashier'),
    ];
    const shapes = answers.map(({ status, body }) => [status, Object.keys(TeamView.parse(body)).sort()]);
    expect(shapes[0]).toEqual(shapes[1]);
    expect(await received(known)).toMatchObject([{ businessName: 'Kopi Tim', role: 'cashier' }]);
    const other = await server.register('customer');
    expect(await received(other)).toEqual([]);
    const [offer] = await received(known);
    expect((await answer(other, offer?.id ?? '', 'accept')).code).toBe('invitation_not_found');
    // Who registers the number later finds the invitation.
    const late = await server.register('customer', { phone: unknown });
    expect(await received(late)).toHaveLength(1);
  });

  test('are good once, and not after a week, when taken back, or when turned down', async () => {
    const person = await server.register('customer');
    const offered = async () => {
      await invite(team.owner, person.phone, 'cashier');
      return (await received(person)).at(-1)?.id ?? '';
    };
    const turned = await offered();
    expect((await answer(person, turned, 'decline')).status).toBe(200);
    expect((await answer(person, turned, 'accept')).code).toBe('invitation_not_found');
    const taken = await offered();
    const path = `/v1/merchant/team/invitations/${taken}`;
    expect((await server.call(path, { method: 'DELETE', token: team.owner.token })).status).toBe(200);
    expect((await answer(person, taken, 'accept')).code).toBe('invitation_not_found');
    const used = await offered();
    const joined = await answer(person, used, 'accept');
    expect(User.parse(joined.body).merchant).toMatchObject({ businessName: 'Kopi Tim', teamRole: 'cashier' });
    expect((await answer(person, used, 'accept')).code).toBe('invitation_not_found');
  });

  test('accepted by two requests at once count once', async () => {
    const person = await server.register('customer');
    await invite(team.owner, person.phone, 'cashier');
    const [offer] = await received(person);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => answer(person, offer?.id ?? '', 'accept')),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('go with the manager who made them: sent away, made a cashier, or gone by themselves', async () => {
    const ends: readonly ((person: Person) => Promise<{ status: number }>)[] = [
      (person) => remove(team.owner, idOf(person)),
      (person) => setRole(team.owner, idOf(person), 'cashier'),
      (person) => server.call('/v1/team-membership', { method: 'DELETE', token: person.token }),
    ];
    for (const end of ends) {
      const manager = await hire(team.owner, 'manager');
      const accomplice = await server.register('customer');
      await invite(manager, accomplice.phone, 'cashier');
      const [offer] = await received(accomplice);
      expect((await end(manager)).status).toBe(200);
      expect(await received(accomplice)).toEqual([]);
      expect((await answer(accomplice, offer?.id ?? '', 'accept')).code).toBe('invitation_not_found');
    }
  });

  test('nobody works for two businesses', async () => {
    const rival = await server.register('merchant');
    await invite(rival, team.cashier.phone, 'manager');
    const [offer] = await received(team.cashier);
    expect((await answer(team.cashier, offer?.id ?? '', 'accept')).code).toBe('already_in_a_team');
    // The offer stands: it can be accepted once the other place is given up.
    expect(await received(team.cashier)).toHaveLength(1);
  });
});

describe('who changes whom', () => {
  test('a manager hires and sends away cashiers, and nobody else', async () => {
    const { owner, manager } = team;
    expect((await invite(manager, freshPhone(), 'manager')).code).toBe('not_permitted');
    const person = await server.register('customer');
    expect((await invite(manager, person.phone, 'cashier')).status).toBe(200);
    const [offer] = await received(person);
    await answer(person, offer?.id ?? '', 'accept');
    expect((await setRole(manager, idOf(person), 'manager')).code).toBe('not_permitted');
    const equal = await hire(owner, 'manager');
    for (const other of [owner, equal, manager]) {
      expect((await remove(manager, idOf(other))).code).toBe('not_permitted');
      expect((await setRole(manager, idOf(other), 'cashier')).code).toBe('not_permitted');
    }
    expect((await remove(manager, idOf(person))).status).toBe(200);
    // Not even by inviting the number of somebody whom the owner offered more.
    const promised = freshPhone();
    await invite(owner, promised, 'manager');
    expect((await invite(manager, promised, 'cashier')).code).toBe('not_permitted');
  });

  test('nobody becomes, unmakes or leaves as the owner', async () => {
    const { owner } = team;
    expect((await setRole(owner, idOf(owner), 'cashier')).code).toBe('not_permitted');
    expect((await remove(owner, idOf(owner))).code).toBe('not_permitted');
    expect((await setRole(owner, idOf(team.manager), 'owner')).code).toBe('request_invalid');
    expect((await invite(owner, freshPhone(), 'owner')).code).toBe('request_invalid');
    const leave = await server.call('/v1/team-membership', { method: 'DELETE', token: owner.token });
    expect(leave.code).toBe('not_permitted');
  });

  test('another business sees and changes nobody', async () => {
    const rival = await server.register('merchant');
    expect((await readTeam(rival)).members.map(({ id }) => id)).toEqual([idOf(rival)]);
    for (const id of [idOf(team.cashier), idOf(team.owner), randomUUID()]) {
      expect((await remove(rival, id)).code).toBe('member_not_found');
      expect((await setRole(rival, id, 'manager')).code).toBe('member_not_found');
    }
  });

  test('a new role and an end count at once, in sessions that are open; the table keeps both', async () => {
    const person = await hire(team.owner, 'manager');
    expect((await server.call('/v1/merchant/team', { token: person.token })).status).toBe(200);
    await setRole(team.owner, idOf(person), 'cashier');
    expect((await server.call('/v1/merchant/team', { token: person.token })).code).toBe('not_permitted');
    expect((await sales(person)).status).toBe(200);
    await remove(team.owner, idOf(person));
    expect((await sales(person)).code).toBe('not_permitted');
    const me = await server.expect(User, '/v1/me', { token: person.token });
    expect(me.merchant).toBeNull();
    const rows = await server.database.owner`
      select role, ended_at is null as lives from team_members where user_id = ${idOf(person)} order by added_at, id`;
    expect(rows).toEqual([
      { role: 'manager', lives: false },
      { role: 'cashier', lives: false },
    ]);
    await expect(
      server.context.db.execute(`delete from team_members where user_id = '${idOf(person)}'`),
    ).rejects.toMatchObject({ cause: { code: '42501' } });
  });

  test('who works somewhere may leave', async () => {
    const person = await hire(team.owner, 'cashier');
    const leave = () => server.call('/v1/team-membership', { method: 'DELETE', token: person.token });
    expect(User.parse((await leave()).body).merchant).toBeNull();
    expect((await leave()).code).toBe('member_not_found');
    expect((await sales(person)).code).toBe('not_permitted');
  });
});

test('R52: the database lets nobody into a team by an invitation that has ended, or in another role than it names', async () => {
  const { owner } = team;
  const shop = owner.session.user.merchant?.id ?? '';
  const join = (person: Person, role: string) =>
    server.context.dbOf({ userId: idOf(person), merchantId: null }).execute(sql`
      insert into team_members (id, merchant_id, user_id, role, added_at)
      values (gen_random_uuid(), ${shop}, ${idOf(person)}, ${role}, now())`);
  const refused = { cause: { code: '42501' } };
  const ends = {
    withdrawn: (id: string) =>
      server.call(`/v1/merchant/team/invitations/${id}`, { method: 'DELETE', token: owner.token }),
    declined: (id: string, person: Person) => answer(person, id, 'decline'),
    used: async (id: string, person: Person) => {
      await answer(person, id, 'accept');
      return remove(owner, idOf(person));
    },
  };
  for (const [how, end] of Object.entries(ends)) {
    const person = await server.register('customer');
    await expect(join(person, 'cashier')).rejects.toMatchObject(refused);
    await invite(owner, person.phone, 'cashier');
    await expect(join(person, 'manager')).rejects.toMatchObject(refused);
    const [offer] = await received(person);
    expect([how, (await end(offer?.id ?? '', person)).code]).toEqual([how, null]);
    await expect(join(person, 'cashier')).rejects.toMatchObject(refused);
    // Neither the invitation nor the former place is opened again.
    for (const table of ['team_invitations', 'team_members'])
      expect(
        await server.context
          .dbOf({ userId: idOf(person), merchantId: null })
          .execute(sql`update ${sql.identifier(table)} set ended_at = ended_at returning 1`),
      ).toHaveLength(0);
  }
  const late = await server.register('customer');
  await invite(owner, late.phone, 'cashier');
  await server.database.owner`update team_invitations set expires_at = now() where phone = ${late.phone}`;
  await expect(join(late, 'cashier')).rejects.toMatchObject(refused);
});
