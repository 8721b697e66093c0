/**
 * R35: what stands between whoever holds the phone and the keys of its larger loads.
 *
 * Owns: the PIN's record, the count of wrong tries and what they cost, and the open vault, which is a master key in
 * memory for a short time and never anywhere else. A wrong PIN is counted on the disk before it is tried, so ending the
 * wallet in between saves nobody a try. Waiting is measured on the monotonic clock while the wallet is open: a changed
 * wall clock does not shorten it. Never: keeps a PIN, or tells how near a wrong one was.
 */
import { WalletError } from '../pay/codes.ts';
import type { Database, StoredVault } from '../store/schema.ts';
import { browserPasskeys, type PasskeyRecord, type Passkeys } from './passkey.ts';
import { isPin, isTooSimple, MOST_FAILURES, triesBeforeWait, waitAfter } from './pin-rules.ts';
import {
  calibrateIterations,
  keyOfPasskey,
  keyOfPin,
  makeMaster,
  makePhoneKey,
  makePinSecrets,
  openMaster,
  resealMaster,
} from './vault-crypto.ts';

/** An unlock covers the payment it was asked for, whatever its amount, if that is signed within this time. */
const FRESH_MS = 60_000;
/** ... and small ones after it, for this long and up to the limit in sum. */
const OPEN_MS = 180_000;

type SetVault = Extract<StoredVault, { state: 'set' }>;

export type VaultStatus =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'set';
      /** Wrong tries left before the first pause; 0 once there are pauses. */
      readonly triesBeforeWait: number;
      /** Wrong tries left before the keys are deleted. */
      readonly triesBeforeWipe: number;
      readonly failures: number;
      /** Milliseconds with the wallet open until the next try. */
      readonly waitMs: number;
      readonly limitMinor: bigint | null;
      readonly hasPasskey: boolean;
    }
  | { readonly kind: 'wiped'; readonly why: 'wrong_pins' | 'asked' };

export interface VaultNeeds {
  readonly database: Database;
  /** Milliseconds of a clock that nobody can set, e.g. `performance.now`. */
  readonly monotonicMs: () => number;
  /** One try at a time in all tabs of this phone. */
  readonly withLock: <T>(work: () => Promise<T>) => Promise<T>;
  /** The browser's own where it is not said. */
  readonly passkeys?: Pick<Passkeys, 'create' | 'ask'>;
  /** Rounds of the PIN's derivation; measured on this phone when it is not said. */
  readonly iterations?: number;
}

interface Opened {
  readonly userId: string;
  readonly master: CryptoKey;
  readonly atMs: number;
  isFresh: boolean;
  /** Signed for since the unlock, beyond the payment that it was for. */
  sumMinor: bigint;
}

/** What is about to be signed: an amount of money, or something that spends nothing. */
export interface Use {
  readonly amountMinor: bigint;
  /** What may be paid without asking again. */
  readonly limitMinor: bigint;
}

/** A passkey that is null goes. */
type VaultChanges = Omit<Partial<SetVault>, 'passkey'> & { readonly passkey?: SetVault['passkey'] | null };

function changed(record: SetVault, { passkey, ...changes }: VaultChanges): SetVault {
  const { passkey: former, ...kept } = record;
  const next = passkey === undefined ? former : passkey;
  return { ...kept, ...changes, ...(next === undefined || next === null ? {} : { passkey: next }) };
}

export class Vault {
  readonly #needs: VaultNeeds;
  #opened: Opened | null = null;
  /** Where the waiting of each person stood when this page first saw it. */
  readonly #waiting = new Map<string, { failures: number; fromMs: number; waitMs: number }>();

  constructor(needs: VaultNeeds) {
    this.#needs = needs;
  }

  get #passkeys(): Pick<Passkeys, 'create' | 'ask'> {
    return this.#needs.passkeys ?? browserPasskeys;
  }

  // ------------------------------------------------------------------ open or shut

  lock(): void {
    this.#opened = null;
  }

  /** Would {@link open} give the key for this now? */
  permits(userId: string, use: Use): boolean {
    const opened = this.#opened;
    if (opened === null || opened.userId !== userId) return false;
    const sinceMs = this.#needs.monotonicMs() - opened.atMs;
    if (opened.isFresh && sinceMs < FRESH_MS) return true;
    return (
      sinceMs < OPEN_MS &&
      use.amountMinor <= use.limitMinor &&
      opened.sumMinor + use.amountMinor <= use.limitMinor
    );
  }

  /** The master key for one signature, which is counted. @throws WalletError `unlock_needed` */
  open(userId: string, use: Use): CryptoKey {
    const opened = this.#opened;
    if (opened === null || !this.permits(userId, use)) throw new WalletError('unlock_needed');
    // What the PIN was typed for is the person's word; only what follows it by itself adds up.
    if (opened.isFresh) opened.isFresh = false;
    else opened.sumMinor += use.amountMinor;
    return opened.master;
  }

  #take(userId: string, master: CryptoKey): void {
    this.#opened = { userId, master, atMs: this.#needs.monotonicMs(), isFresh: true, sumMinor: 0n };
  }

  // ------------------------------------------------------------------ the record

  async status(userId: string): Promise<VaultStatus> {
    const record = await this.#needs.database.get('vaults', userId);
    if (record === undefined) return { kind: 'none' };
    if (record.state === 'wiped') return { kind: 'wiped', why: record.why };
    return {
      kind: 'set',
      triesBeforeWait: triesBeforeWait(record.failures),
      triesBeforeWipe: MOST_FAILURES - record.failures,
      failures: record.failures,
      waitMs: await this.#settleWait(record),
      limitMinor: record.limitMinor,
      hasPasskey: record.passkey !== undefined,
    };
  }

  /** What is left to wait, written down as it passes: the time with the wallet shut does not count. */
  async #settleWait(record: SetVault): Promise<number> {
    if (record.waitMs === 0) {
      this.#waiting.delete(record.userId);
      return 0;
    }
    const nowMs = this.#needs.monotonicMs();
    const known = this.#waiting.get(record.userId);
    // A pause that another tab has earned since then is a pause of its own.
    const seen =
      known?.failures === record.failures
        ? known
        : { failures: record.failures, fromMs: nowMs, waitMs: record.waitMs };
    this.#waiting.set(record.userId, seen);
    const leftMs = Math.max(0, Math.min(record.waitMs, seen.waitMs - (nowMs - seen.fromMs)));
    if (leftMs < record.waitMs)
      await this.#change(record.userId, (now) =>
        now.failures === record.failures && leftMs < now.waitMs ? { waitMs: leftMs } : null,
      );
    return leftMs;
  }

  async #put(record: StoredVault): Promise<void> {
    const transaction = this.#needs.database.transaction('vaults', 'readwrite', { durability: 'strict' });
    await Promise.all([transaction.store.put(record), transaction.done]);
  }

  async #change(userId: string, change: (now: SetVault) => VaultChanges | null): Promise<void> {
    const transaction = this.#needs.database.transaction('vaults', 'readwrite', { durability: 'strict' });
    const record = await transaction.store.get(userId);
    const changes = record?.state === 'set' ? change(record) : null;
    if (record?.state === 'set' && changes !== null) await transaction.store.put(changed(record, changes));
    await transaction.done;
  }

  /**
   * A first PIN, or the one after the keys were deleted; the vault is open afterwards.
   * @throws WalletError `unlock_needed` over a PIN, `pin_wiped` while the session is still to be ended
   */
  async create(userId: string, pin: string): Promise<void> {
    refuseBad(pin);
    await this.#needs.withLock(async () => {
      if ((await this.status(userId)).kind === 'set') throw new WalletError('unlock_needed');
      // The record is what remembers it: whoever typed the wrong ones would otherwise keep the online wallet.
      if (await this.owesSignOut(userId)) throw new WalletError('pin_wiped');
      const secrets = await makePinSecrets(await this.#iterations());
      const key = await keyOfPin(pin, secrets);
      const master = await makeMaster(key);
      this.#waiting.delete(userId);
      await this.#put({
        userId,
        state: 'set',
        pin: secrets,
        master,
        failures: 0,
        waitMs: 0,
        limitMinor: null,
      });
      this.#take(userId, await openMaster(master, key));
    });
  }

  async #iterations(): Promise<number> {
    return this.#needs.iterations ?? (await calibrateIterations(this.#needs.monotonicMs));
  }

  // ------------------------------------------------------------------ trying a PIN

  /** @throws WalletError `pin_wrong`, `pin_wait`, `pin_wiped`, `pin_missing` */
  async unlock(userId: string, pin: string): Promise<void> {
    await this.#try(userId, pin, async (record, key) => {
      this.#take(userId, await openMaster(record.master, key));
      return {};
    });
  }

  /** The keys stay as they are; only what opens them changes. @throws WalletError as {@link unlock} */
  async changePin(userId: string, pin: string, next: string): Promise<void> {
    refuseBad(next);
    await this.#try(userId, pin, async (record, key) => {
      const secrets = await makePinSecrets(await this.#iterations());
      const nextKey = await keyOfPin(next, secrets);
      // Whoever knew the old PIN may have added a finger of theirs: what it opened ends with it.
      return { pin: secrets, master: await resealMaster(record.master, key, nextKey), passkey: null };
    });
  }

  /** Lower makes it safer; back up is for who knows the PIN. @throws WalletError as {@link unlock} */
  async changeLimit(userId: string, pin: string, limitMinor: bigint): Promise<void> {
    await this.#try(userId, pin, async (record, key) => {
      await openMaster(record.master, key);
      return { limitMinor };
    });
  }

  // ------------------------------------------------------------------ a passkey beside it

  /**
   * A second way in, for who knows the PIN. The authenticator is asked twice: to make its key, and for what it gives.
   * @throws WalletError as {@link unlock}; `passkey_cancelled`, `passkey_not_possible`
   */
  async addPasskey(userId: string, pin: string, name: string): Promise<void> {
    // The PIN first, and the authenticator outside of the lock: a person takes their time over a finger.
    await this.#try(userId, pin, async (record, key) => {
      await openMaster(record.master, key);
      return {};
    });
    const made: PasskeyRecord = await this.#passkeys.create({ name });
    const given = await this.#passkeys.ask(made);
    await this.#try(userId, pin, async (record, key) => {
      const phoneKey = await makePhoneKey();
      const under = await keyOfPasskey(given, phoneKey);
      return { passkey: { ...made, phoneKey, master: await resealMaster(record.master, key, under) } };
    });
  }

  /** The PIN goes on as before. */
  async dropPasskey(userId: string): Promise<void> {
    await this.#needs.withLock(async () => {
      const record = await this.#needs.database.get('vaults', userId);
      if (record?.state !== 'set') return;
      const { passkey: _gone, ...rest } = record;
      await this.#put(rest);
    });
  }

  /**
   * Nothing is counted: the authenticator has verified the person, and counts for itself. Wrong PINs stay counted.
   * @throws WalletError `passkey_cancelled`, `passkey_not_possible`, `pin_wiped`
   */
  async unlockByPasskey(userId: string): Promise<void> {
    const before = await this.#needs.database.get('vaults', userId);
    if (before?.state !== 'set' || before.passkey === undefined)
      throw new WalletError('passkey_not_possible');
    const given = await this.#passkeys.ask(before.passkey);
    await this.#needs.withLock(async () => {
      // Meanwhile another tab may have ended it.
      const record = await this.#needs.database.get('vaults', userId);
      if (record?.state === 'wiped') throw new WalletError('pin_wiped');
      if (record?.passkey === undefined) throw new WalletError('passkey_not_possible');
      try {
        const { phoneKey, master } = record.passkey;
        this.#take(userId, await openMaster(master, await keyOfPasskey(given, phoneKey)));
      } catch (cause) {
        if (!(cause instanceof DOMException) || cause.name !== 'OperationError') throw cause;
        throw new WalletError('passkey_not_possible', { cause });
      }
    });
  }

  // ------------------------------------------------------------------ one try

  /** Counted before it is tried, forgiven when it was right. */
  async #try(
    userId: string,
    pin: string,
    use: (record: SetVault, key: CryptoKey) => Promise<VaultChanges>,
  ): Promise<void> {
    await this.#needs.withLock(async () => {
      const record = await this.#needs.database.get('vaults', userId);
      if (record === undefined) throw new WalletError('pin_missing');
      if (record.state === 'wiped') throw new WalletError('pin_wiped');
      if (record.failures >= MOST_FAILURES) return await this.#wipeAndSay(userId);
      if ((await this.#settleWait(record)) > 0) throw new WalletError('pin_wait');
      const failures = record.failures + 1;
      const waitMs = waitAfter(failures);
      await this.#put({ ...record, failures, waitMs });
      this.#waiting.delete(userId);
      let changes: VaultChanges;
      try {
        changes = await use(record, await keyOfPin(isPin(pin) ? pin : '', record.pin));
      } catch (error) {
        if (!(error instanceof DOMException) || error.name !== 'OperationError') throw error;
        if (failures >= MOST_FAILURES) return await this.#wipeAndSay(userId);
        await this.status(userId);
        throw new WalletError(waitMs > 0 ? 'pin_wait' : 'pin_wrong');
      }
      await this.#change(userId, () => ({ ...changes, failures: 0, waitMs: 0 }));
    });
  }

  // ------------------------------------------------------------------ the end of the keys

  async #wipeAndSay(userId: string): Promise<never> {
    await this.#wipe(userId, 'wrong_pins');
    throw new WalletError('pin_wiped');
  }

  /** For who forgot the PIN and has proved to the cloud who they are. */
  async giveUp(userId: string): Promise<void> {
    await this.#needs.withLock(() => this.#wipe(userId, 'asked'));
  }

  /**
   * Every key of this person goes, and what they could sign for is frozen, in one transaction. Money is safe: what no
   * shop claims returns from the reserve. Payments that were signed stay and can still be delivered.
   */
  async #wipe(userId: string, why: 'wrong_pins' | 'asked'): Promise<void> {
    this.lock();
    this.#waiting.delete(userId);
    const transaction = this.#needs.database.transaction(['keys', 'vaults', 'allowances'], 'readwrite', {
      durability: 'strict',
    });
    const keys = transaction.objectStore('keys');
    for (const id of await keys.index('userId').getAllKeys(userId)) await keys.delete(id);
    const allowances = transaction.objectStore('allowances');
    for (const one of await allowances.index('userId').getAll(userId)) {
      if (one.state === 'active') await allowances.put({ ...one, state: 'frozen' });
    }
    const sessionEnded = why === 'asked';
    await transaction.objectStore('vaults').put({ userId, state: 'wiped', why, sessionEnded });
    await transaction.done;
  }

  /** Too many wrong PINs also end the session: whoever typed them is not given the online wallet either. */
  async owesSignOut(userId: string): Promise<boolean> {
    const record = await this.#needs.database.get('vaults', userId);
    return record?.state === 'wiped' && !record.sessionEnded;
  }

  async noteSignedOut(userId: string): Promise<void> {
    await this.#needs.withLock(async () => {
      const transaction = this.#needs.database.transaction('vaults', 'readwrite', { durability: 'strict' });
      const record = await transaction.store.get(userId);
      if (record?.state === 'wiped') await transaction.store.put({ ...record, sessionEnded: true });
      await transaction.done;
    });
  }
}

function refuseBad(pin: string): void {
  if (!isPin(pin) || isTooSimple(pin)) throw new WalletError('pin_too_simple');
}
