/**
 * The trust bundle: what the issuer wants every kiosk and phone to know, signed and dated. Issuer keys in two
 * generations, policy, and the deny list. Its signed time is also the ratchet of trusted time.
 */
import { toUuid } from './bytes.ts';
import { readIssuedObject, readPayload, signObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import type { DenyList } from './deny-list.ts';
import { refuse } from './errors.ts';
import { checkSignerIsCurrent } from './issuer-certificate.ts';
import {
  FRESH_FULL_SECONDS,
  FRESH_HALF_SECONDS,
  FRESH_KNOWN_SECONDS,
  MAX_DENIED,
  MAX_TIME_STEP_SECONDS,
  MAX_TRUST_BUNDLE_BYTES,
  MAX_VERSION_JUMP,
} from './limits.ts';
import { PURPOSE } from './purposes.ts';
import {
  headFields,
  readByteStrings,
  readHead,
  verifyHead,
  type TrustHead,
  type TrustHeadDraft,
} from './trust-head.ts';

export interface TrustBundle extends TrustHead, DenyList {
  /** What to keep: read back by {@link verifyTrustRecord}. The signed object itself, unless it came as a delta. */
  readonly bytes: Uint8Array;
}

export interface TrustBundleDraft extends TrustHeadDraft {
  /** 16-byte ids, sorted by the caller. */
  readonly deniedAllowances: readonly Uint8Array[];
  readonly deniedKiosks: readonly Uint8Array[];
}

/** The driver's signer is the issuer key whose id is `issuerKeyId`. */
export function* signTrustBundle(draft: TrustBundleDraft, issuerKeyId: Uint8Array): Steps<Uint8Array> {
  return yield* signObject(
    [PURPOSE.trustBundle, ...headFields(draft), draft.deniedAllowances, draft.deniedKiosks],
    { keyId: issuerKeyId },
  );
}

/** Verified from the pinned root alone: the issuer keys that sign it travel inside, each certified by the root. */
export function* verifyTrustBundle(bytes: Uint8Array, rootPublicKey: Uint8Array): Steps<TrustBundle> {
  const object = readIssuedObject(bytes, MAX_TRUST_BUNDLE_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.trustBundle);
  const head = readHead(fields);
  const deniedAllowances = new Set(readByteStrings(fields.array(MAX_DENIED), 16, 16).map(toUuid));
  const deniedKiosks = new Set(readByteStrings(fields.array(MAX_DENIED), 16, 16).map(toUuid));
  fields.end();
  return { bytes, ...(yield* verifyHead(object, head, rootPublicKey)), deniedAllowances, deniedKiosks };
}

/** What a reader knows of now when a bundle arrives. */
export interface Now {
  /** A clock that the reader believes. */
  readonly nowSeconds: number;
  /** The wall clock, right or wrong, where the reader has another clock that it believes. */
  readonly wallSeconds?: number;
}

/**
 * May this verified bundle take the place of the one in force? Nothing in it may go back: neither generation of the
 * signing key, nor version, nor deny list. The same version signed again with a later time is welcome. A time that goes
 * back under a higher version is the issuer's own correction of a clock that ran ahead; a replay has no higher version.
 * A newer generation overrides whatever an older one said, so that a leaked key cannot lock its successor out.
 * @throws Refusal `certificate_expired`, `issuer_key_superseded`, `trust_bundle_from_the_future`,
 *   `trust_bundle_older_than_known`, `trust_bundle_version_jumps`
 */
export function checkNotOlder(candidate: TrustHead, known: TrustHead | null, now: Now): void {
  // A clock set back must not bring an expired key back: the bundle in force has seen a later time.
  const nowSeconds = Math.max(now.nowSeconds, known?.issuedAt ?? 0);
  checkSignerIsCurrent(candidate.signer, { nowSeconds, newestGeneration: known?.signer.generation ?? 0 });
  if (known === null) return;
  // Nothing here says what year it is: a cloud whose clock is wrong by years must not take everybody with it.
  if (candidate.issuedAt > Math.max(nowSeconds, now.wallSeconds ?? 0) + MAX_TIME_STEP_SECONDS)
    refuse('trust_bundle_from_the_future');
  if (candidate.signer.generation > known.signer.generation) return;
  const isOlder =
    candidate.version < known.version ||
    candidate.denyListVersion < known.denyListVersion ||
    (candidate.version === known.version && candidate.issuedAt < known.issuedAt);
  if (isOlder) refuse('trust_bundle_older_than_known');
  const jumps =
    candidate.version - known.version > MAX_VERSION_JUMP ||
    candidate.denyListVersion - known.denyListVersion > MAX_VERSION_JUMP;
  if (jumps) refuse('trust_bundle_version_jumps');
}

/** What the age of the bundle still allows: full limits, half of them, known payers only, payee-locked only. */
export type FreshnessLevel = 'full' | 'half' | 'known_only' | 'locked_only';

export function freshnessLevel(ageSeconds: number): FreshnessLevel {
  if (ageSeconds <= FRESH_FULL_SECONDS) return 'full';
  if (ageSeconds <= FRESH_HALF_SECONDS) return 'half';
  return ageSeconds <= FRESH_KNOWN_SECONDS ? 'known_only' : 'locked_only';
}
