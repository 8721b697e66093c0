import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PublicConfig } from '../contract/index.ts';
import { startTestServer, type TestServer } from '../test/test-server.ts';
import { createLogger } from './log.ts';

let server: TestServer;
const lines: string[] = [];
const wallet = mkdtempSync(join(tmpdir(), 'tiki-wallet-'));
beforeAll(async () => {
  mkdirSync(join(wallet, 'assets'));
  writeFileSync(join(wallet, 'index.html'), '<!doctype html><title>wallet</title>');
  writeFileSync(join(wallet, 'sw.js'), '//');
  writeFileSync(join(wallet, 'assets', 'app-Ab3dE6gH.js'), '//');
  const log = createLogger({ level: 'trace', destination: { write: (line) => lines.push(line) } });
  server = await startTestServer({ log, env: { TIKI_WALLET_DIR: wallet } });
});
afterAll(async () => {
  await server.close();
  rmSync(wallet, { recursive: true, force: true });
});

const page = { headers: { accept: 'text/html' } };

describe('the surface', () => {
  test('config is public and says what a client must know', async () => {
    const config = await server.expect(PublicConfig, '/v1/config');
    expect(config).toMatchObject({ currency: 'SGD', region: 'SG', walletOrigin: server.origin });
  });

  test('alive and ready', async () => {
    expect((await server.call('/healthz')).status).toBe(200);
    expect((await server.call('/readyz')).status).toBe(200);
  });

  test('unknown addresses, wrong methods, broken JSON and bodies that are too large are problems with a code', async () => {
    expect(await server.call('/v1/nothing')).toMatchObject({ status: 404, code: 'not_found' });
    const wrongMethod = await server.call('/v1/wallet', { method: 'DELETE' });
    expect(wrongMethod).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(wrongMethod.headers.get('allow')).toBe('GET');
    const broken = await fetch(`${server.origin}/v1/auth/login`, {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(await broken.json()).toMatchObject({ code: 'request_invalid' });
    const large = await server.call('/v1/auth/login', { body: { phone: 'x'.repeat(70_000), password: 'x' } });
    expect(large).toMatchObject({ status: 413, code: 'request_too_large' });
    expect(await server.call('/v1/auth/login', { body: {} })).toMatchObject({
      status: 400,
      code: 'request_invalid',
    });
  });

  test('a body that is no JSON at all does not pass for an empty one', async () => {
    const answer = await fetch(`${server.origin}/v1/auth/login`, {
      method: 'POST',
      body: 'phone=1',
      headers: { 'content-type': 'text/plain' },
    });
    expect(await answer.json()).toMatchObject({ code: 'request_invalid' });
  });

  test('answers of the API are kept by nobody and carry a request id', async () => {
    const { headers } = await server.call('/v1/config');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('the OpenAPI document is 3.1 and describes every route of the API', async () => {
    const Document = z.object({
      openapi: z.literal('3.1.0'),
      paths: z.record(z.string(), z.record(z.string(), z.unknown())),
    });
    const { paths } = await server.expect(Document, '/v1/openapi.json');
    for (const path of [
      '/v1/auth/register',
      '/v1/wallet',
      '/v1/topups',
      '/v1/topups/{id}',
      '/v1/transfers',
      '/v1/history',
      '/v1/config',
    ]) {
      expect(Object.keys(paths)).toContain(path);
    }
  });
});

describe('the wallet', () => {
  test('its page comes for every path of the app, with a policy that names the kiosks and nothing else', async () => {
    for (const path of ['/', '/pay', '/?topup=1']) {
      const { status, headers, body } = await server.call(path, page);
      expect([status, body]).toEqual([200, '<!doctype html><title>wallet</title>']);
      expect(headers.get('cache-control')).toBe('no-cache');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("connect-src 'self' http://192.168.49.1:7070 http://127.0.0.1:7070;");
      expect(policy).toContain("default-src 'self'");
      for (const rule of ["frame-ancestors 'none'", "object-src 'none'", "form-action 'self'"])
        expect(policy).toContain(rule);
      expect(policy).not.toContain('upgrade-insecure-requests');
      expect(headers.get('permissions-policy')).toContain('camera=(self)');
    }
  });

  test('files with a hash in their name are kept for ever, the service worker never', async () => {
    expect((await server.call('/assets/app-Ab3dE6gH.js')).headers.get('cache-control')).toContain(
      'immutable',
    );
    expect((await server.call('/sw.js')).headers.get('cache-control')).toBe('no-cache');
  });

  test('a missing file is a 404, not the page, and nothing outside the folder is reachable', async () => {
    expect((await server.call('/assets/none.js', page)).status).toBe(404);
    for (const path of ['/..%2f..%2fetc/passwd', '/%2e%2e/package.json', '/assets/../../etc/passwd.txt']) {
      expect((await server.call(path)).status).toBeGreaterThanOrEqual(400);
    }
  });
});

test('no code, token, password or phone number reaches the log (R59)', async () => {
  const person = await server.customerWith(1000n);
  const other = await server.register('merchant', { agent: true });
  await server.call('/v1/auth/login', { body: { phone: person.phone, password: 'wrong password' } });
  await server.call('/v1/auth/register', {
    body: {
      role: 'customer',
      phone: person.phone,
      username: other.session.user.username,
      password: 'a fine password',
    },
  });
  await server.call('/v1/me', { token: `${person.token}x` });
  // A failure inside the database, whose statement carries what was being written.
  await server.database.owner`alter table top_ups rename to top_ups_away`;
  await server.call('/v1/topups', {
    body: { amountMinor: '500' },
    token: person.token,
    key: crypto.randomUUID(),
  });
  await server.database.owner`alter table top_ups_away rename to top_ups`;
  const text = lines.join('');
  expect(text).toContain('request failed');
  const codes = server.sms.map((message) => message.code);
  for (const secret of [
    person.token,
    person.password,
    person.phone,
    person.phone.slice(1),
    other.session.refreshToken ?? 'none',
    '4242424242424242',
  ]) {
    expect(text).not.toContain(secret);
  }
  expect(text).not.toContain('$argon2id$');
  for (const code of codes) expect(text).not.toMatch(new RegExp(`(?<![0-9a-f-])${code}(?![0-9a-f-])`));
});
