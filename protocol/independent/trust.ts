// The trust bundle and what continues it (page 09): who may speak for the issuer, and who is denied.

import { encode } from 'cbor2';
import { demandSignature, openSigned, type Signed, sha256 } from './cose.ts';
import { fromHex, type Hex } from './fields.ts';
import * as layouts from './layouts.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { demand } from './refusal.ts';

export type TrustBundle = ReturnType<typeof verifyTrustBundle>;

const form = { header: 'keyed', maxBytes: limits.MAX_TRUST_BUNDLE_BYTES } as const;

export function verifyTrustBundle(message: Hex, rootPublicKey: Hex) {
  const signed = openSigned(message, { ...form, payload: layouts.trustBundle });
  const { issuerCertificates, deniedAllowances, deniedKiosks, ...fields } = signed.fields;
  const denied = { deniedAllowances: setOf(deniedAllowances), deniedKiosks: setOf(deniedKiosks) };
  return { ...fields, ...denied, ...verifySigner(signed, issuersUnder(rootPublicKey, issuerCertificates)) };
}

/** Each once, in ascending order. */
function setOf(ids: Ids): Ids {
  return [...new Set(ids)].sort();
}

function issuersUnder(rootPublicKey: Hex, certificates: readonly Hex[]): readonly objects.Issuer[] {
  return certificates.map((one) => objects.verifyIssuerCertificate(one, rootPublicKey));
}

function verifySigner(signed: Signed<{ readonly issuedAt: number }>, issuers: readonly objects.Issuer[]) {
  const signing = { at: signed.fields.issuedAt, use: objects.use.trustBundles };
  const signer = objects.findIssuer(signed.keyId, signing, issuers);
  demand(signer !== undefined, 'trust_bundle_signature_invalid');
  demandSignature(signed, signer.publicKey, 'trust_bundle_signature_invalid');
  return { issuers, signer };
}

export function checkNotOlder(candidate: TrustBundle, known: TrustBundle, clockSeconds: number): void {
  const nowSeconds = Math.max(clockSeconds, known.issuedAt);
  demand(nowSeconds < candidate.signer.notAfter, 'certificate_expired');
  demand(candidate.signer.generation >= known.signer.generation, 'issuer_key_superseded');
  const latest = nowSeconds + limits.MAX_TIME_STEP_SECONDS;
  demand(candidate.issuedAt <= latest, 'trust_bundle_from_the_future');
  if (candidate.signer.generation > known.signer.generation) return;
  const isLower =
    candidate.version < known.version ||
    candidate.denyListVersion < known.denyListVersion ||
    (candidate.version === known.version && candidate.issuedAt < known.issuedAt);
  demand(!isLower, 'trust_bundle_older_than_known');
  const reach = limits.MAX_VERSION_JUMP;
  demand(candidate.version <= known.version + reach, 'trust_bundle_version_jumps');
  demand(candidate.denyListVersion <= known.denyListVersion + reach, 'trust_bundle_version_jumps');
}

/** The bundle that a delta makes of the one in force; whether it may follow is asked with `checkNotOlder`. */
export function applyDenyListDelta(message: Hex, known: TrustBundle, rootPublicKey: Hex): TrustBundle {
  const signed = openSigned(message, { ...form, payload: layouts.denyListDelta });
  const { version, issuedAt, policy, revokedIssuers, denyListVersion, ...delta } = signed.fields;
  const chain = verifySigner(signed, issuersUnder(rootPublicKey, delta.issuerCertificates));
  demand(delta.baseVersion === known.version, 'deny_list_base_differs');
  const lists = {
    deniedAllowances: changed(known.deniedAllowances, delta.removedAllowances, delta.addedAllowances),
    deniedKiosks: changed(known.deniedKiosks, delta.removedKiosks, delta.addedKiosks),
  };
  demand(denyListHash(lists) === delta.listHash, 'deny_list_result_differs');
  return { version, issuedAt, policy, revokedIssuers, denyListVersion, ...lists, ...chain };
}

type Ids = readonly string[];

function changed(known: Ids, removed: Ids, added: Ids): Ids {
  const off = new Set(removed);
  const ids = setOf([...known.filter((id) => !off.has(id)), ...added]);
  demand(ids.length <= limits.MAX_DENIED, 'field_out_of_range');
  return ids;
}

export function denyListHash(lists: { readonly deniedAllowances: Ids; readonly deniedKiosks: Ids }): Hex {
  const bytes = (ids: Ids) => fromHex(setOf(ids).join('').replaceAll('-', ''));
  return sha256(encode(['tiki-deny-list', bytes(lists.deniedAllowances), bytes(lists.deniedKiosks)]));
}

/** `keyId` is of the key that signed a certificate. */
export function checkIssuerNotRevoked(keyId: Hex | null, trustBundle: TrustBundle, nowSeconds: number): void {
  const certifiers = trustBundle.issuers.filter((one) => one.keyId === keyId);
  demand(certifiers.length > 0, 'issuer_unknown');
  const ended = trustBundle.revokedIssuers.filter((one) => nowSeconds >= one.honouredUntil);
  const isRevoked = certifiers.some((issuer) => ended.some((one) => one.generation === issuer.generation));
  demand(!isRevoked, 'issuer_key_revoked');
}
