import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { howToEnable, publishedSpec } from '../../../test/published-specs.ts';
import { TestClock } from '../../../test/test-server.ts';
import { readConfig } from '../../config.ts';
import { type Listening, listen } from '../../http/listen.ts';
import { createTwilioNotify } from '../twilio.ts';
import type { NotifyPort } from '../port.ts';
import { createTwilioStandIn, type SmsMessage } from './twilio-stand-in.ts';

const clock = new TestClock();
const sms: SmsMessage[] = [];
const folder = mkdtempSync(join(tmpdir(), 'tiki-twilio-'));
const stateFile = join(folder, 'twilio.json');
let server: Listening;
let notify: NotifyPort;
let base: string;
beforeAll(async () => {
  const standIn = createTwilioStandIn({ stateFile, clock, onSms: (message) => sms.push(message) });
  server = await listen({ fetch: standIn.fetch, host: '127.0.0.1', port: 0, setting: 'none' });
  base = `http://127.0.0.1:${server.port}`;
  notify = createTwilioNotify(readConfig({ TWILIO_API_BASE: base }).twilio);
});
afterAll(async () => {
  await server.close(100);
  rmSync(folder, { recursive: true, force: true });
});

let next = 1_000_000;
const phone = () => `+659${(next += 1)}`;
async function begin(to: string): Promise<{ id: string; code: string }> {
  const started = await notify.startVerification(to, 'stranger');
  if (started.status !== 'sent') throw new Error(started.status);
  return { id: started.verificationId, code: sms.findLast((message) => message.to === to)?.code ?? '' };
}
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

describe("through Twilio's own SDK", () => {
  test('the right code is approved once; afterwards the verification is gone', async () => {
    const { id, code } = await begin(phone());
    expect(code).toMatch(/^[0-9]{6}$/);
    expect(await notify.checkVerification(id, wrong(code), 'stranger')).toEqual({ status: 'incorrect' });
    expect(await notify.checkVerification(id, code, 'stranger')).toEqual({ status: 'approved' });
    expect(await notify.checkVerification(id, code, 'stranger')).toEqual({ status: 'expired' });
  });

  test('five wrong codes end it', async () => {
    const { id, code } = await begin(phone());
    for (let i = 0; i < 5; i += 1)
      expect(await notify.checkVerification(id, wrong(code), 'stranger')).toEqual({ status: 'incorrect' });
    expect(await notify.checkVerification(id, code, 'stranger')).toEqual({ status: 'too_many_attempts' });
  });

  test('ten minutes end it', async () => {
    const { id, code } = await begin(phone());
    clock.advance(10 * 60_000);
    expect(await notify.checkVerification(id, code, 'stranger')).toEqual({ status: 'expired' });
  });

  test('asking again sends the same code, five times at most', async () => {
    const to = phone();
    const first = await begin(to);
    for (let i = 0; i < 4; i += 1) expect(await begin(to)).toEqual(first);
    expect(await notify.startVerification(to, 'stranger')).toEqual({ status: 'too_many_sends' });
  });

  test('what is no number is refused, and a provider that is away is a result, not an exception', async () => {
    expect(await notify.startVerification('12', 'stranger')).toEqual({ status: 'number_refused' });
    const away = createTwilioNotify(readConfig({ TWILIO_API_BASE: 'http://127.0.0.1:9' }).twilio);
    expect((await away.startVerification(phone(), 'stranger')).status).toBe('unavailable');
    expect((await away.checkVerification(`VE${'0'.repeat(32)}`, '123456', 'stranger')).status).toBe(
      'unavailable',
    );
  });
});

test('a restart forgets nothing', async () => {
  const { id, code } = await begin(phone());
  const again = createTwilioStandIn({ stateFile, clock });
  const serverAgain = await listen({ fetch: again.fetch, host: '127.0.0.1', port: 0, setting: 'none' });
  const notifyAgain = createTwilioNotify(
    readConfig({ TWILIO_API_BASE: `http://127.0.0.1:${serverAgain.port}` }).twilio,
  );
  expect(await notifyAgain.checkVerification(id, code, 'stranger')).toEqual({ status: 'approved' });
  await serverAgain.close(100);
});

test('the inbox shows the code to people and to tests', async () => {
  const to = phone();
  const { code } = await begin(to);
  expect(await (await fetch(`${base}/`)).text()).toContain(code);
  expect(await (await fetch(`${base}/messages?to=${encodeURIComponent(to)}`)).json()).toMatchObject({
    messages: [{ to, code }],
  });
});

const Property = z.object({
  type: z.string().optional(),
  pattern: z.string().optional(),
  nullable: z.boolean().optional(),
});
const Spec = z.object({
  components: z.object({
    schemas: z.record(z.string(), z.object({ properties: z.record(z.string(), Property).optional() })),
  }),
});
const credentials = { authorization: `Basic ${Buffer.from(`AC${'0'.repeat(32)}:x`).toString('base64')}` };
const service = `VA${'0'.repeat(32)}`;
const form = (path: string, fields: Record<string, string>) =>
  fetch(`${base}/v2/Services/${service}/${path}`, {
    method: 'POST',
    headers: credentials,
    body: new URLSearchParams(fields),
  });

test("the answers have exactly the fields of Twilio's OpenAPI document, in its types and patterns", async (context) => {
  const spec = publishedSpec('twilio_verify_v2.json');
  if (spec === null) return context.skip(howToEnable('twilio_verify_v2.json'));
  const { schemas } = Spec.parse(spec).components;
  const to = phone();
  const created = await form('Verifications', { To: to, Channel: 'sms' });
  const code = sms.findLast((message) => message.to === to)?.code ?? '';
  const checked = await form('VerificationCheck', { To: to, Code: code });
  expect([created.status, checked.status]).toEqual([201, 200]);
  const cases = [
    ['verify.v2.service.verification', created],
    ['verify.v2.service.verification_check', checked],
  ] as const;
  for (const [name, response] of cases) {
    const ours = z.record(z.string(), z.unknown()).parse(await response.json());
    const theirs = schemas[name]?.properties ?? {};
    expect(Object.keys(ours).toSorted()).toEqual(Object.keys(theirs).toSorted());
    for (const [key, { type, pattern, nullable }] of Object.entries(theirs)) {
      const value = ours[key];
      if (value === null) expect(nullable, `${name}.${key} may not be null`).toBe(true);
      else if (type === 'array') expect(Array.isArray(value)).toBe(true);
      else if (type !== undefined) expect(typeof value, `${name}.${key}`).toBe(type);
      if (pattern !== undefined && value !== null) expect(value).toMatch(new RegExp(pattern));
    }
  }
});

test("refusals have Twilio's shape", async () => {
  const refused = await form('Verifications', { To: 'nobody', Channel: 'sms' });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    code: 60200,
    status: 400,
    more_info: 'https://www.twilio.com/docs/errors/60200',
  });
  const anonymous = await fetch(`${base}/v2/Services/${service}/Verifications`, { method: 'POST' });
  expect(anonymous.status).toBe(401);
  expect((await form('VerificationCheck', { To: '+6590000000', Code: '123456' })).status).toBe(404);
});
