import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RegisterResult, Session, User, WalletView } from '../../contract/index.ts';
import { freshPhone, startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const cookieOf = (headers: Headers) =>
  headers.getSetCookie().find((cookie) => cookie.startsWith('tiki_refresh=')) ?? '';

describe('registration', () => {
  test('a customer registers by SMS code, is signed in and has an empty online wallet', async () => {
    const { session, token } = await server.register('customer');
    expect(session.user).toMatchObject({ role: 'customer', currency: 'SGD', merchant: null });
    expect(await server.expect(User, '/v1/me', { token })).toEqual(session.user);
    expect(await server.expect(WalletView, '/v1/wallet', { token })).toMatchObject({
      onlineMinor: '0',
      offlineMinor: '0',
      allowances: [],
    });
  });

  test('a merchant registers with a business name and gets a merchant and its ledger account', async () => {
    const { session } = await server.register('merchant', { businessName: 'Kopi Dua' });
    expect(session.user.merchant?.businessName).toBe('Kopi Dua');
    const accounts = await server.database.owner`
      select 1 from ledger_accounts where kind = 'merchant_available' and owner_id = ${session.user.merchant?.id ?? ''} and holder_id = ${session.user.id}`;
    expect(accounts).toHaveLength(1);
  });

  test('numbers typed in the local way are kept in E.164', async () => {
    const local = freshPhone().slice(3);
    const body = {
      role: 'customer',
      phone: `${local.slice(0, 4)} ${local.slice(4)}`,
      username: randomUUID().slice(0, 12),
      password: 'a fine password',
    };
    const result = await server.expect(RegisterResult, '/v1/auth/register', { body });
    expect(result.phone).toBe(`+65${local}`);
    expect(result.resendAfterMs).toBeGreaterThan(0);
  });

  test('another code may be asked for after the time that the answer named', async () => {
    const phone = freshPhone();
    const body = {
      role: 'customer',
      phone,
      username: randomUUID().slice(0, 12),
      password: 'a fine password',
    };
    const { registrationId, resendAfterMs } = await server.expect(RegisterResult, '/v1/auth/register', {
      body,
    });
    expect((await server.call('/v1/auth/register/resend', { body: { registrationId } })).code).toBe(
      'rate_limited',
    );
    server.clock.advance(resendAfterMs);
    await server.expect(RegisterResult, '/v1/auth/register/resend', { body: { registrationId } });
    await server.expect(Session, '/v1/auth/register/verify', {
      body: { registrationId, code: server.codeFor(phone) },
    });
  });
});

describe('sessions', () => {
  test('a browser gets its refresh token in a cookie that no script and no other path sees', async () => {
    const { phone, password } = await server.register('customer');
    const answer = await server.call('/v1/auth/login', { body: { phone, password } });
    expect(Session.parse(answer.body).refreshToken).toBeUndefined();
    const cookie = cookieOf(answer.headers);
    expect(cookie).toMatch(/; HttpOnly/);
    expect(cookie).toMatch(/; SameSite=Strict/);
    expect(cookie).toMatch(/; Path=\/v1\/auth/);
    const refreshed = await server.call('/v1/auth/refresh', {
      body: {},
      headers: { cookie: cookie.split(';')[0] ?? '' },
    });
    expect(refreshed.status).toBe(200);
    expect(cookieOf(refreshed.headers)).not.toBe(cookie);
  });

  test('an agent gets its refresh token in the body and no cookie', async () => {
    const { phone, password } = await server.register('merchant');
    const answer = await server.call('/v1/auth/login', {
      body: { phone, password },
      headers: { 'tiki-client': 'agent' },
    });
    const { refreshToken } = Session.parse(answer.body);
    expect(refreshToken).toBeDefined();
    expect(cookieOf(answer.headers)).toBe('');
    await server.expect(Session, '/v1/auth/refresh', { body: { refreshToken } });
  });

  test('logging out ends the access token too', async () => {
    const { session, token } = await server.register('customer', { agent: true });
    const answer = await server.call('/v1/auth/logout', { body: { refreshToken: session.refreshToken } });
    expect(answer.status).toBe(204);
    expect((await server.call('/v1/me', { token })).code).toBe('session_expired');
    expect(
      (await server.call('/v1/auth/refresh', { body: { refreshToken: session.refreshToken } })).code,
    ).toBe('session_expired');
  });

  test('a browser may refresh without any body', async () => {
    const { phone, password } = await server.register('customer');
    const login = await server.call('/v1/auth/login', { body: { phone, password } });
    const cookie = cookieOf(login.headers).split(';')[0] ?? '';
    expect((await server.call('/v1/auth/refresh', { method: 'POST', headers: { cookie } })).status).toBe(200);
    expect((await server.call('/v1/auth/logout', { method: 'POST', headers: { cookie } })).status).toBe(204);
  });
});
