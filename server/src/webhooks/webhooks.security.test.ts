/** Merchants' programs are told what happened, once, signed, and by nobody who could be led elsewhere (R56). */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { sql } from 'drizzle-orm';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  pageOf,
  WebhookDeliveryView,
  WebhookList,
  WebhookTestResult,
  WebhookView,
  WebhookWithSecret,
} from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { type Queue, startQueue } from '../jobs/queue.ts';
import { deliver, handOver, markDead } from './index.ts';
import { isAllowedUrl, send } from './send.ts';

interface Told {
  readonly headers: Record<string, string>;
  readonly body: string;
}

let server: TestServer;
let merchant: Person;
let phone: SimulatedPhone;
let kiosk: SimulatedKiosk;
let wallet: OfflineWallet;
let receiver: Server;
let url: string;
let told: Told[] = [];
let answerWith: (request: IncomingMessage) => { status: number; headers?: Record<string, string> };
let endpoint: WebhookWithSecret;
let queue: Queue;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      told.push({ headers, body: Buffer.concat(chunks).toString() });
      const { status, headers: more } = answerWith(request);
      response.writeHead(status, more).end('thanks');
    });
  });
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
  const address = receiver.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/told`;
  answerWith = () => ({ status: 204 });

  server = await startTestServer();
  queue = await startQueue(server.context.worker, server.context.log);
  merchant = await server.register('merchant', { agent: true });
  phone = await SimulatedPhone.withMoney(server, 9_000n);
  kiosk = await SimulatedKiosk.open(server, merchant);
  wallet = await phone.load(4_000n);
  endpoint = await server.expect(WebhookWithSecret, '/v1/merchant/webhooks', {
    body: {
      url,
      events: [
        'payment.settled',
        'payment.double_spent',
        'refund.booked',
        'kiosk.denied',
        'kiosk.suspended',
        'kiosk.resumed',
        'payout.paid',
        'payout.failed',
      ],
    },
    token: merchant.token,
    key: randomUUID(),
  });
});
afterEach(() => {
  told = [];
  answerWith = () => ({ status: 204 });
});
afterAll(async () => {
  await queue.stop();
  await server.close();
  receiver.close();
  receiver.closeAllConnections();
});

const waiting = async () => {
  const rows = await server.database.owner<{ id: string }[]>`
    select id from webhook_deliveries where state = 'waiting' order by sequence`;
  return rows.map(({ id }) => id);
};
const Body = z.object({
  type: z.string(),
  timestamp: z.iso.datetime(),
  // Every time in it as `timestamp` is written: with Z, whoever wrote the event.
  data: z.looseObject({
    at: z.iso.datetime().optional(),
    acceptedAt: z.iso.datetime().optional(),
    settledAt: z.iso.datetime().optional(),
    refundedAt: z.iso.datetime().optional(),
    foundAt: z.iso.datetime().optional(),
  }),
});
const listed = async () =>
  (
    await server.expect(pageOf(WebhookDeliveryView), '/v1/merchant/webhook-deliveries', {
      token: merchant.token,
    })
  ).items;

test('a settled payment is told once, signed as Standard Webhooks has it, whatever is handed in again', async () => {
  const payment = kiosk.sell(wallet, 700n);
  await kiosk.settle();
  await kiosk.settle();
  const ids = await waiting();
  expect(ids).toHaveLength(1);
  for (const id of ids) await deliver(server.background, id);
  expect(told).toHaveLength(1);
  const [message] = told;
  if (message === undefined) throw new Error('nobody was told');
  expect(message.headers['content-type']).toBe('application/json');
  // The library that a receiver would use.
  const verified = Body.parse(new Webhook(endpoint.secret).verify(message.body, message.headers));
  expect(verified).toMatchObject({
    type: 'payment.settled',
    data: { amountMinor: '700', currency: 'SGD', kioskId: kiosk.kioskId },
  });
  expect(payment).toBeDefined();
  expect(() => new Webhook(endpoint.secret).verify(`${message.body} `, message.headers)).toThrow();
  const old = {
    ...message.headers,
    'webhook-timestamp': String(Number(message.headers['webhook-timestamp']) - 3_600),
  };
  expect(() => new Webhook(endpoint.secret).verify(message.body, old)).toThrow();
  // A repeat of the same delivery tells nobody.
  for (const id of ids) await deliver(server.background, id);
  expect(told).toHaveLength(1);
  expect(await listed()).toMatchObject([
    { state: 'delivered', attempts: 1, lastStatus: 204, type: 'payment.settled' },
  ]);
});

test('what is rolled back is not told', async () => {
  const before = await waiting();
  const undone = server.context.db.transaction(async (tx) => {
    await tx.execute(sql`update kiosks set status = 'denied' where id = ${kiosk.kioskId}`);
    const inside = await tx.execute(sql`select 1 from webhook_events where type = 'kiosk.denied'`);
    expect(inside).toHaveLength(1);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await waiting()).toEqual(before);
});

test('a double spend, a denied kiosk: each is told to the merchant whom it concerns', async () => {
  const spent = await phone.load(200n);
  const till = await SimulatedKiosk.open(server, merchant, 'Second till');
  for (const copy of [clone(spent), clone(spent)]) {
    const asked = till.request(10n);
    till.write(asked, copy, pay(copy, asked));
  }
  await till.settle();
  await server.call(`/v1/merchant/kiosks/${till.kioskId}/deny`, { method: 'POST', token: merchant.token });
  for (const id of await waiting()) await deliver(server.background, id);
  const types = told.map(({ body }) => Body.parse(JSON.parse(body)).type);
  expect(types).toContain('payment.double_spent');
  expect(types).toContain('kiosk.denied');
  expect(types.filter((type) => type === 'payment.double_spent')).toHaveLength(1);
});

test('a till is suspended and brought back: each time is told once, what changes nothing never', async () => {
  const till = await SimulatedKiosk.open(server, merchant, 'Third till');
  for (const act of ['suspend', 'suspend', 'resume', 'resume', 'suspend'])
    await server.call(`/v1/merchant/kiosks/${till.kioskId}/${act}`, {
      method: 'POST',
      token: merchant.token,
    });
  for (const id of await waiting()) await deliver(server.background, id);
  const said = told.map(({ body }) => Body.parse(JSON.parse(body)));
  expect(said.map(({ type }) => type)).toEqual(['kiosk.suspended', 'kiosk.resumed', 'kiosk.suspended']);
  expect(said[0]?.data).toMatchObject({ kioskId: till.kioskId, name: 'Third till' });
});

test('a refusal is tried again by the queue; after the last time it is dead, and a replay tells it once more', async () => {
  kiosk.sell(wallet, 100n);
  await kiosk.settle();
  const [id = ''] = await waiting();
  answerWith = () => ({ status: 500 });
  await expect(deliver(server.background, id)).rejects.toThrow('answered 500');
  expect((await listed())[0]).toMatchObject({ state: 'waiting', attempts: 1, lastStatus: 500 });
  await markDead(server.background, id);
  expect((await listed())[0]).toMatchObject({ state: 'dead' });
  answerWith = () => ({ status: 200 });
  const path = `/v1/merchant/webhook-deliveries/${id}/replay`;
  expect((await server.call(path, { method: 'POST', token: merchant.token })).body).toMatchObject({
    state: 'waiting',
  });
  await deliver(server.background, id);
  expect(told).toHaveLength(2);
  expect(told[0]?.headers['webhook-id']).toBe(told[1]?.headers['webhook-id']);
});

test('R56: a redirect is a refusal, not a way', async () => {
  kiosk.sell(wallet, 100n);
  await kiosk.settle();
  const [id = ''] = await waiting();
  answerWith = () => ({ status: 302, headers: { location: url } });
  await expect(deliver(server.background, id)).rejects.toThrow('answered 302');
  expect(told).toHaveLength(1);
  await markDead(server.background, id);
});

test('what waits is handed to the queue in one transaction, once, and its workers deliver it', async () => {
  kiosk.sell(wallet, 100n);
  await kiosk.settle();
  expect(await waiting()).toHaveLength(1);
  const failing = handOver(server.background, async (tx, ids) => {
    await queue.enqueueWebhooks(tx, ids);
    throw new Error('cut');
  });
  await expect(failing).rejects.toThrow('cut');
  const jobs = async () => server.database.owner`select id from pgboss.job where name = 'webhooks'`;
  expect(await jobs()).toHaveLength(0);
  expect(await Promise.all([1, 2].map(() => handOver(server.background, queue.enqueueWebhooks)))).toContain(
    1,
  );
  expect(await jobs()).toHaveLength(1);
  const delivered = new Promise<string>((done) => {
    void queue.workOnWebhooks({
      deliver: async (id) => {
        await deliver(server.background, id);
        done(id);
      },
      onDead: () => Promise.resolve(),
    });
  });
  await delivered;
  expect(told).toHaveLength(1);
});

test('a secret is told once, changes at wish, and signs along for a day', async () => {
  const list = await server.call('/v1/merchant/webhooks', { token: merchant.token });
  expect(JSON.stringify(list.body)).not.toContain('whsec_');
  const stored = await server.database.owner`select * from webhook_endpoints`;
  expect(JSON.stringify(stored)).not.toContain(endpoint.secret.slice(6, 20));
  const kept = await server.database.owner`select response_body from idempotency_keys`;
  expect(JSON.stringify(kept)).not.toContain('whsec_');
  const changed = await server.expect(WebhookWithSecret, `/v1/merchant/webhooks/${endpoint.id}/secret`, {
    method: 'POST',
    token: merchant.token,
    key: randomUUID(),
  });
  expect(changed.secret).not.toBe(endpoint.secret);
  kiosk.sell(wallet, 100n);
  await kiosk.settle();
  for (const id of await waiting()) await deliver(server.background, id);
  const [message] = told;
  for (const secret of [endpoint.secret, changed.secret]) {
    expect(() => new Webhook(secret).verify(message?.body ?? '', message?.headers ?? {})).not.toThrow();
  }
});

test('a receiver that is gone is told nothing more', async () => {
  kiosk.sell(wallet, 100n);
  await kiosk.settle();
  answerWith = () => ({ status: 410 });
  for (const id of await waiting()) await deliver(server.background, id);
  expect((await listed())[0]).toMatchObject({ state: 'dead' });
  kiosk.sell(wallet, 100n);
  await kiosk.settle();
  expect(await waiting()).toEqual([]);
});

const publicly = { allowPrivate: false };
test.each([
  'http://example.com/',
  'ftp://example.com/',
  'https://user:pass@example.com/',
  'https://example.com/#x',
  'https://localhost/',
  'https://metadata.google.internal/',
  'https://kiosk.local/',
  'https://intranet/',
  'https://127.0.0.1/',
  'https://2130706433/',
  'https://0x7f.1/',
  'https://[::1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://169.254.169.254/latest/meta-data',
  'https://10.0.0.8/',
  'file:///etc/passwd',
  'not an address',
])('R56: nobody is told at %s', (address) => {
  expect(isAllowedUrl(address, publicly)).toBe(false);
});

test('R56: a name that leads inside is refused, also when only one of its addresses does', async () => {
  const outgoing = { url: 'https://shop.example.com/told', headers: {}, body: '{}' };
  for (const addresses of [['10.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::ffff:192.168.1.1']]) {
    const outcome = await send(outgoing, { ...publicly, resolve: () => Promise.resolve(addresses) });
    expect([addresses, outcome]).toEqual([addresses, { error: 'address_not_allowed' }]);
  }
  expect(await send(outgoing, { ...publicly, resolve: () => Promise.resolve([]) })).toEqual({
    error: 'name_not_found',
  });
});

test('R56: a name is asked once, and the connection goes where that answer led (DNS rebinding)', async () => {
  let asked = 0;
  const resolve = () => {
    asked += 1;
    return Promise.resolve(asked === 1 ? ['127.0.0.1'] : ['127.0.0.99']);
  };
  const port = new URL(url).port;
  const outgoing = { url: `http://rebind.example.com:${port}/told`, headers: {}, body: '{}' };
  expect(await send(outgoing, { allowPrivate: true, resolve })).toEqual({ status: 204 });
  expect(asked).toBe(1);
  expect(told[0]?.headers['host']).toBe(`rebind.example.com:${port}`);
});

test('R56: an answer without end and an answer that is huge are cut off', async () => {
  const silent = createServer(() => undefined);
  const huge = createServer((_request, response) => {
    response.writeHead(200);
    const more = () => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  for (const [at, expected] of [
    [silent, 'no_answer'],
    [huge, 'answer_too_large'],
  ] as const) {
    await new Promise<void>((listening) => at.listen(0, '127.0.0.1', listening));
    const address = at.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const outgoing = { url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}' };
    const timeoutMs = at === silent ? 100 : 30_000;
    expect(await send(outgoing, { allowPrivate: true, timeoutMs })).toEqual({ error: expected });
    at.close();
    at.closeAllConnections();
  }
});

test('R56: an answer that another protocol begins ends the attempt, and holds no worker', async () => {
  const turning = createTcpServer((socket) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    );
  });
  await new Promise<void>((listening) => turning.listen(0, '127.0.0.1', listening));
  const address = turning.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const outgoing = { url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}' };
  expect(await send(outgoing, { allowPrivate: true })).toEqual({ error: 'no_answer' });
  turning.close();
});

test('an endpoint is tried, paused, told again and ended for ever; a stranger’s ear is nobody’s', async () => {
  const { token } = merchant;
  const made = await server.expect(WebhookWithSecret, '/v1/merchant/webhooks', {
    body: { url: `${url}/second`, events: ['kiosk.denied'] },
    token,
    key: randomUUID(),
  });
  const path = `/v1/merchant/webhooks/${made.id}`;
  const before = (await listed()).length;
  const tried = () => server.expect(WebhookTestResult, `${path}/test`, { method: 'POST', token });
  expect(await tried()).toEqual({ isDelivered: true, status: 204, error: null });
  const [message] = told;
  expect(new Webhook(made.secret).verify(message?.body ?? '', message?.headers ?? {})).toMatchObject({
    type: 'webhook.test',
  });
  answerWith = () => ({ status: 500 });
  expect(await tried()).toEqual({ isDelivered: false, status: 500, error: null });
  // It is no delivery.
  expect(await listed()).toHaveLength(before);

  const step = (name: string) => server.expect(WebhookView, `${path}/${name}`, { method: 'POST', token });
  expect((await step('disable')).disabledAt).not.toBeNull();
  expect((await step('enable')).disabledAt).toBeNull();
  expect((await step('enable')).disabledAt).toBeNull();
  expect((await server.call(path, { method: 'DELETE', token })).status).toBe(204);
  const { items } = await server.expect(WebhookList, '/v1/merchant/webhooks', { token });
  expect(items.map(({ id }) => id)).not.toContain(made.id);
  for (const name of ['enable', 'disable', 'test', 'secret']) {
    const again = await server.call(`${path}/${name}`, { method: 'POST', token, key: randomUUID() });
    expect([name, again.code]).toEqual([name, 'webhook_not_found']);
  }
});

test('a merchant has ten living endpoints at the most, however many ask at once', async () => {
  const { token } = await server.register('merchant');
  const create = (name: number) =>
    server.call('/v1/merchant/webhooks', {
      body: { url: `${url}/${name}`, events: ['kiosk.denied'] },
      token,
      key: randomUUID(),
    });
  const list = async () => (await server.expect(WebhookList, '/v1/merchant/webhooks', { token })).items;
  const living = async () => (await list()).filter(({ disabledAt }) => disabledAt === null);
  const step = ({ id }: WebhookView, name: string) =>
    server.call(`/v1/merchant/webhooks/${id}/${name}`, { method: 'POST', token });
  const made = await Promise.all(Array.from({ length: 12 }, (_, n) => create(n)));
  expect(made.map(({ code }) => code).filter((code) => code !== null)).toEqual([
    'request_invalid',
    'request_invalid',
  ]);
  const paused = (await living()).slice(0, 4);
  for (const endpoint of paused) await step(endpoint, 'disable');
  for (const n of [12, 13, 14]) expect((await create(n)).code).toBeNull();
  const woken = await Promise.all(paused.map((endpoint) => step(endpoint, 'enable')));
  expect(woken.filter(({ code }) => code === null)).toHaveLength(1);
  expect(await living()).toHaveLength(10);
});
