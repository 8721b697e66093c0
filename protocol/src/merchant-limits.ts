/**
 * The merchant's own limits for all its kiosks, as the cloud carries them: told by the merchant, signed by the issuer. An
 * object of its own beside the trust bundle, which is everybody's and public; what one merchant wants is neither.
 */
import { fromUuid, toUuid } from './bytes.ts';
import type { KioskCertificate } from './certificates.ts';
import { readIssuedObject, readPayload, signObject, type UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import {
  checkIssuerNotRevoked,
  checkSignerIsCurrent,
  requireIssuerSignature,
  type IssuerCertificate,
} from './issuer-certificate.ts';
import type { LimitSettings } from './kiosk-limits.ts';
import { MAX_COUNTER, MAX_OBJECT_BYTES } from './limits.ts';
import { limitFields, readLimitFields } from './policy-change.ts';
import { PURPOSE } from './purposes.ts';
import type { TrustBundle } from './trust-bundle.ts';

export interface MerchantLimitsDraft {
  /** UUID. */
  readonly merchantId: string;
  /** Grows with every change. */
  readonly version: number;
  /** Seconds since 1970: when it was signed, not when the merchant said it. */
  readonly issuedAt: number;
  readonly currency: string;
  /** All that the merchant wants; what is absent is not limited by the merchant in the cloud. */
  readonly limits: LimitSettings;
}

export interface MerchantLimits extends MerchantLimitsDraft {
  readonly bytes: Uint8Array;
  readonly signer: IssuerCertificate;
}

/** What a kiosk remembers of the limits in force. */
export interface KnownMerchantLimits {
  readonly version: number;
  /** Of the issuer key that signed them. */
  readonly generation: number;
}

/** The driver's signer is the issuer key whose id is `issuerKeyId`; it must be certified for trust bundles. */
export function* signMerchantLimits(draft: MerchantLimitsDraft, issuerKeyId: Uint8Array): Steps<Uint8Array> {
  const { merchantId, version, issuedAt, currency, limits } = draft;
  const fields = [fromUuid(merchantId), version, issuedAt, currency, limitFields(limits)];
  return yield* signObject([PURPOSE.merchantLimits, ...fields], { keyId: issuerKeyId });
}

/** Form and signature. Whether they may take the place of those in force: {@link checkMerchantLimits}. */
export function* verifyMerchantLimits(
  bytes: Uint8Array,
  issuers: readonly IssuerCertificate[],
): Steps<MerchantLimits> {
  const { object, draft } = readForm(bytes);
  const signer = yield* requireIssuerSignature(object, issuers, { at: draft.issuedAt, as: 'trustBundles' });
  return { ...draft, bytes, signer };
}

/**
 * What was verified and stored before, read again without its signature: its issuer's certificate may have left the bundle since,
 * and limits must not fall away with it. @throws Refusal when the bytes are none
 */
export function readStoredMerchantLimits(bytes: Uint8Array): MerchantLimitsDraft {
  return readForm(bytes).draft;
}

/**
 * May these limits take the place of those in force at this kiosk? The same version says the same: it may, and nothing changes.
 * @throws Refusal `merchant_limits_not_for_this_kiosk`, `certificate_expired`, `issuer_key_superseded`, `issuer_key_revoked`,
 *   `merchant_limits_older_than_known`
 */
export function checkMerchantLimits(
  candidate: MerchantLimits,
  facts: {
    readonly kiosk: Pick<KioskCertificate, 'merchantId' | 'currency'>;
    readonly trust: TrustBundle;
    readonly known: KnownMerchantLimits | null;
    /** The newest time that is certain, as for a trust bundle. */
    readonly nowSeconds: number;
  },
): void {
  const { kiosk, trust, known } = facts;
  if (candidate.merchantId !== kiosk.merchantId || candidate.currency !== kiosk.currency)
    refuse('merchant_limits_not_for_this_kiosk');
  const nowSeconds = Math.max(facts.nowSeconds, trust.issuedAt);
  checkSignerIsCurrent(candidate.signer, { nowSeconds, newestGeneration: trust.signer.generation });
  checkIssuerNotRevoked(candidate.signer, trust, nowSeconds);
  if (known === null) return;
  const { generation } = candidate.signer;
  const isOlder =
    generation < known.generation || (generation === known.generation && candidate.version < known.version);
  if (isOlder) refuse('merchant_limits_older_than_known');
}

function readForm(bytes: Uint8Array): {
  readonly object: UnverifiedObject;
  readonly draft: MerchantLimitsDraft;
} {
  const object = readIssuedObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.merchantLimits);
  const draft = {
    merchantId: toUuid(fields.bytes(16)),
    version: fields.uint(MAX_COUNTER, 1),
    issuedAt: fields.timeSeconds(),
    currency: fields.currency(),
    limits: readLimitFields(fields.layout()),
  };
  fields.end();
  return { object, draft };
}
