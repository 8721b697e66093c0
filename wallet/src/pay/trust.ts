/**
 * Whom the phone believes: the root that it pinned when it first met the cloud, and the newest trust bundle under it.
 * Never: takes another root, or an older bundle than it knows.
 */
import {
  attempt,
  checkNotOlder,
  equalBytes,
  runAsync,
  verifyTrustBundle,
  type AsyncCrypto,
  type TrustBundle,
} from '@tikiwallet/protocol';
import type { TrustView } from '@tikiwallet/server/contract';
import { getMeta, putMeta } from '../store/database.ts';
import type { Database, TrustRecord } from '../store/schema.ts';
import { WalletError } from './codes.ts';
import { decoded, must } from './results.ts';

/** What is on the phone; null before the first contact. @throws WalletError when it does not verify any more */
export async function storedTrust(database: Database, crypto: AsyncCrypto): Promise<TrustBundle | null> {
  const record = await getMeta(database, 'trust');
  if (record === undefined) return null;
  return await must(runAsync(verifyTrustBundle(record.bundle, record.rootPublicKey), crypto));
}

/** @throws WalletError */
export async function takeTrust(
  needs: { readonly database: Database; readonly crypto: AsyncCrypto; readonly nowSeconds: number },
  view: TrustView,
): Promise<TrustBundle> {
  const { database, crypto, nowSeconds } = needs;
  const known = await getMeta(database, 'trust');
  const offered: TrustRecord = {
    rootPublicKey: decoded(view.rootPublicKey),
    bundle: decoded(view.trustBundle),
  };
  if (known !== undefined && !equalBytes(known.rootPublicKey, offered.rootPublicKey))
    throw new WalletError('trust_root_changed');
  const bundle = await must(runAsync(verifyTrustBundle(offered.bundle, offered.rootPublicKey), crypto));
  const before =
    known === undefined
      ? null
      : await must(runAsync(verifyTrustBundle(known.bundle, known.rootPublicKey), crypto));
  const follows = attempt(() => checkNotOlder(bundle, before, nowSeconds));
  if (!follows.ok) throw new WalletError(follows.code);
  if (before !== null && bundle.version === before.version && bundle.issuedAt === before.issuedAt)
    return before;
  await putMeta(database, 'trust', offered);
  return bundle;
}
