/**
 * Whom the phone believes: the root that it pinned when it first met the cloud, and the newest trust bundle under it.
 * Never: takes another root, or an older bundle than it knows.
 */
import {
  attempt,
  checkNotOlder,
  equalBytes,
  runAsync,
  verifyTrustRecord,
  verifyTrustUpdate,
  type AsyncCrypto,
  type TrustBundle,
} from '@tikiwallet/protocol';
import type { TrustView } from '@tikiwallet/server/contract';
import { getMeta, putMeta } from '../store/database.ts';
import type { Database } from '../store/schema.ts';
import { WalletError } from './codes.ts';
import { decoded, must } from './results.ts';

/** What is on the phone; null before the first contact. @throws WalletError when it does not verify any more */
export async function storedTrust(database: Database, crypto: AsyncCrypto): Promise<TrustBundle | null> {
  const record = await getMeta(database, 'trust');
  if (record === undefined) return null;
  return await must(runAsync(verifyTrustRecord(record.bundle, record.rootPublicKey), crypto));
}

export interface TrustNeeds {
  readonly database: Database;
  readonly crypto: AsyncCrypto;
  /** The newest time that is certain. */
  readonly nowSeconds: number;
  /** The phone's own clock, right or wrong. */
  readonly wallSeconds: number;
}

/**
 * A whole bundle, a difference to the one in force, or word that there is nothing newer. `isTimeCorrected`: the issuer took
 * back a time that ran ahead. @throws WalletError
 */
export async function takeTrust(
  needs: TrustNeeds,
  view: TrustView,
): Promise<{ readonly trust: TrustBundle; readonly isTimeCorrected: boolean }> {
  const { database, crypto, nowSeconds, wallSeconds } = needs;
  const known = await getMeta(database, 'trust');
  const rootPublicKey = decoded(view.rootPublicKey);
  if (known !== undefined && !equalBytes(known.rootPublicKey, rootPublicKey))
    throw new WalletError('trust_root_changed');
  const before =
    known === undefined ? null : await must(runAsync(verifyTrustRecord(known.bundle, rootPublicKey), crypto));
  if (view.trustBundle === null) {
    if (before === null) throw new WalletError('answer_not_understood');
    return { trust: before, isTimeCorrected: false };
  }
  const bytes = decoded(view.trustBundle);
  const bundle = await must(runAsync(verifyTrustUpdate(bytes, rootPublicKey, before), crypto));
  const follows = attempt(() => checkNotOlder(bundle, before, { nowSeconds, wallSeconds }));
  if (!follows.ok) throw new WalletError(follows.code);
  if (before !== null && bundle.version === before.version && bundle.issuedAt === before.issuedAt)
    return { trust: before, isTimeCorrected: false };
  // One record, written in one step: the delta and its list, or the bundle.
  await putMeta(database, 'trust', { rootPublicKey, bundle: bundle.bytes });
  return { trust: bundle, isTimeCorrected: before !== null && bundle.issuedAt < before.issuedAt };
}
