/**
 * The trust bundle: made anew when the deny list or the policy changed or the signed time grew old, kept in the
 * database so that every process answers the same bytes, and in memory so that most answers cost one small read.
 *
 * Owns: the bundle's version, which only grows. Never: a bundle that lists less than the version it names.
 */
import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { fromUuid, type Policy, signTrustBundle, toHex } from '@tikiwallet/protocol';
import type { Clock } from '../clock.ts';
import type { Db, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { trustState } from '../db/schema/trust.ts';
import { type BundleName, Deltas, noteBundle, readDenyList } from './deltas.ts';
import { currentIssuerCertificates, isRotatedOut } from './issuers.ts';
import type { TrustKeys } from './keys.ts';
import { must } from './protocol-run.ts';
import { readRevokedIssuers } from './revocation.ts';

export interface SignedBundle {
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly issuedAt: Date;
  readonly denyListVersion: number;
}

export interface TrustUpdate {
  /** The newest. */
  readonly bundle: SignedBundle;
  /** It, or a delta to what was named; null when that is the newest. */
  readonly bytes: Uint8Array | null;
}

export interface BundleOptions {
  readonly policy: Policy;
  readonly maxAgeSeconds: number;
}

const state = {
  denyListVersion: trustState.denyListVersion,
  version: trustState.bundleVersion,
  issuedAt: trustState.bundleIssuedAt,
  bundleDenyListVersion: trustState.bundleDenyListVersion,
  basis: trustState.bundleBasis,
};
interface State {
  readonly denyListVersion: number;
  readonly version: number;
  readonly issuedAt: Date | null;
  readonly bundleDenyListVersion: number | null;
  readonly basis: string | null;
}

export class TrustBundles {
  readonly #db: Db;
  readonly #keys: TrustKeys;
  readonly #clock: Clock;
  readonly #options: BundleOptions;
  readonly #basis: string;
  readonly #deltas: Deltas;
  #cached: SignedBundle | null = null;

  constructor(db: Db, keys: TrustKeys, clock: Clock, options: BundleOptions) {
    this.#db = db;
    this.#keys = keys;
    this.#clock = clock;
    this.#options = options;
    this.#deltas = new Deltas(db, keys, options.policy);
    const policy = Object.values(options.policy).map(String).join(' ');
    const next = keys.nextIssuer === null ? 'none' : toHex(keys.nextIssuer.publicKey);
    this.#basis = createHash('sha256')
      .update(`${policy}\n${toHex(keys.issuer.publicKey)}\n${next}`)
      .digest('hex');
  }

  /** The newest bundle; it lists everything that was denied before the call. */
  async current(): Promise<SignedBundle> {
    const [row] = await this.#db.select(state).from(trustState);
    if (row === undefined) throw new Error('trust was never set up');
    if (!this.#isFresh(row)) {
      this.#cached = await inTransaction(this.#db, (tx) => this.#renew(tx));
      return this.#cached;
    }
    if (this.#cached?.version === row.version) return this.#cached;
    this.#cached = await inTransaction(this.#db, (tx) => this.#renew(tx));
    return this.#cached;
  }

  /**
   * What somebody lacks who has the bundle `since`: the difference when that is smaller, the whole bundle otherwise.
   * @returns null when it is the newest.
   */
  async update(since: BundleName | null): Promise<TrustUpdate> {
    const bundle = await this.current();
    if (since === null) return { bundle, bytes: bundle.bytes };
    const isNewest = since.version === bundle.version && since.issuedAt === bundle.issuedAt.getTime() / 1000;
    if (isNewest) return { bundle, bytes: null };
    const delta = await this.#deltas.from(since, bundle);
    const isWorthIt = delta !== null && delta.length < bundle.bytes.length;
    return { bundle, bytes: isWorthIt ? delta : bundle.bytes };
  }

  #isFresh(row: State): row is State & { issuedAt: Date; bundleDenyListVersion: number } {
    if (row.issuedAt === null || row.basis !== this.#basis) return false;
    if (row.bundleDenyListVersion !== row.denyListVersion) return false;
    return this.#clock.nowMs() - row.issuedAt.getTime() < this.#options.maxAgeSeconds * 1000;
  }

  /** Under the lock of the state: another process may have been first, then its bundle is the one. */
  async #renew(tx: Tx): Promise<SignedBundle> {
    const [row] = await tx
      .select({ ...state, bytes: trustState.bundleBytes })
      .from(trustState)
      .for('update');
    if (row === undefined) throw new Error('trust was never set up');
    const { bytes: standing, ...known } = row;
    const { issuedAt, bundleDenyListVersion } = known;
    const stands = standing !== null && issuedAt !== null && bundleDenyListVersion !== null;
    // A process that still has the old key hands on what the new one signed: its own word would be refused.
    if (stands && (this.#isFresh(known) || (await isRotatedOut(tx, this.#keys)))) {
      return { bytes: standing, version: known.version, issuedAt, denyListVersion: bundleDenyListVersion };
    }
    const bundle = await this.#sign(tx, row.version + 1, row);
    await tx
      .update(trustState)
      .set({
        bundleVersion: bundle.version,
        bundleBytes: bundle.bytes,
        bundleIssuedAt: bundle.issuedAt,
        bundleDenyListVersion: bundle.denyListVersion,
        bundleBasis: this.#basis,
      })
      .where(eq(trustState.id, 1));
    return bundle;
  }

  async #sign(tx: Tx, version: number, { denyListVersion, issuedAt: before }: State): Promise<SignedBundle> {
    // Kiosks refuse a bundle whose time goes back: a clock that was set back must not stop the deny list.
    const issuedAt = Math.floor(Math.max(this.#clock.nowMs(), before?.getTime() ?? 0) / 1000);
    const list = await readDenyList(tx, { denyListVersion, issuedAt });
    const draft = {
      version,
      issuedAt,
      policy: this.#options.policy,
      issuerCertificates: await currentIssuerCertificates(tx, issuedAt, this.#keys),
      revokedIssuers: await readRevokedIssuers(tx),
      denyListVersion,
      deniedAllowances: [...list.deniedAllowances].map(fromUuid),
      deniedKiosks: [...list.deniedKiosks].map(fromUuid),
    };
    const bytes = must(signTrustBundle(draft, this.#keys.issuer.keyId), this.#keys.issuer.sign);
    const issued = new Date(issuedAt * 1000);
    await noteBundle(tx, { version, denyListVersion, issuedAt: issued }, list);
    return { bytes, version, issuedAt: issued, denyListVersion };
  }
}
