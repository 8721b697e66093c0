/**
 * The merchant's limits for all its kiosks, as the cloud's signed word: verified, held against what is in force, kept. Owns their one
 * row. Never takes older ones, and never lets limits go because their signer's certificate has left the bundle.
 */
import {
  attempt,
  checkMerchantLimits,
  fromBase64Url,
  readStoredMerchantLimits,
  runSync,
  verifyMerchantLimits,
  type LimitSettings,
  type Result,
  type SyncCrypto,
} from '@tikiwallet/protocol';
import type { EnrolledKiosk } from './kiosk-record.ts';
import { Quarantined } from './faults.ts';
import type { KioskDatabase } from './open-database.ts';
import { ownBytes, toNumber } from './rows.ts';

/** In force. */
export interface CloudLimits {
  readonly version: number;
  /** Of the issuer key that signed them. */
  readonly generation: number;
  readonly limits: LimitSettings;
}

interface Row {
  readonly bytes: Buffer;
  readonly version: bigint;
  readonly signer_generation: bigint;
}

export class MerchantLimitStore {
  readonly #crypto: SyncCrypto;
  readonly #read;
  readonly #write;

  constructor(db: KioskDatabase, crypto: SyncCrypto) {
    this.#crypto = crypto;
    this.#read = db.prepare<[], Row>(
      'SELECT bytes, version, signer_generation FROM merchant_limits WHERE id = 1',
    );
    this.#write = db.prepare<[Uint8Array, number, number]>(
      `INSERT INTO merchant_limits (id, bytes, version, signer_generation) VALUES (1, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes, version = excluded.version,
         signer_generation = excluded.signer_generation`,
    );
  }

  /** @throws Quarantined when what is stored does not read: selling on without the merchant's limits would be no better. */
  load(): CloudLimits | null {
    const row = this.#read.get();
    if (row === undefined) return null;
    const stored = attempt(() => readStoredMerchantLimits(ownBytes(row.bytes)));
    if (!stored.ok) throw new Quarantined('trust_record_invalid', `the merchant's limits: ${stored.code}`);
    const generation = toNumber(row.signer_generation);
    return { version: toNumber(row.version), generation, limits: stored.value.limits };
  }

  /**
   * Inside the caller's transaction. The same version answers what is in force.
   * @param kiosk with the bundle that came along, if one did
   */
  take(
    text: string,
    {
      kiosk,
      known,
      wallSeconds,
    }: { readonly kiosk: EnrolledKiosk; readonly known: CloudLimits | null; readonly wallSeconds: number },
  ): Result<CloudLimits> {
    const bytes = attempt(() => fromBase64Url(text));
    if (!bytes.ok) return bytes;
    const { trust, certificate } = kiosk;
    const read = runSync(verifyMerchantLimits(bytes.value, trust.issuers), this.#crypto);
    if (!read.ok) return read;
    const facts = { kiosk: certificate, trust, known, nowSeconds: wallSeconds };
    const follows = attempt(() => checkMerchantLimits(read.value, facts));
    if (!follows.ok) return follows;
    const { version, limits, signer } = read.value;
    const { generation } = signer;
    if (known !== null && known.version === version && known.generation === generation)
      return { ok: true, value: known };
    this.#write.run(bytes.value, version, generation);
    return { ok: true, value: { version, generation, limits } };
  }
}
