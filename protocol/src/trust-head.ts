/**
 * What a trust bundle and a delta of its deny list have in common: who speaks, when, under which policy, with which issuer
 * keys. Verified from the pinned root alone: the issuer keys travel inside, each certified by the root.
 */
import { FieldReader, type CborValue } from './cbor.ts';
import type { UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { Refusal, refuse } from './errors.ts';
import {
  requireIssuerSignature,
  verifyIssuerCertificate,
  type IssuerCertificate,
} from './issuer-certificate.ts';
import { MAX_COUNTER, MAX_ISSUER_CERTIFICATES, MAX_OBJECT_BYTES, MAX_REVOKED_ISSUERS } from './limits.ts';
import { policyFields, readPolicy, type Policy } from './trust-policy.ts';

/** An issuer generation whose certificates end early, whatever their own dates say. */
export interface RevokedIssuer {
  readonly generation: number;
  /** Seconds since 1970: from then on nothing that it certified is accepted. */
  readonly honouredUntil: number;
}

export interface TrustHead {
  /** Monotonic; a lower one than known is refused. */
  readonly version: number;
  readonly issuedAt: number;
  readonly policy: Policy;
  readonly issuers: readonly IssuerCertificate[];
  readonly revokedIssuers: readonly RevokedIssuer[];
  /** The one of `issuers` that signed. */
  readonly signer: IssuerCertificate;
  readonly denyListVersion: number;
}

export interface TrustHeadDraft {
  readonly version: number;
  readonly issuedAt: number;
  readonly policy: Policy;
  readonly issuerCertificates: readonly Uint8Array[];
  /** None when absent. */
  readonly revokedIssuers?: readonly RevokedIssuer[];
  readonly denyListVersion: number;
}

export function headFields(draft: TrustHeadDraft): readonly CborValue[] {
  return [
    draft.version,
    draft.issuedAt,
    policyFields(draft.policy),
    draft.issuerCertificates,
    (draft.revokedIssuers ?? []).map(({ generation, honouredUntil }) => [generation, honouredUntil]),
    draft.denyListVersion,
  ];
}

/** The head as it stands there: nothing is believed yet. */
export interface UnverifiedHead extends Omit<TrustHead, 'issuers' | 'signer'> {
  readonly issuerBytes: readonly Uint8Array[];
}

export function readHead(fields: FieldReader): UnverifiedHead {
  return {
    version: fields.uint(MAX_COUNTER, 1),
    issuedAt: fields.timeSeconds(),
    policy: readPolicy(fields.layout()),
    issuerBytes: readByteStrings(fields.array(MAX_ISSUER_CERTIFICATES), 1, MAX_OBJECT_BYTES),
    revokedIssuers: fields.array(MAX_REVOKED_ISSUERS).map(readRevoked),
    denyListVersion: fields.uint(MAX_COUNTER),
  };
}

function readRevoked(value: unknown): RevokedIssuer {
  const fields = new FieldReader(value);
  const revoked = { generation: fields.uint(MAX_COUNTER, 1), honouredUntil: fields.timeSeconds() };
  fields.end();
  return revoked;
}

export function readByteStrings(
  values: readonly unknown[],
  minBytes: number,
  maxBytes: number,
): readonly Uint8Array[] {
  return values.map((value) => {
    if (!(value instanceof Uint8Array)) refuse('message_malformed');
    if (value.length < minBytes || value.length > maxBytes) refuse('field_out_of_range');
    return value;
  });
}

/** Each issuer key under the root, and the object under one of them that may sign bundles. */
export function* verifyHead(
  object: UnverifiedObject,
  { issuerBytes, ...head }: UnverifiedHead,
  rootPublicKey: Uint8Array,
): Steps<TrustHead> {
  const issuers: IssuerCertificate[] = [];
  for (const certificate of issuerBytes)
    issuers.push(yield* verifyIssuerCertificate(certificate, rootPublicKey));
  return { ...head, issuers, signer: yield* requireSigner(object, issuers, head.issuedAt) };
}

function* requireSigner(
  object: UnverifiedObject,
  issuers: readonly IssuerCertificate[],
  issuedAt: number,
): Steps<IssuerCertificate> {
  try {
    return yield* requireIssuerSignature(object, issuers, { at: issuedAt, as: 'trustBundles' });
  } catch (error) {
    const isOfAStranger = error instanceof Refusal && error.code !== 'issuer_key_not_for_this_use';
    if (isOfAStranger) refuse('trust_bundle_signature_invalid', error);
    throw error;
  }
}
