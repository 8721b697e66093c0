/**
 * Every route of the OpenAPI document, tried by everybody who must not get through (R52): nobody, garbage, the wrong
 * role, a kiosk, somebody who signed out, and a stranger who knows all the ids. A route that is missing from the table
 * below fails the first test.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PaymentRequest } from '@tikiwallet/protocol';
import { z } from 'zod';
import {
  CBOR_MEDIA_TYPE,
  CBOR_SEQUENCE_MEDIA_TYPE,
  DeviceSessions,
  KioskView,
  TeamView,
  TopUp,
  WebhookView,
  Withdrawal,
} from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { freshPhone, type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import type { ServerContext } from '../context.ts';
import { createLogger } from '../log.ts';

type Caller = 'public' | 'anybody' | 'customer' | 'merchant' | 'operator' | 'kiosk';
interface Route {
  readonly for: Caller;
  /** Values of the path's parameters: the victim's own. */
  readonly id?: () => string;
  readonly body?: () => unknown;
  /** What a stranger of the right role is told about the victim's id. */
  readonly strangerGets?: string;
}

let server: TestServer;
let customer: Person;
let merchant: Person;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
let kiosk: SimulatedKiosk;
let topUp: TopUp;
let caseId: string;
let withdrawal: Withdrawal;
let webhook: WebhookView;
let deliveryId: string;
let invitationId: string;
let sessionId: string;
let stranger: Record<'customer' | 'merchant', Person>;
const lines: string[] = [];
/** By which guard of the database the routes read and wrote since it was cleared. */
const guards = new Set<string>();

/** Notes each use of row-level security. */
function watch(context: ServerContext): ServerContext {
  const { asTenant, dbOf, operatorOf, worker } = context;
  return {
    ...context,
    asTenant: (tenant, work, on) => {
      guards.add('tenant');
      return asTenant(tenant, work, on);
    },
    dbOf: (tenant) => {
      guards.add('member');
      return dbOf(tenant);
    },
    operatorOf: (userId) => {
      guards.add('operator');
      return operatorOf(userId);
    },
    worker: new Proxy(worker, {
      get: (db, name): unknown => {
        guards.add('worker');
        return Reflect.get(db, name);
      },
    }),
  };
}

beforeAll(async () => {
  const log = createLogger({ level: 'trace', destination: { write: (line) => lines.push(line) } });
  server = await startTestServer({ log, watch });
  phone = await SimulatedPhone.withMoney(server, 9_000n);
  customer = phone.person;
  merchant = await server.register('merchant', { businessName: 'Toko Korban', agent: true });
  kiosk = await SimulatedKiosk.open(server, merchant, 'Till of the victim');
  webhook = await server.expect(WebhookView, '/v1/merchant/webhooks', {
    body: { url: 'https://victim.example.com/told', events: ['payment.settled'] },
    token: merchant.token,
    key: randomUUID(),
  });
  wallet = await phone.load(3_000n);
  kiosk.sell(wallet, 700n);
  await kiosk.settle();
  const [told] = await server.database.owner<{ id: string }[]>`select id from webhook_deliveries`;
  deliveryId = told?.id ?? '';
  caseId = await spendTwice(await phone.load(200n));
  topUp = await server.expect(TopUp, '/v1/topups', {
    body: { amountMinor: '500' },
    token: customer.token,
    key: randomUUID(),
  });
  await server.linkBank(customer);
  withdrawal = await server.expect(Withdrawal, '/v1/withdrawals', {
    body: { amountMinor: '500', feeMinor: '50' },
    token: customer.token,
    key: randomUUID(),
  });
  const invited = await server.expect(TeamView, '/v1/merchant/team/invitations', {
    body: { phone: freshPhone(), role: 'cashier' },
    token: merchant.token,
  });
  const { items } = await server.expect(DeviceSessions, '/v1/sessions', { token: customer.token });
  sessionId = items[0]?.id ?? '';
  invitationId = invited.invitations[0]?.id ?? '';
  stranger = { customer: await server.register('customer'), merchant: await server.register('merchant') };
});
afterAll(() => server.close());

/** A claim of the victim's: worth nothing to anybody else. */
function claimOf(asked: PaymentRequest) {
  return kiosk.claimFor(wallet, { request: asked, payment: pay(clone(wallet), asked) });
}

/** Two payments of one counter at another kiosk of the victim's. @returns the case's id. */
async function spendTwice(spent: OfflineWallet): Promise<string> {
  const till = await SimulatedKiosk.open(server, merchant, 'Second till of the victim');
  for (const copy of [clone(spent), clone(spent)]) {
    const asked = till.request(10n);
    till.write(asked, copy, pay(copy, asked));
  }
  await till.settle();
  const [found] = await server.database.owner<{ id: string }[]>`
    select id from double_spend_cases where allowance_id = ${spent.allowance.allowanceId}`;
  return found?.id ?? '';
}

const amountMinor = '500';
const reason = () => ({ reason: 'because I say so' });
const ROUTES: Readonly<Record<string, Route>> = {
  'GET /healthz': { for: 'public' },
  'GET /readyz': { for: 'public' },
  'GET /v1/config': { for: 'public' },
  'GET /v1/trust': { for: 'public' },
  'POST /v1/auth/register': { for: 'public' },
  'POST /v1/auth/register/verify': { for: 'public' },
  'POST /v1/auth/register/resend': { for: 'public' },
  'POST /v1/auth/login': { for: 'public' },
  'POST /v1/auth/pin-reset': { for: 'public' },
  'POST /v1/auth/pin-reset/verify': { for: 'public' },
  'POST /v1/auth/login/code': { for: 'public' },
  'POST /v1/auth/login/code/verify': { for: 'public' },
  'POST /v1/auth/password-reset': { for: 'public' },
  'POST /v1/auth/password-reset/verify': { for: 'public' },
  'POST /v1/auth/refresh': { for: 'public' },
  'POST /v1/auth/logout': { for: 'public' },
  'POST /v1/stripe/webhook': { for: 'public' },
  'POST /v1/kiosks/enrol': { for: 'public' },
  'GET /v1/me': { for: 'anybody' },
  'GET /v1/sessions': { for: 'anybody' },
  'DELETE /v1/sessions': { for: 'anybody' },
  'DELETE /v1/sessions/{id}': {
    for: 'anybody',
    id: () => sessionId,
    strangerGets: 'session_not_found',
  },
  'POST /v1/step-ups': { for: 'anybody', body: () => ({ act: 'phone_change' }) },
  'POST /v1/step-ups/verify': { for: 'anybody', body: () => ({ act: 'phone_change', code: '123456' }) },
  'POST /v1/phone-change': { for: 'anybody', body: () => ({ phone: '+6581112222' }) },
  'POST /v1/phone-change/verify': { for: 'anybody', body: () => ({ code: '123456' }) },
  'GET /v1/account/closing': { for: 'anybody' },
  'POST /v1/account/close': { for: 'anybody', body: () => ({ password: 'a fine password' }) },
  'GET /v1/history': { for: 'anybody' },
  'GET /v1/statement': { for: 'anybody' },
  'GET /v1/wallet': { for: 'customer' },
  'POST /v1/topups': { for: 'customer', body: () => ({ amountMinor }) },
  'GET /v1/topups/{id}': { for: 'customer', id: () => topUp.id, strangerGets: 'top_up_not_found' },
  'GET /v1/topups': { for: 'customer' },
  'POST /v1/topups/{id}/cancel': {
    for: 'customer',
    id: () => topUp.id,
    strangerGets: 'top_up_not_found',
  },
  'GET /v1/bank-account': { for: 'anybody' },
  'POST /v1/bank-account/link': { for: 'anybody' },
  'GET /v1/withdrawals': { for: 'anybody' },
  'POST /v1/withdrawals': { for: 'anybody', body: () => ({ amountMinor, feeMinor: '50' }) },
  'GET /v1/withdrawals/{id}': {
    for: 'anybody',
    id: () => withdrawal.id,
    strangerGets: 'withdrawal_not_found',
  },
  'POST /v1/withdrawals/{id}/confirm': {
    for: 'anybody',
    id: () => withdrawal.id,
    body: () => ({ code: server.codeFor(customer.phone) }),
    strangerGets: 'withdrawal_not_found',
  },
  'POST /v1/withdrawals/{id}/resend': {
    for: 'anybody',
    id: () => withdrawal.id,
    strangerGets: 'withdrawal_not_found',
  },
  'POST /v1/transfers/preview': { for: 'customer', body: () => ({ phone: customer.phone }) },
  'POST /v1/transfers': { for: 'customer', body: () => ({ phone: customer.phone, amountMinor }) },
  'POST /v1/allowances': { for: 'customer', body: () => phone.allowanceBody(500n, randomUUID()) },
  'POST /v1/allowances/{id}/close': {
    for: 'customer',
    id: () => wallet.allowance.allowanceId,
    body: () => ({ statement: phone.closingStatement(wallet) }),
    strangerGets: 'allowance_not_found',
  },
  'POST /v1/allowances/{id}/deny': {
    for: 'customer',
    id: () => wallet.allowance.allowanceId,
    strangerGets: 'allowance_not_found',
  },
  'POST /v1/claims': { for: 'customer', body: () => claimOf(kiosk.request(10n)) },
  'GET /v1/refunds': { for: 'customer' },
  'GET /v1/merchant/refunds': { for: 'merchant' },
  'GET /v1/merchant/kiosks': { for: 'merchant' },
  'POST /v1/merchant/kiosks': { for: 'merchant', body: () => ({ name: 'Mine' }) },
  'GET /v1/merchant/limits': { for: 'merchant' },
  'PUT /v1/merchant/limits': { for: 'merchant', body: () => ({ basedOn: 0, limits: {} }) },
  'POST /v1/merchant/kiosks/{id}/code': {
    for: 'merchant',
    id: () => kiosk.kioskId,
    strangerGets: 'kiosk_not_found',
  },
  'POST /v1/merchant/kiosks/{id}/deny': {
    for: 'merchant',
    id: () => kiosk.kioskId,
    strangerGets: 'kiosk_not_found',
  },
  'POST /v1/merchant/kiosks/{id}/suspend': {
    for: 'merchant',
    id: () => kiosk.kioskId,
    strangerGets: 'kiosk_not_found',
  },
  'POST /v1/merchant/kiosks/{id}/resume': {
    for: 'merchant',
    id: () => kiosk.kioskId,
    strangerGets: 'kiosk_not_found',
  },
  'GET /v1/merchant/summary': { for: 'merchant' },
  'GET /v1/merchant/pay-outs': { for: 'merchant' },
  'GET /v1/merchant/team': { for: 'merchant' },
  'POST /v1/merchant/team/invitations': {
    for: 'merchant',
    body: () => ({ phone: '+6581112222', role: 'cashier' }),
  },
  'DELETE /v1/merchant/team/invitations/{id}': {
    for: 'merchant',
    id: () => invitationId,
    strangerGets: 'invitation_not_found',
  },
  'PUT /v1/merchant/team/members/{id}': {
    for: 'merchant',
    id: () => merchant.session.user.id,
    body: () => ({ role: 'cashier' }),
    strangerGets: 'member_not_found',
  },
  'DELETE /v1/merchant/team/members/{id}': {
    for: 'merchant',
    id: () => merchant.session.user.id,
    strangerGets: 'member_not_found',
  },
  'GET /v1/team-invitations': { for: 'anybody' },
  'POST /v1/team-invitations/{id}/accept': {
    for: 'anybody',
    id: () => invitationId,
    strangerGets: 'invitation_not_found',
  },
  'POST /v1/team-invitations/{id}/decline': {
    for: 'anybody',
    id: () => invitationId,
    strangerGets: 'invitation_not_found',
  },
  'DELETE /v1/team-membership': { for: 'anybody' },
  'GET /v1/merchant/sales': { for: 'merchant' },
  'GET /v1/merchant/sales/days': { for: 'merchant' },
  'GET /v1/merchant/claims': { for: 'merchant' },
  'GET /v1/merchant/double-spends': { for: 'merchant' },
  'GET /v1/merchant/double-spends/{id}/proof': {
    for: 'merchant',
    id: () => caseId,
    strangerGets: 'double_spend_not_found',
  },
  'GET /v1/merchant/webhooks': { for: 'merchant' },
  'POST /v1/merchant/webhooks': {
    for: 'merchant',
    body: () => ({ url: 'https://shop.example.com/told', events: ['payment.settled'] }),
  },
  'POST /v1/merchant/webhooks/{id}/disable': {
    for: 'merchant',
    id: () => webhook.id,
    strangerGets: 'webhook_not_found',
  },
  'POST /v1/merchant/webhooks/{id}/enable': {
    for: 'merchant',
    id: () => webhook.id,
    strangerGets: 'webhook_not_found',
  },
  'POST /v1/merchant/webhooks/{id}/test': {
    for: 'merchant',
    id: () => webhook.id,
    strangerGets: 'webhook_not_found',
  },
  'DELETE /v1/merchant/webhooks/{id}': {
    for: 'merchant',
    id: () => webhook.id,
    strangerGets: 'webhook_not_found',
  },
  'POST /v1/merchant/webhooks/{id}/secret': {
    for: 'merchant',
    id: () => webhook.id,
    strangerGets: 'webhook_not_found',
  },
  'GET /v1/merchant/webhook-deliveries': { for: 'merchant' },
  'POST /v1/merchant/webhook-deliveries/{id}/replay': {
    for: 'merchant',
    id: () => deliveryId,
    strangerGets: 'webhook_not_found',
  },
  'GET /v1/operator/overview': { for: 'operator' },
  'GET /v1/operator/policy': { for: 'operator' },
  'GET /v1/operator/quarantines': { for: 'operator' },
  'GET /v1/operator/damage': { for: 'operator' },
  'GET /v1/operator/denied': { for: 'operator' },
  'GET /v1/operator/double-spends': { for: 'operator' },
  'GET /v1/operator/claims': { for: 'operator' },
  'GET /v1/operator/acts': { for: 'operator' },
  'POST /v1/operator/reconciliation': { for: 'operator' },
  'POST /v1/operator/users/find': { for: 'operator', body: () => ({ phone: customer.phone }) },
  'POST /v1/operator/users/{id}/suspend': {
    for: 'operator',
    id: () => customer.session.user.id,
    body: reason,
  },
  'POST /v1/operator/users/{id}/restore': {
    for: 'operator',
    id: () => customer.session.user.id,
    body: reason,
  },
  'POST /v1/operator/users/{id}/end-sessions': {
    for: 'operator',
    id: () => customer.session.user.id,
    body: reason,
  },
  'POST /v1/operator/quarantines/{id}/release': { for: 'operator', id: () => kiosk.kioskId, body: reason },
  'POST /v1/operator/double-spends/{id}/judgement': {
    for: 'operator',
    id: () => caseId,
    body: () => ({ verdict: 'no_fraud', ...reason() }),
  },
  'GET /v1/operator/double-spends/{id}/proof': { for: 'operator', id: () => caseId },
  'GET /v1/kiosk/trust-bundle': { for: 'kiosk' },
  'POST /v1/kiosk/settlements': { for: 'kiosk' },
  'POST /v1/kiosk/settlement-stream': { for: 'kiosk' },
};
const guarded = Object.entries(ROUTES).filter(([, route]) => route.for !== 'public');
const withIds = guarded.filter(([, route]) => route.id !== undefined && route.for !== 'operator');

/** One request to a route of the table, with whatever the caller shows. */
async function request(name: string, authorization: string | undefined, id?: string) {
  const [method = '', template = ''] = name.split(' ');
  const route = ROUTES[name];
  const body = route?.body?.();
  return server.call(template.replace('{id}', id ?? route?.id?.() ?? ''), {
    method,
    ...(body === undefined ? {} : { body }),
    key: randomUUID(),
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(name === 'POST /v1/kiosk/settlements' ? { 'content-type': CBOR_MEDIA_TYPE } : {}),
      ...(name === 'POST /v1/kiosk/settlement-stream' ? { 'content-type': CBOR_SEQUENCE_MEDIA_TYPE } : {}),
    },
  });
}

const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ security: z.array(z.unknown()).optional() }))),
});

test('the table names every route of the document, and the document says which ones are guarded', async () => {
  const { paths } = await server.expect(Document, '/v1/openapi.json');
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      isGuarded: security !== undefined && security.length > 0,
    })),
  );
  expect(described.map(({ name }) => name).sort()).toEqual(Object.keys(ROUTES).sort());
  for (const { name, isGuarded } of described)
    expect([name, isGuarded]).toEqual([name, ROUTES[name]?.for !== 'public']);
  // Whatever has an id in its address is tried with somebody else's.
  for (const { name } of described)
    expect([name, ROUTES[name]?.id !== undefined]).toEqual([name, name.includes('{')]);
});

/** Names that say whose something is or how it stands: those are never a caller's to choose. */
const NEVER_TAKEN = /^(id|userId|ownerId|holderId|balance|balanceMinor|status|state|isOperator|createdAt)$/;

test('no body of the document takes an owner, a state or a balance (mass assignment)', async () => {
  const { paths } = await server.expect(
    z.object({ paths: z.record(z.string(), z.unknown()) }),
    '/v1/openapi.json',
  );
  const taken: string[] = [];
  const look = (value: unknown, where: string, inBody: boolean): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inside] of Object.entries(value)) {
      if (inBody && name === 'properties')
        taken.push(
          ...Object.keys(Object(inside))
            .filter((field) => NEVER_TAKEN.test(field))
            .map((field) => `${where}: ${field}`),
        );
      if (name !== 'responses') look(inside, where, inBody || name === 'requestBody');
    }
  };
  for (const [path, item] of Object.entries(paths)) look(item, path, false);
  expect(taken).toEqual([]);
});

describe.each(guarded)('%s', (name, route) => {
  test('refuses nobody, garbage, and the other kind of caller', async () => {
    const { session } = customer;
    for (const authorization of [
      undefined,
      'Bearer',
      'Bearer x',
      `Basic ${session.accessToken}`,
      `Bearer ${kiosk.token}`,
      `Kiosk ${session.accessToken}`,
      `Bearer ${merchant.session.refreshToken ?? ''}`,
      'Kiosk AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    ]) {
      const answer = await request(name, authorization);
      expect([authorization, answer.status, answer.code]).toEqual([authorization, 401, 'not_authenticated']);
    }
    const wrongKind = route.for === 'kiosk' ? `Bearer ${session.accessToken}` : `Kiosk ${kiosk.token}`;
    expect((await request(name, wrongKind)).code).toBe('not_authenticated');
  });
});

const ofOneRole = guarded.filter(([, route]) => route.for !== 'kiosk' && route.for !== 'anybody');
test.each(ofOneRole)('%s refuses the other role', async (name, route) => {
  const other = stranger[route.for === 'customer' ? 'merchant' : 'customer'];
  const answer = await request(name, `Bearer ${other.token}`);
  expect([answer.status, answer.code]).toEqual([403, 'not_permitted']);
});

const ofSomebody = guarded.filter(([, route]) => route.for !== 'kiosk');
test.each(ofSomebody)('%s refuses whoever signed out', async (name, route) => {
  const gone = await server.register(route.for === 'merchant' ? 'merchant' : 'customer');
  await server.call('/v1/auth/logout', { method: 'POST', token: gone.token });
  expect((await request(name, `Bearer ${gone.token}`)).code).toBe('session_expired');
});

test.each(withIds)(
  '%s tells a stranger of the victim what it tells of nothing at all',
  async (name, route) => {
    const { token } = stranger[route.for === 'merchant' ? 'merchant' : 'customer'];
    const theirs = await request(name, `Bearer ${token}`);
    const nothing = await request(name, `Bearer ${token}`, randomUUID());
    expect([theirs.status, theirs.code]).toEqual([404, route.strangerGets]);
    const { requestId: _a, ...said } = z.looseObject({}).parse(theirs.body);
    const { requestId: _b, ...same } = z.looseObject({}).parse(nothing.body);
    expect(said).toEqual(same);
    expect((await request(name, `Bearer ${token}`, "x' or 1=1 --")).code).toBe('request_invalid');
  },
);

test('a stranger who reads everything finds nothing of the victim', async () => {
  const secrets = [
    customer.session.user.id,
    customer.phone,
    merchant.phone,
    merchant.session.user.merchant?.id ?? '',
    topUp.id,
    withdrawal.id,
    'Test Bank',
    kiosk.kioskId,
    wallet.allowance.allowanceId,
    'Toko Korban',
    'Till of the victim',
    webhook.id,
    deliveryId,
    'victim.example.com',
  ];
  for (const [name, route] of guarded.filter(([one, { id }]) => one.startsWith('GET') && id === undefined)) {
    if (route.for === 'kiosk' || route.for === 'operator') continue;
    const { token } = stranger[route.for === 'merchant' ? 'merchant' : 'customer'];
    const answer = await request(name, `Bearer ${token}`);
    expect([name, answer.status]).toEqual([name, 200]);
    for (const secret of secrets) expect(JSON.stringify(answer.body)).not.toContain(secret);
  }
});

test('fields that nobody asked for change nothing: a write is always the caller’s own', async () => {
  const { token, session } = stranger.customer;
  const body = { amountMinor, userId: customer.session.user.id, status: 'succeeded', id: randomUUID() };
  const made = await server.expect(TopUp, '/v1/topups', { body, token, key: randomUUID() });
  const rows = await server.database.owner`select user_id, status from top_ups where id = ${made.id}`;
  expect(rows).toEqual([{ user_id: session.user.id, status: 'awaiting_payment' }]);
  const mine = stranger.merchant;
  const view = await server.expect(KioskView, '/v1/merchant/kiosks', {
    body: { name: 'x', merchantId: merchant.session.user.merchant?.id, status: 'active' },
    token: mine.token,
    key: randomUUID(),
  });
  expect(view.status).toBe('awaiting_enrolment');
  const [row] = await server.database.owner`select merchant_id from kiosks where id = ${view.id}`;
  expect(row?.merchant_id).toBe(mine.session.user.merchant?.id);
});

test('a stolen kiosk token signs no money: batches of another machine are refused and change nothing', async () => {
  const thief = await SimulatedKiosk.open(server, stranger.merchant);
  kiosk.sell(wallet, 300n);
  const before = await kiosk.availableMinor();
  // With the thief's token the victim's batch, with the victim's token the thief's own.
  expect((await kiosk.handIn(kiosk.batch(), thief.token)).problem).toMatchObject({ code: 'not_permitted' });
  thief.write(thief.request(300n), wallet, kiosk.sell(wallet, 100n));
  expect((await thief.handIn(thief.batch(), kiosk.token)).problem).toMatchObject({ code: 'not_permitted' });
  expect(await thief.settle()).toEqual(['refused:payment_is_for_another_request']);
  expect([await kiosk.availableMinor(), await thief.availableMinor()]).toEqual([before, 0n]);
  expect(await kiosk.settle()).toEqual(['settled', 'settled', 'settled']);
  expect(await thief.availableMinor()).toBe(0n);
});

/** Routes of a person that row-level security does not guard, and why. A new route is guarded, or stands here. */
const UNGUARDED: Readonly<Record<string, string>> = {
  'GET /v1/me': 'who is calling is found out first',
  'GET /v1/sessions': 'of secrets: tiki_tenant may not read them, and nobody else asks for them',
  'DELETE /v1/sessions': 'who is calling',
  'DELETE /v1/sessions/{id}': 'who is calling',
  'POST /v1/step-ups': 'who is calling, proved by SMS',
  'POST /v1/step-ups/verify': 'who is calling, proved by SMS',
  'POST /v1/phone-change': 'a number is a key over all people, and ends offers of other shops to it',
  'POST /v1/phone-change/verify': 'a number is a key over all people, and ends offers of other shops to it',
  'GET /v1/account/closing': 'counts over all that a person has, and writes nothing',
  'POST /v1/account/close': 'erases across rooms, offers of other shops among them',
  'POST /v1/transfers/preview': 'is about somebody else: a masked name',
  'POST /v1/transfers': 'moves money between two people, and many such in one transaction',
};

test('R52: what a route reads and writes for a person, the database guards; the others are named, with a reason', async () => {
  expect(Object.keys(UNGUARDED).filter((name) => ROUTES[name] === undefined)).toEqual([]);
  const operator = await server.operator();
  const ofPeople = guarded.filter(([, route]) => route.for !== 'kiosk');
  for (const [name, route] of ofPeople.filter(([one]) => UNGUARDED[one] === undefined)) {
    const { token } = route.for === 'operator' ? operator : route.for === 'merchant' ? merchant : customer;
    guards.clear();
    await request(name, `Bearer ${token}`);
    expect([name, [...guards]]).not.toEqual([name, []]);
    if (route.for === 'operator') expect([name, [...guards]]).toEqual([name, ['operator']]);
  }
});

test('nothing that was said above reached the log (R59)', () => {
  const text = lines.join('');
  expect(lines.length).toBeGreaterThan(200);
  const people = [customer, merchant, stranger.customer, stranger.merchant];
  for (const secret of [
    ...people.flatMap(({ token, password, phone: number }) => [token, password, number, number.slice(1)]),
    merchant.session.refreshToken ?? 'none',
    kiosk.token,
    phone.closingStatement(wallet).slice(0, 40),
  ]) {
    expect(text).not.toContain(secret);
  }
  for (const { code } of server.sms)
    expect(text).not.toMatch(new RegExp(`(?<![0-9a-f-])${code}(?![0-9a-f-])`));
});
