/** Whom the phone believes: nothing that goes back, also not by a key of the issuer's that was rotated out (R27, R31). */
import { expect, test } from 'vitest';
import {
  denyListHash,
  EVERY_ISSUER_USE,
  keyIdOf,
  signDenyListDelta,
  signIssuerCertificate,
  signTrustBundle,
  toBase64Url,
  toUuid,
  type TrustBundleDraft,
} from '@tikiwallet/protocol';
import { id, makePhone, makeShop, newKey, NOW, ok, primitives } from '../test/world.ts';
import { storedTrust, takeTrust } from './trust.ts';

async function setUp() {
  const shop = await makeShop();
  const { database } = await makePhone(shop);
  const next = await newKey();
  const certificates = await Promise.all(
    [shop.issuer, next].map(({ publicKey }, index) => {
      const dates = { notBefore: NOW - 1000, notAfter: NOW + 31_536_000 };
      const draft = { publicKey, generation: index + 1, uses: EVERY_ISSUER_USE, ...dates };
      return ok(signIssuerCertificate(draft), shop.root.sign);
    }),
  );
  const take = async (by: typeof next, changes: Partial<TrustBundleDraft>, nowSeconds = NOW) => {
    const draft = {
      version: 8,
      issuedAt: NOW + 10,
      policy: shop.trust.policy,
      issuerCertificates: certificates,
      denyListVersion: 3,
      deniedAllowances: [],
      deniedKiosks: [id(0x23)],
      ...changes,
    };
    const bundle = await ok(signTrustBundle(draft, await ok(keyIdOf(by.publicKey))), by.sign);
    const view = { rootPublicKey: toBase64Url(shop.root.publicKey), trustBundle: toBase64Url(bundle) };
    return await takeTrust({ database, crypto: primitives, nowSeconds, wallSeconds: nowSeconds }, view);
  };
  return { database, shop, certificates, old: shop.issuer, next, take };
}

test('a newer generation takes over, and a leaked older key cannot bring an empty deny list back', async () => {
  const { database, old, next, take } = await setUp();
  await take(old, {});
  await take(next, { version: 9 });
  const leaked = take(old, { version: 2_147_483_647, issuedAt: NOW + 99, deniedKiosks: [] });
  await expect(leaked).rejects.toMatchObject({ code: 'issuer_key_superseded' });
  expect((await storedTrust(database, primitives))?.deniedKiosks.size).toBe(1);
});

test.each([
  ['an older version', { version: 7 }, 'trust_bundle_older_than_known'],
  ['an older deny list', { version: 9, denyListVersion: 2 }, 'trust_bundle_older_than_known'],
  ['an earlier time', { version: 8, issuedAt: NOW + 9 }, 'trust_bundle_older_than_known'],
  ['a version out of reach', { version: 2_147_483_647 }, 'trust_bundle_version_jumps'],
] as const)('%s is refused', async (_what, changes, code) => {
  const { old, take } = await setUp();
  await take(old, {});
  await expect(take(old, changes)).rejects.toMatchObject({ code });
});

test('a key whose time is over is refused', async () => {
  const { old, take } = await setUp();
  await expect(take(old, {}, NOW + 31_536_000)).rejects.toMatchObject({ code: 'certificate_expired' });
});

test('R30 a time that the issuer takes back is taken back, and the phone is told that it was', async () => {
  const { old, take } = await setUp();
  await take(old, { issuedAt: NOW + 90_000 });
  expect(await take(old, { version: 9, issuedAt: NOW + 20 }, NOW + 90_000)).toMatchObject({
    isTimeCorrected: true,
    trust: { version: 9, issuedAt: NOW + 20 },
  });
});

test('R31 a difference is kept with its list and read back; word of nothing newer keeps what there is', async () => {
  const { database, shop, old, take, certificates } = await setUp();
  const { trust } = await take(old, {});
  const listed = { deniedAllowances: new Set([toUuid(id(0x41))]), deniedKiosks: trust.deniedKiosks };
  const draft = {
    ...trust,
    version: 9,
    denyListVersion: 4,
    issuerCertificates: certificates,
    baseVersion: 8,
    addedAllowances: [id(0x41)],
    removedAllowances: [],
    addedKiosks: [],
    removedKiosks: [],
    listHash: await ok(denyListHash(listed)),
  };
  const delta = await ok(signDenyListDelta(draft, await ok(keyIdOf(old.publicKey))), old.sign);
  const offer = async (trustBundle: string | null) =>
    await takeTrust(
      { database, crypto: primitives, nowSeconds: NOW, wallSeconds: NOW },
      { rootPublicKey: toBase64Url(shop.root.publicKey), trustBundle },
    );
  expect((await offer(toBase64Url(delta))).trust).toMatchObject({ version: 9, ...listed });
  expect(await storedTrust(database, primitives)).toMatchObject({ version: 9, ...listed });
  expect((await offer(null)).trust.version).toBe(9);
  await expect(offer(toBase64Url(delta))).rejects.toMatchObject({ code: 'deny_list_base_differs' });
});
