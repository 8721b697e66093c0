/** What the OpenAPI document promises, held against the routes, the clients' table and the last version. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { API, API_VERSION, KioskView } from '../../contract/index.ts';
import { breakingChanges } from '../../test/api-compatibility.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { createApp } from '../app.ts';
import { apiRoutes } from '../http/api-routes.ts';

/** The description of the last version that went out. */
const RELEASED = new URL('../../contract/openapi-1.json', import.meta.url);

let server: TestServer;
let merchant: Person;
let document: unknown;
beforeAll(async () => {
  server = await startTestServer({ rateLimitFactor: 1 });
  merchant = await server.register('merchant');
  document = (await server.call('/v1/openapi.json')).body;
  if (process.env['TIKI_RELEASE_OPENAPI'] === '1') {
    const released = { ...z.looseObject({}).parse(document), servers: [{ url: '/' }] };
    await writeFile(RELEASED, `${JSON.stringify(released, null, 2)}\n`);
  }
});
afterAll(() => server.close());

const Operation = z.looseObject({
  parameters: z
    .array(z.looseObject({ name: z.string(), in: z.string(), required: z.boolean().optional() }))
    .default([]),
  responses: z.record(z.string(), z.looseObject({ headers: z.looseObject({}).optional() })),
  'x-idempotency': z.string().optional(),
});
const Paths = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), Operation)) });
const operations = () =>
  Object.entries(Paths.parse(document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      ...operation,
    })),
  );

test('the document is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(
    structuredClone(z.looseObject({}).parse(document)),
  );
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: `${API_VERSION}.0` } });
});

test('every operation says what it answers, how it refuses, and how a write is repeated', () => {
  for (const { name, parameters, responses, ...rest } of operations()) {
    const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
    expect([name, good.length]).toEqual([name, 1]);
    expect(Object.keys(good[0]?.[1].headers ?? {}), name).toEqual(
      expect.arrayContaining(['X-Request-Id', 'Tiki-Api-Version']),
    );
    expect(Object.keys(responses), name).toEqual(expect.arrayContaining(['default', '500', '503']));
    if (name.startsWith('GET ')) continue;
    const key = parameters.some(
      (parameter) => parameter.name === 'Idempotency-Key' && parameter.in === 'header',
    );
    expect([name, key || rest['x-idempotency'] !== undefined]).toEqual([name, true]);
  }
});

test('a list is read by pages: every answer with a cursor takes one, and a limit that is bounded', () => {
  for (const { name, parameters, responses } of operations()) {
    if (!JSON.stringify(responses['200'] ?? {}).includes('"nextCursor"')) continue;
    const names = parameters.map((parameter) => parameter.name);
    expect(names, name).toEqual(expect.arrayContaining(['cursor', 'limit']));
  }
});

test('no client of the last version is broken', async () => {
  const released: unknown = JSON.parse(await readFile(RELEASED, 'utf8'));
  expect(breakingChanges(released, document)).toEqual([]);
});

/** A schema as JSON Schema, to compare those that are made anew at every mention. */
const shape = (schema: unknown, io: 'input' | 'output') =>
  schema instanceof z.ZodType ? z.toJSONSchema(schema, { unrepresentable: 'any', io }) : null;
const Route = z.looseObject({
  request: z
    .looseObject({
      query: z.unknown(),
      body: z
        .looseObject({ content: z.record(z.string(), z.looseObject({ schema: z.unknown() })) })
        .optional(),
    })
    .partial()
    .optional(),
  responses: z.record(
    z.string(),
    z.looseObject({ content: z.record(z.string(), z.looseObject({ schema: z.unknown() })).optional() }),
  ),
});

test('the table from which clients derive their calls says of every operation what its route says', () => {
  const router = createApp(server.context);
  const routes = new Map(apiRoutes(router).map((route) => [`${route.method} ${route.path}`, route]));
  const definitions = new Map(
    router.openAPIRegistry.definitions.flatMap((definition) =>
      definition.type === 'route'
        ? [
            [
              `${definition.route.method.toUpperCase()} ${definition.route.path}`,
              Route.parse(definition.route),
            ],
          ]
        : [],
    ),
  );
  for (const [name, listed] of Object.entries(API)) {
    const definition = definitions.get(name);
    const answer = definition?.responses['200']?.content?.['application/json']?.schema;
    const body = definition?.request?.body?.content['application/json']?.schema;
    expect({
      name,
      isKnown: definition !== undefined,
      key: routes.get(name)?.takesKeyItself,
      body: shape(body, 'input'),
      query: shape(definition?.request?.query, 'input'),
      answer: shape(answer, 'output'),
    }).toEqual({
      name,
      isKnown: true,
      key: 'key' in listed,
      body: 'body' in listed ? shape(listed.body, 'input') : null,
      query: 'query' in listed ? shape(listed.query, 'input') : null,
      answer: shape(listed.answer, 'output'),
    });
  }
});

test('every answer names its request and the version, refusals too, and a caller may choose the name', async () => {
  for (const path of ['/v1/config', '/v1/me', '/v1/nothing']) {
    const answer = await server.call(path, { headers: { 'x-request-id': 'till-7-0001' } });
    expect([path, answer.headers.get('x-request-id')]).toEqual([path, 'till-7-0001']);
    expect([path, answer.headers.get('tiki-api-version')]).toEqual([path, API_VERSION]);
    if (answer.code !== null) expect(answer.body).toMatchObject({ requestId: 'till-7-0001' });
  }
  const unnamed = await server.call('/v1/config');
  expect(unnamed.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('R48: any write may carry a key: a repeat is answered from store, another body under it is refused', async () => {
  const { token } = merchant;
  const kiosk = await server.expect(KioskView, '/v1/merchant/kiosks', {
    body: { name: 'Till' },
    token,
    key: randomUUID(),
  });
  const path = `/v1/merchant/kiosks/${kiosk.id}/code`;
  const key = randomUUID();
  const first = await server.call(path, { method: 'POST', token, key });
  const again = await server.call(path, { method: 'POST', token, key });
  expect([again.status, again.body]).toEqual([200, first.body]);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  // Without a key, or with another, it is another code.
  expect((await server.call(path, { method: 'POST', token })).body).not.toEqual(first.body);
  expect((await server.call(path, { method: 'POST', token, key: randomUUID() })).body).not.toEqual(
    first.body,
  );

  const limits = { token, key: randomUUID(), method: 'PUT' };
  const set = { basedOn: 0, limits: { perPaymentMinor: '500' } };
  expect((await server.call('/v1/merchant/limits', { ...limits, body: set })).status).toBe(200);
  expect((await server.call('/v1/merchant/limits', { ...limits, body: set })).status).toBe(200);
  const other = await server.call('/v1/merchant/limits', { ...limits, body: { basedOn: 0, limits: {} } });
  expect([other.status, other.code]).toEqual([422, 'idempotency_key_reused']);
  // A refusal of the write is the answer as well.
  const stale = { ...limits, key: randomUUID(), body: { basedOn: 99, limits: {} } };
  const refused = await server.call('/v1/merchant/limits', stale);
  expect((await server.call('/v1/merchant/limits', stale)).code).toBe(refused.code);
  expect(refused.code).toBe('limits_changed');
});

test('one device, one account and one address have so many requests a minute, and are told when to come back', async () => {
  const floodOf = async (token: string, count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => server.call('/v1/me', { token })));
    return answers.filter(({ code }) => code === 'rate_limited');
  };
  const device = await server.register('customer');
  const [refused] = await floodOf(device.token, 320);
  expect(refused?.status).toBe(429);
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
  // The same person on another device goes on.
  const other = await server.signInAgain(device);
  expect(await floodOf(other.token, 1)).toEqual([]);
});

test('the documentation page needs nobody else: its files are ours, and nothing else may load', async () => {
  const page = await server.call('/v1/docs');
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self';/);
  const addresses = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, address]) => address ?? '',
  );
  expect(addresses.filter((address) => !address.startsWith('/v1/docs/'))).toEqual(['data:,']);
  expect(String(page.body)).not.toMatch(/<script>|<style|\son\w+=/);
  for (const address of addresses.filter((one) => one.startsWith('/'))) {
    const file = await server.call(address);
    expect([address, file.status]).toEqual([address, 200]);
    expect(file.headers.get('content-type')).toMatch(/^text\/(javascript|css)/);
  }
});
