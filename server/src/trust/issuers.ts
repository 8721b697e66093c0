/**
 * Issuer certificates: the root's word for the keys that sign allowances, kiosks and bundles.
 *
 * Owns: the table `issuer_certificates` and the pinned root. Never: starts on a database of another root.
 */
import { desc, gt } from 'drizzle-orm';
import {
  equalBytes,
  EVERY_ISSUER_USE,
  type IssuerCertificate,
  MAX_ISSUER_CERTIFICATES,
  signIssuerCertificate,
  verifyIssuerCertificate,
  verifyTrustBundle,
} from '@tikiwallet/protocol';
import type { Db, Executor, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { issuerCertificates, trustState } from '../db/schema/trust.ts';
import type { IssuerKey, TrustKeys } from './keys.ts';
import { check, must } from './protocol-run.ts';

export interface IssuerOptions {
  readonly nowSeconds: number;
  readonly validitySeconds: number;
}

/**
 * Makes sure that the database knows our root and holds a certificate of the current and of the next issuer key with
 * more than half of its life left. Several processes may start at once.
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
    await certifyWhereDue(tx, keys, { key: keys.issuer, options });
    if (await isRotatedOut(tx, keys)) {
      throw new Error(
        'A newer issuer key than this one has signed a trust bundle already: kiosks and phones refuse the older key. ' +
          'Give this server the newest keys/issuer-key.pem, or name it with TIKI_ISSUER_KEY_FILE.',
      );
    }
    if (keys.nextIssuer !== null) await certifyWhereDue(tx, keys, { key: keys.nextIssuer, options });
  });
}

interface Due {
  readonly key: IssuerKey;
  readonly options: IssuerOptions;
}

/** A key that is new to this root is one generation more than any before it; renewing a key leaves its generation. */
async function certifyWhereDue(tx: Tx, keys: TrustKeys, { key, options }: Due): Promise<void> {
  const known = await readIssuers(tx, keys.rootPublicKey);
  const own = known.filter((issuer) => equalBytes(issuer.publicKey, key.publicKey));
  if (own.some((issuer) => issuer.notAfter > options.nowSeconds + options.validitySeconds / 2)) return;
  const newest = known.reduce((highest, issuer) => Math.max(highest, issuer.generation), 0);
  const generation = own[0]?.generation ?? newest + 1;
  await tx.insert(issuerCertificates).values(certify(keys, key, { ...options, generation }));
}

/**
 * Has a newer generation than ours signed a bundle? Kiosks and phones that have met it believe the older one nothing
 * any more: whoever still has the old key would only find out by everybody's refusals.
 */
export async function isRotatedOut(executor: Executor, keys: TrustKeys): Promise<boolean> {
  const [state] = await executor.select({ bytes: trustState.bundleBytes }).from(trustState);
  if (state === undefined || state.bytes === null) return false;
  const standing = check(verifyTrustBundle(state.bytes, keys.rootPublicKey));
  if (!standing.ok) return false;
  const known = await readIssuers(executor, keys.rootPublicKey);
  const own = known.find((issuer) => equalBytes(issuer.publicKey, keys.issuer.publicKey));
  return own !== undefined && own.generation < standing.value.signer.generation;
}

function certify(keys: TrustKeys, key: IssuerKey, options: IssuerOptions & { readonly generation: number }) {
  const notBefore = options.nowSeconds;
  const notAfter = notBefore + options.validitySeconds;
  const { publicKey, keyId } = key;
  const draft = { publicKey, generation: options.generation, uses: EVERY_ISSUER_USE, notBefore, notAfter };
  return {
    keyId,
    publicKey,
    notBefore: new Date(notBefore * 1000),
    notAfter: new Date(notAfter * 1000),
    certificate: must(signIssuerCertificate(draft), keys.signAsRoot),
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

/** The same under the root that the database was set up with, for who has no keys; none before the first start. */
export async function readStoredIssuers(executor: Executor): Promise<readonly IssuerCertificate[]> {
  const [state] = await executor.select({ root: trustState.rootPublicKey }).from(trustState);
  return state === undefined ? [] : await readIssuers(executor, state.root);
}

/**
 * The certificates that belong into a trust bundle now: of the key that signs, of the next one, so that it is known
 * long before it signs, and as many of the former ones as there is room for.
 */
export async function currentIssuerCertificates(
  executor: Executor,
  nowSeconds: number,
  keys: Pick<TrustKeys, 'issuer' | 'nextIssuer'>,
): Promise<readonly Uint8Array[]> {
  const rows = await executor
    .select({ certificate: issuerCertificates.certificate, keyId: issuerCertificates.keyId })
    .from(issuerCertificates)
    .where(gt(issuerCertificates.notAfter, new Date(nowSeconds * 1000)))
    .orderBy(desc(issuerCertificates.notAfter));
  const { issuer, nextIssuer } = keys;
  const isOurs = ({ keyId }: { readonly keyId: Uint8Array }) =>
    equalBytes(keyId, issuer.keyId) || (nextIssuer !== null && equalBytes(keyId, nextIssuer.keyId));
  const ordered = [...rows.filter(isOurs), ...rows.filter((row) => !isOurs(row))];
  return ordered.slice(0, MAX_ISSUER_CERTIFICATES).map((row) => row.certificate);
}

/** The same, read. */
export async function readIssuersInForce(
  executor: Executor,
  nowSeconds: number,
  keys: Pick<TrustKeys, 'issuer' | 'nextIssuer' | 'rootPublicKey'>,
): Promise<readonly IssuerCertificate[]> {
  const certificates = await currentIssuerCertificates(executor, nowSeconds, keys);
  return certificates.map((bytes) => must(verifyIssuerCertificate(bytes, keys.rootPublicKey)));
}
