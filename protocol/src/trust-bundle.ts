/**
 * The trust bundle: what the issuer wants every kiosk and phone to know, signed and dated. Issuer keys in two
 * generations, policy, and the deny list. Its signed time is also the ratchet of trusted time.
 */
import { toUuid } from './bytes.ts';
import { FieldReader, type CborValue } from './cbor.ts';
import { readIssuedObject, readPayload, signObject, type UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { Refusal, refuse } from './errors.ts';
import {
  checkSignerIsCurrent,
  requireIssuerSignature,
  verifyIssuerCertificate,
  type IssuerCertificate,
} from './issuer-certificate.ts';
import {
  FRESH_FULL_SECONDS,
  FRESH_HALF_SECONDS,
  FRESH_KNOWN_SECONDS,
  MAX_COUNTER,
  MAX_DENIED,
  MAX_ISSUER_CERTIFICATES,
  MAX_OBJECT_BYTES,
  MAX_TRUST_BUNDLE_BYTES,
  MAX_VERSION_JUMP,
} from './limits.ts';
import { PURPOSE } from './purposes.ts';

/** The issuer's limits for a kiosk, in the kiosk's currency. The lowest of issuer, merchant and kiosk wins. */
export interface Policy {
  readonly perPaymentMinor: bigint;
  /** Sum of accepted payments that a kiosk may hold unsettled. */
  readonly storedSumMinor: bigint;
  readonly storedCount: number;
  /** Longest time without contact before a kiosk stops accepting. */
  readonly maxOfflineSeconds: number;
  /** Sum of the payments of one allowance at one kiosk: what a copied phone can cost this kiosk. */
  readonly perAllowanceMinor: bigint;
  /** Largest payment of a phone that has never paid at this kiosk. */
  readonly firstPaymentMinor: bigint;
  /** Largest payment of a payer of whom the issuer knows little ({@link STANDING}.new). */
  readonly newStandingMinor: bigint;
  /** One payer at one kiosk within this window: more payments or more money look like one sale cut into pieces. */
  readonly splitWindowSeconds: number;
  readonly splitCount: number;
  readonly splitSumMinor: bigint;
  /** One payer at one kiosk within an hour and a day. */
  readonly hourCount: number;
  readonly hourSumMinor: bigint;
  readonly dayCount: number;
  readonly daySumMinor: bigint;
}

export interface TrustBundle {
  readonly bytes: Uint8Array;
  /** Monotonic; a lower one than known is refused. */
  readonly version: number;
  readonly issuedAt: number;
  readonly policy: Policy;
  readonly issuers: readonly IssuerCertificate[];
  /** The one of `issuers` that signed. */
  readonly signer: IssuerCertificate;
  readonly denyListVersion: number;
  readonly deniedAllowances: ReadonlySet<string>;
  readonly deniedKiosks: ReadonlySet<string>;
}

export interface TrustBundleDraft {
  readonly version: number;
  readonly issuedAt: number;
  readonly policy: Policy;
  readonly issuerCertificates: readonly Uint8Array[];
  readonly denyListVersion: number;
  /** 16-byte ids, sorted by the caller. */
  readonly deniedAllowances: readonly Uint8Array[];
  readonly deniedKiosks: readonly Uint8Array[];
}

/** The driver's signer is the issuer key whose id is `issuerKeyId`. */
export function* signTrustBundle(draft: TrustBundleDraft, issuerKeyId: Uint8Array): Steps<Uint8Array> {
  const { policy } = draft;
  return yield* signObject(
    [
      PURPOSE.trustBundle,
      draft.version,
      draft.issuedAt,
      policyFields(policy),
      draft.issuerCertificates,
      draft.denyListVersion,
      draft.deniedAllowances,
      draft.deniedKiosks,
    ],
    { keyId: issuerKeyId },
  );
}

/** Verified from the pinned root alone: the issuer keys that sign it travel inside, each certified by the root. */
export function* verifyTrustBundle(bytes: Uint8Array, rootPublicKey: Uint8Array): Steps<TrustBundle> {
  const object = readIssuedObject(bytes, MAX_TRUST_BUNDLE_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.trustBundle);
  const version = fields.uint(MAX_COUNTER, 1);
  const issuedAt = fields.timeSeconds();
  const policy = readPolicy(fields.layout());
  const issuerBytes = readByteStrings(fields.array(MAX_ISSUER_CERTIFICATES), 1, MAX_OBJECT_BYTES);
  const denyListVersion = fields.uint(MAX_COUNTER);
  const deniedAllowances = new Set(readByteStrings(fields.array(MAX_DENIED), 16, 16).map(toUuid));
  const deniedKiosks = new Set(readByteStrings(fields.array(MAX_DENIED), 16, 16).map(toUuid));
  fields.end();
  const issuers: IssuerCertificate[] = [];
  for (const certificate of issuerBytes)
    issuers.push(yield* verifyIssuerCertificate(certificate, rootPublicKey));
  const signer = yield* requireSigner(object, issuers, issuedAt);
  return {
    bytes,
    version,
    issuedAt,
    policy,
    issuers,
    signer,
    denyListVersion,
    deniedAllowances,
    deniedKiosks,
  };
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

/**
 * May this verified bundle take the place of the one in force? Nothing in it may go back: neither generation of the
 * signing key, nor version, nor deny list, nor time. The same version signed again with a later time is welcome.
 * A newer generation overrides whatever an older one said, so that a leaked key cannot lock its successor out.
 * @param nowSeconds the wall clock: a mark of trusted time that ran ahead must stay correctable by the issuer
 * @throws Refusal `certificate_expired`, `issuer_key_superseded`, `trust_bundle_older_than_known`,
 *   `trust_bundle_version_jumps`
 */
export function checkNotOlder(candidate: TrustBundle, known: TrustBundle | null, nowSeconds: number): void {
  checkSignerIsCurrent(candidate.signer, {
    // A clock set back must not bring an expired key back: the bundle in force has seen a later time.
    nowSeconds: Math.max(nowSeconds, known?.issuedAt ?? 0),
    newestGeneration: known?.signer.generation ?? 0,
  });
  if (known === null || candidate.signer.generation > known.signer.generation) return;
  const isOlder =
    candidate.version < known.version ||
    candidate.denyListVersion < known.denyListVersion ||
    candidate.issuedAt < known.issuedAt;
  if (isOlder) refuse('trust_bundle_older_than_known');
  const jumps =
    candidate.version - known.version > MAX_VERSION_JUMP ||
    candidate.denyListVersion - known.denyListVersion > MAX_VERSION_JUMP;
  if (jumps) refuse('trust_bundle_version_jumps');
}

function policyFields(policy: Policy): readonly CborValue[] {
  return [
    policy.perPaymentMinor,
    policy.storedSumMinor,
    policy.storedCount,
    policy.maxOfflineSeconds,
    policy.perAllowanceMinor,
    policy.firstPaymentMinor,
    policy.newStandingMinor,
    policy.splitWindowSeconds,
    policy.splitCount,
    policy.splitSumMinor,
    policy.hourCount,
    policy.hourSumMinor,
    policy.dayCount,
    policy.daySumMinor,
  ];
}

function readPolicy(values: readonly unknown[]): Policy {
  const fields = new FieldReader(values);
  const policy = {
    perPaymentMinor: fields.amountMinor(1n),
    storedSumMinor: fields.amountMinor(1n),
    storedCount: fields.uint(MAX_COUNTER, 1),
    maxOfflineSeconds: fields.uint(MAX_COUNTER, 1),
    perAllowanceMinor: fields.amountMinor(1n),
    firstPaymentMinor: fields.amountMinor(1n),
    newStandingMinor: fields.amountMinor(1n),
    splitWindowSeconds: fields.uint(MAX_COUNTER, 1),
    splitCount: fields.uint(MAX_COUNTER, 1),
    splitSumMinor: fields.amountMinor(1n),
    hourCount: fields.uint(MAX_COUNTER, 1),
    hourSumMinor: fields.amountMinor(1n),
    dayCount: fields.uint(MAX_COUNTER, 1),
    daySumMinor: fields.amountMinor(1n),
  };
  fields.end();
  return policy;
}

function readByteStrings(
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

/** What the age of the bundle still allows: full limits, half of them, known payers only, payee-locked only. */
export type FreshnessLevel = 'full' | 'half' | 'known_only' | 'locked_only';

export function freshnessLevel(ageSeconds: number): FreshnessLevel {
  if (ageSeconds <= FRESH_FULL_SECONDS) return 'full';
  if (ageSeconds <= FRESH_HALF_SECONDS) return 'half';
  return ageSeconds <= FRESH_KNOWN_SECONDS ? 'known_only' : 'locked_only';
}
