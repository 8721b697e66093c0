/**
 * The certificates that a batch names, looked up by hash: what is not in our tables was never issued by us.
 *
 * Owns: a bounded memory of parsed certificates, which never change. Never: remembers a status, a limit or a balance.
 */
import { and, eq, inArray } from 'drizzle-orm';
import {
  type AllowanceCertificate,
  type KioskCertificate,
  readAllowanceCertificate,
  toHex,
  verifyKioskCertificate,
} from '@tikiwallet/protocol';
import type { Executor } from '../db/client.ts';
import { allowances } from '../db/schema/allowances.ts';
import { kioskCertificates } from '../db/schema/kiosks.ts';
import { must, type Trust } from '../trust/index.ts';

const MAX_REMEMBERED = 20_000;

/** What never changes about an allowance. */
export interface KnownAllowance {
  readonly certificate: AllowanceCertificate;
  readonly userId: string;
  readonly reserveAccountId: string;
}

class Memory<T> {
  readonly #items = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#items.get(key);
  }

  set(key: string, item: T): void {
    if (this.#items.size >= MAX_REMEMBERED) {
      // Oldest first: a Map iterates in insertion order, and certificates live for days.
      for (const oldest of this.#items.keys()) {
        this.#items.delete(oldest);
        break;
      }
    }
    this.#items.set(key, item);
  }
}

function distinct(hashes: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(hashes.map((hash) => [toHex(hash), hash])).values()];
}

export class Certificates {
  readonly #trust: Pick<Trust, 'issuers'>;
  readonly #allowances = new Memory<KnownAllowance>();
  readonly #kiosks = new Memory<KioskCertificate>();

  constructor(trust: Pick<Trust, 'issuers'>) {
    this.#trust = trust;
  }

  /** By hex of the certificate's hash; those that we never issued are absent. */
  async allowances(executor: Executor, hashes: readonly Uint8Array[]): Promise<Map<string, KnownAllowance>> {
    return this.#find(this.#allowances, hashes, async (missing) => {
      const rows = await executor
        .select({
          certificate: allowances.certificate,
          userId: allowances.userId,
          reserveAccountId: allowances.reserveAccountId,
        })
        .from(allowances)
        .where(inArray(allowances.certificateHash, missing));
      return rows.map((row) => {
        const { certificate } = must(readAllowanceCertificate(row.certificate));
        return [certificate.hash, { ...row, certificate }] as const;
      });
    });
  }

  /** By hex of the certificate's hash; those of other machines are absent. */
  async kiosks(
    executor: Executor,
    enrolmentId: string,
    hashes: readonly Uint8Array[],
  ): Promise<Map<string, KioskCertificate>> {
    if (hashes.length === 0) return new Map();
    const mine = await executor
      .select({ hash: kioskCertificates.hash, certificate: kioskCertificates.certificate })
      .from(kioskCertificates)
      .where(
        and(
          eq(kioskCertificates.enrolmentId, enrolmentId),
          inArray(kioskCertificates.hash, distinct(hashes)),
        ),
      );
    return this.#find(
      this.#kiosks,
      mine.map((row) => row.hash),
      async (missing) => {
        const issuers = await this.#trust.issuers(executor);
        const wanted = new Set(missing.map(toHex));
        return mine
          .filter((row) => wanted.has(toHex(row.hash)))
          .map((row) => [row.hash, must(verifyKioskCertificate(row.certificate, issuers))] as const);
      },
    );
  }

  async #find<T>(
    memory: Memory<T>,
    hashes: readonly Uint8Array[],
    load: (missing: Uint8Array[]) => Promise<readonly (readonly [Uint8Array, T])[]>,
  ): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    const missing = new Map<string, Uint8Array>();
    for (const hash of hashes) {
      const key = toHex(hash);
      const known = memory.get(key);
      if (known === undefined) missing.set(key, hash);
      else found.set(key, known);
    }
    if (missing.size === 0) return found;
    for (const [hash, item] of await load([...missing.values()])) {
      memory.set(toHex(hash), item);
      found.set(toHex(hash), item);
    }
    return found;
  }
}
