/**
 * What the agent's main thread asks of the store's thread, as types: one table of commands, both ends derived from
 * it. Everything here survives a structured clone; nothing here runs.
 */
import type { LimitSettings, Policy, RefusalCode } from '@tikiwallet/protocol';
import type { EnrolResult, KioskTrust } from '@tikiwallet/server/contract';
import type { AcceptOutcome, Consent, DeliveryToAccept } from '../accept-payment.ts';
import type { OfferOutcome, RefundOutcome, RefundToOffer } from '../give-back.ts';
import type { IpcErrorCode } from '../../ipc/index.ts';
import type { AcknowledgementResult, BatchToSend } from '../settle/batches.ts';
import type { BeltMemory } from './delivery-belt.ts';
import type { StorageFault } from './faults.ts';
import type { TrustRefusal } from './kiosk-record.ts';
import type { StoreSnapshot } from './kiosk-store.ts';
import type { OwnedLimits } from './limit-settings.ts';
import type { OpenDatabaseOptions } from './open-database.ts';
import type { PackedOutcomes } from './packing.ts';
import type { RefundRecord, SaleRecord, StoredPayment, StoredRefund } from './rows.ts';
import type { OpenSale } from './sale-requests.ts';
import type { SigningMemory } from './signing-aside.ts';

export interface StoreOptions extends OpenDatabaseOptions {
  readonly signingKeyPem: string;
  readonly sealingKeyPem: string;
}

/**
 * Memory that the threads share: what is known of signatures (`verdicts.ts`), the deliveries (`delivery-belt.ts`), and what
 * is to be signed (`signing-aside.ts`).
 */
export interface SharedMemory {
  readonly cells: Int32Array;
  readonly belt: BeltMemory;
  readonly signing: SigningMemory;
}

export type StoreThreadData = StoreOptions & SharedMemory;
export type SignatureThreadData = Pick<StoreOptions, 'signingKeyPem'> & SharedMemory;

/** Each owner's own; the issuer's is the lower of policy and certificate, before any halving. */
export interface LimitOverview {
  readonly issuer: Policy;
  readonly merchant: LimitSettings;
  readonly kiosk: LimitSettings;
  /** The merchant's for all its kiosks. */
  readonly cloud: LimitSettings;
  /** What counts at this level of freshness. */
  readonly counts: LimitSettings;
}

/** `limits`, `sealing`: why the merchant's limits, or the cloud's sealing key, that came along were not taken; the bundle was all the same. */
export type TrustInstalled =
  | { readonly ok: true; readonly limits: RefusalCode | null; readonly sealing?: RefusalCode }
  | { readonly ok: false; readonly code: TrustRefusal; readonly sealing?: RefusalCode };

export interface SealingNow {
  readonly key: { readonly publicKey: Uint8Array; readonly keyId: Uint8Array } | null;
  /** There is, or was, a key, and a clock of this machine or the cloud's signed word has come to its end: the cloud is asked first. */
  readonly isDue: boolean;
}

/** Name to parameters and result. Every command is one transaction, or reads only. */
export interface StoreCommands {
  accept: { params: readonly DeliveryToAccept[]; result: readonly AcceptOutcome[] };
  openSale: { params: OpenSale; result: SaleRecord };
  cancelSale: { params: string; result: SaleRecord };
  /** The sale as it stands; if its time is up, that is written down first. */
  lookAtSale: { params: string; result: SaleRecord };
  /** How it ended was seen: it is not shown again after a restart. */
  putAwaySale: { params: string; result: null };
  /** `pinHash` null: without a manager, where the till has no PIN. */
  openRefund: { params: RefundToOffer & { readonly pinHash: Uint8Array | null }; result: OfferOutcome };
  cancelRefund: { params: string; result: RefundRecord };
  /** The refund as it stands; if its time is up, that is written down first. */
  lookAtRefund: { params: string; result: RefundRecord };
  acceptRefund: { params: Uint8Array; result: RefundOutcome };
  /** Of a payment named by its hash in hex, oldest first. */
  refundsOf: { params: string; result: readonly StoredRefund[] };
  refundReceiptOf: { params: string; result: Uint8Array | null };
  /** Of a payment named by its hash in hex; null when it is not stored. */
  receiptOf: { params: string; result: Uint8Array | null };
  page: {
    params: { readonly before: number | null; readonly limit: number };
    result: readonly StoredPayment[];
  };
  /** Signs a proof that this kiosk holds its signing key, for one enrolment code. */
  proveKey: { params: string; result: Uint8Array };
  enrol: { params: EnrolResult; result: TrustInstalled };
  refreshTrust: { params: KioskTrust; result: TrustInstalled };
  /**
   * The cloud says that this till sells nothing for now. A trust bundle from it says otherwise. Params: the sealing key that came along;
   * result: why it was not taken.
   */
  noteSuspended: { params: string | null; result: RefusalCode | null };
  /** What the merchant or this kiosk wants below the issuer's limits, journalled; raising one needs the PIN. */
  setLimits: { params: OwnedLimits & { readonly pinHash: Uint8Array | null }; result: null };
  /** How many requests may be open at one time; more than before needs the PIN. */
  setMostOpen: { params: { readonly most: number; readonly pinHash: Uint8Array | null }; result: null };
  readLimits: { params: null; result: LimitOverview };
  /** Counts a try at the PIN before anybody looks at it, and answers with its salt. */
  beginPinTry: { params: null; result: Uint8Array };
  /** `former` null: whoever asks has proved the account's password to the cloud. */
  replacePin: {
    params: { readonly salt: Uint8Array; readonly hash: Uint8Array; readonly former: Uint8Array | null };
    result: null;
  };
  /** A refused payment of this sale, decided again with the manager's consent. */
  overridePayment: {
    params: Omit<Consent, 'requestId'> & { readonly saleId: string; readonly pinHash: Uint8Array };
    result: AcceptOutcome;
  };
  /** What batches are sealed to; `key` null: to nothing, as none was ever taken, or its end has come by what the cloud signed. */
  sealingKey: { params: null; result: SealingNow };
  nextBatch: { params: { readonly heartbeat: boolean }; result: BatchToSend | null };
  /** The one after those that are on their way in a stream. */
  followingBatch: { params: null; result: BatchToSend | null };
  acknowledge: { params: Uint8Array; result: AcknowledgementResult };
  resendAfter: { params: number; result: boolean };
  /** The cloud said twice that this journal is another story than the one it knows. */
  noteContradiction: { params: null; result: null };
  forgetBatch: { params: null; result: null };
  /** Time passes: writes the trusted time down and looks at it again. */
  tick: { params: null; result: null };
  stop: { params: null; result: null };
}
export type CommandName = keyof StoreCommands;
export type CommandParams<N extends CommandName> = StoreCommands[N]['params'];
export type CommandResult<N extends CommandName> = StoreCommands[N]['result'];

export type CommandTable = { readonly [N in CommandName]: (params: CommandParams<N>) => CommandResult<N> };

export interface CommandMessage<N extends CommandName = CommandName> {
  readonly id: number;
  /** How many deliveries had been laid on the belt when it was given: it comes after those, and before all others. */
  readonly after: number;
  readonly name: N;
  readonly params: CommandParams<N>;
}

/** Null wakes the store: something lies on the belt. */
export type StoreMessage = CommandMessage | null;

export type StoreReply =
  | {
      readonly type: 'ready';
      readonly snapshot: StoreSnapshot;
      /** Oldest first. */
      readonly sales: readonly SaleRecord[];
      readonly refund: RefundRecord | null;
    }
  | { readonly type: 'done'; readonly id: number; readonly result: unknown; readonly snapshot: StoreSnapshot }
  /** `snapshot` null: the store could not even be looked at. */
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly code: IpcErrorCode;
      readonly retryAfterMs: number | undefined;
      readonly snapshot: StoreSnapshot | null;
    }
  /** One commit's outcomes; `tickets` in the order in which they were sent. */
  | {
      readonly type: 'judged';
      readonly tickets: Int32Array;
      readonly outcomes: PackedOutcomes;
      readonly snapshot: StoreSnapshot;
    }
  | {
      readonly type: 'notJudged';
      readonly tickets: Int32Array;
      readonly code: IpcErrorCode;
      readonly snapshot: StoreSnapshot | null;
    }
  | { readonly type: 'quarantined'; readonly snapshot: StoreSnapshot; readonly detail: string }
  /** The outcome of a write is unknown: the process must end and read everything again. */
  | { readonly type: 'fatal'; readonly fault: StorageFault | 'crashed'; readonly detail: string }
  | { readonly type: 'log'; readonly level: 'warn' | 'error'; readonly text: string };
