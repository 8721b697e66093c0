/** What takes the short way is answered as the router answers it: to the byte, but for what is another one each time. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { createApp } from '../app.ts';
import { type Listening, listen } from './listen.ts';
import { shortWayOf } from './short-way.ts';

let server: TestServer;
let strict: TestServer;
let payer: Person;
let payee: Person;
let merchant: Person;
let ways: Ways;
const closers: (() => Promise<void>)[] = [];

interface Ways {
  readonly router: Listening;
  readonly short: Listening;
  /** Requests that went the short way. */
  readonly taken: () => number;
}

/** Both over one context. */
async function bothWays({ context }: TestServer): Promise<Ways> {
  const app = createApp(context);
  const way = shortWayOf(app, context);
  let taken = 0;
  const place = { host: '127.0.0.1', port: 0, setting: 'none' };
  const router = await listen({ fetch: app.fetch, ...place });
  const short = await listen({
    fetch: app.fetch,
    shortWay: (incoming, outgoing) => {
      const took = way(incoming, outgoing);
      taken += took ? 1 : 0;
      return took;
    },
    ...place,
  });
  closers.push(
    () => router.close(100),
    () => short.close(100),
  );
  return { router, short, taken: () => taken };
}

beforeAll(async () => {
  server = await startTestServer();
  [payer, payee, merchant] = [
    await server.register('customer'),
    await server.register('customer'),
    await server.register('merchant'),
  ];
  await server.topUp(payer, 10_000n);
  ways = await bothWays(server);
  strict = await startTestServer({ rateLimitFactor: 0.001 });
});
afterAll(async () => {
  for (const close of closers) await close();
  await server.close();
  await strict.close();
});

interface Sent {
  readonly method?: string;
  readonly path?: string;
  /** Name and value in turns. Null leaves a usual one out. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly body?: string;
}

interface Heard {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const usualBody = () => JSON.stringify({ phone: payee.phone, amountMinor: '5' });

async function send({ port }: Listening, { method = 'POST', path, headers, body }: Sent): Promise<Heard> {
  const content = body ?? usualBody();
  const all = {
    authorization: `Bearer ${payer.token}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(content)),
    'idempotency-key': randomUUID(),
    ...headers,
  };
  const asking = request({ host: '127.0.0.1', port, path: path ?? '/v1/transfers', method, agent: false });
  for (const [name, value] of Object.entries(all)) if (value !== null) asking.setHeader(name, value);
  asking.end(content);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

const ANY_ID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;
const ANY_TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/** Without what is another one each time. */
function comparable({ status, headers, body }: Heard) {
  const { date: _date, 'x-request-id': requestId, ...rest } = headers;
  const masked = (words: string) => words.replace(ANY_ID, 'ID').replace(ANY_TIME, 'TIME');
  return { status, headers: { ...rest, 'x-request-id': masked(String(requestId)) }, body: masked(body) };
}

/** Begins a transfer, and goes away within its body. */
async function breakOff({ port }: Listening): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'POST /v1/transfers HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  );
  await expect.poll(async () => (await figures()).running).toBe(1);
  socket.destroy();
  await expect.poll(async () => (await figures()).running).toBe(0);
}

const withHeader = (authorization: string): Sent => ({ headers: { authorization } });

/** With the signature that it had. */
function altered(token: string): string {
  const [head, claims = '', signature] = token.split('.');
  const said = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), sub: randomUUID() };
  return [head, Buffer.from(JSON.stringify(said)).toString('base64url'), signature].join('.');
}

const NOT_JSON = '{"phone": ';
const usual: readonly (readonly [string, () => Sent, number])[] = [
  ['a transfer', () => ({}), 200],
  [
    'one with a note',
    () => ({ body: JSON.stringify({ phone: payee.phone, amountMinor: '1', note: ' Terima kasih ✓ ' }) }),
    200,
  ],
  ['a request with a name', () => ({ headers: { 'x-request-id': 'mine-1' } }), 200],
  ['a request with a bad name', () => ({ headers: { 'x-request-id': 'not mine' } }), 200],
  ['a mark before the text', () => ({ body: `\ufeff${usualBody()}` }), 200],
  ['nobody', () => ({ headers: { authorization: null } }), 401],
  ['another scheme', () => ({ headers: { authorization: 'Basic abc' } }), 401],
  ['garbage for a token', () => ({ headers: { authorization: 'Bearer abc' } }), 401],
  ['a known token in a scheme of small letters', () => withHeader(`bearer ${payer.token}`), 200],
  ['a known token that says something else', () => withHeader(`Bearer ${altered(payer.token)}`), 401],
  ['a known token with more before it', () => withHeader(`Bearer x${payer.token}`), 401],
  ['a known token with more behind it', () => withHeader(`Bearer ${payer.token} x`), 401],
  ['a known token after two spaces', () => withHeader(`Bearer  ${payer.token}`), 401],
  ['a scheme without a token', () => withHeader('Bearer'), 401],
  ['another role', () => ({ headers: { authorization: `Bearer ${merchant.token}` } }), 403],
  ['no key', () => ({ headers: { 'idempotency-key': null } }), 400],
  ['a key that is none', () => ({ headers: { 'idempotency-key': 'abc' } }), 400],
  ['what is no JSON', () => ({ body: NOT_JSON }), 400],
  ['no body', () => ({ body: '' }), 400],
  ['what is not as described', () => ({ body: JSON.stringify({ phone: 1, amountMinor: '-5' }) }), 400],
  ['too much', () => ({ body: JSON.stringify({ phone: payee.phone, amountMinor: '9999999999' }) }), 422],
  ['more than there is', () => ({ body: JSON.stringify({ phone: payee.phone, amountMinor: '10001' }) }), 422],
  ['to oneself', () => ({ body: JSON.stringify({ phone: payer.phone, amountMinor: '1' }) }), 422],
  ['to nobody', () => ({ body: JSON.stringify({ phone: '+6589999999', amountMinor: '1' }) }), 404],
  ['to no number', () => ({ body: JSON.stringify({ phone: 'abcdef', amountMinor: '1' }) }), 422],
];

test.each(usual)('the short way answers %s as the router does', async (_what, sent, status) => {
  const before = ways.taken();
  const byRouter = await send(ways.router, sent());
  const byShort = await send(ways.short, sent());
  expect(ways.taken() - before).toBe(1);
  expect(byRouter.status).toBe(status);
  expect(comparable(byShort)).toEqual(comparable(byRouter));
});

const unusual: readonly (readonly [string, () => Sent])[] = [
  ['another method', () => ({ method: 'PUT' })],
  ['another path', () => ({ path: '/v1/transfers/preview' })],
  ['a query', () => ({ path: '/v1/transfers?a=b' })],
  ['another type', () => ({ headers: { 'content-type': 'application/json; charset=utf-8' } })],
  ['no type', () => ({ headers: { 'content-type': null } })],
  [
    'a body that comes in pieces',
    () => ({ headers: { 'content-length': null, 'transfer-encoding': 'chunked' } }),
  ],
  ['a body above the limit', () => ({ body: JSON.stringify({ phone: 'x'.repeat(66_000) }) })],
  ['a host that is none', () => ({ headers: { host: 'a/b' } })],
  ['two of one header', () => ({ headers: { 'x-forwarded-for': ['10.0.0.1', '10.0.0.2'] } })],
];

test.each(unusual)('%s takes the router', async (_what, sent) => {
  const before = ways.taken();
  const byRouter = await send(ways.router, sent());
  const byShort = await send(ways.short, sent());
  expect(ways.taken() - before).toBe(0);
  expect(comparable(byShort)).toEqual(comparable(byRouter));
});

test('a repeat is answered the same whichever way it and the first one take', async () => {
  const headers = { 'idempotency-key': randomUUID() };
  const first = await send(ways.short, { headers });
  const repeats = [await send(ways.router, { headers }), await send(ways.short, { headers })];
  expect(repeats.map(({ body }) => body)).toEqual([first.body, first.body]);
  const body = JSON.stringify({ phone: payee.phone, amountMinor: '6' });
  const [other, another] = [
    await send(ways.router, { headers, body }),
    await send(ways.short, { headers, body }),
  ];
  expect(JSON.parse(other.body)).toMatchObject({ code: 'idempotency_key_reused' });
  expect(comparable(another)).toEqual(comparable(other));
});

test('a session that is over is refused the same', async () => {
  const gone = await server.register('customer');
  await server.context.sessions.revokeAll(gone.session.user.id);
  const headers = { authorization: `Bearer ${gone.token}` };
  const [byRouter, byShort] = [await send(ways.router, { headers }), await send(ways.short, { headers })];
  expect(JSON.parse(byRouter.body)).toMatchObject({ code: 'session_expired' });
  expect(comparable(byShort)).toEqual(comparable(byRouter));
});

test('floods are counted together with the router’s, and refused the same', async () => {
  const own = await bothWays(strict);
  const limited: Heard[] = [];
  // Three a minute from an address.
  for (const way of [own.short, own.router, own.short, own.router, own.short])
    limited.push(await send(way, { headers: { authorization: null } }));
  expect(limited.map(({ status }) => status)).toEqual([401, 401, 401, 429, 429]);
  const [byRouter, byShort] = limited.slice(3).map(comparable);
  const aboutTime = { 'retry-after': expect.any(String), 'content-length': expect.any(String) };
  expect(byShort).toMatchObject({ status: 429, headers: { ...byRouter?.headers, ...aboutTime } });
});

async function figures() {
  const metrics = await server.context.metrics.registry.getMetricsAsJSON();
  const valueOf = (name: string, suffix: string, labels: object = {}) =>
    metrics
      .find((metric) => metric.name === name)
      ?.values.filter((value) => !('metricName' in value) || String(value.metricName).endsWith(suffix))
      .find(({ labels: own }) => Object.entries(labels).every(([key, value]) => Object(own)[key] === value))
      ?.value ?? 0;
  const answered = (status: string) =>
    valueOf('tikiwallet_http_request_duration_seconds', '_count', {
      method: 'POST',
      route: '/v1/transfers',
      status,
    });
  return {
    answered: answered('200'),
    failed: answered('500') + answered('503'),
    running: valueOf('tikiwallet_http_requests_in_flight', ''),
  };
}

test('each request is counted once, under its route, and none is left running when its sender goes away', async () => {
  const before = await figures();
  await send(ways.short, {});
  await send(ways.router, {});
  expect(await figures()).toEqual({ ...before, answered: before.answered + 2, running: 0 });
  const taken = ways.taken();
  await breakOff(ways.short);
  expect(ways.taken()).toBe(taken + 1);
});

test('whoever goes away within a body is no fault of ours, whichever way it took', async () => {
  const before = await figures();
  for (const way of [ways.router, ways.short]) await breakOff(way);
  expect(await figures()).toEqual(before);
});
