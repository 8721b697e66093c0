/**
 * Issuer keys: the root certifies each with what it may sign and with its generation. A key that was rotated out may
 * have leaked since; what it can still do is decided here and where a trust bundle follows another.
 */
import { equalBytes } from './bytes.ts';
import {
  hasValidSignature,
  keyIdOf,
  readIssuedObject,
  readObject,
  readPayload,
  signObject,
  type UnverifiedObject,
} from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { CLOCK_TOLERANCE_SECONDS, MAX_COUNTER, MAX_OBJECT_BYTES, MAX_VALIDITY_SECONDS } from './limits.ts';
import { PURPOSE } from './purposes.ts';

/** What an issuer key may sign: a bit set in its certificate. */
export const ISSUER_USE = { certificates: 1, trustBundles: 2, acknowledgements: 4 } as const;
export type IssuerUse = keyof typeof ISSUER_USE;
/** What a key of an issuer that shares nothing out may do. */
export const EVERY_ISSUER_USE: number =
  ISSUER_USE.certificates | ISSUER_USE.trustBundles | ISSUER_USE.acknowledgements;

export interface IssuerCertificate {
  readonly bytes: Uint8Array;
  /** 33-byte compressed P-256 point. */
  readonly publicKey: Uint8Array;
  readonly keyId: Uint8Array;
  /** One more with each new key; a certificate that only renews a key repeats it. */
  readonly generation: number;
  /** Bit set of {@link ISSUER_USE}. */
  readonly uses: number;
  /** Seconds since 1970. */
  readonly notBefore: number;
  /** Seconds since 1970, exclusive. */
  readonly notAfter: number;
}

export type IssuerCertificateDraft = Omit<IssuerCertificate, 'bytes' | 'keyId'>;

/** Certifies an issuer key; the driver's signer is the root. */
export function* signIssuerCertificate(draft: IssuerCertificateDraft): Steps<Uint8Array> {
  return yield* signObject([
    PURPOSE.issuerCertificate,
    draft.publicKey,
    draft.generation,
    draft.uses,
    draft.notBefore,
    draft.notAfter - draft.notBefore,
  ]);
}

export function* verifyIssuerCertificate(
  bytes: Uint8Array,
  rootPublicKey: Uint8Array,
): Steps<IssuerCertificate> {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.issuerCertificate);
  const publicKey = fields.bytes(33);
  const generation = fields.uint(MAX_COUNTER, 1);
  const uses = fields.uint(EVERY_ISSUER_USE, 1);
  const notBefore = fields.timeSeconds();
  const notAfter = notBefore + fields.uint(MAX_VALIDITY_SECONDS, 1);
  fields.end();
  if (!(yield* hasValidSignature(object, rootPublicKey))) refuse('certificate_signature_invalid');
  return { bytes, publicKey, keyId: yield* keyIdOf(publicKey), generation, uses, notBefore, notAfter };
}

/**
 * Refuses unless one of `issuers` signed. The issuer's own dates are held against the moment of signing, not against
 * now: what an old generation signed in its time stays good until its own end.
 * @returns the certificate of the key that signed
 */
export function* requireIssuerSignature(
  object: UnverifiedObject,
  issuers: readonly IssuerCertificate[],
  signed: { readonly at: number; readonly as: IssuerUse },
): Steps<IssuerCertificate> {
  const { keyId } = object;
  if (keyId === null) refuse('issuer_unknown');
  // A renewed certificate stands beside the one it renews: the key is the same, and each covers its own time.
  const inTheirTime = issuers.filter(
    (candidate) =>
      equalBytes(candidate.keyId, keyId) &&
      signed.at >= candidate.notBefore - CLOCK_TOLERANCE_SECONDS &&
      signed.at < candidate.notAfter,
  );
  if (inTheirTime.length === 0) refuse('issuer_unknown');
  const issuer = inTheirTime.find((candidate) => (candidate.uses & ISSUER_USE[signed.as]) !== 0);
  if (issuer === undefined) refuse('issuer_key_not_for_this_use');
  if (!(yield* hasValidSignature(object, issuer.publicKey))) refuse('certificate_signature_invalid');
  return issuer;
}

/**
 * A generation that the bundle in force revoked certifies nothing from its moment on, whatever a certificate's own dates
 * say: who found the key can date a certificate back, but not past this. A key that the bundle does not name has no
 * generation to ask for, and certifies nothing either: else a revocation would end with the certificate that it is about.
 * @param certificate the bytes of an allowance or kiosk certificate, or the object read from them
 * @throws Refusal `issuer_unknown`, `issuer_key_revoked`
 */
export function checkIssuerNotRevoked(
  certificate: Uint8Array | Pick<UnverifiedObject, 'keyId'>,
  trust: {
    readonly issuers: readonly IssuerCertificate[];
    readonly revokedIssuers: readonly { readonly generation: number; readonly honouredUntil: number }[];
  },
  nowSeconds: number,
): void {
  const keyId = certificate instanceof Uint8Array ? keyIdIn(certificate) : certificate.keyId;
  let isKnown = false;
  let isRevoked = false;
  for (const { keyId: known, generation } of trust.issuers) {
    if (keyId === null || !equalBytes(known, keyId)) continue;
    isKnown = true;
    for (const revoked of trust.revokedIssuers)
      if (revoked.generation === generation && nowSeconds >= revoked.honouredUntil) isRevoked = true;
  }
  if (!isKnown) refuse('issuer_unknown');
  if (isRevoked) refuse('issuer_key_revoked');
}

/** A kiosk's own certificate is asked about with every payment. */
const keyIds = new WeakMap<Uint8Array, Uint8Array | null>();

function keyIdIn(certificate: Uint8Array): Uint8Array | null {
  const known = keyIds.get(certificate);
  if (known !== undefined) return known;
  const { keyId } = readIssuedObject(certificate, MAX_OBJECT_BYTES);
  keyIds.set(certificate, keyId);
  return keyId;
}

/**
 * What speaks for the issuer now, unlike a certificate, must come from a key whose time is not over and that no newer
 * generation has replaced: a key that leaked after it was rotated out says nothing any more.
 * @throws Refusal `certificate_expired`, `issuer_key_superseded`
 */
export function checkSignerIsCurrent(
  signer: IssuerCertificate,
  facts: { readonly nowSeconds: number; readonly newestGeneration: number },
): void {
  if (facts.nowSeconds >= signer.notAfter) refuse('certificate_expired');
  if (signer.generation < facts.newestGeneration) refuse('issuer_key_superseded');
}
