import { expect, test } from 'vitest';
import { createLogger } from '../src/log.ts';
import { leakIn, LogScan } from './log-scan.ts';

test.each([
  ['a card', 'paid with 4242 4242 4242 4242', "a card's number"],
  ['a card without spaces', '{"x":"4000000000000002"}', "a card's number"],
  ['an access token', 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMTkwIn0.AAAA', 'a token or a key'],
  ['a refresh token', `0190d8c2-0000-7000-8000-000000000002.3.${'a'.repeat(43)}`, 'a token or a key'],
  ['an Authorization header', 'Bearer abcdefghijklmnop.qrst', 'a token or a key'],
  ["Stripe's secret", 'whsec_abcdefgh1234', 'a token or a key'],
  ['a password hash', '$argon2id$v=19$m=19456', 'a password hash'],
])('R59 %s in a log is found', (_name, text, leak) => {
  expect(leakIn(text)).toBe(leak);
});

test.each([
  '{"requestId":"0190d8c2-1234-7000-8000-123456789012"}',
  '{"amountMinor":"1000000000000000"}',
  '{"time":"2026-01-01T10:00:00.123Z","durationMs":1234567890123}',
])('R59 ids, amounts and times are no leak: %s', (text) => {
  const scan = new LogScan();
  scan.write(`${text}\n`);
  scan.assertClean();
});

test('R59 what this run knows to be secret is found wherever it stands, and six digits only where they stand alone', () => {
  const scan = new LogScan();
  scan.guard('123456', 'a code');
  scan.guard('correct horse', 'a password');
  scan.write('{"requestId":"0190d8c2-1234-7000-8000-123456789012","ms":9123456}\n');
  scan.assertClean();
  for (const [line, name] of [
    ['{"body":"your code is 123456"}\n', 'a code'],
    ['{"x":"correct horse"}\n', 'a password'],
  ] as const) {
    scan.write(line);
    expect(() => scan.assertClean()).toThrow(name);
  }
});

test('R59 the logger hides secret fields, numbers in messages and what a failed statement was given', () => {
  const scan = new LogScan();
  const log = createLogger({ level: 'trace', destination: scan });
  for (const secret of ['654321', 'a fine password', '+6581234567', 'hotspot-pass'])
    scan.guard(secret, secret);
  log.info({ code: '654321', password: 'a fine password', passphrase: 'hotspot-pass' }, 'first level');
  log.info({
    body: { code: '654321', card: '4242424242424242' },
    req: { headers: { authorization: 'Bearer abcdefghijklmnop' } },
  });
  const failed = Object.assign(new Error('Failed query: params: +6581234567'), {
    name: 'DrizzleQueryError',
    query: 'select $1',
    params: ['+6581234567', 'a fine password'],
  });
  log.error({ err: failed }, 'request failed');
  log.error({ err: new Error('no route to +65 8123 4567') }, 'request failed');
  expect(scan.lines).toBe(4);
  scan.assertClean();
});
