/**
 * The certificates that a batch names, looked up by hash: what is not in our tables was never issued by us, and what is
 * there without an issuer's signature was not either. That an allowance of ours has no such certificate is told at once: what
 * names it is refused for good.
 *
 * Owns: a bounded memory of verified certificates, which never change; one that is over is forgotten. Never: remembers a
 * status, a limit or a balance: whether an allowance is denied is asked under its lock, every time.
 */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Logger } from 'pino';
import {
  type AllowanceCertificate,
  equalBytes,
  type KioskCertificate,
  toHex,
  verifyAllowanceCertificate,
  verifyKioskCertificate,
} from '@tikiwallet/protocol';
import type { Executor } from '../db/client.ts';
import { pgByteaArray } from '../db/pg-array.ts';
import { allowances } from '../db/schema/allowances.ts';
import { kioskCertificates } from '../db/schema/kiosks.ts';
import { publish } from '../observe/facts.ts';
import type { Clock } from '../clock.ts';
import { runTogether, type SignatureVerifier, type Trust } from '../trust/index.ts';

const MAX_REMEMBERED = 20_000;

/** What never changes about an allowance. */
export interface KnownAllowance {
  readonly certificate: AllowanceCertificate;
  readonly userId: string;
  readonly reserveAccountId: string;
}

/** A machine's certificate is its own for ever. */
interface KnownKiosk {
  readonly certificate: KioskCertificate;
  readonly enrolmentId: string;
}

class Memory<T> {
  readonly #items = new Map<string, { readonly item: T; readonly notAfter: number }>();
  readonly #limit: number;
  readonly #clock: Clock;

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  get(key: string): T | undefined {
    const known = this.#items.get(key);
    if (known === undefined) return undefined;
    this.#items.delete(key);
    if (known.notAfter * 1000 <= this.#clock.nowMs()) return undefined;
    // Last again: a Map iterates in insertion order, so the first one was not asked for the longest.
    this.#items.set(key, known);
    return known.item;
  }

  set(key: string, item: T, notAfter: number): void {
    if (this.#limit === 0 || notAfter * 1000 <= this.#clock.nowMs()) return;
    const [first] = this.#items.keys();
    if (this.#items.size >= this.#limit && first !== undefined) this.#items.delete(first);
    this.#items.set(key, { item, notAfter });
  }
}

/** By hex. The entries of a batch name one certificate of their kiosk, one after the other. */
function distinct(hashes: readonly Uint8Array[]): Map<string, Uint8Array> {
  const byKey = new Map<string, Uint8Array>();
  let last: Uint8Array | null = null;
  for (const hash of hashes) {
    if (last === null || !equalBytes(hash, last)) byKey.set(toHex(hash), hash);
    last = hash;
  }
  return byKey;
}

export interface CertificatesNeeds {
  readonly trust: Pick<Trust, 'issuers'>;
  readonly clock: Clock;
  readonly verifier: SignatureVerifier;
  readonly log: Pick<Logger, 'error'>;
  /** Of each kind. */
  readonly maxRemembered?: number;
}

export class Certificates {
  readonly #needs: CertificatesNeeds;
  readonly #allowances: Memory<KnownAllowance>;
  readonly #kiosks: Memory<KnownKiosk>;

  constructor(needs: CertificatesNeeds) {
    this.#needs = needs;
    const limit = needs.maxRemembered ?? MAX_REMEMBERED;
    this.#allowances = new Memory(limit, needs.clock);
    this.#kiosks = new Memory(limit, needs.clock);
  }

  /** By hex of the certificate's hash; those that we never issued are absent. */
  async allowances(executor: Executor, hashes: readonly Uint8Array[]): Promise<Map<string, KnownAllowance>> {
    const { found, missing } = recall(this.#allowances, hashes);
    if (missing.length === 0) return found;
    const rows = await executor
      .select({
        id: allowances.id,
        certificateHash: allowances.certificateHash,
        certificate: allowances.certificate,
        userId: allowances.userId,
        reserveAccountId: allowances.reserveAccountId,
      })
      .from(allowances)
      .where(sql`${allowances.certificateHash} = any(${pgByteaArray(missing)}::bytea[])`);
    const issuers = await this.#needs.trust.issuers(executor);
    const verified = await runTogether(
      rows.map((row) => verifyAllowanceCertificate(row.certificate, issuers)),
      this.#needs.verifier,
    );
    for (const [index, { id, certificateHash, userId, reserveAccountId }] of rows.entries()) {
      const certificate = verified[index];
      if (certificate === undefined) throw new Error('fewer certificates were judged than asked for');
      // A good certificate of another allowance would spend from this one's reserve.
      const isItsOwn = certificate.ok && equalBytes(certificate.value.hash, certificateHash);
      if (!certificate.ok || !isItsOwn) {
        this.#tellDamaged(id, certificate.ok ? 'certificate_of_another_allowance' : certificate.code);
        continue;
      }
      const known = { certificate: certificate.value, userId, reserveAccountId };
      const key = toHex(certificateHash);
      this.#allowances.set(key, known, certificate.value.notAfter);
      found.set(key, known);
    }
    return found;
  }

  /** `reconcile` names the sales. */
  #tellDamaged(allowanceId: string, reason: string): void {
    publish('certificateDamaged', { count: 1, of: 'allowance' });
    this.#needs.log.error(
      { allowanceId, reason },
      'the stored certificate of an allowance does not verify: what names it is refused',
    );
  }

  /** `reconcile` names the kiosk: what it hands in under this certificate is refused. */
  #tellKioskDamaged(enrolmentId: string, reason: string): void {
    publish('certificateDamaged', { count: 1, of: 'kiosk' });
    this.#needs.log.error(
      { enrolmentId, reason },
      'the stored certificate of a kiosk does not verify: what names it is refused',
    );
  }

  /** By hex of the certificate's hash; those of other machines are absent. */
  async kiosks(
    executor: Executor,
    enrolmentId: string,
    hashes: readonly Uint8Array[],
  ): Promise<Map<string, KioskCertificate>> {
    const { found: known, missing } = recall(this.#kiosks, hashes);
    const found = new Map<string, KioskCertificate>();
    for (const [key, kiosk] of known)
      if (kiosk.enrolmentId === enrolmentId) found.set(key, kiosk.certificate);
    if (missing.length === 0) return found;
    const asked = await executor
      .select({ hash: kioskCertificates.hash, certificate: kioskCertificates.certificate })
      .from(kioskCertificates)
      .where(
        and(eq(kioskCertificates.enrolmentId, enrolmentId), inArray(kioskCertificates.hash, [...missing])),
      );
    const issuers = await this.#needs.trust.issuers(executor);
    const verified = await runTogether(
      asked.map((row) => verifyKioskCertificate(row.certificate, issuers)),
      this.#needs.verifier,
    );
    for (const [index, one] of verified.entries()) {
      const isItsOwn = one.ok && equalBytes(one.value.hash, asked[index]?.hash ?? new Uint8Array(0));
      if (!one.ok || !isItsOwn) {
        this.#tellKioskDamaged(enrolmentId, one.ok ? 'certificate_of_another_kiosk' : one.code);
        continue;
      }
      const kiosk = { certificate: one.value, enrolmentId };
      this.#kiosks.set(toHex(one.value.hash), kiosk, one.value.notAfter);
      found.set(toHex(one.value.hash), one.value);
    }
    return found;
  }
}

function recall<T>(
  memory: Memory<T>,
  hashes: readonly Uint8Array[],
): { readonly found: Map<string, T>; readonly missing: readonly Uint8Array[] } {
  const found = new Map<string, T>();
  const missing: Uint8Array[] = [];
  for (const [key, hash] of distinct(hashes)) {
    const known = memory.get(key);
    if (known === undefined) missing.push(hash);
    else found.set(key, known);
  }
  return { found, missing };
}
