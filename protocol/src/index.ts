/**
 * The one door of the protocol package. Isomorphic: no clock, no randomness, no network, no file; cryptography comes
 * in through the drivers of crypto.ts. The rules these functions follow are numbered in protocol/spec.
 */
export * from './acceptance.ts';
export * from './amount.ts';
export * from './allocate.ts';
export { equalBytes, fromBase64Url, fromHex, fromUuid, toBase64Url, toHex, toUuid } from './bytes.ts';
export type { CborValue } from './cbor.ts';
export * from './certificates.ts';
export * from './cloud-sealing-key.ts';
export * from './comparison-code.ts';
export { keyIdOf } from './cose.ts';
export { digest, runAsync, runSync, runToSignature } from './crypto.ts';
export type {
  AsyncCrypto,
  AsyncSigner,
  AtSignature,
  CryptoAnswer,
  CryptoRequest,
  Steps,
  SyncCrypto,
  SyncSigner,
} from './crypto.ts';
export * from './delivery.ts';
export * from './deny-list.ts';
export * from './deny-list-delta.ts';
export * from './double-spend.ts';
export * from './double-spend-proof.ts';
export { attempt, REFUSAL_CODES } from './errors.ts';
export type { RefusalCode, Result } from './errors.ts';
export * from './issuer-certificate.ts';
export * from './journal.ts';
export * from './journal-check.ts';
export * from './journal-file.ts';
export * from './kiosk-limits.ts';
export * from './kiosk-standing.ts';
export { OVERRIDABLE_CODES } from './lifted-limits.ts';
export type { OverridableCode } from './lifted-limits.ts';
export * from './limits.ts';
export * from './loss-bound.ts';
export * from './merchant-limits.ts';
export * from './money-text.ts';
export * from './override.ts';
export { compressPoint, decompressPoint } from './p256.ts';
export * from './payee-lock.ts';
export * from './payment.ts';
export * from './payment-request.ts';
export * from './phone-commitment.ts';
export { decodePolicyChangeBody, encodePolicyChangeBody } from './policy-change.ts';
export type { LimitOwner, PolicyChangeBody } from './policy-change.ts';
export * from './proof-of-possession.ts';
export * from './qr.ts';
export * from './receipt.ts';
export * from './refund.ts';
export * from './refund-acceptance.ts';
export * from './refund-offer.ts';
export * from './refund-receipt.ts';
export * from './sale-at-hand.ts';
export * from './sealed-settlement.ts';
export * from './sealing.ts';
export * from './settlement.ts';
export * from './settlement-stream.ts';
export * from './trust-bundle.ts';
export type { RevokedIssuer } from './trust-head.ts';
export type { Policy } from './trust-policy.ts';
export { saleBodyOf } from './usual-sale-entry.ts';
export { webCrypto } from './web-crypto.ts';
