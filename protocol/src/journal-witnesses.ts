/** Signed objects of a journal file that speak of an entry: receipts of sales and of refunds, and batches. */
import { Refusal } from './errors.ts';
import type { JournalRecord } from './journal-file.ts';
import { readReceipt } from './receipt.ts';
import { readRefundReceipt } from './refund-receipt.ts';
import { readSettlementBatch } from './settlement.ts';

type WitnessKind = 'receipt' | 'refundReceipt' | 'settlementBatch';

export interface Witness {
  readonly kind: WitnessKind;
  readonly bytes: Uint8Array;
  /** Of a batch; equal to the sequence for a receipt. */
  readonly fromSequence: number;
}

export interface Witnesses {
  readonly receipts: ReadonlyMap<number, readonly Witness[]>;
  /** By the last sequence that they sign. */
  readonly batches: ReadonlyMap<number, readonly Witness[]>;
  readonly lastSequence: number;
}

function isWitness(kind: JournalRecord['kind']): kind is WitnessKind {
  return kind === 'receipt' || kind === 'refundReceipt' || kind === 'settlementBatch';
}

/** Receipts and batches by the entry that they speak of; one that cannot be read speaks of entry 1. */
export function witnessesOf(records: readonly JournalRecord[]): Witnesses {
  const receipts = new Map<number, Witness[]>();
  const batches = new Map<number, Witness[]>();
  let lastSequence = 0;
  for (const { kind, bytes } of records) {
    if (!isWitness(kind)) continue;
    const { from, to } = placeOf(kind, bytes);
    const map = kind === 'settlementBatch' ? batches : receipts;
    map.set(to, [...(map.get(to) ?? []), { kind, bytes, fromSequence: from }]);
    lastSequence = Math.max(lastSequence, to);
  }
  return { receipts, batches, lastSequence };
}

function placeOf(kind: WitnessKind, bytes: Uint8Array): { from: number; to: number } {
  try {
    if (kind === 'settlementBatch') {
      const { fromSequence, toSequence } = readSettlementBatch(bytes).batch;
      return { from: fromSequence, to: toSequence };
    }
    const { receipt } = kind === 'receipt' ? readReceipt(bytes) : readRefundReceipt(bytes);
    return { from: receipt.sequence, to: receipt.sequence };
  } catch (error) {
    if (error instanceof Refusal) return { from: 1, to: 1 };
    throw error;
  }
}
