/**
 * What leaves the store: plain values that survive a message between threads. Reading of SQLite's own types
 * (bigint for every integer, Buffer for every blob) happens here and nowhere else.
 */
import type { GuaranteeTier, RefundKind } from '@tikiwallet/protocol';
import type {
  RefundReason,
  RefundSettlement,
  RefundState,
  SaleState,
  SettlementState,
} from '../../ipc/index.ts';

export interface StoredPayment {
  /** Hex. */
  readonly paymentHash: string;
  readonly requestId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly maskedPhone: string;
  readonly tier: GuaranteeTier;
  /** Bit set of the protocol's checks. */
  readonly checks: number;
  readonly sequence: number;
  readonly acceptedAt: number;
  readonly settlement: SettlementState;
  readonly settledAt: number | null;
  readonly refusalCode: string | null;
  /** Given back of it so far. */
  readonly refundedMinor: bigint;
}

/** What was given back of a sale at one time. */
export interface StoredRefund {
  readonly refundId: string;
  /** Of the sale; hex. */
  readonly paymentHash: string;
  readonly kind: RefundKind;
  readonly reason: RefundReason;
  /** Of the refund's own entry in the journal. */
  readonly sequence: number;
  readonly amountMinor: bigint;
  /** Of the sale, this refund included. */
  readonly refundedMinor: bigint;
  readonly givenBackAt: number;
  readonly settlement: RefundSettlement;
  readonly settledAt: number | null;
  readonly refusalCode: string | null;
}

/** An offer to give back, as the screen follows it. */
export interface RefundRecord {
  readonly refundId: string;
  readonly paymentHash: string;
  readonly saleSequence: number;
  readonly saleMinor: bigint;
  /** Given back of the sale by now. */
  readonly refundedMinor: bigint;
  readonly currency: string;
  readonly maskedPhone: string;
  readonly kind: RefundKind;
  readonly amountMinor: bigint;
  readonly reason: RefundReason;
  /** What the QR code carries: the kiosk's certificate and the signed offer. */
  readonly envelope: Uint8Array;
  readonly state: RefundState;
  readonly openedAtMs: number;
  /** On the monotonic clock of this boot; null when it was offered in an earlier one. */
  readonly deadlineMs: number | null;
  readonly refund: StoredRefund | null;
  readonly receipt: Uint8Array | null;
}

export interface SaleRecord {
  readonly saleId: string;
  readonly requestId: string;
  readonly requestHash: Uint8Array;
  /** What the QR code carries: the kiosk's certificate and the signed request. */
  readonly envelope: Uint8Array;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly state: SaleState;
  readonly openedAtMs: number;
  /** On the monotonic clock of this boot; null when the sale was opened in an earlier one. */
  readonly deadlineMs: number | null;
  readonly payment: StoredPayment | null;
  /** The payer's number is asked for. */
  readonly checksPhone: boolean;
}

/** A blob as an ordinary array of its own: SQLite's Buffers neither travel nor compare like one. */
export function ownBytes(blob: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = blob;
  // Each blob comes with memory of its own, which needs no copy to be ours.
  return byteLength === buffer.byteLength
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(blob);
}

const BOUND_BYTES = 8_192;
const bound = Buffer.alloc(BOUND_BYTES);
let boundEnd = 0;

/**
 * A short blob as SQLite takes it at once: V8 keeps short arrays among its objects, and to show one to C++ it must first give it
 * memory of its own. Good until the statement that it is bound to has run.
 */
export function toBind(blob: Uint8Array): Uint8Array {
  if (blob.length > 64) return blob;
  if (boundEnd + blob.length > BOUND_BYTES) boundEnd = 0;
  const place = bound.subarray(boundEnd, boundEnd + blob.length);
  place.set(blob);
  boundEnd += blob.length;
  return place;
}

/** For columns whose CHECK keeps them small; money never passes here. */
export function toNumber(value: bigint): number {
  return Number(value);
}

export function toNumberOrNull(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}
