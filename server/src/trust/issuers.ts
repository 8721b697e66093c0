/**
 * Issuer certificates: the root's word for the keys that sign allowances, kiosks and bundles.
 *
 * Owns: the table `issuer_certificates` and the pinned root. Never: starts on a database of another root.
 */
import { desc, gt } from 'drizzle-orm';
import {
  equalBytes,
  type IssuerCertificate,
  MAX_ISSUER_CERTIFICATES,
  signIssuerCertificate,
  verifyIssuerCertificate,
} from '@tikiwallet/protocol';
import type { Db, Executor } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { issuerCertificates, trustState } from '../db/schema/trust.ts';
import type { TrustKeys } from './keys.ts';
import { check, must } from './protocol-run.ts';

export interface IssuerOptions {
  readonly nowSeconds: number;
  readonly validitySeconds: number;
}

/**
 * Makes sure that the database knows our root and holds a certificate of the current issuer key with more than half
 * of its life left. Several processes may start at once.
 */
export async function ensureIssuer(db: Db, keys: TrustKeys, options: IssuerOptions): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.insert(trustState).values({ rootPublicKey: keys.rootPublicKey }).onConflictDoNothing();
    const [state] = await tx.select({ root: trustState.rootPublicKey }).from(trustState).for('update');
    if (state === undefined || !equalBytes(state.root, keys.rootPublicKey)) {
      throw new Error(
        'This database was set up with another root key. Restore keys/root-key.pem and keys/issuer-key.pem of the data ' +
          'folder, or name them with TIKI_ROOT_KEY_FILE and TIKI_ISSUER_KEY_FILE: with a new root no kiosk and no phone would trust this server.',
      );
    }
    const known = await readIssuers(tx, keys.rootPublicKey);
    const enough = options.nowSeconds + options.validitySeconds / 2;
    if (
      known.some((issuer) => equalBytes(issuer.publicKey, keys.issuerPublicKey) && issuer.notAfter > enough)
    )
      return;
    await tx.insert(issuerCertificates).values(certify(keys, options));
  });
}

function certify(keys: TrustKeys, options: IssuerOptions) {
  const notBefore = options.nowSeconds;
  const notAfter = notBefore + options.validitySeconds;
  const publicKey = keys.issuerPublicKey;
  return {
    keyId: keys.issuerKeyId,
    publicKey,
    notBefore: new Date(notBefore * 1000),
    notAfter: new Date(notAfter * 1000),
    certificate: must(signIssuerCertificate({ publicKey, notBefore, notAfter }), keys.signAsRoot),
  };
}

/** Every issuer ever certified: what was signed in its time stays good, so old sales can be checked. */
export async function readIssuers(
  executor: Executor,
  rootPublicKey: Uint8Array,
): Promise<readonly IssuerCertificate[]> {
  const rows = await executor
    .select({ certificate: issuerCertificates.certificate })
    .from(issuerCertificates)
    .orderBy(desc(issuerCertificates.notAfter));
  return rows.flatMap((row) => {
    const issuer = check(verifyIssuerCertificate(row.certificate, rootPublicKey));
    return issuer.ok ? [issuer.value] : [];
  });
}

/** The certificates that belong into a trust bundle now, newest first. */
export async function currentIssuerCertificates(
  executor: Executor,
  nowSeconds: number,
): Promise<readonly Uint8Array[]> {
  const rows = await executor
    .select({ certificate: issuerCertificates.certificate })
    .from(issuerCertificates)
    .where(gt(issuerCertificates.notAfter, new Date(nowSeconds * 1000)))
    .orderBy(desc(issuerCertificates.notAfter))
    .limit(MAX_ISSUER_CERTIFICATES);
  return rows.map((row) => row.certificate);
}
