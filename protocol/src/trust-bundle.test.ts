/** The trust bundle: believed from the root alone, complete, bounded, and never going back (R31). */
import { describe, expect, it } from 'vitest';
import { changed, fieldsOf, partsOf, resigned, withFields } from '../scripts/tamper.ts';
import { crypto, id, makeWorld, newKey, NOW, ok } from '../test/world.ts';
import type { CborValue } from './cbor.ts';
import {
  attempt,
  checkNotOlder,
  EVERY_ISSUER_USE,
  FRESH_FULL_SECONDS,
  FRESH_HALF_SECONDS,
  FRESH_KNOWN_SECONDS,
  freshnessLevel,
  ISSUER_USE,
  keyIdOf,
  MAX_COUNTER,
  MAX_DENIED,
  MAX_TRUST_BUNDLE_BYTES,
  MAX_TIME_STEP_SECONDS,
  MAX_VERSION_JUMP,
  runSync,
  signIssuerCertificate,
  signTrustBundle,
  toUuid,
  verifyTrustBundle,
  type TrustBundle,
} from './index.ts';

const world = makeWorld({ denied: [id(0x33), id(0x34)] });
const refused = (code: string) => ({ ok: false, code });
const verify = (bytes: Uint8Array, root = world.root.publicKey) =>
  runSync(verifyTrustBundle(bytes, root), crypto);
const reissued = (index: number, value: CborValue) =>
  resigned(world.trustBytes, fieldsOf(world.trustBytes).with(index, value), world.issuer);

describe('a trust bundle', () => {
  it('says what was signed', () => {
    const bundle = ok(verify(world.trustBytes));
    expect(bundle).toMatchObject({
      version: 7,
      issuedAt: NOW,
      denyListVersion: 3,
      policy: { perPaymentMinor: 20_000n, storedSumMinor: 500_000n, storedCount: 1_000 },
    });
    expect(bundle.issuers.map((issuer) => issuer.publicKey)).toEqual([world.issuer.publicKey]);
    expect([...bundle.deniedAllowances]).toEqual([toUuid(id(0x33)), toUuid(id(0x34))]);
    expect(bundle.deniedKiosks.size).toBe(0);
  });

  it('is refused with any field changed', () => {
    fieldsOf(world.trustBytes).forEach((value, index, fields) => {
      const answer = verify(withFields(world.trustBytes, fields.with(index, changed(value))));
      expect(answer.ok).toBe(false);
      if (!answer.ok && index > 0 && index < 4) expect(answer.code).toBe('trust_bundle_signature_invalid');
    });
  });

  it('with one denied allowance left out is refused', () => {
    expect(verify(withFields(world.trustBytes, fieldsOf(world.trustBytes).with(7, [id(0x33)])))).toEqual(
      refused('trust_bundle_signature_invalid'),
    );
  });

  it('of another root is refused', () => {
    expect(verify(world.trustBytes, newKey().publicKey)).toEqual(refused('certificate_signature_invalid'));
  });

  it('signed by a key whose certificate it does not carry is refused', () => {
    const stranger = newKey();
    const keyId = ok(runSync(keyIdOf(stranger.publicKey), crypto));
    const protectedHeader = Uint8Array.of(0xa2, 0x01, 0x26, 0x04, 0x44, ...keyId);
    const fields = fieldsOf(world.trustBytes);
    expect(verify(resigned(world.trustBytes, fields, { ...stranger, protectedHeader }))).toEqual(
      refused('trust_bundle_signature_invalid'),
    );
    const own = runSync(
      signIssuerCertificate({
        publicKey: stranger.publicKey,
        generation: 9,
        uses: EVERY_ISSUER_USE,
        notBefore: NOW,
        notAfter: NOW + 9,
      }),
      crypto,
      stranger.sign,
    );
    // A self-made certificate does not help: it is not the root's.
    expect(
      verify(resigned(world.trustBytes, fields.with(4, [ok(own)]), { ...stranger, protectedHeader })),
    ).toEqual(refused('certificate_signature_invalid'));
  });

  it("signed at a time that is not its issuer's is refused", () => {
    expect(verify(reissued(2, NOW + 31_536_000))).toEqual(refused('trust_bundle_signature_invalid'));
    expect(verify(reissued(2, NOW - 1_301))).toEqual(refused('trust_bundle_signature_invalid'));
  });

  it.each([
    ['version 0', 1, 0, 'field_out_of_range'],
    ['a policy of three', 3, [1, 1, 1], 'message_malformed'],
    ['a policy of fifteen', 3, Array.from({ length: 15 }, () => 1), 'message_malformed'],
    ['a limit of zero', 3, [...Array.from({ length: 13 }, () => 1), 0], 'field_out_of_range'],
    ['no issuer', 4, [], 'trust_bundle_signature_invalid'],
    ['five issuers', 4, [id(1), id(2), id(3), id(4), id(5)], 'field_out_of_range'],
    ['an issuer of text', 4, ['issuer'], 'message_malformed'],
    ['an issuer of nothing', 4, [new Uint8Array(0)], 'field_out_of_range'],
    ['an issuer of 2049 bytes', 4, [new Uint8Array(2_049)], 'field_out_of_range'],
    ['a denied id of 15 bytes', 7, [new Uint8Array(15)], 'field_out_of_range'],
    ['a denied id of text', 7, ['kiosk'], 'message_malformed'],
  ] as const)('with %s is refused though the issuer signed', (_what, index, value, code) => {
    expect(verify(reissued(index, value))).toEqual(refused(code));
  });

  it('holds as many denied allowances as the limit says, within its size', () => {
    const ids = Array.from({ length: MAX_DENIED }, (_, i) => {
      const bytes = id(0);
      new DataView(bytes.buffer).setUint32(12, i);
      return bytes;
    });
    const full = reissued(7, ids);
    expect(full.length).toBeLessThan(MAX_TRUST_BUNDLE_BYTES);
    expect(ok(verify(full)).deniedAllowances.size).toBe(MAX_DENIED);
    expect(verify(reissued(7, [...ids, id(0xff)]))).toEqual(refused('field_out_of_range'));
  });

  it('holds both lists when they are full', () => {
    const ids = Array.from({ length: MAX_DENIED }, (_, i) => {
      const bytes = new Uint8Array(16).fill(0xff);
      new DataView(bytes.buffer).setUint32(0, i);
      return bytes;
    });
    const fields = fieldsOf(world.trustBytes).with(7, ids).with(8, ids);
    const full = resigned(world.trustBytes, fields, world.issuer);
    expect(full.length).toBeLessThan(MAX_TRUST_BUNDLE_BYTES);
    expect(ok(verify(full))).toMatchObject({
      deniedAllowances: { size: MAX_DENIED },
      deniedKiosks: { size: MAX_DENIED },
    });
  });

  it('names revoked generations with their moment, and nothing more', () => {
    const revokedIssuers = [
      { generation: 1, honouredUntil: NOW + 5 },
      { generation: 3, honouredUntil: 0 },
    ];
    const draft = {
      version: 8,
      issuedAt: NOW + 5,
      policy: world.trust.policy,
      denyListVersion: 4,
      deniedAllowances: [],
      issuerCertificates: [world.issuerCertificate],
      deniedKiosks: [],
    };
    const sign = (more: object) =>
      ok(runSync(signTrustBundle({ ...draft, ...more }, world.issuerKeyId), crypto, world.issuer.sign));
    expect(ok(verify(sign({ revokedIssuers }))).revokedIssuers).toEqual(revokedIssuers);
    expect(ok(verify(sign({}))).revokedIssuers).toEqual([]);
    expect(verify(reissued(5, [[1, NOW, 0]]))).toEqual(refused('message_malformed'));
    expect(verify(reissued(5, [[1]]))).toEqual(refused('message_malformed'));
  });

  it('above its size is refused unread', () => {
    const parts = partsOf(world.trustBytes);
    expect(verify(new Uint8Array(MAX_TRUST_BUNDLE_BYTES + 1).fill(parts.payload[0] ?? 0))).toEqual(
      refused('message_too_large'),
    );
  });

  it('is signed with what the draft says', () => {
    const draft = {
      version: 8,
      issuedAt: NOW + 5,
      policy: world.trust.policy,
      denyListVersion: 4,
      deniedAllowances: [],
      issuerCertificates: fieldsOf(world.trustBytes)[4] as readonly Uint8Array[],
      deniedKiosks: [id(0x22)],
    };
    const bytes = ok(runSync(signTrustBundle(draft, world.issuerKeyId), crypto, world.issuer.sign));
    expect([...ok(verify(bytes)).deniedKiosks]).toEqual([world.kiosk.kioskId]);
  });
});

describe('no downgrade (R31)', () => {
  const known = ok(verify(world.trustBytes));
  const check = (changes: Partial<TrustBundle>) =>
    attempt(() => checkNotOlder({ ...known, ...changes }, known, { nowSeconds: NOW + 100 }));

  it.each([
    ['the same again', {}, true],
    ['the same version, signed again later', { issuedAt: NOW + 1 }, true],
    ['a later one', { version: 8, issuedAt: NOW + 1, denyListVersion: 4 }, true],
    ['an earlier version', { version: 6, issuedAt: NOW + 1 }, false],
    ['a later version with an older deny list', { version: 8, denyListVersion: 2 }, false],
    ['the same version with an earlier time', { issuedAt: NOW - 1 }, false],
    [
      'a later version with an earlier time: a clock that was set right',
      { version: 8, issuedAt: NOW - 1 },
      true,
    ],
  ])('%s', (_what, changes, accepted) => {
    expect(check(changes)).toEqual(
      accepted ? { ok: true, value: undefined } : refused('trust_bundle_older_than_known'),
    );
  });
});

describe('an issuer key that was rotated out (R27, R31)', () => {
  const first = ok(verify(world.trustBytes));
  const next = { ...first.signer, generation: 2, keyId: id(9).subarray(0, 4) };
  const second: TrustBundle = { ...first, version: 8, issuedAt: NOW + 50, signer: next };
  const follow = (candidate: TrustBundle, known: TrustBundle | null, nowSeconds = NOW + 100) =>
    attempt(() => checkNotOlder(candidate, known, { nowSeconds }));

  it('signs no bundle any more once a newer generation has, whatever version it names', () => {
    for (const version of [9, 8 + MAX_VERSION_JUMP, MAX_COUNTER]) {
      const leaked = { ...first, version, issuedAt: NOW + 90, deniedAllowances: new Set<string>() };
      expect(follow(leaked, second)).toEqual(refused('issuer_key_superseded'));
    }
    expect(follow(second, first).ok).toBe(true);
    expect(follow({ ...second, version: 9 }, second).ok).toBe(true);
  });

  it('cannot lock out its successor by what it said before', () => {
    const leaked = { ...first, version: MAX_COUNTER, denyListVersion: MAX_COUNTER, issuedAt: NOW + 99_999 };
    expect(follow(second, leaked).ok).toBe(true);
  });

  it('may go ahead of the version in force by a bound, and no further', () => {
    const jump = (changes: Partial<TrustBundle>) => follow({ ...first, ...changes }, first);
    const { version, denyListVersion } = first;
    expect(jump({ version: version + MAX_VERSION_JUMP }).ok).toBe(true);
    expect(jump({ denyListVersion: denyListVersion + MAX_VERSION_JUMP }).ok).toBe(true);
    const tooFar = refused('trust_bundle_version_jumps');
    expect(jump({ version: version + MAX_VERSION_JUMP + 1 })).toEqual(tooFar);
    expect(jump({ denyListVersion: denyListVersion + MAX_VERSION_JUMP + 1 })).toEqual(tooFar);
  });

  it('signs nothing after its own time, also where the clock was set back', () => {
    const { notAfter } = first.signer;
    expect(follow(first, null, notAfter - 1).ok).toBe(true);
    expect(follow(first, null, notAfter)).toEqual(refused('certificate_expired'));
    expect(follow(first, { ...first, issuedAt: notAfter }, NOW)).toEqual(refused('certificate_expired'));
  });

  it('that may sign certificates only signs no bundle', () => {
    const uses = ISSUER_USE.certificates | ISSUER_USE.acknowledgements;
    const draft = { ...first.signer, uses };
    const certificate = ok(runSync(signIssuerCertificate(draft), crypto, world.root.sign));
    expect(verify(reissued(4, [certificate]))).toEqual(refused('issuer_key_not_for_this_use'));
  });
});

describe('a time that no clock of the reader knows (R30)', () => {
  const known = ok(verify(world.trustBytes));
  const later = (issuedAt: number, now: { nowSeconds: number; wallSeconds?: number }) =>
    attempt(() =>
      checkNotOlder(
        { ...known, version: 8, issuedAt, signer: { ...known.signer, notAfter: 4e9 } },
        known,
        now,
      ),
    );

  it('is taken up to a year ahead, and beyond it refused for what it is', () => {
    const now = { nowSeconds: NOW + 100 };
    expect(later(NOW + 100 + MAX_TIME_STEP_SECONDS, now).ok).toBe(true);
    expect(later(NOW + 101 + MAX_TIME_STEP_SECONDS, now)).toEqual(refused('trust_bundle_from_the_future'));
  });

  it('is measured from the latest of all clocks: a reader that was away for long is not locked out', () => {
    const away = NOW + 3 * MAX_TIME_STEP_SECONDS;
    expect(later(away, { nowSeconds: NOW })).toEqual(refused('trust_bundle_from_the_future'));
    expect(later(away, { nowSeconds: NOW, wallSeconds: away - 5 }).ok).toBe(true);
  });

  it('binds a newer generation as well, and nobody who has no bundle yet', () => {
    const far = {
      ...known,
      issuedAt: NOW + 2 * MAX_TIME_STEP_SECONDS,
      signer: { ...known.signer, generation: 2, notAfter: 4e9 },
    };
    const now = { nowSeconds: NOW };
    expect(attempt(() => checkNotOlder(far, known, now))).toEqual(refused('trust_bundle_from_the_future'));
    expect(attempt(() => checkNotOlder(far, null, now)).ok).toBe(true);
  });

  it('that was taken by mistake is corrected by the next version, and by no replay', () => {
    const wrong = { ...known, version: 8, issuedAt: NOW + 1_000_000 };
    const now = { nowSeconds: NOW + 50 };
    expect(attempt(() => checkNotOlder({ ...known, version: 9, issuedAt: NOW + 40 }, wrong, now)).ok).toBe(
      true,
    );
    expect(attempt(() => checkNotOlder({ ...known, version: 8, issuedAt: NOW + 40 }, wrong, now))).toEqual(
      refused('trust_bundle_older_than_known'),
    );
  });
});

describe('the freshness ladder', () => {
  it.each([
    [0, 'full'],
    [FRESH_FULL_SECONDS, 'full'],
    [FRESH_FULL_SECONDS + 1, 'half'],
    [FRESH_HALF_SECONDS, 'half'],
    [FRESH_HALF_SECONDS + 1, 'known_only'],
    [FRESH_KNOWN_SECONDS, 'known_only'],
    [FRESH_KNOWN_SECONDS + 1, 'locked_only'],
  ])('at %i seconds: %s', (age, level) => {
    expect(freshnessLevel(age)).toBe(level);
  });

  it('steps down after 24 hours, 72 hours and 7 days', () => {
    expect([FRESH_FULL_SECONDS, FRESH_HALF_SECONDS, FRESH_KNOWN_SECONDS].map((s) => s / 3_600)).toEqual([
      24, 72, 168,
    ]);
  });
});
