/** The public door of the trust room: keys, issuer certificates, the deny list and the trust bundle. */
import type { IssuerCertificate, SyncSigner } from '@tikiwallet/protocol';
import type { Clock } from '../clock.ts';
import type { Db, Executor } from '../db/client.ts';
import { type SignedBundle, TrustBundles, type TrustUpdate } from './bundle.ts';
import type { BundleName } from './deltas.ts';
export { readStoredIssuers } from './issuers.ts';
import { ensureIssuer, readIssuers, readIssuersInForce } from './issuers.ts';
import type { TrustKeys } from './keys.ts';
import type { OfflinePolicy } from './offline-policy.ts';

export { deny, hasRoomForClosing, hasRoomForLoss, holdDenyListVersion } from './deny-list.ts';
export { loadTrustKeys, trustKeyFiles, type TrustKeys } from './keys.ts';
export { type AllowancePolicy, type OfflinePolicy, readOfflinePolicy } from './offline-policy.ts';
export { check, hashing, must } from './protocol-run.ts';
export { runTogether } from './run-together.ts';
export { rotateSealingKey, SealingKeys } from './sealing-keys.ts';
export { chooseWay } from './signature-checks.ts';
export { CHUNK, SignaturePool, type SignatureVerifier } from './signature-pool.ts';
export type { SignedBundle, TrustUpdate } from './bundle.ts';
export type { BundleName } from './deltas.ts';
export { readSince } from './since.ts';
export { afterRestore, correctTime, readRevokedIssuers, revokeIssuer } from './revocation.ts';

/** What other rooms may do with the issuer's trust. */
export interface Trust {
  readonly rootPublicKey: Uint8Array;
  readonly issuerKeyId: Uint8Array;
  readonly signAsIssuer: SyncSigner;
  /** Every issuer ever certified. */
  issuers(executor: Executor): Promise<readonly IssuerCertificate[]>;
  /** Those that a bundle of now names: what any other certified is refused everywhere. */
  issuersInForce(executor: Executor): Promise<readonly IssuerCertificate[]>;
  /** The newest bundle, listing everything denied before the call. */
  bundle(): Promise<SignedBundle>;
  /** What somebody lacks who has the bundle `since`; everything for who has none. */
  update(since: BundleName | null): Promise<TrustUpdate>;
}

/** What every room of offline money is given beside the server's context. */
export interface Offline {
  readonly trust: Trust;
  readonly policy: OfflinePolicy;
}

/** Certifies the issuer key where that is due. @throws Error when the database belongs to another root. */
export async function createTrust(
  db: Db,
  keys: TrustKeys,
  clock: Clock,
  policy: OfflinePolicy,
): Promise<Trust> {
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  await ensureIssuer(db, keys, { nowSeconds, validitySeconds: policy.issuerCertificateSeconds });
  const bundles = new TrustBundles(db, keys, clock, {
    policy: policy.kiosk,
    maxAgeSeconds: policy.trustBundleMaxAgeSeconds,
  });
  return {
    rootPublicKey: keys.rootPublicKey,
    issuerKeyId: keys.issuer.keyId,
    signAsIssuer: keys.issuer.sign,
    issuers: (executor) => readIssuers(executor, keys.rootPublicKey),
    issuersInForce: (executor) => readIssuersInForce(executor, Math.floor(clock.nowMs() / 1000), keys),
    bundle: () => bundles.current(),
    update: (since) => bundles.update(since),
  };
}
