import { toBase64Url } from '@tikiwallet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BundleOptions, NOW_SECONDS, TestIssuer, TestKiosk } from '../test/world.ts';

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

test('R31 nothing in a trust bundle may go back: version, deny list or time', () => {
  const older = [
    { version: 2 },
    { version: 4, denyListVersion: 4 },
    { version: 3, denyListVersion: 4 },
    { version: 4, issuedAt: NOW_SECONDS - 1 },
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
  expect(offer({ issuedAt: NOW_SECONDS + 60 })).toEqual({ ok: true });
  expect(offer({ version: 4, denyListVersion: 6, issuedAt: NOW_SECONDS + 61 })).toEqual({ ok: true });
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
