import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, standInWarnings, wantedStandIns } from './config.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const SERVICE = `VA${'b'.repeat(32)}`;

describe('settings', () => {
  test('nothing set: stand-ins, the embedded database and addresses that fit together', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      port: 8080,
      publicOrigin: 'http://localhost:8080',
      currency: 'SGD',
      region: 'SG',
      databaseUrl: null,
    });
    expect(config.stripe).toMatchObject({ isStandIn: true, apiBase: 'http://127.0.0.1:8081' });
    expect(config.twilio).toMatchObject({
      isStandIn: true,
      apiBase: 'http://127.0.0.1:8082',
      inboxUrl: 'http://localhost:8082/',
    });
    expect(config.kioskOrigins).toEqual(['http://192.168.49.1:7070', 'http://127.0.0.1:7070']);
  });

  test('an empty variable counts as unset', () => {
    expect(readConfig({ PORT: '', STRIPE_SECRET_KEY: '', DATABASE_URL: '' })).toMatchObject({
      port: 8080,
      databaseUrl: null,
    });
  });

  test('nobody is promised whom the operator has not named; a name is one line that can be read', () => {
    expect(readConfig({}).supportContact).toBeNull();
    expect(readConfig({ TIKI_SUPPORT_CONTACT: ' +65 6123 4567 ' }).supportContact).toBe('+65 6123 4567');
    for (const contact of ['x', 'two\nlines', 'turned\u202Eround', 'x'.repeat(101)])
      expect(() => readConfig({ TIKI_SUPPORT_CONTACT: contact })).toThrow(ConfigError);
  });

  test('with keys, the real providers at their own addresses', () => {
    const config = readConfig({
      STRIPE_SECRET_KEY: 'sk_live_x',
      STRIPE_WEBHOOK_SECRET: 'whsec_x',
      TWILIO_ACCOUNT_SID: ACCOUNT,
      TWILIO_AUTH_TOKEN: 'token',
      TWILIO_VERIFY_SERVICE_SID: SERVICE,
    });
    expect(config.stripe).toMatchObject({ isStandIn: false, apiBase: null });
    expect(config.twilio).toMatchObject({ isStandIn: false, apiBase: null, inboxUrl: null });
  });

  test.each([
    ['a port that is none', { PORT: '99999' }, 'PORT'],
    ['a currency of which Stripe takes a hundredth for the whole', { TIKI_CURRENCY: 'UGX' }, 'TIKI_CURRENCY'],
    ['a currency that is none', { TIKI_CURRENCY: 'dollars' }, 'TIKI_CURRENCY'],
    ['an origin that is none', { TIKI_KIOSK_ORIGINS: 'kiosk' }, 'TIKI_KIOSK_ORIGINS'],
    ['a money amount with a point', { TIKI_TOP_UP_MAX_MINOR: '10.5' }, 'TIKI_TOP_UP_MAX_MINOR'],
    ['a proxy that is no address', { TIKI_TRUSTED_PROXIES: '10.0.0.0/99' }, 'TIKI_TRUSTED_PROXIES'],
    ['Stripe without its webhook secret', { STRIPE_SECRET_KEY: 'sk_live_secret' }, 'STRIPE_WEBHOOK_SECRET'],
    [
      'a fee that eats up the amount',
      { TIKI_WITHDRAWAL_FEE_FIXED_MINOR: '500' },
      'TIKI_WITHDRAWAL_MIN_MINOR',
    ],
    ['half of Twilio', { TWILIO_ACCOUNT_SID: ACCOUNT }, 'TWILIO_AUTH_TOKEN'],
  ])('%s is one sentence that names the setting and no value', (_, env, name) => {
    const attempt = () => readConfig(env);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(name);
    expect(attempt).not.toThrow('sk_live_secret');
  });
});

describe('stand-ins by accident', () => {
  const stripeKeys = { STRIPE_SECRET_KEY: 'sk_live_x', STRIPE_WEBHOOK_SECRET: 'whsec_x' };
  const twilioKeys = {
    TWILIO_ACCOUNT_SID: ACCOUNT,
    TWILIO_AUTH_TOKEN: 'token',
    TWILIO_VERIFY_SERVICE_SID: SERVICE,
  };
  const production = { NODE_ENV: 'production' };

  test('never run in production, and never beside the keys of the real ones', () => {
    expect(() => wantedStandIns(readConfig(production))).toThrow('with NODE_ENV=production they do not run');
    expect(() => wantedStandIns(readConfig({ ...stripeKeys, ...twilioKeys }))).toThrow(
      'nothing to stand in for',
    );
    expect(wantedStandIns(readConfig(stripeKeys))).toEqual({ stripe: false, twilio: true });
    expect(wantedStandIns(readConfig({}))).toEqual({ stripe: true, twilio: true });
  });

  test('are said loudly by a server in production, and only there', () => {
    expect(standInWarnings(readConfig(production))).toHaveLength(2);
    expect(standInWarnings(readConfig({ ...production, ...twilioKeys })).join()).toContain(
      'STRIPE_SECRET_KEY',
    );
    expect(standInWarnings(readConfig({ ...production, ...stripeKeys, ...twilioKeys }))).toEqual([]);
    expect(standInWarnings(readConfig({}))).toEqual([]);
  });
});

test('every setting stands in the README', () => {
  const sources = ['config.ts', 'trust/offline-policy.ts', 'trust/keys.ts', 'money/policy.ts'].map((name) =>
    readFileSync(new URL(name, import.meta.url), 'utf8'),
  );
  const names = sources
    .join('\n')
    .matchAll(
      /\b(?:TIKI|STRIPE|TWILIO|DATABASE)_[A-Z_]+[A-Z]\b|\bPUBLIC_ORIGIN\b|\bNODE_ENV\b|\bLOG_LEVEL\b/g,
    );
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const missing = [...new Set(Array.from(names, ([name]) => name))].filter(
    (name) => !readme.includes(`\`${name}\``),
  );
  expect(missing).toEqual([]);
});

test('figures are served to this machine only, wherever the API listens, until somebody says otherwise', () => {
  const open = { HOST: '0.0.0.0', TIKI_METRICS_PORT: '9464' };
  expect(readConfig(open).metrics).toEqual({ host: '127.0.0.1', port: 9464 });
  expect(readConfig({ ...open, TIKI_METRICS_HOST: '10.0.0.5' }).metrics?.host).toBe('10.0.0.5');
});
