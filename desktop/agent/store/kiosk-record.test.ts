import { toBase64Url } from '@tikiwallet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BundleOptions, KIOSK_ID, NOW_SECONDS, TestIssuer, TestKiosk } from '../test/world.ts';

const issuer = new TestIssuer();
const KNOWN = { version: 3, denyListVersion: 5, issuedAt: NOW_SECONDS } as const;
let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer, KNOWN);
});
afterEach(() => kiosk.dispose());

const certificate = () => kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
const offer = (bundle: BundleOptions) =>
  kiosk.desk.run('refreshTrust', issuer.trust(certificate(), { ...KNOWN, ...bundle }));

test('R31 nothing in a trust bundle may go back: version, deny list, or time under one version', () => {
  const older = [
    { version: 2 },
    { version: 4, denyListVersion: 4 },
    { version: 3, denyListVersion: 4 },
    { version: 3, issuedAt: NOW_SECONDS - 1 },
  ];
  for (const bundle of older)
    expect(offer(bundle), JSON.stringify(bundle)).toEqual({
      ok: false,
      code: 'trust_bundle_older_than_known',
    });
  expect(kiosk.desk.store.memory.kiosk?.trust).toMatchObject(KNOWN);
  kiosk.reopen();
  expect(kiosk.desk.store.memory.kiosk?.trust).toMatchObject(KNOWN);
  expect(offer({ issuedAt: NOW_SECONDS + 60 })).toEqual({ ok: true, limits: null });
  expect(offer({ version: 4, denyListVersion: 6, issuedAt: NOW_SECONDS + 61 })).toEqual({
    ok: true,
    limits: null,
  });
});

test('a bundle of another root, or a certificate of another kiosk, changes nothing', () => {
  const stranger = new TestIssuer();
  const foreign = stranger.trust(stranger.kioskCertificate(kiosk.publicKeys), { ...KNOWN, version: 9 });
  expect(kiosk.desk.run('refreshTrust', foreign).ok).toBe(false);
  const other = new TestKiosk();
  const mixed = { ...issuer.trust(certificate(), { ...KNOWN, version: 9 }) };
  mixed.certificate = toBase64Url(issuer.kioskCertificate(other.publicKeys));
  expect(kiosk.desk.run('refreshTrust', mixed)).toEqual({
    ok: false,
    code: 'certificate_is_for_another_kiosk',
  });
  other.dispose();
  expect(kiosk.desk.store.memory.kiosk?.trust).toMatchObject(KNOWN);
});

const ids = (count: number) =>
  Array.from({ length: count }, (_, n) => `0190d8c2-0000-7000-8000-${String(n).padStart(12, '0')}`);

test('R31 a difference is stored with its list in one step, and read back after a crash as what it was', () => {
  const [first = '', second = '', third = ''] = ids(3);
  expect(offer({ version: 4, denied: [first, second] })).toEqual({ ok: true, limits: null });
  const step = { version: 5, denyListVersion: 6 };
  const change = { baseVersion: 4, added: [third], removed: [first], listed: [second, third] };
  expect(kiosk.desk.run('refreshTrust', issuer.trustDelta(certificate(), step, change))).toEqual({
    ok: true,
    limits: null,
  });
  const inForce = kiosk.desk.store.memory.kiosk?.trust;
  expect(inForce).toMatchObject({ version: 5, deniedAllowances: new Set([second, third]) });
  kiosk.reopen();
  expect(kiosk.desk.store.memory.kiosk?.trust).toEqual(inForce);
  // The next one continues what was read back, and a whole bundle ends the chain.
  const next = { baseVersion: 5, added: [first], listed: [first, second, third] };
  const later = { version: 6, denyListVersion: 7 };
  expect(kiosk.desk.run('refreshTrust', issuer.trustDelta(certificate(), later, next))).toEqual({
    ok: true,
    limits: null,
  });
  expect(offer({ version: 7, denyListVersion: 8, denied: [] })).toEqual({ ok: true, limits: null });
  kiosk.reopen();
  expect(kiosk.desk.store.memory.kiosk?.trust.deniedAllowances.size).toBe(0);
});

test('R31 a difference that does not fit, or whose certificate is another kiosk\u2019s, changes nothing', () => {
  const [first = '', second = ''] = ids(2);
  expect(offer({ version: 4, denied: [first] })).toEqual({ ok: true, limits: null });
  const before = kiosk.desk.store.memory.kiosk?.trust;
  const ask = (change: { baseVersion: number; added: string[]; listed: string[] }, version = 5) =>
    kiosk.desk.run('refreshTrust', issuer.trustDelta(certificate(), { version, denyListVersion: 6 }, change));
  const fits = { baseVersion: 4, added: [second], listed: [first, second] };
  expect(ask({ ...fits, baseVersion: 3 })).toMatchObject({ code: 'deny_list_base_differs' });
  expect(ask({ ...fits, listed: [second] })).toMatchObject({ code: 'deny_list_result_differs' });
  expect(ask(fits, 3)).toMatchObject({ code: 'trust_bundle_older_than_known' });
  const other = new TestKiosk();
  const foreign = issuer.trustDelta(issuer.kioskCertificate(other.publicKeys), { version: 5 }, fits);
  expect(kiosk.desk.run('refreshTrust', foreign).ok).toBe(false);
  other.dispose();
  kiosk.reopen();
  expect(kiosk.desk.store.memory.kiosk?.trust).toEqual(before);
});

test('R31 ten denials more in a list of 40,000 cost a kiosk less than two kilobytes of line', () => {
  const all = ids(40_000);
  const known = all.slice(0, 39_990);
  const whole = issuer.trust(certificate(), { ...KNOWN, version: 4, denied: known });
  expect(kiosk.desk.run('refreshTrust', whole)).toEqual({ ok: true, limits: null });
  const change = { baseVersion: 4, added: all.slice(39_990), listed: all };
  const delta = issuer.trustDelta(certificate(), { version: 5, denyListVersion: 6 }, change);
  expect(kiosk.desk.run('refreshTrust', delta)).toEqual({ ok: true, limits: null });
  expect(kiosk.desk.store.memory.kiosk?.trust.deniedAllowances.size).toBe(40_000);
  expect(whole.trustBundle?.length).toBeGreaterThan(850_000);
  expect(delta.trustBundle?.length).toBeLessThan(2_000);
});

test('R30 a cloud whose clock ran ahead stops no kiosk for good: its next version brings the right time back', () => {
  const ahead = NOW_SECONDS + 100 * 86_400;
  expect(offer({ version: 4, issuedAt: ahead })).toEqual({ ok: true, limits: null });
  expect(kiosk.desk.store.now()).toMatchObject({ seconds: ahead, isBehind: true });
  expect(offer({ version: 4, issuedAt: NOW_SECONDS + 5 })).toMatchObject({ ok: false });
  expect(offer({ version: 5, issuedAt: NOW_SECONDS + 5 })).toEqual({ ok: true, limits: null });
  expect(kiosk.desk.store.now()).toMatchObject({ isBehind: false });
  expect(kiosk.desk.store.now().seconds).toBeLessThan(NOW_SECONDS + 3_600);
  kiosk.reopen();
  expect(kiosk.desk.store.now().isBehind).toBe(false);
});

test('R30 a certificate that such a cloud dated ahead is replaced by one of today, though it ends sooner', () => {
  const ahead = NOW_SECONDS + 100 * 86_400;
  const dated = issuer.kioskCertificate(kiosk.publicKeys, { notBefore: ahead, notAfter: ahead + 86_400 });
  const take = (bytes: Uint8Array, bundle: BundleOptions) =>
    kiosk.desk.run('refreshTrust', issuer.trust(bytes, { ...KNOWN, ...bundle }));
  expect(take(dated, { version: 4, issuedAt: ahead })).toEqual({ ok: true, limits: null });
  const today = issuer.kioskCertificate(kiosk.publicKeys, { notAfter: NOW_SECONDS + 86_400 });
  expect(take(today, { version: 5, issuedAt: NOW_SECONDS + 5 })).toEqual({ ok: true, limits: null });
  expect(kiosk.desk.store.memory.kiosk?.certificate.notAfter).toBe(NOW_SECONDS + 86_400);
});

test('a certificate of a revoked issuer, or of one that left the bundle, is replaced though the new one ends sooner', () => {
  const rotated = issuer.rotated();
  const sooner = NOW_SECONDS + 86_400;
  const take = (generations: BundleOptions) => {
    const fresh = new TestKiosk();
    fresh.enrol(issuer, KNOWN);
    const own = rotated.kioskCertificate(fresh.publicKeys, { notAfter: sooner });
    const answer = rotated.trust(own, { ...KNOWN, version: 4, ...generations });
    expect(fresh.desk.run('refreshTrust', answer)).toEqual({ ok: true, limits: null });
    fresh.reopen();
    const inForce = fresh.desk.store.memory.kiosk?.certificate.notAfter;
    fresh.dispose();
    return inForce;
  };
  expect(take({ revokedIssuers: [{ generation: 1, honouredUntil: NOW_SECONDS }] })).toBe(sooner);
  expect(take({ revokedIssuers: [{ generation: 1, honouredUntil: NOW_SECONDS + 3_600 }] })).toBe(sooner);
  expect(take({ withoutOldest: 1 })).toBe(sooner);
  // Nothing is wrong with the one in force: the longer one stays.
  expect(take({})).toBe(NOW_SECONDS + 90 * 86_400);
});

test('R31 a kiosk takes the word of its denial also when its own issuer has left the bundle, and keeps it over a restart', () => {
  const later = issuer.rotated().rotated();
  const denial = { version: 9, denyListVersion: 9, deniedKiosks: [KIOSK_ID], withoutOldest: 1 };
  expect(kiosk.desk.run('refreshTrust', later.trust(certificate(), denial))).toMatchObject({ ok: true });
  for (const again of [false, true]) {
    if (again) kiosk.reopen();
    expect(kiosk.snapshot().trust?.kioskIsDenied).toBe(true);
    expect(() => kiosk.sell()).toThrow(expect.objectContaining({ code: 'kiosk_denied' }));
  }
});
