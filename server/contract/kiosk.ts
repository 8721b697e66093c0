/** Between a kiosk's agent and the cloud. Settlement bodies are CBOR of the protocol, not JSON. */
import { z } from 'zod';
import { Base64Url, CurrencyCode, PhoneNumber, TrustBytes, Uuid } from './primitives.ts';

/** The merchant's limits, signed (page 09); null or absent: the merchant never set any here. */
const MerchantLimitsBytes = Base64Url.max(4_096).nullable().optional();
/** The cloud's sealing key, signed (page 15); null or absent: batches go unsealed, where no key was offered before. */
const SealingKeyBytes = Base64Url.max(4_096).nullable().optional();

/**
 * `POST /v1/kiosks/enrol`, not signed in: the code is the authority, once.
 * Keys are 33-byte compressed P-256 points; `proof` is the signing key's proof of possession.
 * A repeat with the same code and keys within its validity answers the same enrolment (a lost answer bricks nothing).
 */
export const EnrolBody = z.object({
  code: z.string().trim().min(8).max(9),
  signingPublicKey: Base64Url,
  sealingPublicKey: Base64Url,
  proof: Base64Url,
});
export const EnrolResult = z.object({
  kioskId: Uuid,
  kioskName: z.string(),
  merchant: z.object({ id: Uuid, businessName: z.string(), phone: PhoneNumber }),
  currency: CurrencyCode,
  certificate: Base64Url,
  rootPublicKey: Base64Url,
  trustBundle: TrustBytes,
  /** Bearer for the kiosk's calls: `Authorization: Kiosk <token>`. Reaches the API, signs no money. */
  kioskToken: z.string(),
  /** Origins whose pages may post payments to the agent. */
  walletOrigins: z.array(z.string()),
  merchantLimits: MerchantLimitsBytes,
  sealingKey: SealingKeyBytes,
});
export type EnrolResult = z.infer<typeof EnrolResult>;

/**
 * `GET /v1/kiosk/trust-bundle?since=VERSION.ISSUED_AT` (kiosk token). With `since` the bundle may be a delta to that one
 * (page 09), or null when there is nothing newer; without it, it is whole.
 */
export const KioskTrust = z.object({
  trustBundle: TrustBytes.nullable(),
  certificate: Base64Url,
  walletOrigins: z.array(z.string()),
  merchantLimits: MerchantLimitsBytes,
  sealingKey: SealingKeyBytes,
});
export type KioskTrust = z.infer<typeof KioskTrust>;

/**
 * `POST /v1/kiosk/settlements` (kiosk token): request and answer are `application/cbor`. The batch's envelope may be sealed (page 15), here and in
 * a stream; `sealing_key_unknown` then says that the kiosk is to fetch its trust and send again.
 */
export const CBOR_MEDIA_TYPE = 'application/cbor';

/**
 * `POST /v1/kiosk/settlement-stream` (kiosk token): as many batches as wait, in one body, each acknowledged when it is
 * committed (protocol page 08). Both bodies are CBOR sequences (RFC 8742). A cloud without it answers 404, or 413 because it
 * takes the body for a small one.
 */
export const CBOR_SEQUENCE_MEDIA_TYPE = 'application/cbor-seq';
