/**
 * The two certificates that an issuer key signs: of a phone's allowance and of a shop's kiosk. Reading and signature are separate steps; whether a certificate may be used *now* is the caller's
 * question, answered by {@link checkValidity} against trusted time.
 */
import { toUuid } from './bytes.ts';
import { objectHash, readIssuedObject, readPayload, signObject, type UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { requireIssuerSignature, type IssuerCertificate } from './issuer-certificate.ts';
import {
  CLOCK_TOLERANCE_SECONDS,
  LINK_BYTES,
  MAX_COUNTER,
  MAX_NAME_BYTES,
  MAX_OBJECT_BYTES,
  MAX_PHONE_BYTES,
  MAX_VALIDITY_SECONDS,
} from './limits.ts';
import { payeeLockField, readPayeeLock, type PayeeLock } from './payee-lock.ts';
import { PURPOSE } from './purposes.ts';

export interface Validity {
  /** Seconds since 1970. */
  readonly notBefore: number;
  /** Seconds since 1970, exclusive. */
  readonly notAfter: number;
}

/** How well the phone protects its key. */
export const ASSURANCE = { software: 1, trustedEnvironment: 2, secureElement: 3 } as const;
/** What the issuer says of the account behind a pseudonym. */
export const STANDING = { new: 1, established: 2, good: 3 } as const;

export interface AllowanceCertificate extends Validity {
  /** The object's hash: the external AAD of every payment made under it. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  /** UUID; a pseudonym, new with each allowance. */
  readonly allowanceId: string;
  readonly devicePublicKey: Uint8Array;
  readonly currency: string;
  readonly capMinor: bigint;
  readonly perPaymentMinor: bigint;
  /** The first payment carries this counter. */
  readonly firstCounter: number;
  /** LCOL: after this many payments the phone asks for internet. */
  readonly softCounterLimit: number;
  /** UCOL: more payments than this are refused. */
  readonly hardCounterLimit: number;
  readonly assurance: number;
  readonly standing: number;
  /** `+65****4567`. */
  readonly maskedPhone: string;
  /** See phone-commitment.ts. */
  readonly phoneCommitment: Uint8Array;
  /** The one merchant, or the one kiosk, that can be paid; null for any. */
  readonly payeeLock: PayeeLock | null;
}

export interface KioskCertificate extends Validity {
  /** The object's hash: the external AAD of everything the kiosk signs. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  readonly merchantId: string;
  readonly merchantName: string;
  readonly merchantPhone: string;
  readonly kioskId: string;
  readonly currency: string;
  readonly signingPublicKey: Uint8Array;
  readonly sealingPublicKey: Uint8Array;
  readonly perPaymentMinor: bigint;
}

type Drafted<T> = Omit<T, 'hash' | 'bytes'>;

/** The driver's signer is the issuer key whose id is `issuerKeyId`. */
export function* signAllowanceCertificate(
  draft: Omit<Drafted<AllowanceCertificate>, 'allowanceId' | 'payeeLock'>,
  ids: {
    readonly issuerKeyId: Uint8Array;
    readonly allowanceId: Uint8Array;
    readonly payeeLock: PayeeLock | null;
  },
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.allowanceCertificate,
      ids.allowanceId,
      draft.devicePublicKey,
      draft.currency,
      draft.capMinor,
      draft.perPaymentMinor,
      draft.firstCounter,
      draft.softCounterLimit,
      draft.hardCounterLimit,
      draft.notBefore,
      draft.notAfter - draft.notBefore,
      draft.assurance,
      draft.standing,
      draft.maskedPhone,
      draft.phoneCommitment,
      payeeLockField(ids.payeeLock),
    ],
    { keyId: ids.issuerKeyId },
  );
}

/** Reads an allowance certificate without believing it. */
export function* readAllowanceCertificate(
  bytes: Uint8Array,
): Steps<{ certificate: AllowanceCertificate; object: UnverifiedObject }> {
  const object = readIssuedObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.allowanceCertificate);
  const allowanceId = toUuid(fields.bytes(16));
  const devicePublicKey = fields.bytes(33);
  const currency = fields.currency();
  const capMinor = fields.amountMinor(1n);
  const perPaymentMinor = fields.amountMinor(1n);
  const firstCounter = fields.uint(MAX_COUNTER, 1);
  const softCounterLimit = fields.uint(MAX_COUNTER, 1);
  const hardCounterLimit = fields.uint(MAX_COUNTER, 1);
  const notBefore = fields.timeSeconds();
  const notAfter = notBefore + fields.uint(MAX_VALIDITY_SECONDS, 1);
  const assurance = fields.uint(15, 1);
  const standing = fields.uint(15, 1);
  const maskedPhone = fields.text(MAX_PHONE_BYTES);
  const phoneCommitment = fields.bytes(LINK_BYTES);
  const payeeLock = readPayeeLock(fields.layoutOrNull());
  fields.end();
  const certificate = {
    hash: yield* objectHash(object),
    bytes,
    allowanceId,
    devicePublicKey,
    currency,
    capMinor,
    perPaymentMinor,
    firstCounter,
    softCounterLimit,
    hardCounterLimit,
    notBefore,
    notAfter,
    assurance,
    standing,
    maskedPhone,
    phoneCommitment,
    payeeLock,
  };
  return { certificate, object };
}

export function* verifyAllowanceCertificate(
  bytes: Uint8Array,
  issuers: readonly IssuerCertificate[],
): Steps<AllowanceCertificate> {
  const { certificate, object } = yield* readAllowanceCertificate(bytes);
  yield* requireIssuerSignature(object, issuers, { at: certificate.notBefore, as: 'certificates' });
  return certificate;
}

/** The driver's signer is the issuer key whose id is `issuerKeyId`. */
export function* signKioskCertificate(
  draft: Omit<Drafted<KioskCertificate>, 'merchantId' | 'kioskId'>,
  ids: { readonly issuerKeyId: Uint8Array; readonly merchantId: Uint8Array; readonly kioskId: Uint8Array },
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.kioskCertificate,
      ids.merchantId,
      draft.merchantName,
      draft.merchantPhone,
      ids.kioskId,
      draft.currency,
      draft.signingPublicKey,
      draft.sealingPublicKey,
      draft.perPaymentMinor,
      draft.notBefore,
      draft.notAfter - draft.notBefore,
    ],
    { keyId: ids.issuerKeyId },
  );
}

export function* verifyKioskCertificate(
  bytes: Uint8Array,
  issuers: readonly IssuerCertificate[],
): Steps<KioskCertificate> {
  const object = readIssuedObject(bytes, MAX_OBJECT_BYTES);
  const fields = readPayload(object);
  fields.purpose(PURPOSE.kioskCertificate);
  const merchantId = toUuid(fields.bytes(16));
  const merchantName = fields.text(MAX_NAME_BYTES);
  const merchantPhone = fields.text(MAX_PHONE_BYTES);
  const kioskId = toUuid(fields.bytes(16));
  const currency = fields.currency();
  const signingPublicKey = fields.bytes(33);
  const sealingPublicKey = fields.bytes(33);
  const perPaymentMinor = fields.amountMinor(1n);
  const notBefore = fields.timeSeconds();
  const notAfter = notBefore + fields.uint(MAX_VALIDITY_SECONDS, 1);
  fields.end();
  yield* requireIssuerSignature(object, issuers, { at: notBefore, as: 'certificates' });
  return {
    hash: yield* objectHash(object),
    bytes,
    merchantId,
    merchantName,
    merchantPhone,
    kioskId,
    currency,
    signingPublicKey,
    sealingPublicKey,
    perPaymentMinor,
    notBefore,
    notAfter,
  };
}

/** Holds a certificate's dates against trusted time; a small tolerance at the start forgives clocks set apart. */
export function checkValidity(validity: Validity, nowSeconds: number): void {
  if (nowSeconds < validity.notBefore - CLOCK_TOLERANCE_SECONDS) refuse('certificate_not_yet_valid');
  if (nowSeconds >= validity.notAfter) refuse('certificate_expired');
}
