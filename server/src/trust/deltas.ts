/**
 * Differences between trust bundles, for kiosks on thin lines: signed when somebody asks for one, kept while the newest bundle
 * stays the newest.
 *
 * Owns: the table `trust_bundles`. Never: signs a delta whose two ends are not the lists that were signed then.
 */
import { and, eq, lt } from 'drizzle-orm';
import {
  type DenyList,
  denyListHash,
  equalBytes,
  fromUuid,
  type Policy,
  signDenyListDelta,
} from '@tikiwallet/protocol';
import type { Db, Executor, Tx } from '../db/client.ts';
import { trustBundles } from '../db/schema/trust.ts';
import type { SignedBundle } from './bundle.ts';
import { listedIds } from './deny-list.ts';
import { currentIssuerCertificates, isRotatedOut } from './issuers.ts';
import type { TrustKeys } from './keys.ts';
import { must } from './protocol-run.ts';
import { readRevokedIssuers } from './revocation.ts';

/** Names one bundle: a version is signed again when a database was restored from a copy. */
export interface BundleName {
  readonly version: number;
  /** Seconds since 1970. */
  readonly issuedAt: number;
}

/** One an hour: half a year. Who was away longer fetches the whole bundle. */
const BUNDLES_KEPT = 5_000;
/** Different bases asked for while one bundle is the newest. */
const DELTAS_KEPT = 64;

type Noted = typeof trustBundles.$inferSelect;

/** In the transaction that signs it. */
export async function noteBundle(tx: Tx, bundle: Omit<Noted, 'listHash'>, list: DenyList): Promise<void> {
  const listHash = must(denyListHash(list));
  await tx
    .insert(trustBundles)
    .values({ ...bundle, listHash })
    .onConflictDoUpdate({ target: trustBundles.version, set: { ...bundle, listHash } });
  await tx.delete(trustBundles).where(lt(trustBundles.version, bundle.version - BUNDLES_KEPT));
}

export async function readDenyList(
  executor: Executor,
  bundle: { readonly denyListVersion: number; readonly issuedAt: number },
): Promise<DenyList> {
  return {
    deniedAllowances: new Set(await listedIds(executor, 'allowance', bundle)),
    deniedKiosks: new Set(await listedIds(executor, 'kiosk', bundle)),
  };
}

export class Deltas {
  readonly #db: Db;
  readonly #keys: TrustKeys;
  readonly #policy: Policy;
  #of = 0;
  readonly #kept = new Map<string, Promise<Uint8Array | null>>();

  constructor(db: Db, keys: TrustKeys, policy: Policy) {
    this.#db = db;
    this.#keys = keys;
    this.#policy = policy;
  }

  /** @returns null when there is none: the base is unknown, or a list is no longer what was signed. */
  async from(since: BundleName, bundle: SignedBundle): Promise<Uint8Array | null> {
    // Anybody may ask: a made-up name costs one row, reads no list, and pushes no delta out of memory.
    if (since.version >= bundle.version) return null;
    const base = await this.#noted(since);
    if (base === null) return null;
    if (this.#of !== bundle.version) this.#kept.clear();
    this.#of = bundle.version;
    const name = `${since.version}.${since.issuedAt}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    if (this.#kept.size >= DELTAS_KEPT) this.#kept.clear();
    const making = this.#make(base, bundle);
    this.#kept.set(name, making);
    try {
      return await making;
    } catch (error) {
      // What failed once may work when it is asked again.
      this.#kept.delete(name);
      throw error;
    }
  }

  async #make(noted: Noted, bundle: SignedBundle): Promise<Uint8Array | null> {
    const base = await this.#listOf(noted);
    if (base === null) return null;
    const notedNewest = await this.#noted({
      version: bundle.version,
      issuedAt: bundle.issuedAt.getTime() / 1000,
    });
    const newest = notedNewest === null ? null : await this.#listOf(notedNewest);
    if (newest === null) return null;
    // A process that still has the old key hands on what the new one signed, whole.
    if (await isRotatedOut(this.#db, this.#keys)) return null;
    const issuedAt = bundle.issuedAt.getTime() / 1000;
    const without = (list: ReadonlySet<string>, other: ReadonlySet<string>) =>
      [...list].filter((id) => !other.has(id)).map(fromUuid);
    const draft = {
      version: bundle.version,
      issuedAt,
      policy: this.#policy,
      issuerCertificates: await currentIssuerCertificates(this.#db, issuedAt, this.#keys),
      revokedIssuers: await readRevokedIssuers(this.#db),
      denyListVersion: bundle.denyListVersion,
      baseVersion: noted.version,
      addedAllowances: without(newest.list.deniedAllowances, base.list.deniedAllowances),
      removedAllowances: without(base.list.deniedAllowances, newest.list.deniedAllowances),
      addedKiosks: without(newest.list.deniedKiosks, base.list.deniedKiosks),
      removedKiosks: without(base.list.deniedKiosks, newest.list.deniedKiosks),
      listHash: newest.listHash,
    };
    return must(signDenyListDelta(draft, this.#keys.issuer.keyId), this.#keys.issuer.sign);
  }

  async #noted(name: BundleName): Promise<Noted | null> {
    const issuedAt = new Date(name.issuedAt * 1000);
    const [noted] = await this.#db
      .select()
      .from(trustBundles)
      .where(and(eq(trustBundles.version, name.version), eq(trustBundles.issuedAt, issuedAt)));
    return noted ?? null;
  }

  /** The list of a bundle as it was signed; null when it cannot be made again. */
  async #listOf(noted: Noted): Promise<{ list: DenyList; listHash: Uint8Array } | null> {
    const { denyListVersion, listHash } = noted;
    const list = await readDenyList(this.#db, {
      denyListVersion,
      issuedAt: noted.issuedAt.getTime() / 1000,
    });
    return equalBytes(must(denyListHash(list)), listHash) ? { list, listHash } : null;
  }
}
