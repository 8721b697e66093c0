/** What an operator may do, and that each act is written down, by name and with its reason (R47, R52). */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shownMask } from '@tikiwallet/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  CLIENT_HEADER,
  DeniedView,
  OperatorActView,
  OperatorCaseView,
  OperatorOverview,
  OperatorUserView,
  pageOf,
  Quarantines,
  ReceivedInvitations,
  ReconciliationView,
  Session,
} from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { freshPhone, type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { MIGRATIONS } from '../db/schema-version.ts';
import { appointOperator } from '../operator/appoint.ts';

let server: TestServer;
let operator: Person;
let merchant: Person;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operator();
  merchant = await server.register('merchant');
});
afterAll(() => server.close());

const act = (path: string, reason: string, body: object = {}) =>
  server.call(`/v1/operator/${path}`, { body: { reason, ...body }, token: operator.token });
const acts = async () =>
  (await server.expect(pageOf(OperatorActView), '/v1/operator/acts', { token: operator.token })).items;

test('an operator is made of a customer without money, and of nobody else', async () => {
  const rich = await server.customerWith(500n);
  await expect(appointOperator(server.context.db, rich.phone)).rejects.toMatchObject({
    code: 'account_not_empty',
    message: expect.stringContaining('never topped up'),
  });
  await expect(appointOperator(server.context.db, merchant.phone)).rejects.toMatchObject({
    code: 'not_permitted',
  });
  await expect(appointOperator(server.context.db, freshPhone())).rejects.toMatchObject({
    code: 'recipient_not_found',
  });
  const body = { role: 'operator', phone: freshPhone(), username: 'somebody', password: 'correct horse 99' };
  expect((await server.call('/v1/auth/register', { body })).code).toBe('request_invalid');
});

test('that an operator was made is written down, once', async () => {
  await appointOperator(server.context.db, operator.phone);
  const { id, username } = operator.session.user;
  const made = (await acts()).filter((one) => one.act === 'operator_appointed' && one.subjectId === id);
  expect(made).toMatchObject([{ byName: username, reason: expect.stringContaining('appoint-operator') }]);
});

test('an operator of the time before that is found by the migration and stands in the log, once', async () => {
  const old = await server.register('customer');
  const { id } = old.session.user;
  await server.database.owner`update users set role = 'operator' where id = ${id}`;
  const statements = readFileSync(join(MIGRATIONS, '0032_open_invitations.sql'), 'utf8').split(
    '--> statement-breakpoint',
  );
  const appointed = async (of: string) =>
    (await acts()).filter((one) => one.act === 'operator_appointed' && one.subjectId === of);
  for (let time = 0; time < 2; time += 1) await server.database.owner.unsafe(statements.at(-1) ?? '');
  expect(await appointed(id)).toMatchObject([{ reason: expect.stringContaining('found in office') }]);
  expect((await acts())[0]).toMatchObject({ act: 'operator_appointed', subjectId: id });
  expect(await appointed(operator.session.user.id)).toHaveLength(1);
});

test('who is suspended is out of every session and not let in, until restored; the reasons stay', async () => {
  const person = await server.register('customer');
  const found = await server.expect(OperatorUserView, '/v1/operator/users/find', {
    body: { phone: person.phone },
    token: operator.token,
  });
  expect(found).toMatchObject({ openSessionCount: 1, suspension: null });
  expect(JSON.stringify(found)).not.toContain(person.phone.slice(3));

  expect((await act(`users/${found.id}/suspend`, 'ab')).code).toBe('request_invalid');
  const suspended = OperatorUserView.parse(
    (await act(`users/${found.id}/suspend`, 'called, phone stolen')).body,
  );
  expect(suspended).toMatchObject({ openSessionCount: 0, suspension: { reason: 'called, phone stolen' } });
  expect((await server.call('/v1/me', { token: person.token })).code).toBe('session_expired');
  const { phone, password } = person;
  expect((await server.call('/v1/auth/login', { body: { phone, password } })).code).toBe('account_suspended');
  // A wrong password learns nothing of it.
  const guess = await server.call('/v1/auth/login', { body: { phone, password: 'something else' } });
  expect(guess.code).toBe('credentials_incorrect');

  await act(`users/${found.id}/restore`, 'came by with a passport');
  const again = await server.expect(Session, '/v1/auth/login', { body: { phone, password } });
  await act(`users/${found.id}/end-sessions`, 'asked for it by phone');
  expect((await server.call('/v1/me', { token: again.accessToken })).code).toBe('session_expired');
  expect((await acts()).map((one) => [one.act, one.reason, one.byName]).slice(0, 3)).toEqual([
    ['sessions_ended', 'asked for it by phone', operator.session.user.username],
    ['user_restored', 'came by with a passport', operator.session.user.username],
    ['user_suspended', 'called, phone stolen', operator.session.user.username],
  ]);
});

test('who looks somebody up is in the log by name, whom and when; whom nobody knows is in none', async () => {
  const person = await server.register('customer');
  const find = (phone: string) =>
    server.call('/v1/operator/users/find', { body: { phone }, token: operator.token });
  const before = (await acts()).length;
  expect((await find(freshPhone())).code).toBe('recipient_not_found');
  const { id, maskedName } = OperatorUserView.parse((await find(person.phone)).body);
  const log = await acts();
  expect(log).toHaveLength(before + 1);
  expect(log[0]).toMatchObject({
    act: 'user_found',
    subjectId: id,
    subjectName: maskedName,
    reason: '',
    byName: operator.session.user.username,
  });
});

test('an operator is let in by password and code, never by one of them', async () => {
  const { phone, password } = operator;
  const alone = await server.call('/v1/auth/login', { body: { phone, password } });
  expect([alone.status, alone.code]).toEqual([403, 'step_up_required']);
  expect((await server.signInWithCode(operator)).session.user.role).toBe('operator');
});

test('the deny list says in names what it lists', async () => {
  const till = await SimulatedKiosk.open(server, merchant, 'Stolen till');
  const path = `/v1/merchant/kiosks/${till.kioskId}/deny`;
  await server.call(path, { method: 'POST', token: merchant.token });
  const phone = await SimulatedPhone.withMoney(server, 1_000n);
  const { allowance } = await phone.load(500n);
  await server.call(`/v1/allowances/${allowance.allowanceId}/deny`, {
    method: 'POST',
    token: phone.person.token,
  });
  const { items } = await server.expect(pageOf(DeniedView), '/v1/operator/denied', {
    token: operator.token,
  });
  const businessName = merchant.session.user.merchant?.businessName;
  expect(items.find(({ id }) => id === till.kioskId)).toMatchObject({
    kioskName: 'Stolen till',
    businessName,
    maskedPhone: null,
  });
  const lost = items.find(({ id }) => id === allowance.allowanceId);
  expect(lost).toMatchObject({
    kioskName: null,
    reason: 'lost',
    maskedPhone: shownMask(allowance.maskedPhone),
  });
});

test('an operator cannot be locked out by themselves, and the log is changed by nobody', async () => {
  const own = await act(`users/${operator.session.user.id}/suspend`, 'just trying');
  expect(own.code).toBe('not_permitted');
  await expect(server.context.db.execute(`update operator_acts set reason = 'x'`)).rejects.toThrow();
  await expect(server.context.db.execute('delete from operator_acts')).rejects.toThrow();
});

test('an operator joins no team: nobody looks after the shop that they work for', async () => {
  const { phone } = operator;
  await server.call('/v1/merchant/team/invitations', {
    token: merchant.token,
    body: { phone, role: 'manager' },
  });
  const { items } = await server.expect(ReceivedInvitations, '/v1/team-invitations', {
    token: operator.token,
  });
  const path = `/v1/team-invitations/${items[0]?.id ?? ''}/accept`;
  const joined = await server.call(path, { method: 'POST', token: operator.token });
  expect(joined.code).toBe('not_permitted');
});

test('a session that was opened in the very moment of a suspension lives no longer than its first token', async () => {
  const { phone, password } = await server.register('customer');
  const headers = { [CLIENT_HEADER]: 'agent' };
  const { refreshToken, user } = await server.expect(Session, '/v1/auth/login', {
    body: { phone, password },
    headers,
  });
  // What a log-in leaves that asked before the suspension and wrote after it.
  await server.database.owner`
    insert into suspensions (id, user_id, reason, since) values (gen_random_uuid(), ${user.id}, 'stolen', now())`;
  const again = await server.call('/v1/auth/refresh', { body: { refreshToken }, headers });
  expect(again.code).toBe('account_suspended');
});

test('a log-in that is overtaken by a suspension opens no session', async () => {
  const { session, phone, password } = await server.register('customer');
  const { sessions } = server.context;
  const open = sessions.open.bind(sessions);
  const held = vi.spyOn(sessions, 'open').mockImplementation(async (...asked) => {
    await act(`users/${session.user.id}/suspend`, 'in this very moment');
    return open(...asked);
  });
  const late = await server.call('/v1/auth/login', { body: { phone, password } });
  held.mockRestore();
  expect(late.code).toBe('account_suspended');
  const alive = await server.database.owner`
    select id from sessions where user_id = ${session.user.id} and revoked_at is null`;
  expect(alive).toEqual([]);
});

test('a case is judged with a reason, no money moves, and the proof is the one that a stranger checks', async () => {
  const phone = await SimulatedPhone.withMoney(server, 3_000n);
  const till = await SimulatedKiosk.open(server, merchant, 'Counter');
  const wallet = await phone.load(1_000n);
  for (const copy of [clone(wallet), clone(wallet)]) {
    const asked = till.request(10n);
    till.write(asked, copy, pay(copy, asked));
  }
  await till.settle();
  const before = await till.availableMinor();
  const list = () =>
    server.expect(pageOf(OperatorCaseView), '/v1/operator/double-spends', { token: operator.token });
  const [open] = (await list()).items;
  expect(open).toMatchObject({ judgement: null });
  const overview = () => server.expect(OperatorOverview, '/v1/operator/overview', { token: operator.token });
  expect(await overview()).toMatchObject({ openCaseCount: 1, stripe: { isReachable: true } });
  const judged = await act(`double-spends/${open?.id ?? ''}/judgement`, 'two tills, one minute', {
    verdict: 'fraud',
  });
  expect(judged.status).toBe(204);
  // Sent again by a key, it answers again what it answered.
  const key = randomUUID();
  const again = () =>
    server.call(`/v1/operator/double-spends/${open?.id ?? ''}/judgement`, {
      token: operator.token,
      key,
      body: { reason: 'two tills, one minute', verdict: 'fraud' },
    });
  expect([(await again()).status, (await again()).status]).toEqual([204, 204]);
  expect((await list()).items).toMatchObject([
    { judgement: { verdict: 'fraud', reason: 'two tills, one minute' } },
  ]);
  expect(await overview()).toMatchObject({ openCaseCount: 0 });
  expect(await till.availableMinor()).toBe(before);
  const proof = await server.call(`/v1/operator/double-spends/${open?.id ?? ''}/proof`, {
    token: operator.token,
  });
  expect([proof.status, proof.headers.get('content-type')]).toEqual([200, 'application/cbor']);
});

test('a till in quarantine is released with a reason, and goes on from what is stored', async () => {
  const phone = await SimulatedPhone.withMoney(server, 3_000n);
  const till = await SimulatedKiosk.open(server, merchant, 'Second');
  const wallet = await phone.load(1_000n);
  till.sell(wallet, 100n);
  expect(await till.settle()).toEqual(['settled']);
  await server.database.owner`
    update kiosk_enrolments set quarantined_at = now() where kiosk_id = ${till.kioskId}`;
  till.sell(wallet, 50n);
  expect((await till.handIn(till.batch())).problem).toMatchObject({ code: 'batch_chain_broken' });
  const { items } = await server.expect(Quarantines, '/v1/operator/quarantines', { token: operator.token });
  expect(items).toMatchObject([{ kioskName: 'Second' }]);
  const released = await act(`quarantines/${items[0]?.id ?? ''}/release`, 'a disk was put back, looked at');
  expect(released.body).toEqual({ items: [] });
  expect(await till.settle()).toContain('settled');
  expect((await act(`quarantines/${items[0]?.id ?? ''}/release`, 'once more, please')).code).toBe(
    'kiosk_not_found',
  );
});

test('a till out of use is counted as suspended, neither as active nor as silent', async () => {
  const till = await SimulatedKiosk.open(server, merchant, 'Third');
  const counts = async () =>
    (await server.expect(OperatorOverview, '/v1/operator/overview', { token: operator.token })).kiosks;
  await server.database
    .owner`update kiosks set last_contact_at = now() - interval '9 days' where id = ${till.kioskId}`;
  const before = await counts();
  await server.database.owner`update kiosks set suspended_at = now() where id = ${till.kioskId}`;
  expect(await counts()).toEqual({
    ...before,
    active: before.active - 1,
    silent: before.silent - 1,
    suspended: before.suspended + 1,
  });
});

test('counting the books anew says what is so', async () => {
  const found = await server.expect(ReconciliationView, '/v1/operator/reconciliation', {
    method: 'POST',
    token: operator.token,
  });
  expect(found).toMatchObject({ isSound: true, wrongBalanceCount: 0, differences: [] });
});
