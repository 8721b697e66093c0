/**
 * The manager at this till: sets the PIN, proves it, and decides with it. Main thread: hashes off the event loop and
 * hands only the hash to the store, which counts and compares. Never keeps a PIN or a password, and never logs one.
 */
import { IpcError } from '../../ipc/index.ts';
import type { CheckedParams } from '../../ipc/agent-handlers.ts';
import type { CloudApi } from '../cloud/cloud-api.ts';
import type { StoreSnapshot } from '../store/kiosk-store.ts';
import type { StoreClient } from '../store/store-client.ts';
import { hashPin, isWeakPin, newSalt } from './pin-hash.ts';

export interface ManagerOptions {
  readonly api: Pick<CloudApi, 'signIn' | 'signOut'>;
  readonly store: Pick<StoreClient, 'run'>;
  readonly snapshot: () => StoreSnapshot | null;
  /** Slow on purpose; tests that count tries bring a quick one. */
  readonly hash?: typeof hashPin;
}

export class Manager {
  readonly #options: ManagerOptions;
  readonly #hash: typeof hashPin;
  /** One try at a time: two at once would be answered in one count. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#hash = options.hash ?? hashPin;
  }

  /** @throws IpcError `manager_pin_weak`, those of a wrong PIN, and the cloud's about the password */
  async setPin({ newPin, proof }: CheckedParams<'manager.setPin'>): Promise<void> {
    if (isWeakPin(newPin)) throw new IpcError('manager_pin_weak');
    const salt = newSalt();
    if (proof.kind === 'password') {
      await this.#provePassword(proof.password);
      const hash = await this.#hash(newPin, salt);
      await this.#options.store.run('replacePin', { salt, hash, former: null });
      return;
    }
    await this.withPin(proof.pin, async (former) => {
      const hash = await this.#hash(newPin, salt);
      return this.#options.store.run('replacePin', { salt, hash, former });
    });
  }

  /** Begins a try, and lets `act` use the hash once. @throws IpcError */
  withPin<T>(pin: string, act: (pinHash: Uint8Array) => Promise<T>): Promise<T> {
    const next = this.#last.then(async () => {
      const salt = await this.#options.store.run('beginPinTry', null);
      return act(await this.#hash(pin, salt));
    });
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** The password of this kiosk's own merchant, asked of the cloud; the session that answers is ended at once. */
  async #provePassword(password: string): Promise<void> {
    const kiosk = this.#options.snapshot()?.kiosk ?? null;
    if (kiosk === null) throw new IpcError('kiosk_not_enrolled');
    const session = await this.#options.api.signIn({ phone: kiosk.merchantPhone, password });
    if (session.refreshToken !== undefined) await this.#endSession(session.refreshToken);
    if (session.user.merchant?.id !== kiosk.merchantId) throw new IpcError('not_permitted');
  }

  async #endSession(refreshToken: string): Promise<void> {
    try {
      await this.#options.api.signOut(refreshToken);
    } catch (error) {
      // It ends by itself within hours; nobody holds its tokens any more.
      if (!(error instanceof IpcError)) throw error;
    }
  }
}
