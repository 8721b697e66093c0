// The trust bundle and what continues it (page 09): who may speak for the issuer, and who is denied.

import { encode } from 'cbor2';
import { demandSignature, openSigned, type Signed, sha256 } from './cose.ts';
import * as f from './fields.ts';
import * as layouts from './layouts.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { policyLimits } from './journal-layouts.ts';
import { demand, refuse } from './refusal.ts';

export type TrustBundle = ReturnType<typeof verifyTrustBundle>;

const form = { header: 'keyed', maxBytes: limits.MAX_TRUST_BUNDLE_BYTES } as const;

export function verifyTrustBundle(message: f.Hex, rootPublicKey: f.Hex) {
  const signed = openSigned(message, { ...form, payload: layouts.trustBundle });
  const { issuerCertificates, deniedAllowances, deniedKiosks, ...fields } = signed.fields;
  const denied = { deniedAllowances: setOf(deniedAllowances), deniedKiosks: setOf(deniedKiosks) };
  return { ...fields, ...denied, ...verifySigner(signed, issuersUnder(rootPublicKey, issuerCertificates)) };
}

/** Each once, in ascending order. */
function setOf(ids: Ids): Ids {
  return [...new Set(ids)].sort();
}

function issuersUnder(rootPublicKey: f.Hex, certificates: readonly f.Hex[]): readonly objects.Issuer[] {
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
export function applyDenyListDelta(message: f.Hex, known: TrustBundle, rootPublicKey: f.Hex): TrustBundle {
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

export function denyListHash(lists: { readonly deniedAllowances: Ids; readonly deniedKiosks: Ids }): f.Hex {
  const bytes = (ids: Ids) => f.fromHex(setOf(ids).join('').replaceAll('-', ''));
  return sha256(encode(['tiki-deny-list', bytes(lists.deniedAllowances), bytes(lists.deniedKiosks)]));
}

/** `keyId` is of the key that signed a certificate. */
export function checkIssuerNotRevoked(
  keyId: f.Hex | null,
  trustBundle: TrustBundle,
  nowSeconds: number,
): void {
  const certifiers = trustBundle.issuers.filter((one) => one.keyId === keyId);
  demand(certifiers.length > 0, 'issuer_unknown');
  const ended = trustBundle.revokedIssuers.filter((one) => nowSeconds >= one.honouredUntil);
  const isRevoked = certifiers.some((issuer) => ended.some((one) => one.generation === issuer.generation));
  demand(!isRevoked, 'issuer_key_revoked');
}

const merchantLimits = f.object(27, {
  merchantId: f.id,
  version: f.count,
  issuedAt: f.time,
  currency: f.currency,
  limits: policyLimits,
});

type InForce = {
  readonly kiosk: Pick<objects.Kiosk, 'merchantId' | 'currency'>;
  readonly trustBundle: TrustBundle;
  readonly known: { readonly version: number; readonly generation: number } | null;
};

/** The merchant's limits, believed and then held against what is in force. Only those that are set. */
export function takeMerchantLimits(message: f.Hex, inForce: InForce, clockSeconds: number) {
  const { kiosk, trustBundle, known } = inForce;
  const signed = openSigned(message, { payload: merchantLimits, header: 'keyed' });
  const { fields } = signed;
  const signing = { at: fields.issuedAt, use: objects.use.trustBundles };
  const signer = objects.findIssuer(signed.keyId, signing, trustBundle.issuers) ?? refuse('issuer_unknown');
  demandSignature(signed, signer.publicKey, 'certificate_signature_invalid');
  const isOurs = fields.merchantId === kiosk.merchantId && fields.currency === kiosk.currency;
  demand(isOurs, 'merchant_limits_not_for_this_kiosk');
  const nowSeconds = Math.max(clockSeconds, trustBundle.issuedAt);
  demand(nowSeconds < signer.notAfter, 'certificate_expired');
  demand(signer.generation >= trustBundle.signer.generation, 'issuer_key_superseded');
  checkIssuerNotRevoked(signed.keyId, trustBundle, nowSeconds);
  if (known !== null) {
    const isLower =
      signer.generation < known.generation ||
      (signer.generation === known.generation && fields.version < known.version);
    demand(!isLower, 'merchant_limits_older_than_known');
  }
  const wanted = Object.entries(fields.limits).filter(([, limit]) => limit !== null);
  return { ...fields, limits: Object.fromEntries(wanted) };
}
