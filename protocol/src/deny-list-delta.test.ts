/** R31: a delta counts on exactly its base, arrives at exactly its result, and is never a way back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto, id, makeWorld, newKey, NOW, ok } from '../test/world.ts';
import {
  applyDenyListDelta,
  attempt,
  checkNotOlder,
  denyListHash,
  fromUuid,
  runSync,
  signDenyListDelta,
  toUuid,
  verifyDenyListDelta,
  verifyTrustBundle,
  verifyTrustRecord,
  verifyTrustUpdate,
  type DenyListDeltaDraft,
  type TrustBundle,
} from './index.ts';
import { signTrustBundle } from './trust-bundle.ts';

const world = makeWorld({ denied: [id(0x33), id(0x34)] });
const known = ok(runSync(verifyTrustBundle(world.trustBytes, world.root.publicKey), crypto));
const refused = (code: string) => ({ ok: false, code });
const draftOf = (bundle: TrustBundle) => ({
  version: bundle.version,
  issuedAt: bundle.issuedAt,
  policy: bundle.policy,
  issuerCertificates: [world.issuerCertificate],
  denyListVersion: bundle.denyListVersion,
});
const hashOf = (ids: readonly string[]) =>
  ok(runSync(denyListHash({ deniedAllowances: new Set(ids), deniedKiosks: new Set() }), crypto));

function delta(changes: Partial<DenyListDeltaDraft> = {}): Uint8Array {
  const draft = {
    ...draftOf(known),
    version: 8,
    issuedAt: NOW + 60,
    denyListVersion: 4,
    baseVersion: known.version,
    addedAllowances: [id(0x35)],
    removedAllowances: [id(0x33)],
    addedKiosks: [],
    removedKiosks: [],
    listHash: hashOf([0x34, 0x35].map((fill) => toUuid(id(fill)))),
    ...changes,
  };
  return ok(runSync(signDenyListDelta(draft, world.issuerKeyId), crypto, world.issuer.sign));
}
const apply = (bytes: Uint8Array, base = known, root = world.root.publicKey) =>
  runSync(verifyTrustUpdate(bytes, root, base), crypto);

describe('a delta', () => {
  it('makes the list that its issuer has, with everything else that a bundle says', () => {
    const next = ok(apply(delta()));
    expect(next).toMatchObject({ version: 8, denyListVersion: 4, issuedAt: NOW + 60, policy: known.policy });
    expect([...next.deniedAllowances].toSorted()).toEqual([toUuid(id(0x34)), toUuid(id(0x35))]);
    expect(() => checkNotOlder(next, known, { nowSeconds: NOW + 60 })).not.toThrow();
  });

  it('is kept with its list, and read back from the root as what it was', () => {
    const next = ok(apply(delta()));
    expect(ok(runSync(verifyTrustRecord(next.bytes, world.root.publicKey), crypto))).toEqual(next);
    expect(ok(runSync(verifyTrustRecord(known.bytes, world.root.publicKey), crypto))).toEqual(known);
    // What is kept is no message: nobody takes it from outside.
    expect(apply(next.bytes)).toEqual(refused('message_malformed'));
  });

  it('continues itself: the next one counts on its result', () => {
    const first = ok(apply(delta()));
    const bytes = delta({
      version: 9,
      baseVersion: 8,
      addedAllowances: [],
      removedAllowances: [id(0x35)],
      listHash: hashOf([toUuid(id(0x34))]),
    });
    expect([...ok(apply(bytes, first)).deniedAllowances]).toEqual([toUuid(id(0x34))]);
    expect(apply(bytes)).toEqual(refused('deny_list_base_differs'));
  });

  it('on another base or with another result is refused, and says which', () => {
    expect(apply(delta({ baseVersion: 6 }))).toEqual(refused('deny_list_base_differs'));
    const other = { ...known, deniedAllowances: new Set([toUuid(id(0x34)), toUuid(id(0x36))]) };
    expect(apply(delta(), other)).toEqual(refused('deny_list_result_differs'));
    expect(apply(delta({ listHash: new Uint8Array(32) }))).toEqual(refused('deny_list_result_differs'));
  });

  it('of another root, or kept with a list that was changed, is refused', () => {
    expect(apply(delta(), known, newKey().publicKey)).toEqual(refused('certificate_signature_invalid'));
    const { bytes } = ok(apply(delta()));
    const root = world.root.publicKey;
    for (const at of [bytes.length - 3, bytes.length - 20]) {
      const changed = bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
      expect(runSync(verifyTrustRecord(changed, root), crypto).ok).toBe(false);
    }
  });

  it('is no way back: an older version that fits its base is refused like any bundle', () => {
    const older = ok(apply(delta({ version: 6, denyListVersion: 2 })));
    expect(attempt(() => checkNotOlder(older, known, { nowSeconds: NOW + 60 }))).toEqual(
      refused('trust_bundle_older_than_known'),
    );
  });

  it('over any two lists arrives where the whole bundle does', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 30 });
    const uuids = (list: readonly number[]) => list.map((fill) => toUuid(id(fill)));
    fc.assert(
      fc.property(ids, ids, (before, after) => {
        const base = { ...known, deniedAllowances: new Set(uuids(before)) };
        const bytes = delta({
          addedAllowances: after.filter((one) => !before.includes(one)).map(id),
          removedAllowances: before.filter((one) => !after.includes(one)).map(id),
          listHash: hashOf(uuids(after)),
        });
        expect(ok(apply(bytes, base)).deniedAllowances).toEqual(new Set(uuids(after)));
      }),
      { numRuns: 25 },
    );
  });

  it('of ten denials is under a kilobyte and a half, where the whole list of 40,000 is over 600', () => {
    const many = Array.from({ length: 40_000 }, (_, n) => {
      const bytes = new Uint8Array(16);
      new DataView(bytes.buffer).setUint32(0, n);
      return bytes;
    });
    const draft = { ...draftOf(known), deniedAllowances: many.slice(10), deniedKiosks: [] };
    const full = ok(runSync(signTrustBundle(draft, world.issuerKeyId), crypto, world.issuer.sign));
    const base = ok(runSync(verifyTrustBundle(full, world.root.publicKey), crypto));
    const bytes = delta({
      addedAllowances: many.slice(0, 10),
      removedAllowances: [],
      listHash: hashOf(many.map(toUuid)),
    });
    const next = ok(apply(bytes, base));
    expect(next.deniedAllowances.size).toBe(40_000);
    expect(full.length).toBeGreaterThan(600_000);
    expect(bytes.length).toBeLessThan(1_500);
    expect(fromUuid([...next.deniedAllowances][0] ?? '')).toHaveLength(16);
  });

  it('is verified before it is applied to anything', () => {
    const verified = ok(runSync(verifyDenyListDelta(delta(), world.root.publicKey), crypto));
    expect(verified).toMatchObject({ baseVersion: 7, version: 8 });
    expect(runSync(applyDenyListDelta(verified, known), crypto).ok).toBe(true);
  });
});
