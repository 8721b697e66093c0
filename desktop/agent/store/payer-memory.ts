/**
 * What the limits ask about a payer, kept beside the table so that a payment of a phone that is known costs no query. The
 * table has the last word: what is not here is read from it, what a transaction undid is forgotten, and this connection is
 * the table's only writer. Decides nothing.
 */
import type { PayerFacts, RecentPayment } from '@tikiwallet/protocol';

/** As many phones as a busy shop sees in days. */
const MAX_REMEMBERED = 4_096;

/** How the table answers. */
export interface PayerTable {
  hasPaid(payer: Uint8Array): boolean;
  /** Accepted later than `sinceSeconds`. */
  recent(payer: Uint8Array, sinceSeconds: number): readonly RecentPayment[];
  allowanceSumMinor(allowanceId: string): bigint;
}

export interface Payer {
  /** The phone's compressed key. */
  readonly devicePublicKey: Uint8Array;
  readonly allowanceId: string;
}

interface Remembered {
  hasPaid: boolean;
  /** Everything accepted later than this is in `recent`, and nothing else. */
  sinceSeconds: number;
  recent: RecentPayment[];
  /** Of `recent`, the earliest: most payers have nothing that leaves the window. */
  oldestAt: number;
}

export class PayerMemory {
  readonly #table: PayerTable;
  readonly #payers = new Map<string, Remembered>();
  readonly #sumsMinor = new Map<string, bigint>();
  /** By allowance: a key as text is made, and its characters are gone through, once for all payments of a certificate as it was read. */
  readonly #names = new Map<string, { readonly key: Uint8Array; readonly name: string }>();

  constructor(table: PayerTable) {
    this.#table = table;
  }

  /** Since `sinceSeconds`, and ever. */
  facts(payer: Payer, sinceSeconds: number): PayerFacts {
    const { hasPaid, recent } = this.#payer(payer, sinceSeconds);
    return { hasPaidHere: hasPaid, recent, allowanceSumMinor: this.#sumMinor(payer.allowanceId) };
  }

  /** A payment was written to the table. */
  add(payer: Payer, payment: RecentPayment): void {
    const known = this.#payers.get(this.#nameOf(payer));
    if (known !== undefined) {
      known.hasPaid = true;
      if (payment.acceptedAt > known.sinceSeconds) {
        known.recent.push(payment);
        known.oldestAt = Math.min(known.oldestAt, payment.acceptedAt);
      }
    }
    const sumMinor = this.#sumsMinor.get(payer.allowanceId);
    if (sumMinor !== undefined) this.#sumsMinor.set(payer.allowanceId, sumMinor + payment.amountMinor);
  }

  forget(): void {
    this.#payers.clear();
    this.#sumsMinor.clear();
  }

  #nameOf({ allowanceId, devicePublicKey: key }: Payer): string {
    const known = this.#names.get(allowanceId);
    if (known?.key === key) return known.name;
    const name = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
    if (this.#names.size >= MAX_REMEMBERED) this.#names.clear();
    this.#names.set(allowanceId, { key, name });
    return name;
  }

  #payer(payer: Payer, sinceSeconds: number): Remembered {
    const key = payer.devicePublicKey;
    const name = this.#nameOf(payer);
    const known = this.#payers.get(name);
    // A window that reaches further back than what was read, as after a clock that was set right: the table is asked again.
    if (known !== undefined && sinceSeconds >= known.sinceSeconds) {
      if (known.oldestAt <= sinceSeconds) {
        known.recent = known.recent.filter(({ acceptedAt }) => acceptedAt > sinceSeconds);
        known.oldestAt = oldestOf(known.recent);
      }
      known.sinceSeconds = sinceSeconds;
      return known;
    }
    const recent = [...this.#table.recent(key, sinceSeconds)];
    const read = { hasPaid: this.#table.hasPaid(key), sinceSeconds, recent, oldestAt: oldestOf(recent) };
    if (this.#payers.size >= MAX_REMEMBERED) this.#payers.clear();
    this.#payers.set(name, read);
    return read;
  }

  #sumMinor(allowanceId: string): bigint {
    const known = this.#sumsMinor.get(allowanceId);
    if (known !== undefined) return known;
    const sumMinor = this.#table.allowanceSumMinor(allowanceId);
    if (this.#sumsMinor.size >= MAX_REMEMBERED) this.#sumsMinor.clear();
    this.#sumsMinor.set(allowanceId, sumMinor);
    return sumMinor;
  }
}

function oldestOf(payments: readonly RecentPayment[]): number {
  return payments.reduce((oldest, { acceptedAt }) => Math.min(oldest, acceptedAt), Infinity);
}
