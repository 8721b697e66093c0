/**
 * The key to which batches are sealed for the cloud: verified, held against the one in force, kept. Owns its one row. Never takes an
 * older one, and never lets it go because its signer's certificate has left the bundle: sealing ends by a signed word, or by time.
 */
import {
  attempt,
  checkCloudSealingKey,
  fromBase64Url,
  readStoredCloudSealingKey,
  runSync,
  verifyCloudSealingKey,
  type KnownCloudSealingKey,
  type Result,
  type SyncCrypto,
} from '@tikiwallet/protocol';
import type { EnrolledKiosk } from './kiosk-record.ts';
import { Quarantined } from './faults.ts';
import type { KioskDatabase } from './open-database.ts';
import { ownBytes, toNumber } from './rows.ts';

/** In force, which a key stays when its time is over: then it is known that there was one. */
export interface SealingKeyInForce extends KnownCloudSealingKey {
  /** 33-byte compressed point. */
  readonly publicKey: Uint8Array;
  readonly keyId: Uint8Array;
  /** Seconds since 1970, exclusive. */
  readonly notAfter: number;
}

interface Row {
  readonly bytes: Buffer;
  readonly signer_generation: bigint;
}

export class CloudSealingKeyStore {
  readonly #crypto: SyncCrypto;
  readonly #read;
  readonly #write;

  constructor(db: KioskDatabase, crypto: SyncCrypto) {
    this.#crypto = crypto;
    this.#read = db.prepare<[], Row>('SELECT bytes, signer_generation FROM cloud_sealing_key WHERE id = 1');
    this.#write = db.prepare<[Uint8Array, number, number, number]>(
      `INSERT INTO cloud_sealing_key (id, bytes, generation, issued_at, signer_generation) VALUES (1, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes, generation = excluded.generation,
         issued_at = excluded.issued_at, signer_generation = excluded.signer_generation`,
    );
  }

  /** @throws Quarantined when what is stored does not read: to go on without it would be to send unsealed. */
  load(): SealingKeyInForce | null {
    const row = this.#read.get();
    if (row === undefined) return null;
    const stored = runSync(readStoredCloudSealingKey(ownBytes(row.bytes)), this.#crypto);
    if (!stored.ok) throw new Quarantined('trust_record_invalid', `the cloud's sealing key: ${stored.code}`);
    const { bytes: _, ...key } = stored.value;
    return { ...key, signerGeneration: toNumber(row.signer_generation) };
  }

  /**
   * Inside the caller's transaction.
   * @param kiosk with the bundle that came along, if one did
   */
  take(
    text: string,
    {
      kiosk,
      known,
      wallSeconds,
    }: {
      readonly kiosk: EnrolledKiosk;
      readonly known: SealingKeyInForce | null;
      readonly wallSeconds: number;
    },
  ): Result<SealingKeyInForce> {
    const bytes = attempt(() => fromBase64Url(text));
    if (!bytes.ok) return bytes;
    const read = runSync(verifyCloudSealingKey(bytes.value, kiosk.trust.issuers), this.#crypto);
    if (!read.ok) return read;
    const facts = { trust: kiosk.trust, known, nowSeconds: wallSeconds };
    const follows = attempt(() => checkCloudSealingKey(read.value, facts));
    if (!follows.ok) return follows;
    const { bytes: _, signer, ...key } = read.value;
    this.#write.run(bytes.value, key.generation, key.issuedAt, signer.generation);
    return { ok: true, value: { ...key, signerGeneration: signer.generation } };
  }
}
