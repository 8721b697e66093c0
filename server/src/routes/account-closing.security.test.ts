/** Closing an account: what it asks, what it erases, and what stays. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BankAccountView,
  ClosingView,
  ReceivedInvitations,
  type StepUpAct,
  StepUpStarted,
} from '../../contract/index.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const me = (token: string) => server.call('/v1/me', { token });
const post = (path: string, token: string, body?: unknown) =>
  server.call(path, { method: 'POST', token, ...(body === undefined ? {} : { body }) });

async function stepUp(person: Person, act: StepUpAct): Promise<void> {
  await server.expect(StepUpStarted, '/v1/step-ups', { token: person.token, body: { act } });
  const proved = await post('/v1/step-ups/verify', person.token, { act, code: server.codeFor(person.phone) });
  expect(proved.status).toBe(204);
}

const offer = (by: Person, phone: string, role: 'manager' | 'cashier') =>
  post('/v1/merchant/team/invitations', by.token, { phone, role });
const offersTo = async ({ token }: Person) =>
  (await server.expect(ReceivedInvitations, '/v1/team-invitations', { token })).items;

describe('closing an account', () => {
  const close = (person: Person) => post('/v1/account/close', person.token, { password: person.password });
  const blockers = async ({ token }: Person) =>
    (await server.expect(ClosingView, '/v1/account/closing', { token })).blockers;

  test('is refused while money or an offline allowance is there, and says which', async () => {
    const phone = await SimulatedPhone.withMoney(server, 2_000n);
    await phone.load(500n);
    expect((await blockers(phone.person)).toSorted()).toEqual(['balance', 'offline_money']);
    expect((await close(phone.person)).code).toBe('account_not_empty');
    const shop = await server.register('merchant');
    await server.call('/v1/merchant/kiosks', {
      token: shop.token,
      key: randomUUID(),
      body: { name: 'Till' },
    });
    expect(await blockers(shop)).toEqual(['kiosks']);
  });

  test('erases the person, keeps what ledgers need, and frees the number', async () => {
    const person = await server.customerWith(1_000n);
    const friend = await server.register('customer');
    await server.call('/v1/transfers', {
      token: person.token,
      key: randomUUID(),
      body: { phone: friend.phone, amountMinor: '1000' },
    });
    await server.linkBank(person);
    await server.expect(BankAccountView, '/v1/bank-account', { token: person.token });
    expect(await blockers(person)).toEqual([]);
    expect((await close(person)).code).toBe('step_up_required');
    await stepUp(person, 'account_closing');
    expect((await close(person)).status).toBe(204);
    expect((await me(person.token)).code).toBe('session_expired');
    const again = await server.call('/v1/auth/login', {
      body: { phone: person.phone, password: person.password },
    });
    expect(again.code).toBe('credentials_incorrect');

    const id = person.session.user.id;
    const tables = await server.database.owner<{ name: string }[]>`
      select table_name as name from information_schema.tables
      where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'rate_limits'`;
    for (const { name } of tables) {
      const found = await server.database.owner.unsafe(
        `select count(*)::int as n from "${name}" t where t::text like '%' || $1 || '%' or t::text like '%' || $2 || '%'`,
        [person.phone, person.session.user.username],
      );
      expect([name, found[0]?.['n']]).toEqual([name, 0]);
    }
    const kept = await server.database.owner`
      select count(*)::int as n from ledger_entries e join ledger_accounts a on a.id = e.account_id
      where a.holder_id = ${id}`;
    expect(kept[0]?.['n']).toBe(2);
    const events = await server.database.owner`select kind from account_events where user_id = ${id}`;
    expect(events).toEqual([{ kind: 'account_closed' }]);
    // The number begins anew, as somebody else.
    const next = await server.register('customer', { phone: person.phone });
    expect(next.session.user.id).not.toBe(id);
  });

  test('of an owner takes the name of the business and the addresses of its programs along', async () => {
    const owner = await server.register('merchant', { businessName: 'Toko Ani' });
    const told = { url: 'https://ani.example.com/told', events: ['payment.settled'] };
    await server.call('/v1/merchant/webhooks', { body: told, token: owner.token, key: randomUUID() });
    await stepUp(owner, 'account_closing');
    expect((await close(owner)).status).toBe(204);
    const [left] = await server.database.owner`
      select business_name, url, disabled_at is not null as off from merchants m join webhook_endpoints w on w.merchant_id = m.id
      where m.id = ${owner.session.user.merchant?.id ?? ''}`;
    expect(left).toEqual({ business_name: '-', url: 'https://closed.invalid/', off: true });
  });

  test('what a manager offered goes with the manager', async () => {
    const [owner, manager, accomplice] = [
      await server.register('merchant'),
      await server.register('customer'),
      await server.register('customer'),
    ];
    await offer(owner, manager.phone, 'manager');
    const [mine] = await offersTo(manager);
    await post(`/v1/team-invitations/${mine?.id ?? ''}/accept`, manager.token);
    await offer(manager, accomplice.phone, 'cashier');
    expect(await offersTo(accomplice)).toHaveLength(1);
    await stepUp(manager, 'account_closing');
    expect((await close(manager)).status).toBe(204);
    expect(await offersTo(accomplice)).toEqual([]);
  });

  test('two requests at once close it once, and the trail of it cannot be rewritten', async () => {
    const person = await server.register('customer');
    await stepUp(person, 'account_closing');
    const answers = await Promise.all([close(person), close(person), close(person)]);
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    await expect(server.context.db.execute('delete from account_events')).rejects.toMatchObject({
      cause: { code: '42501' },
    });
  });

  test('money that is on its way to somebody who closes either arrives before, or is refused', async () => {
    const [sender, receiver] = [await server.customerWith(1_000n), await server.register('customer')];
    await stepUp(receiver, 'account_closing');
    const [sent, closed] = await Promise.all([
      server.call('/v1/transfers', {
        token: sender.token,
        key: randomUUID(),
        body: { phone: receiver.phone, amountMinor: '100' },
      }),
      close(receiver),
    ]);
    expect([sent.status === 200, closed.status === 204]).toEqual([
      closed.code === 'account_not_empty',
      sent.code === 'recipient_not_found',
    ]);
  });
});
