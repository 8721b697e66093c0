/**
 * Budgets that are somebody's: an account's, an address's, a device's. What strangers use up of one stops them and not its owner
 * (R53, R54, R58). Behind a proxy that is trusted, so that callers have addresses of their own; a fifth of each budget.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PasswordResetStarted, Session } from '../../contract/index.ts';
import { type Answer, type Person, startTestServer, type TestServer } from '../../test/test-server.ts';

const FACTOR = 0.2;
let server: TestServer;
let places = 0;
beforeAll(async () => {
  server = await startTestServer({
    rateLimitFactor: FACTOR,
    env: { TIKI_TRUSTED_PROXIES: '127.0.0.1,::1' },
  });
});
afterAll(() => server.close());

/** Another one each time, in networks of their own. */
function somewhere(): Record<string, string> {
  places += 1;
  return { 'x-forwarded-for': `198.51.${String(places % 250)}.${String(Math.floor(places / 250) + 1)}` };
}
const logIn = ({ phone }: Person, password: string, headers = somewhere()) =>
  server.call('/v1/auth/login', { body: { phone, password }, headers });
const cookieOf = ({ headers }: Answer) =>
  headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0] ?? '')
    .join('; ');
const sentTo = ({ phone }: Person) => server.sms.filter(({ to }) => to === phone).length;
const refusedOf = (answers: readonly Answer[]) => answers.filter(({ code }) => code === 'rate_limited');

test('guessing one account from many addresses meets the account’s own budget, and its owner goes in all the same', async () => {
  const owner = await server.register('customer');
  const home = await logIn(owner, owner.password);
  expect(home.status).toBe(200);
  const cookie = cookieOf(home);
  const guesses: Answer[] = [];
  while (refusedOf(guesses).length === 0 && guesses.length < 40)
    guesses.push(await logIn(owner, 'not this one'));
  // Forty an hour in all, of which the owner's first log-in took one; no address was asked from twice.
  expect(guesses).toHaveLength(40 * FACTOR);
  expect(guesses.slice(0, -1).every(({ code }) => code === 'credentials_incorrect')).toBe(true);
  const late = await logIn(owner, owner.password);
  expect([late.status, late.code]).toEqual([429, 'rate_limited']);
  expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
  // A device that was theirs before has a budget that nobody else uses up, wherever it is.
  for (let time = 0; time < 3; time += 1)
    expect((await logIn(owner, owner.password, { ...somewhere(), cookie })).status).toBe(200);
  // And nobody else's account is any slower for it.
  const other = await server.register('customer');
  expect((await logIn(other, other.password)).status).toBe(200);
  // On a new device a new password by SMS gets past it.
  const before = sentTo(owner);
  const body = { phone: owner.phone };
  const headers = somewhere();
  const { resetId } = await server.expect(PasswordResetStarted, '/v1/auth/password-reset', { body, headers });
  await expect.poll(() => sentTo(owner)).toBe(before + 1);
  const proof = { resetId, code: server.codeFor(owner.phone), password: `a new password ${randomUUID()}` };
  await server.expect(Session, '/v1/auth/password-reset/verify', { body: proof, headers });
});

test('R54 codes to one number asked for from many addresses are few, and its owner’s device still gets one', async () => {
  const owner = await server.register('customer');
  const cookie = cookieOf(await logIn(owner, owner.password));
  const ask = (headers: Record<string, string>) =>
    server.call('/v1/auth/password-reset', { body: { phone: owner.phone }, headers });
  const asked: Answer[] = [];
  while (refusedOf(asked).length === 0 && asked.length < 10) asked.push(await ask(somewhere()));
  expect(asked).toHaveLength(2);
  await expect.poll(() => sentTo(owner)).toBe(2);
  expect((await ask({ ...somewhere(), cookie })).code).toBeNull();
  await expect.poll(() => sentTo(owner)).toBe(3);
});

test('an account has so many requests a minute on all of its devices together, and another account its own', async () => {
  const [person, other] = [await server.register('customer'), await server.register('customer')];
  const ask = (token: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => server.call('/v1/me', { token, headers: somewhere() })));
  const second = await server.signInAgain(person);
  const third = await server.signInAgain(person);
  expect(refusedOf(await ask(person.token, 300 * FACTOR))).toHaveLength(0);
  expect(refusedOf(await ask(second.token, 300 * FACTOR))).toHaveLength(0);
  const [refused] = refusedOf(await ask(third.token, 1));
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refusedOf(await ask(other.token, 1))).toHaveLength(0);
});

test('an address has so many requests a minute whoever asks from it, and another address its own', async () => {
  const { token } = await server.register('customer');
  const crowd = somewhere();
  const ask = (headers: Record<string, string>) => server.call('/v1/me', { token, headers });
  for (let asked = 0; asked < 3_000 * FACTOR; asked += 50)
    await Promise.all(Array.from({ length: 50 }, () => server.call('/v1/me', { headers: crowd })));
  expect(refusedOf([await ask(crowd)])).toHaveLength(1);
  expect((await ask(somewhere())).status).toBe(200);
});

test('a merchant’s person searches so often, and lists sales all the same', async () => {
  const [merchant, other] = [await server.register('merchant'), await server.register('merchant')];
  const find = ({ token }: Person, search: string) =>
    server.call(`/v1/merchant/sales?search=${search}`, { token, headers: somewhere() });
  for (let asked = 0; asked < 120 * FACTOR; asked += 1)
    expect((await find(merchant, '123456')).status).toBe(200);
  expect(refusedOf([await find(merchant, '654321')])).toHaveLength(1);
  expect((await find(merchant, '')).status).toBe(200);
  expect((await find(other, '654321')).status).toBe(200);
});
