/** R31: a delta counts on exactly its base, arrives at exactly its result, and is never a way back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, itemsOf, partsOf } from '../scripts/tamper.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import { crypto, id, makeWorld, newKey, NOW, ok } from '../test/world.ts';
import {
  applyDenyListDelta,
  attempt,
  checkNotOlder,
  denyListHash,
  fromUuid,
  MAX_DENIED,
  MAX_TRUST_BUNDLE_BYTES,
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
const bundleDraft = (deniedAllowances: readonly Uint8Array[]) => ({
  ...draftOf(known),
  version: 8,
  deniedAllowances,
  deniedKiosks: [],
});
/** As many ids as a list may have. */
const MANY = Array.from({ length: MAX_DENIED }, (_, n) => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
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

  it('kept in another form is refused', () => {
    const { bytes } = ok(apply(delta()));
    const root = world.root.publicKey;
    const kept = itemsOf(bytes);
    const as = (...items: readonly CborValue[]) =>
      runSync(verifyTrustRecord(encodeCbor([...items]), root), crypto);
    expect(as(...kept).ok).toBe(true);
    for (const length of [1, 15, 17])
      expect(as(...kept.with(1, new Uint8Array(length)))).toEqual(refused('field_out_of_range'));
    expect(as(...kept.with(2, new Uint8Array(16 * MAX_DENIED + 16)))).toEqual(refused('field_out_of_range'));
    expect(as(...kept.with(2, new Uint8Array(16 * MAX_DENIED)))).toEqual(refused('deny_list_result_differs'));
    expect(as(...kept.with(1, new Uint8Array(16)))).toEqual(refused('deny_list_result_differs'));
    expect(as(...kept.with(1, 'text'))).toEqual(refused('message_malformed'));
    expect(as(kept[0] ?? null, kept[1] ?? null)).toEqual(refused('message_malformed'));
    expect(runSync(verifyTrustRecord(encodeCbor([...kept, null]), root), crypto).ok).toBe(false);
    expect(as(...kept.with(0, known.bytes))).toEqual(refused('object_has_wrong_purpose'));
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
    const many = MANY;
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

  it('is told from a bundle by its purpose, and counts for nobody who has no bundle', () => {
    const root = world.root.publicKey;
    const later = ok(
      runSync(signTrustBundle(bundleDraft([id(0x36)]), world.issuerKeyId), crypto, world.issuer.sign),
    );
    expect([...ok(apply(later)).deniedAllowances]).toEqual([toUuid(id(0x36))]);
    expect(ok(runSync(verifyTrustUpdate(later, root, null), crypto))).toEqual(ok(apply(later)));
    expect(runSync(verifyTrustUpdate(delta(), root, null), crypto)).toEqual(
      refused('object_has_wrong_purpose'),
    );
    for (const payload of [encodeCbor('text'), encodeCbor([]), encodeCbor([19])])
      expect(apply(assemble({ ...partsOf(delta()), payload })).ok).toBe(false);
    expect(apply(assemble({ ...partsOf(delta()), payload: encodeCbor([19]) }))).toEqual(
      refused('object_has_wrong_purpose'),
    );
  });

  it('never makes a list longer than a bundle may have, of either kind', () => {
    const base = {
      ...known,
      deniedAllowances: new Set(MANY.map(toUuid)),
      deniedKiosks: new Set(MANY.map(toUuid)),
    };
    const none = { addedAllowances: [], removedAllowances: [] };
    const listHash = ok(runSync(denyListHash(base), crypto));
    expect(ok(apply(delta({ ...none, listHash }), base)).deniedKiosks.size).toBe(MAX_DENIED);
    const more = [id(0xff)];
    for (const change of [{ addedAllowances: more }, { addedKiosks: more }])
      expect(apply(delta({ ...none, ...change }), base)).toEqual(refused('field_out_of_range'));
  });

  it('above the size of a bundle is refused unread', () => {
    for (const [bytes, code] of [
      [new Uint8Array(MAX_TRUST_BUNDLE_BYTES + 1), 'message_too_large'],
      [new Uint8Array(MAX_TRUST_BUNDLE_BYTES), 'message_malformed'],
      // As large as it can be written: four full lists.
      [
        delta({ addedAllowances: MANY, removedAllowances: MANY, addedKiosks: MANY, removedKiosks: MANY }),
        'message_too_large',
      ],
    ] as const) {
      expect(runSync(verifyDenyListDelta(bytes, world.root.publicKey), crypto)).toEqual(refused(code));
      expect(apply(bytes)).toEqual(refused(code));
    }
  });

  it('is verified before it is applied to anything', () => {
    const verified = ok(runSync(verifyDenyListDelta(delta(), world.root.publicKey), crypto));
    expect(verified).toMatchObject({ baseVersion: 7, version: 8 });
    expect(runSync(applyDenyListDelta(verified, known), crypto).ok).toBe(true);
  });
});
