/**
 * What the phone remembers, and how its database grows.
 *
 * Owns: the shape of every record and the numbered migrations (append-only, additive-only: a store or an index is
 * never renamed or dropped, because an old tab may still hold the database). Never: holds a rule about money.
 */
import type { PayeeLock } from '@tikiwallet/protocol';
import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from 'idb';
import type {
  AllowanceStatus,
  ClaimState,
  DeniedFor,
  HistoryItem,
  PublicConfig,
  TopUp,
  TransferPreview,
  User,
  WalletView,
  Withdrawal,
} from '@tikiwallet/server/contract';
import type { PasskeyRecord } from '../keys/passkey.ts';
import type { PinSecrets, SealedKey } from '../keys/vault-crypto.ts';

/** Who uses this phone. Kept when the session ends: the offline wallet opens without log-in. */
export type Profile = User;

export type AllowanceState =
  | 'active'
  /** The closing statement is signed: nothing may be signed after it, whether the cloud has it or not. */
  | 'closing'
  /** The phone's memory went back behind what it had signed, or the key was deleted: never signed with again. */
  | 'frozen';

/** What stands before a key: nothing (`open`, for small change), or the person's PIN. */
export type KeyGuard = 'open' | 'pin';

/** Whom money is locked to when it is moved offline. */
export interface Payee {
  readonly lock: PayeeLock;
  /** As the shop's signed certificate names it. */
  readonly name: string;
}

export interface StoredAllowance {
  /** UUID of the allowance. */
  readonly id: string;
  readonly userId: string;
  readonly keyId: string;
  /** Of its key: decides whether paying from it asks for the PIN. */
  readonly guard: KeyGuard;
  readonly certificate: Uint8Array;
  /** The fields below were read from the certificate when its signature was verified. */
  readonly certificateHash: Uint8Array;
  readonly currency: string;
  readonly capMinor: bigint;
  readonly perPaymentMinor: bigint;
  readonly firstCounter: number;
  readonly softCounterLimit: number;
  readonly hardCounterLimit: number;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly payeeLock: PayeeLock | null;
  /** The shop of the lock as its certificate named it when the money was moved; for display. */
  readonly payeeName?: string;
  /** Opens the certificate's commitment to the holder's phone number. */
  readonly phoneSalt: Uint8Array;
  readonly state: AllowanceState;
  /** What the cloud last said of it; null before it was asked. */
  readonly cloudStatus: AllowanceStatus | null;
  /** Why nobody accepts it any more, as the cloud last said. */
  readonly deniedFor: DeniedFor | null;
  /** ISO time at which the rest returns at the latest. */
  readonly returnsBy: string | null;
  /** Counter of the last payment signed; `firstCounter - 1` before the first. */
  readonly lastCounter: number;
  /** Everything signed so far. Never goes down, whatever became of the payments. */
  readonly cumulativeMinor: bigint;
  /** Hash that the next payment links to: the last payment's, or the certificate's. */
  readonly lastHash: Uint8Array;
  /** Milliseconds since 1970. */
  readonly loadedAtMs: number;
  readonly closingStatement: Uint8Array | null;
}

export type PaymentState =
  /** Signed and stored; nothing has left the phone. */
  | 'signed'
  /** Sent at least once; no receipt yet. The money stays held. */
  | 'unconfirmed'
  /** The kiosk answered no. The money stays held until the allowance is closed. */
  | 'refused'
  /** A verified receipt is stored. */
  | 'paid'
  /** The cloud has moved the money. */
  | 'settled';

/** What became of a receipt that this phone handed in for a shop that had not reported the payment. */
export interface HandedIn {
  /** `invalid`: the cloud found that the receipt and the payment do not belong together; it is not sent again. */
  readonly state: ClaimState | 'invalid';
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export interface StoredPayment {
  /** Hex of the payment's hash. */
  readonly id: string;
  readonly allowanceId: string;
  readonly userId: string;
  readonly counter: number;
  /** Hex of the request's hash: unique, one payment for one request. */
  readonly requestHash: string;
  readonly requestId: string;
  readonly amountMinor: bigint;
  readonly cumulativeMinor: bigint;
  readonly currency: string;
  readonly state: PaymentState;
  readonly signedAt: number;
  /** Seconds since 1970 by the corrected clock. */
  readonly requestExpiresAt: number;
  /** The signed request that it answers; null in records of a wallet that did not keep it. */
  readonly request: Uint8Array | null;
  readonly payment: Uint8Array;
  readonly delivery: Uint8Array;
  /** The same payment by reference, for a kiosk that has given a receipt under this allowance; null: it needs the whole. */
  readonly repeatDelivery: Uint8Array | null;
  readonly addresses: readonly string[];
  /** The kiosk's certificate, verified when the request was read: seals, and verifies the receipt. */
  readonly kioskCertificate: Uint8Array;
  /** From the certificate: is this kiosk on the deny list? Null where `request` is. */
  readonly kioskId: string | null;
  readonly merchantName: string;
  readonly merchantPhone: string;
  /** Four digits of the request, compared before paying. */
  readonly comparisonCode: string;
  /** Six digits of request and payment; shown only once a receipt is there. */
  readonly paidCode: string;
  readonly refusalCode: string | null;
  readonly receipt: Uint8Array | null;
  /** The kiosk's journal sequence: the number that a person quotes. */
  readonly receiptNumber: number | null;
  readonly receiptTier: 'locked' | 'reserved' | 'at_risk' | null;
  readonly acceptedAt: number | null;
  readonly handedIn: HandedIn | null;
}

export type RefundState =
  /** Signed and stored; nothing has left the phone. */
  | 'signed'
  /** Sent or shown at least once; no receipt yet. */
  | 'unconfirmed'
  /** The kiosk answered no: nothing was given back. */
  | 'refused'
  /** The shop's signed receipt is stored; the shop settles it when it has internet. */
  | 'refunded'
  /** The cloud has it, and waits for the shop's money. */
  | 'waiting'
  /** It is in the online wallet. */
  | 'settled';

/** A void or refund that this phone has countersigned. What was signed never changes. */
export interface StoredRefund {
  /** Hex of the offer's hash: one acceptance for one offer. */
  readonly id: string;
  readonly userId: string;
  readonly paymentId: string;
  readonly allowanceId: string;
  readonly refundId: string;
  readonly kind: 'void' | 'refund';
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly state: RefundState;
  readonly signedAt: number;
  /** Seconds since 1970 by the corrected clock; the kiosk measures for itself. */
  readonly expiresAt: number;
  readonly offer: Uint8Array;
  readonly acceptance: Uint8Array;
  /** Of the offer: seals, and verifies the receipt. */
  readonly kioskCertificate: Uint8Array;
  readonly kioskId: string;
  readonly addresses: readonly string[];
  readonly merchantName: string;
  readonly refusalCode: string | null;
  readonly receipt: Uint8Array | null;
  /** The kiosk's journal sequence of the refund. */
  readonly receiptNumber: number | null;
  readonly refundedAt: number | null;
  readonly handedIn: {
    readonly state: 'settled' | 'waiting' | 'refused';
    readonly code: string | null;
    readonly atMs: number;
  } | null;
}

/** A write to the cloud that was decided and not yet answered. Kept before it is sent, repeated with the same key. */
export type Intent = { readonly key: string; readonly userId: string; readonly createdAtMs: number } & (
  | { readonly kind: 'top_up'; readonly amountMinor: string; readonly currency: string }
  | {
      readonly kind: 'withdrawal';
      readonly amountMinor: string;
      readonly currency: string;
      readonly feeMinor: string;
    }
  | {
      readonly kind: 'transfer';
      readonly phone: string;
      readonly amountMinor: string;
      readonly currency: string;
      readonly note: string | null;
      readonly recipient: TransferPreview;
    }
  | {
      readonly kind: 'load';
      readonly amountMinor: string;
      readonly currency: string;
      readonly keyId: string;
      readonly guard: KeyGuard;
      readonly devicePublicKey: string;
      readonly proof: string;
      readonly payee: Payee | null;
    }
);

/** Where the phone stands in what it has ever signed. Mirrored outside the database (marker.ts). */
export interface Marker {
  /** Rises with each enrolment of this phone. */
  readonly epoch: number;
  /** Signatures made in this epoch. */
  readonly count: number;
}

export interface TrustRecord {
  readonly rootPublicKey: Uint8Array;
  readonly bundle: Uint8Array;
}

/** A payment that was taken to a kiosk's page: how its answer is recognised, also after the wallet was closed. */
export interface HandOff {
  /** base64url of 16 random bytes, in the address out and in the address back. */
  readonly state: string;
  readonly paymentId: string;
  readonly address: string;
}

/** What the person ordered at the provider, newest first, as it stood when the cloud was last asked. */
export interface Orders {
  readonly topUps: readonly TopUp[];
  readonly withdrawals: readonly Withdrawal[];
}

/** Singletons, by name. */
export interface MetaValues {
  readonly profile: Profile;
  readonly config: PublicConfig;
  readonly walletView: WalletView;
  readonly orders: Orders;
  readonly marker: Marker;
  readonly trust: TrustRecord;
  /** Server time minus phone time, in ms, when they last met. */
  readonly clockOffsetMs: number;
  /** Denials that the person has read: ids of allowances. */
  readonly denialsRead: readonly string[];
  /** Newest time seen in anything signed or sent by the server, seconds since 1970. */
  readonly newestTime: number;
  /** Proves that the session is this browser's (keys/session-key.ts). */
  readonly sessionKey: {
    readonly sessionId: string;
    readonly privateKey: CryptoKey;
    /** Of the last proof that was made. */
    readonly count: number;
  };
  /** Newest first. */
  readonly handOffs: readonly HandOff[];
  /** How the last receipt came that did not come by code. */
  readonly pastWay: { readonly way: 'radio' | 'page'; readonly address: string | null };
  /** Registration waiting for its code. */
  readonly registration: {
    readonly registrationId: string;
    readonly phone: string;
    readonly resendAt: number;
    readonly expiresAt: number;
  };
}

export type StoredKey = {
  readonly id: string;
  readonly userId: string;
  /** The enrolment it belongs to: a key of an earlier epoch is never used again. */
  readonly epoch: number;
  /** 33-byte compressed point. */
  readonly publicKey: Uint8Array;
  readonly createdAtMs: number;
} & (
  | { readonly guard: 'open'; readonly privateKey: CryptoKey }
  /** PKCS #8 under the vault's master key. */
  | { readonly guard: 'pin'; readonly sealed: SealedKey }
);

/** What one person's PIN opens on this phone, and what wrong PINs have cost so far. */
export type StoredVault = { readonly userId: string } & (
  | {
      readonly state: 'set';
      readonly pin: PinSecrets;
      readonly master: SealedKey;
      /** Wrong tries in a row; counted before a try is made. */
      readonly failures: number;
      /** Milliseconds with the wallet open until the next try. No clock is asked. */
      readonly waitMs: number;
      /** Chosen lower than the issuer's; null when nothing was chosen. */
      readonly limitMinor: bigint | null;
      /** A second way in: the same master key under what the phone's authenticator gives. */
      readonly passkey?: PasskeyRecord & {
        /** HMAC-SHA-256, never extractable, as the PIN's. */
        readonly phoneKey: CryptoKey;
        readonly master: SealedKey;
      };
    }
  /** Too many wrong PINs, or the person had it deleted: the keys are gone, the money comes back by itself. */
  | { readonly state: 'wiped'; readonly why: 'wrong_pins' | 'asked'; readonly sessionEnded: boolean }
);

export interface WalletSchema extends DBSchema {
  meta: { key: string; value: MetaValues[keyof MetaValues] };
  keys: { key: string; value: StoredKey; indexes: { userId: string } };
  vaults: { key: string; value: StoredVault };
  allowances: { key: string; value: StoredAllowance; indexes: { userId: string } };
  payments: {
    key: string;
    value: StoredPayment;
    indexes: { requestHash: string; place: [string, number]; userId: string };
  };
  refunds: {
    key: string;
    value: StoredRefund;
    indexes: { userId: string; paymentId: string };
  };
  intents: { key: string; value: Intent; indexes: { userId: string } };
  history: { key: string; value: HistoryItem & { readonly userId: string }; indexes: { userId: string } };
}

export type Database = IDBPDatabase<WalletSchema>;
type Upgrade = (
  database: Database,
  transaction: IDBPTransaction<WalletSchema, StoreNames<WalletSchema>[], 'versionchange'>,
) => void;

/** Migration `n` (from 1) brings a database from version `n - 1` to `n`. */
export const MIGRATIONS: readonly Upgrade[] = [
  (database) => {
    database.createObjectStore('meta');
    database.createObjectStore('keys', { keyPath: 'id' }).createIndex('userId', 'userId');
    database.createObjectStore('allowances', { keyPath: 'id' }).createIndex('userId', 'userId');
    const payments = database.createObjectStore('payments', { keyPath: 'id' });
    // Never two payments for one request, never one counter twice: the database refuses, not an if.
    payments.createIndex('requestHash', 'requestHash', { unique: true });
    payments.createIndex('place', ['allowanceId', 'counter'], { unique: true });
    payments.createIndex('userId', 'userId');
    database.createObjectStore('intents', { keyPath: 'key' }).createIndex('userId', 'userId');
    database.createObjectStore('history', { keyPath: 'id' }).createIndex('userId', 'userId');
  },
  (_database, transaction) => {
    // Requests on the transaction itself: it commits when they are done, and the version changes with them.
    const payments = transaction.objectStore('payments');
    void payments.openCursor().then(async function next(cursor): Promise<void> {
      if (cursor === null) return;
      await cursor.update({ ...cursor.value, request: null, kioskId: null, handedIn: null });
      await next(await cursor.continue());
    });
    const allowances = transaction.objectStore('allowances');
    void allowances.openCursor().then(async function next(cursor): Promise<void> {
      if (cursor === null) return;
      await cursor.update({ ...cursor.value, deniedFor: null });
      await next(await cursor.continue());
    });
  },
  // Keys and loads from before there were PINs carry no guard: they are ready to sign, as `open` ones are.
  (database) => {
    database.createObjectStore('vaults', { keyPath: 'userId' });
  },
  (database) => {
    const refunds = database.createObjectStore('refunds', { keyPath: 'id' });
    refunds.createIndex('userId', 'userId');
    refunds.createIndex('paymentId', 'paymentId');
  },
];
