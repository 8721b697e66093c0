/**
 * The key to which a kiosk seals what only the cloud may read, signed by the issuer. An object of its own beside the trust bundle: a
 * reader of today refuses a bundle of another layout, and a kiosk that does not know this object passes over it.
 */
import { keyIdOf, readIssuedObject, readPayload, signObject, type UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import {
  checkIssuerNotRevoked,
  checkSignerIsCurrent,
  requireIssuerSignature,
  type IssuerCertificate,
} from './issuer-certificate.ts';
import { MAX_COUNTER, MAX_OBJECT_BYTES, MAX_SEALING_KEY_SECONDS } from './limits.ts';
import { decompressPoint } from './p256.ts';
import { PURPOSE } from './purposes.ts';
import type { TrustBundle } from './trust-bundle.ts';

export interface CloudSealingKeyDraft {
  /** 33-byte compressed P-256 point. */
  readonly publicKey: Uint8Array;
  /** Grows with each new key. */
  readonly generation: number;
  /** Seconds since 1970: when it was signed. */
  readonly issuedAt: number;
  /** Seconds since 1970, exclusive. At once after `issuedAt` where the cloud wants batches unsealed. */
  readonly notAfter: number;
}

/** As read: nobody has asked yet who signed it. */
export interface ReadCloudSealingKey extends CloudSealingKeyDraft {
  readonly bytes: Uint8Array;
  /** Names the key in what is sealed to it. */
  readonly keyId: Uint8Array;
}

export interface CloudSealingKey extends ReadCloudSealingKey {
  readonly signer: IssuerCertificate;
}

/** What a kiosk remembers of the key in force. */
export interface KnownCloudSealingKey {
  readonly generation: number;
  readonly issuedAt: number;
  /** Generation of the issuer key that signed it. */
  readonly signerGeneration: number;
}

/** The driver's signer is the issuer key whose id is `issuerKeyId`; it must be certified for trust bundles. */
export function* signCloudSealingKey(
  draft: CloudSealingKeyDraft,
  issuerKeyId: Uint8Array,
): Steps<Uint8Array> {
  const { publicKey, generation, issuedAt, notAfter } = draft;
  const fields = [publicKey, generation, issuedAt, notAfter - issuedAt];
  return yield* signObject([PURPOSE.cloudSealingKey, ...fields], { keyId: issuerKeyId });
}

/** Form and signature. Whether it may take the place of the one in force: {@link checkCloudSealingKey}. */
export function* verifyCloudSealingKey(
  bytes: Uint8Array,
  issuers: readonly IssuerCertificate[],
): Steps<CloudSealingKey> {
  const { object, key } = readForm(bytes);
  const signer = yield* requireIssuerSignature(object, issuers, { at: key.issuedAt, as: 'trustBundles' });
  return { ...key, keyId: yield* keyIdOf(key.publicKey), signer };
}

/**
 * What was verified and stored before, read again without its signature: the certificate of who signed it may have left the bundle
 * since, and sealing must not end with that. @throws Refusal when the bytes are none
 */
export function* readStoredCloudSealingKey(bytes: Uint8Array): Steps<ReadCloudSealingKey> {
  const { key } = readForm(bytes);
  return { ...key, keyId: yield* keyIdOf(key.publicKey) };
}

/**
 * May this key take the place of the one in force? One whose time is over already may: that is how the issuer ends sealing.
 * @throws Refusal `certificate_expired` (of the signer), `issuer_key_superseded`, `issuer_key_revoked`, `sealing_key_older_than_known`
 */
export function checkCloudSealingKey(
  candidate: CloudSealingKey,
  facts: {
    readonly trust: TrustBundle;
    readonly known: KnownCloudSealingKey | null;
    /** The newest time that is certain, as for a trust bundle. */
    readonly nowSeconds: number;
  },
): void {
  const { trust, known } = facts;
  const nowSeconds = Math.max(facts.nowSeconds, trust.issuedAt);
  checkSignerIsCurrent(candidate.signer, { nowSeconds, newestGeneration: trust.signer.generation });
  checkIssuerNotRevoked(candidate.signer, trust, nowSeconds);
  if (known !== null && isOlder(candidate, known)) refuse('sealing_key_older_than_known');
}

/**
 * Has its end come, by what issuers have signed? A kiosk's own clock is no witness of it: whoever sets that ahead would make the
 * kiosk go on unsealed. The second in which a key was signed is over when it arrives, so that one of a single second is over at once.
 * @param signedSeconds the newest moment that the cloud has signed: of the bundle in force, of an acknowledgement
 */
export function sealingKeyHasEnded(
  { issuedAt, notAfter }: Pick<CloudSealingKeyDraft, 'issuedAt' | 'notAfter'>,
  signedSeconds: number,
): boolean {
  return Math.max(signedSeconds, issuedAt + 1) >= notAfter;
}

/** By who signed, then by the key, then by the moment. */
function isOlder({ signer, generation, issuedAt }: CloudSealingKey, known: KnownCloudSealingKey): boolean {
  if (signer.generation !== known.signerGeneration) return signer.generation < known.signerGeneration;
  if (generation !== known.generation) return generation < known.generation;
  return issuedAt < known.issuedAt;
}

function readForm(bytes: Uint8Array): {
  readonly object: UnverifiedObject;
  readonly key: Omit<ReadCloudSealingKey, 'keyId'>;
} {
  const object = readIssuedObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.cloudSealingKey);
  const publicKey = fields.bytes(33);
  const generation = fields.uint(MAX_COUNTER, 1);
  const issuedAt = fields.timeSeconds();
  const notAfter = issuedAt + fields.uint(MAX_SEALING_KEY_SECONDS, 1);
  fields.end();
  // What is no point would be found out by the first batch, which then could not leave.
  decompressPoint(publicKey);
  return { object, key: { bytes, publicKey, generation, issuedAt, notAfter } };
}
