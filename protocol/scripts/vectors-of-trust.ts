/** Vectors of the trust bundle: believed from the root alone, and the order among bundles. */
import type { CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { changed, fieldsOf, resigned, withFields } from './tamper.ts';
import { given, invalid, valid, type DraftFile } from './vector-drafts.ts';
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
        bundle(withFields(trustBundle, fieldsOf(trustBundle).with(6, [id(0xd1)]))),
      ),
      bad(
        'no denied kiosk',
        'trust_bundle_signature_invalid',
        bundle(withFields(trustBundle, fieldsOf(trustBundle).with(7, []))),
      ),
      bad(
        "without its signer's certificate",
        'trust_bundle_signature_invalid',
        again(4, world.issuerCertificates.slice(1)),
      ),
      bad("signed before its issuer's time", 'trust_bundle_signature_invalid', again(2, NOW - 2_592_301)),
      bad('five issuer certificates', 'field_out_of_range', again(4, [1, 2, 3, 4, 5].map(id))),
      bad('a denied id of 15 bytes', 'field_out_of_range', again(6, [new Uint8Array(15)])),
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
      older(
        'a later version with an earlier time',
        signBundle({ version: 9, issuedAt: NOW - 1 }),
        trustBundle,
      ),
    ],
  };
}
