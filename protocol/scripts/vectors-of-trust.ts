/** Vectors of the trust bundle: believed from the root alone, and the order among bundles. */
import type { CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { changed, fieldsOf, resigned, withFields } from './tamper.ts';
import { everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { id, NOW, type VectorWorld } from './vector-world.ts';

export function trustBundleVectors(world: VectorWorld): DraftFile {
  const { trustBundle, issuer, signBundle } = world;
  const later = signBundle({
    version: 8,
    issuedAt: NOW + 600,
    denyListVersion: 4,
    deniedAllowances: [id(0xd1), id(0xd2), id(0xd4)],
  });
  const refreshed = signBundle({ issuedAt: NOW + 60 });
  const bundle = (bytes: Uint8Array) => ({ trustBundle: bytes });
  const again = (index: number, value: CborValue) =>
    bundle(resigned(trustBundle, fieldsOf(trustBundle).with(index, value), issuer));
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(name, 'verifyTrustBundle', code, input);
  const follows = (name: string, code: protocol.RefusalCode, candidate: Uint8Array, known: Uint8Array) =>
    invalid(name, 'checkNotOlder', code, { candidate, known });
  const older = (name: string, candidate: Uint8Array, known: Uint8Array) =>
    follows(name, 'trust_bundle_older_than_known', candidate, known);
  const rotated = world.signBundleAs(world.nextIssuer, { version: 8, issuedAt: NOW + 600 });
  /** What who has found the old key would sign: the highest version, nobody denied. */
  const leaked = signBundle({ version: 2_147_483_647, issuedAt: NOW + 800, deniedAllowances: [] });
  const byOther = signBundle({
    issuerCertificates: [
      world.certifyIssuer({
        publicKey: issuer.publicKey,
        generation: 1,
        uses: protocol.ISSUER_USE.certificates,
        notBefore: NOW - 100,
        notAfter: NOW + 100,
      }),
    ],
  });
  /** Issuer keys whose time is not over in the year after next. */
  const LONG_LIVED = {
    issuerCertificates: [issuer, world.nextIssuer].map((key, index) =>
      world.certifyIssuer({
        publicKey: key.publicKey,
        generation: index + 1,
        uses: protocol.EVERY_ISSUER_USE,
        notBefore: NOW - 100,
        notAfter: NOW + 100_000_000,
      }),
    ),
  };
  const revoking = signBundle({ revokedIssuers: [{ generation: 1, honouredUntil: NOW + 900 }] });
  const revoked = revocationVectors(world, revoking);
  const deltas = deltaVectors(world);
  return {
    description: 'Trust bundles, believed from the root alone, and the order among them.',
    page: '09-trust-bundle-and-time.md',
    context: given({ rootPublicKey: world.root.publicKey, nowSeconds: NOW + 900 }),
    valid: [
      valid(
        'a bundle with two generations of issuer keys',
        'verifyTrustBundle',
        bundle(trustBundle),
        trustBundle,
      ),
      valid('a later bundle', 'checkNotOlder', { candidate: later, known: trustBundle }),
      valid('the same version signed again', 'checkNotOlder', { candidate: refreshed, known: trustBundle }),
      valid('a higher version with an earlier time: the issuer corrects its clock', 'checkNotOlder', {
        candidate: signBundle({ version: 9, issuedAt: NOW - 1 }),
        known: trustBundle,
      }),
      valid('as far ahead in time as may be', 'checkNotOlder', {
        candidate: signBundle({
          version: 8,
          issuedAt: NOW + 900 + protocol.MAX_TIME_STEP_SECONDS,
          ...LONG_LIVED,
        }),
        known: trustBundle,
      }),
      valid('a bundle that revokes a generation', 'verifyTrustBundle', bundle(revoking)),
      ...revoked.valid,
      ...deltas.valid,
      valid('the same bundle', 'checkNotOlder', { candidate: trustBundle, known: trustBundle }),
      valid('a version as far ahead as may be', 'checkNotOlder', {
        candidate: signBundle({ version: 7 + protocol.MAX_VERSION_JUMP }),
        known: trustBundle,
      }),
      valid('the next generation takes over', 'checkNotOlder', { candidate: rotated, known: trustBundle }),
      valid('the next generation overrides what a leaked key said last', 'checkNotOlder', {
        candidate: rotated,
        known: signBundle({ version: 2_147_483_647, denyListVersion: 2_147_483_647, issuedAt: NOW + 800 }),
      }),
      valid('the signer in its last second', 'checkNotOlder', {
        candidate: trustBundle,
        known: trustBundle,
        nowSeconds: NOW + 31_535_999,
      }),
    ],
    invalid: [
      ...everyFieldChanged(
        signBundle({ revokedIssuers: REVOKED }),
        FIELD_NAMES.get(10) ?? [],
        (name, bytes, index) => bad(`R21 ${name}`, tampered(index), bundle(bytes)),
      ),
      bad('of another root', 'certificate_signature_invalid', {
        ...bundle(trustBundle),
        rootPublicKey: world.stranger.publicKey,
      }),
      bad(
        'version changed',
        'trust_bundle_signature_invalid',
        bundle(withFields(trustBundle, fieldsOf(trustBundle).with(1, 8))),
      ),
      bad(
        'time changed',
        'trust_bundle_signature_invalid',
        bundle(withFields(trustBundle, fieldsOf(trustBundle).with(2, NOW + 1))),
      ),
      bad(
        'a limit changed',
        'trust_bundle_signature_invalid',
        bundle(
          withFields(trustBundle, fieldsOf(trustBundle).with(3, changed(fieldsOf(trustBundle)[3] ?? null))),
        ),
      ),
      bad(
        'a denied allowance left out',
        'trust_bundle_signature_invalid',
        bundle(withFields(trustBundle, fieldsOf(trustBundle).with(7, [id(0xd1)]))),
      ),
      bad(
        'no denied kiosk',
        'trust_bundle_signature_invalid',
        bundle(withFields(trustBundle, fieldsOf(trustBundle).with(8, []))),
      ),
      bad(
        "without its signer's certificate",
        'trust_bundle_signature_invalid',
        again(4, world.issuerCertificates.slice(1)),
      ),
      bad("signed before its issuer's time", 'trust_bundle_signature_invalid', again(2, NOW - 2_592_301)),
      bad('five issuer certificates', 'field_out_of_range', again(4, [1, 2, 3, 4, 5].map(id))),
      bad('a denied id of 15 bytes', 'field_out_of_range', again(7, [new Uint8Array(15)])),
      bad('a policy of three limits', 'message_malformed', again(3, [1, 1, 1])),
      bad('version zero', 'field_out_of_range', again(1, 0)),
      bad('by a key that may sign certificates only', 'issuer_key_not_for_this_use', bundle(byOther)),
      follows('by a generation that was rotated out', 'issuer_key_superseded', leaked, rotated),
      follows(
        'one version too far ahead',
        'trust_bundle_version_jumps',
        signBundle({ version: 8 + protocol.MAX_VERSION_JUMP }),
        trustBundle,
      ),
      follows(
        'a deny list one version too far ahead',
        'trust_bundle_version_jumps',
        signBundle({ denyListVersion: 4 + protocol.MAX_VERSION_JUMP }),
        trustBundle,
      ),
      invalid("when its signer's time is over", 'checkNotOlder', 'certificate_expired', {
        candidate: later,
        known: trustBundle,
        nowSeconds: NOW + 31_536_000,
      }),
      older('an earlier version', trustBundle, later),
      older('an earlier time under one version', trustBundle, refreshed),
      older(
        'a later version with an older deny list',
        signBundle({ version: 9, issuedAt: NOW + 900, denyListVersion: 2 }),
        trustBundle,
      ),
      follows(
        'further ahead in time than any clock can be behind',
        'trust_bundle_from_the_future',
        signBundle({ version: 8, issuedAt: NOW + 900 + protocol.MAX_TIME_STEP_SECONDS + 1, ...LONG_LIVED }),
        trustBundle,
      ),
      follows(
        'of the next generation, further ahead in time than any clock can be behind',
        'trust_bundle_from_the_future',
        world.signBundleAs(world.nextIssuer, {
          version: 8,
          issuedAt: NOW + 900 + protocol.MAX_TIME_STEP_SECONDS + 1,
          ...LONG_LIVED,
        }),
        trustBundle,
      ),
      bad(
        'nine revoked generations',
        'field_out_of_range',
        again(
          5,
          Array.from({ length: 9 }, () => [1, 1]),
        ),
      ),
      bad('a revoked generation without a time', 'message_malformed', again(5, [[1]])),
      bad('generation zero revoked', 'field_out_of_range', again(5, [[0, NOW]])),
      bad(
        'a revoked generation taken out',
        'trust_bundle_signature_invalid',
        bundle(withFields(revoking, fieldsOf(revoking).with(5, []))),
      ),
      ...revoked.invalid,
      ...deltas.invalid,
    ],
  };
}

/** Generation 1 certified what the world holds; generation 2 did not. */
function revocationVectors(world: VectorWorld, revoking: Uint8Array) {
  const held = (certificate: Uint8Array, nowSeconds: number, trustBundle = revoking) => ({
    certificate,
    trustBundle,
    nowSeconds,
  });
  const rule = 'checkIssuerNotRevoked';
  const other = world.signBundle({ revokedIssuers: [{ generation: 2, honouredUntil: NOW }] });
  /** Signed by the second generation, without the certificate of the first. */
  const without = (generation: number | null) =>
    world.signBundleAs(world.nextIssuer, {
      issuerCertificates: world.issuerCertificates.slice(1),
      revokedIssuers: generation === null ? [] : [{ generation, honouredUntil: NOW }],
    });
  return {
    valid: [
      valid(
        'a certificate of a revoked generation, a second before',
        rule,
        held(world.allowance.bytes, NOW + 899),
      ),
      valid('a certificate of another generation', rule, held(world.allowance.bytes, NOW + 900, other)),
    ],
    invalid: [
      invalid('an allowance certificate of a revoked generation', rule, 'issuer_key_revoked', {
        ...held(world.allowance.bytes, NOW + 900),
      }),
      invalid('a kiosk certificate of a revoked generation', rule, 'issuer_key_revoked', {
        ...held(world.kiosk.bytes, NOW + 900),
      }),
      ...(
        [
          ['whose revoked generation has left the bundle', 1],
          ['whose generation has left the bundle, another is revoked', 2],
          ['whose generation has left the bundle, none is revoked', null],
        ] as const
      ).map(([name, generation]) =>
        invalid(`a kiosk certificate ${name}`, rule, 'issuer_unknown', {
          ...held(world.kiosk.bytes, NOW + 900, without(generation)),
        }),
      ),
    ],
  };
}

const REVOKED = [{ generation: 9, honouredUntil: NOW }];

/** A certificate in it has a signature of its own, which is looked at before the object's. */
function tampered(index: number): protocol.RefusalCode {
  if (index === 0) return 'object_has_wrong_purpose';
  return index === 4 ? 'certificate_signature_invalid' : 'trust_bundle_signature_invalid';
}

function deltaVectors(world: VectorWorld) {
  const { trustBundle: known, signDelta, issuer } = world;
  const delta = signDelta({});
  const rule = 'applyDenyListDelta';
  const no = (name: string, code: protocol.RefusalCode, bytes: Uint8Array, base = known) =>
    invalid(`delta: ${name}`, rule, code, { delta: bytes, known: base });
  const forged = (index: number, value: CborValue) => withFields(delta, fieldsOf(delta).with(index, value));
  const again = (index: number, value: CborValue) =>
    resigned(delta, fieldsOf(delta).with(index, value), issuer);
  const empty = { addedAllowances: [], removedAllowances: [], addedKiosks: [] };
  const uuids = (fills: readonly number[]) => new Set(fills.map((fill) => protocol.toUuid(id(fill))));
  const hashOf = (allowances: readonly number[], kiosks: readonly number[]) =>
    world.run(
      protocol.denyListHash({ deniedAllowances: uuids(allowances), deniedKiosks: uuids(kiosks) }),
      issuer,
    );
  const listHash = hashOf([0xd1, 0xd2], [0xd3]);
  const full = signDelta({ revokedIssuers: REVOKED, removedKiosks: [id(0xd9)] });
  const twice = world.signBundle({ deniedAllowances: [id(0xd1), id(0xd2), id(0xd1)] });
  return {
    valid: [
      valid('delta: two allowances and a kiosk added, an allowance removed', rule, { delta, known }, delta),
      valid('delta: nothing but a later time', rule, { delta: signDelta({ ...empty, listHash }), known }),
      valid('delta: adds what is listed, removes what is not', rule, {
        delta: signDelta({ ...empty, addedAllowances: [id(0xd1)], removedKiosks: [id(0xd9)], listHash }),
        known,
      }),
      valid('delta: an id added twice counts once', rule, {
        delta: signDelta({
          ...empty,
          addedAllowances: [id(0xd4), id(0xd4)],
          listHash: hashOf([0xd1, 0xd2, 0xd4], [0xd3]),
        }),
        known,
      }),
      valid('delta: an id removed and added is on the list', rule, {
        delta: signDelta({ ...empty, addedAllowances: [id(0xd1)], removedAllowances: [id(0xd1)], listHash }),
        known,
      }),
      valid('delta: to a bundle that names an id twice', rule, {
        delta: signDelta({ ...empty, listHash }),
        known: twice,
      }),
      valid('delta: an id that the bundle names twice is removed once and gone', rule, {
        delta: signDelta({ ...empty, removedAllowances: [id(0xd1)], listHash: hashOf([0xd2], [0xd3]) }),
        known: twice,
      }),
      valid('a bundle that names an id twice', 'verifyTrustBundle', { trustBundle: twice }),
      valid('the hash of a deny list', 'denyListHash', { trustBundle: known }),
      valid('the hash of a deny list with an id twice', 'denyListHash', { trustBundle: twice }),
      valid('the hash of a deny list in another order', 'denyListHash', {
        trustBundle: world.signBundle({ deniedAllowances: [id(0xd2), id(0xd1)] }),
      }),
    ],
    invalid: [
      no('to another base', 'deny_list_base_differs', signDelta({ baseVersion: 6 })),
      no('applied twice', 'deny_list_base_differs', delta, world.signBundle({ version: 8 })),
      no(
        'to a base of the same version with another list',
        'deny_list_result_differs',
        delta,
        world.signBundle({ deniedKiosks: [] }),
      ),
      no(
        'with the hash of another result',
        'deny_list_result_differs',
        signDelta({ listHash: new Uint8Array(32) }),
      ),
      ...everyFieldChanged(full, FIELD_NAMES.get(20) ?? [], (name, bytes, index) =>
        no(`R21 ${name}`, tampered(index), bytes),
      ),
      no('an addition left out', 'trust_bundle_signature_invalid', forged(8, [id(0xd4)])),
      no('a removal added', 'trust_bundle_signature_invalid', forged(9, [id(0xd1), id(0xd2)])),
      no('base changed', 'trust_bundle_signature_invalid', forged(7, 6)),
      no('by a stranger', 'trust_bundle_signature_invalid', resigned(delta, fieldsOf(delta), world.stranger)),
      no('base version zero', 'field_out_of_range', again(7, 0)),
      no('an id of 15 bytes', 'field_out_of_range', again(8, [new Uint8Array(15)])),
      no('a hash of 16 bytes', 'field_out_of_range', again(12, id(1))),
      no('a bundle', 'object_has_wrong_purpose', known),
    ],
  };
}
