/**
 * The store as one thing: the database with its tables, the sums kept in memory beside it, and the one way to write.
 * Owns the agreement between memory and disk: what a rolled-back transaction changed in memory is rolled back with
 * it. Lives in the store's thread; never touches a network, and never decides about a payment.
 */
import {
  FRESH_FULL_SECONDS,
  FRESH_HALF_SECONDS,
  FRESH_KNOWN_SECONDS,
  freshnessLevel,
  limitsAt,
  type CborValue,
  type FreshnessLevel,
  type JournalKind,
  type LimitSettings,
  type SyncCrypto,
  type SyncSigner,
} from '@tikiwallet/protocol';
import { loadPrivateKey, nodeCrypto } from '@tikiwallet/protocol/node';
import type { Clock } from '../clock.ts';
import { trustedNow, type TrustedNow } from '../trusted-time.ts';
import { Audit } from './audit.ts';
import { agreeWithMarker, checkNotLost } from './enrolment-marker.ts';
import { CloudSealingKeyStore, type SealingKeyInForce } from './cloud-sealing-key.ts';
import type { QuarantineReason } from './faults.ts';
import { isKnownSound, noteSound } from './soundness.ts';
import { bornNs, JournalStanding, type JournalDoubt, type Standing } from './journal-standing.ts';
import { Journal, type JournalHead } from './journal.ts';
import { KioskRecord, type EnrolledKiosk } from './kiosk-record.ts';
import {
  closeUnlessBroken,
  openDatabase,
  type KioskDatabase,
  type OpenDatabaseOptions,
} from './open-database.ts';
import { LimitStore, type OwnedLimits } from './limit-settings.ts';
import { ManagerPin, type PinStanding } from './manager-pin.ts';
import { MerchantLimitStore, type CloudLimits } from './merchant-limits.ts';
import { Payments, type Totals } from './payments.ts';
import { Refunds } from './refunds.ts';
import { Requests } from './requests.ts';
import type { StoredPayment } from './rows.ts';
import { SettlementCursor, type Cursor } from './settlement-cursor.ts';
import { SigningAside, type OtherSigner } from './signing-aside.ts';
import { TillSettings } from './till-settings.ts';

export interface KioskStoreOptions extends OpenDatabaseOptions {
  readonly signingKeyPem: string;
  readonly sealingKeyPem: string;
  readonly clock: Clock;
  /** The thread that signs beside this one, where there is one. */
  readonly signer?: OtherSigner;
}

/** What is known without asking the disk. Replaced, never changed, so that going back is one assignment. */
interface Memory {
  readonly head: JournalHead;
  readonly unsettled: Totals;
  readonly today: Today & Day;
  readonly kiosk: EnrolledKiosk | null;
  readonly cursor: Cursor;
  /** The merchant's for all its kiosks; null while the cloud has said none. */
  readonly cloudLimits: CloudLimits | null;
  /** What batches are sealed to; null while the cloud has named nothing. */
  readonly sealingKey: SealingKeyInForce | null;
  /** Of the merchant, here and in the cloud, and of this kiosk. */
  readonly limitSettings: readonly LimitSettings[];
  /** Requests that may be open at one time. */
  readonly mostOpen: number;
  /** By its merchant, in the cloud: nothing is sold until the cloud says otherwise. */
  readonly isSuspended: boolean;
  readonly standing: Standing;
  /** Trusted time's lower bound, seconds. */
  readonly mark: number;
}

export interface StoreSnapshot {
  readonly quarantine: QuarantineReason | null;
  readonly kiosk: {
    readonly kioskId: string;
    readonly name: string;
    readonly merchantId: string;
    readonly merchantName: string;
    readonly merchantPhone: string;
    readonly currency: string;
    readonly certificateNotAfter: number;
    /** Newest first; what phones may have sealed to. */
    readonly certificateHashes: readonly Uint8Array[];
    readonly kioskToken: string;
    readonly walletOrigins: readonly string[];
  } | null;
  readonly trust: {
    readonly version: number;
    readonly issuedAt: number;
    readonly level: FreshnessLevel;
    readonly denyListVersion: number;
    /** When the next step of the ladder begins; null on the last. */
    readonly nextLevelAt: number | null;
    /** The bundle in force says that this very kiosk is denied. */
    readonly kioskIsDenied: boolean;
  } | null;
  readonly limits: {
    readonly perPaymentMinor: bigint;
    readonly storedSumMinor: bigint;
    readonly storedCount: number;
    /** What a manager may permit for one payment; null while there is no PIN. */
    readonly withManagerMinor: bigint | null;
  };
  readonly managerPin: PinStanding;
  /** Requests that may be open at one time. */
  readonly mostOpen: number;
  /** By its merchant, in the cloud: nothing is sold until the cloud says otherwise. */
  readonly isSuspended: boolean;
  /** Of the merchant's limits in the cloud, as this kiosk has them; 0 while it has none. */
  readonly cloudLimitsVersion: number;
  readonly unsettled: Totals;
  readonly today: Today;
  readonly headSequence: number;
  readonly cursor: Cursor;
  /** Why this journal gives out no numbers: nothing is sold meanwhile. */
  readonly doubt: JournalDoubt | null;
  readonly isClockBehind: boolean;
}

const MAX_SEALING_CERTIFICATES = 4;
/**
 * 16 MB of log, four times what SQLite itself would let it grow to: a page that many payments touch is then written back once
 * for all of them. Estimated, because asking costs more than it is worth.
 */
const CHECKPOINT_AFTER_PAGES = 4_000;
/** 64 MB: writing 16 MB back takes as long as a few groups of payments, so whoever waits goes first for a while. */
const CHECKPOINT_AT_LAST_AFTER_PAGES = 16_000;
const PAGES_PER_WRITE = 8;
const PAGES_PER_ENTRY = 2.5;

export class KioskStore {
  readonly clock: Clock;
  readonly crypto: SyncCrypto;
  readonly sign: SyncSigner;
  readonly signing: SigningAside;
  readonly signingPublicKey: Uint8Array;
  readonly journal: Journal;
  readonly payments: Payments;
  readonly requests: Requests;
  readonly refunds: Refunds;
  readonly record: KioskRecord;
  readonly cursor: SettlementCursor;
  readonly limits: LimitStore;
  readonly merchantLimits: MerchantLimitStore;
  readonly sealingKeys: CloudSealingKeyStore;
  readonly till: TillSettings;
  readonly managerPin: ManagerPin;
  readonly audit: Audit;
  readonly #standing: JournalStanding;
  readonly #path: string;
  readonly #db: KioskDatabase;
  readonly #writeMark;
  #writesSinceCheckpoint = 0;
  #checkpointedSequence = 0;
  #memory: Memory;

  /** @throws Quarantined when the database must not be used. */
  constructor(options: KioskStoreOptions) {
    this.clock = options.clock;
    this.#path = options.path;
    this.crypto = nodeCrypto();
    const signing = loadPrivateKey(options.signingKeyPem);
    this.sign = signing.sign;
    this.signing = new SigningAside(signing.sign, options.signer ?? null);
    this.signingPublicKey = signing.publicKey;
    const sealingPublicKey = loadPrivateKey(options.sealingKeyPem).publicKey;
    checkNotLost(options.path);
    const wasKnownSound = isKnownSound(options.path);
    this.#db = openDatabase(options);
    try {
      this.journal = new Journal(this.#db, this.crypto);
      this.payments = new Payments(this.#db);
      this.requests = new Requests(this.#db, this.payments);
      this.refunds = new Refunds(this.#db);
      this.record = new KioskRecord(this.#db, {
        crypto: this.crypto,
        own: { signingPublicKey: signing.publicKey, sealingPublicKey },
        wallMs: () => this.clock.wallMs(),
      });
      this.cursor = new SettlementCursor(this.#db);
      this.limits = new LimitStore(this.#db);
      this.merchantLimits = new MerchantLimitStore(this.#db, this.crypto);
      this.sealingKeys = new CloudSealingKeyStore(this.#db, this.crypto);
      this.till = new TillSettings(this.#db);
      this.managerPin = new ManagerPin(this.#db, this.clock);
      this.#standing = new JournalStanding(this.#db);
      this.audit = new Audit(this.#db, this.journal, this.crypto);
      this.#writeMark = this.#db.prepare<[number]>('UPDATE trusted_time SET seconds = ? WHERE id = 1');
      this.#memory = this.#recall();
      this.#checkpointedSequence = this.#memory.head.sequence;
      this.markEnrolled();
      this.audit.start(this.#memory.head.sequence, this.#memory.cursor.acknowledgedSequence);
      // Whoever opened the file has then checked the rest of it, too.
      if (!wasKnownSound) {
        this.audit.finish();
        noteSound(options.path);
      }
    } catch (error) {
      closeUnlessBroken(this.#db, error);
      throw error;
    }
  }

  #recall(): Memory {
    const mark = this.#db.prepare<[], bigint>('SELECT seconds FROM trusted_time WHERE id = 1').pluck().get();
    const now = trustedNow(this.clock.wallMs(), Number(mark ?? 0n));
    const day = dayOf(now.seconds);
    const cloudLimits = this.merchantLimits.load();
    return {
      head: this.journal.head(),
      unsettled: this.payments.unsettled(),
      today: this.#takenOn(day),
      kiosk: this.record.load(),
      cursor: this.cursor.read(),
      cloudLimits,
      sealingKey: this.sealingKeys.load(),
      limitSettings: this.#settings(cloudLimits),
      mostOpen: this.till.mostOpen(),
      isSuspended: this.till.isSuspended(),
      standing: this.#standing.read(),
      mark: Number(mark ?? 0n),
    };
  }

  get memory(): Memory {
    return this.#memory;
  }

  now(): TrustedNow {
    return trustedNow(this.clock.wallMs(), this.#memory.mark);
  }

  /**
   * Writes the log back into the database when it has grown. Asked for between answers, so that no receipt waits for
   * it, and by name, because SQLite reports nothing of what fails when it does so by itself.
   * @param isAwaited somebody may wait for the store: then only when the log has grown too long
   * @returns true when it is still to be done, as soon as nobody waits. @throws the disk's error
   */
  checkpointIfDue({ isAwaited }: { readonly isAwaited: boolean }): boolean {
    const { sequence } = this.#memory.head;
    const entries = sequence - this.#checkpointedSequence;
    const grownBy = this.#writesSinceCheckpoint * PAGES_PER_WRITE + entries * PAGES_PER_ENTRY;
    if (grownBy < CHECKPOINT_AFTER_PAGES) return false;
    if (isAwaited && grownBy < CHECKPOINT_AT_LAST_AFTER_PAGES) return true;
    this.#writesSinceCheckpoint = 0;
    this.#checkpointedSequence = sequence;
    this.#db.pragma('wal_checkpoint(PASSIVE)');
    return false;
  }

  /** Runs `action` in one transaction that is on disk when this returns, or has left no trace when it throws. */
  write<T>(action: () => T): T {
    const before = this.#memory;
    this.#writesSinceCheckpoint += 1;
    try {
      const whole = this.#db.transaction(() => {
        const result = action();
        this.payments.writeRows();
        return result;
      });
      return whole.immediate();
    } catch (error) {
      this.#memory = before;
      this.payments.forget();
      this.signing.forget();
      throw error;
    }
  }

  // What follows changes memory and disk together and is called inside `write` only.

  append(kind: JournalKind, at: number, body: readonly CborValue[]): JournalHead {
    const denyListVersion = this.#memory.kiosk?.trust.denyListVersion ?? 0;
    const head = this.journal.append(this.#memory.head, { kind, at, body, denyListVersion });
    this.#memory = { ...this.#memory, head };
    this.raiseMark(at);
    return head;
  }

  raiseMark(seconds: number): void {
    if (seconds > this.#memory.mark) this.setMark(seconds);
  }

  setMark(seconds: number): void {
    if (seconds === this.#memory.mark) return;
    this.#writeMark.run(seconds);
    this.#memory = { ...this.#memory, mark: seconds };
  }

  countAccepted(payment: StoredPayment): void {
    const today = this.#todayAt(payment.acceptedAt);
    this.#memory = {
      ...this.#memory,
      unsettled: plus(this.#memory.unsettled, 1, payment.amountMinor),
      today: { ...today, ...plus(today, 1, payment.amountMinor) },
    };
  }

  countGivenBack(amountMinor: bigint, at: number): void {
    const today = this.#todayAt(at);
    this.#memory = { ...this.#memory, today: { ...today, refundedMinor: today.refundedMinor + amountMinor } };
  }

  countSettled(amountMinor: bigint): void {
    this.#memory = { ...this.#memory, unsettled: plus(this.#memory.unsettled, -1, -amountMinor) };
  }

  setKiosk(kiosk: EnrolledKiosk): void {
    this.#memory = { ...this.#memory, kiosk };
  }

  setLimits(owned: OwnedLimits): void {
    this.limits.replace(owned);
    this.#memory = { ...this.#memory, limitSettings: this.#settings(this.#memory.cloudLimits) };
  }

  setCloudLimits(cloudLimits: CloudLimits): void {
    this.#memory = { ...this.#memory, cloudLimits, limitSettings: this.#settings(cloudLimits) };
  }

  setSealingKey(sealingKey: SealingKeyInForce): void {
    this.#memory = { ...this.#memory, sealingKey };
  }

  #settings(cloudLimits: CloudLimits | null): readonly LimitSettings[] {
    return cloudLimits === null ? this.limits.read() : [...this.limits.read(), cloudLimits.limits];
  }

  setMostOpen(most: number): void {
    this.till.setMostOpen(most);
    this.#memory = { ...this.#memory, mostOpen: most };
  }

  setSuspended(isSuspended: boolean): void {
    this.till.setSuspended(isSuspended);
    this.#memory = { ...this.#memory, isSuspended };
  }

  setCursor(change: Partial<Cursor>): void {
    const cursor = { ...this.#memory.cursor, ...change };
    this.cursor.write(cursor);
    this.#memory = { ...this.#memory, cursor };
  }

  setStanding(change: Partial<Standing>): void {
    const standing = { ...this.#memory.standing, ...change };
    this.#standing.write(standing);
    this.#memory = { ...this.#memory, standing };
  }

  /**
   * Looks whether the file is still the one it was, and remembers it. The journal of a copy is in doubt until the
   * cloud has said that it knows nothing newer.
   */
  recogniseFile(): void {
    const { fileBornNs, doubt } = this.#memory.standing;
    const now = bornNs(this.#path, fileBornNs);
    if (now === null || now === fileBornNs) return;
    const isCopy = fileBornNs !== null && this.#memory.kiosk !== null;
    this.setStanding({ fileBornNs: now, doubt: isCopy ? (doubt ?? 'unconfirmed') : doubt });
  }

  snapshot(): StoreSnapshot {
    const { kiosk, head, cursor, unsettled, standing } = this.#memory;
    const now = this.now();
    const managerPin = this.managerPin.standing();
    const today = this.#todayAt(now.seconds);
    this.#memory = { ...this.#memory, today };
    return {
      quarantine: null,
      ...(kiosk === null
        ? NOT_ENROLLED
        : describeKiosk(kiosk, {
            settings: this.#memory.limitSettings,
            nowSeconds: now.seconds,
            hasManager: managerPin.state !== 'none',
          })),
      managerPin,
      mostOpen: this.#memory.mostOpen,
      isSuspended: this.#memory.isSuspended,
      cloudLimitsVersion: this.#memory.cloudLimits?.version ?? 0,
      unsettled,
      today: { count: today.count, sumMinor: today.sumMinor, refundedMinor: today.refundedMinor },
      headSequence: head.sequence,
      cursor,
      doubt: standing.doubt,
      isClockBehind: now.isBehind,
    };
  }

  /** After the enrolment is on disk. */
  markEnrolled(): void {
    agreeWithMarker(this.#path, this.#memory.kiosk?.kioskId ?? null);
  }

  close(): void {
    this.#db.close();
  }

  #todayAt(seconds: number): Memory['today'] {
    const { today } = this.#memory;
    // A calendar is asked once a day: every payment comes by here.
    if (seconds >= today.startSeconds && seconds < today.endSeconds) return today;
    return this.#takenOn(dayOf(seconds));
  }

  #takenOn(day: Day): Memory['today'] {
    const { startSeconds } = day;
    const sold = this.payments.acceptedSince(startSeconds);
    return { ...sold, refundedMinor: this.refunds.givenBackSince(startSeconds), ...day };
  }
}

const NOT_ENROLLED = {
  kiosk: null,
  trust: null,
  limits: { perPaymentMinor: 0n, storedSumMinor: 0n, storedCount: 0, withManagerMinor: null },
} as const;

/** What the rest of the agent may know of a store that must not be used. */
export function quarantinedSnapshot(reason: QuarantineReason): StoreSnapshot {
  return {
    ...NOT_ENROLLED,
    quarantine: reason,
    managerPin: { state: 'none', retryAfterMs: 0 },
    mostOpen: 1,
    isSuspended: false,
    cloudLimitsVersion: 0,
    unsettled: { count: 0, sumMinor: 0n },
    today: { count: 0, sumMinor: 0n, refundedMinor: 0n },
    headSequence: 0,
    cursor: { acknowledgedSequence: 0, denyListVersion: 0, lastContactAt: null, lastSettledAt: null },
    doubt: null,
    isClockBehind: false,
  };
}

function describeKiosk(
  kiosk: EnrolledKiosk,
  known: {
    readonly settings: readonly LimitSettings[];
    readonly nowSeconds: number;
    readonly hasManager: boolean;
  },
): Pick<StoreSnapshot, 'kiosk' | 'trust' | 'limits'> {
  const { certificate, trust } = kiosk;
  const { settings, nowSeconds, hasManager } = known;
  const level = freshnessLevel(nowSeconds - trust.issuedAt);
  const issuer = limitsAt(level, trust.policy, certificate);
  const { perPaymentMinor, storedSumMinor, storedCount } = limitsAt(
    level,
    trust.policy,
    certificate,
    settings,
  );
  const newestFirst = [...kiosk.certificates.values()].sort((a, b) => b.notBefore - a.notBefore);
  const former = newestFirst.filter((other) => other !== certificate).map((other) => other.hash);
  return {
    kiosk: {
      kioskId: kiosk.kioskId,
      name: kiosk.name,
      merchantId: certificate.merchantId,
      merchantName: certificate.merchantName,
      merchantPhone: certificate.merchantPhone,
      currency: certificate.currency,
      certificateNotAfter: certificate.notAfter,
      certificateHashes: [certificate.hash, ...former].slice(0, MAX_SEALING_CERTIFICATES),
      kioskToken: kiosk.kioskToken,
      walletOrigins: kiosk.walletOrigins,
    },
    trust: {
      version: trust.version,
      issuedAt: trust.issuedAt,
      level,
      denyListVersion: trust.denyListVersion,
      nextLevelAt: nextLevelAt(trust.issuedAt, level),
      kioskIsDenied: trust.deniedKiosks.has(kiosk.kioskId),
    },
    limits: {
      ...{ perPaymentMinor, storedSumMinor, storedCount },
      withManagerMinor: hasManager ? issuer.perPaymentMinor : null,
    },
  };
}

function nextLevelAt(issuedAt: number, level: FreshnessLevel): number | null {
  switch (level) {
    case 'full':
      return issuedAt + FRESH_FULL_SECONDS;
    case 'half':
      return issuedAt + FRESH_HALF_SECONDS;
    case 'known_only':
      return issuedAt + FRESH_KNOWN_SECONDS;
    case 'locked_only':
      return null;
  }
}

function plus(totals: Totals, count: number, minor: bigint): Totals {
  return { count: totals.count + count, sumMinor: totals.sumMinor + minor };
}

/** What was sold and what was given back on one day, also of a sale of an earlier one. */
interface Today extends Totals {
  readonly refundedMinor: bigint;
}

/** From local midnight to the next: the day that the cashier means. */
interface Day {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

function dayOf(seconds: number): Day {
  const midnight = new Date(seconds * 1000);
  midnight.setHours(0, 0, 0, 0);
  const startSeconds = Math.floor(midnight.getTime() / 1000);
  midnight.setDate(midnight.getDate() + 1);
  return { startSeconds, endSeconds: Math.floor(midnight.getTime() / 1000) };
}
