/**
 * Seals what leaves for the cloud (protocol page 15). Owns when a batch may go unsealed: where no key was ever taken, and where the one that was
 * has come to its end, by a time that the cloud has signed, and the cloud, asked for another, named none. No answer to a batch is a
 * reason, and no clock of this machine.
 */
import { equalBytes, sealSettlement } from '@tikiwallet/protocol';
import { IpcError } from '../../ipc/index.ts';
import type { Log } from '../log.ts';
import type { StoreClient } from '../store/store-client.ts';

export interface BatchSealerParts {
  readonly store: Pick<StoreClient, 'run'>;
  /** Fetches the trust, and with it the newest key. @returns whether the cloud answered, whatever it said */
  readonly refreshTrust: () => Promise<boolean>;
  readonly log: Log;
}

/** Of a key whose time is over by this machine's clock. As often as the trust is fetched anyway; a long journal is no reason to ask before each batch. */
const ASK_EVERY_MS = 5 * 60_000;

export class BatchSealer {
  readonly #parts: BatchSealerParts;
  #lastKeyId: Uint8Array | null = null;
  /** On this process's clock: when the cloud last answered and named no key that lasts by this machine's clock. */
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: BatchSealerParts) {
    this.#parts = parts;
  }

  /** @throws IpcError `cloud_unreachable` while it has to be asked first, and cannot be */
  async seal(envelope: Uint8Array): Promise<Uint8Array> {
    const key = await this.#keyInForce();
    this.#lastKeyId = key?.keyId ?? null;
    return key === null ? envelope : await sealSettlement(envelope, key);
  }

  /**
   * The cloud does not have the key that was sealed to.
   * @returns whether the next batch goes under another one
   */
  async renew(): Promise<boolean> {
    const refused = this.#lastKeyId;
    if (refused === null) return false;
    await this.#parts.refreshTrust();
    const { key } = await this.#parts.store.run('sealingKey', null);
    this.#parts.log.warn({ isRenewed: key !== null }, 'the cloud does not know the key that was sealed to');
    return key !== null && !equalBytes(key.keyId, refused);
  }

  async #keyInForce() {
    const { store, refreshTrust, log } = this.#parts;
    const known = await store.run('sealingKey', null);
    if (!known.isDue || performance.now() - this.#askedAtMs < ASK_EVERY_MS) return known.key;
    if (!(await refreshTrust())) throw new IpcError('cloud_unreachable');
    const asked = await store.run('sealingKey', null);
    if (asked.isDue) this.#askedAtMs = performance.now();
    if (asked.key === null)
      log.warn('the sealing key of the cloud is over, and it names no other: batches go unsealed');
    else if (asked.isDue)
      log.warn(
        'the sealing key of the cloud is over by the clock of this machine only: batches go sealed to it',
      );
    return asked.key;
  }
}
