/** Every bound of the protocol, each with the reason for it. A number that appears nowhere else needs no other name. */

/** Largest amount in minor units: below 2^53, so that no tool along the way can round it, above any shop's sale. */
export const MAX_AMOUNT_MINOR = 1_000_000_000_000_000n;
/** Largest counter: an allowance lives for days; 2^31 payments cannot happen in it. */
export const MAX_COUNTER = 0x7fff_ffff;
/** Latest representable time, in seconds since 1970: the year 2106, where 32 unsigned bits end. */
export const MAX_TIME_SECONDS = 0xffff_ffff;
/** Longest life of a payment request: long enough to unlock a phone, too short to carry a request elsewhere. */
export const MAX_REQUEST_TTL_SECONDS = 120;
/** Longest life of a refund offer: time to find the payment and unlock the phone; it can pay nobody but the payer. */
export const MAX_REFUND_OFFER_TTL_SECONDS = 300;
/** Longest life of any certificate: ten years, for the root's issuer keys; policy sets far shorter ones. */
export const MAX_VALIDITY_SECONDS = 315_360_000;
/** A merchant's display name in UTF-8 bytes: 32 characters of any script. */
export const MAX_NAME_BYTES = 96;
/** E.164 numbers have at most 15 digits and a plus; masked ones are no longer. */
export const MAX_PHONE_BYTES = 16;
/** `http://192.168.49.1:65535` and an IPv6 literal both fit. */
export const MAX_ADDRESS_BYTES = 64;
export const MAX_ADDRESSES = 4;
/** Arrays within arrays: a journal entry's body holds lists of pairs at most; a decoder's stack is never at stake. */
export const MAX_NESTING = 8;
/** Largest single signed object that a phone and a kiosk exchange; the kiosk's HTTP body limit is 8 KiB. */
export const MAX_OBJECT_BYTES = 2_048;
/** Largest delivery or request envelope: two objects and room for framing; one QR code holds 2,953 bytes. */
export const MAX_ENVELOPE_BYTES = 4_096;
/** Requests open at one till at one time: as many people as one cashier can tell apart, and a phone can list. */
export const MAX_OPEN_REQUESTS = 8;
/** All of them with room for framing. */
export const MAX_REQUEST_LIST_BYTES = 33_024;
/** A proof of double spend: four objects and room for framing. */
export const MAX_PROOF_BYTES = 10_240;
/** Largest trust bundle, and delta: both lists of 40,000 ids, 17 bytes each as they are written, with room for the rest. */
export const MAX_TRUST_BUNDLE_BYTES = 1_572_864;
export const MAX_DENIED = 40_000;
/** Generations in a bundle whose certificates end early: an issuer that lost eight keys in a decade has another problem. */
export const MAX_REVOKED_ISSUERS = 8;
/** Two generations overlap; two more leave room for an emergency rotation. */
export const MAX_ISSUER_CERTIFICATES = 4;
/** Versions that a bundle may be ahead of the one in force: a new one each minute for two years without contact. */
export const MAX_VERSION_JUMP = 1_048_576;
/** One journal entry: a sale holds a request and a payment. */
export const MAX_JOURNAL_ENTRY_BYTES = 4_096;
/** Entries in one settlement batch: keeps a batch near 256 KiB and its acknowledgement small. */
export const MAX_BATCH_ENTRIES = 500;
export const MAX_BATCH_BYTES = 524_288;
export const MAX_ACKNOWLEDGEMENT_BYTES = 65_536;
/** Life of a cloud's sealing key from its last signature: longer than a kiosk may be offline; what was recorded stays at its mercy as long. */
export const MAX_SEALING_KEY_SECONDS = 2_592_000;
/** The problem that ends a settlement stream: a code, a sentence and what recovery needs. */
export const MAX_STREAM_PROBLEM_BYTES = 4_096;
/** Truncated hash that links payments and opens phone commitments: second preimages cost 2^128. */
export const LINK_BYTES = 16;
/** What sealing adds: an encapsulated key of 65 bytes and a tag of 16. */
export const SEAL_BYTES = 81;
/** Head of a certificate's hash in a repeat delivery: selects among one kiosk's certificates, and decides nothing. */
export const CERTIFICATE_REFERENCE_BYTES = 8;
/** The freshness ladder of the trust bundle, in seconds of age. */
export const FRESH_FULL_SECONDS = 24 * 3600;
export const FRESH_HALF_SECONDS = 72 * 3600;
export const FRESH_KNOWN_SECONDS = 7 * 24 * 3600;
/**
 * How far a bundle's time may lie beyond every clock that its reader knows: longer than a kiosk lies in a drawer with a dead
 * clock battery, shorter than what a cloud's clock is wrong by when it is wrong for good.
 */
export const MAX_TIME_STEP_SECONDS = 366 * 24 * 3600;
/** How far a wall clock may lie below the newest time seen before certificates are no longer judged by it. */
export const CLOCK_TOLERANCE_SECONDS = 300;
