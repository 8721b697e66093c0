/**
 * What becomes of each sale, given everything that is known and locked: pure, in the journal's order.
 *
 * Owns: double-spend detection and the order of paying - the reserve, then the guarantee fund up to its limit, then
 * nobody. Never: counts one payment twice, whoever presents it and however often.
 */
import { contradicts, type RefusalCode } from '@tikiwallet/protocol';
import type { DoubleSpendRule, SaleOutcome } from '../db/schema/settlement.ts';
import type { CheckedSale, ValidSale } from './check-sales.ts';

export interface KnownPayment {
  readonly hash: Uint8Array;
  readonly counter: number;
  readonly amountMinor: bigint;
  readonly cumulativeMinor: bigint;
  /** Null for one that is stored: it is read when it proves something. */
  readonly bytes: Uint8Array | null;
}

/** An allowance as it stands under its lock, or in the version that is asked for when it is written. */
export interface AllowanceState {
  readonly id: string;
  /** Of its row: another one says that somebody wrote it meanwhile. */
  readonly version: string;
  readonly userId: string;
  readonly currency: string;
  readonly remainingMinor: bigint;
  /** The deny list's version that lists it; null while none does. */
  readonly deniedVersion: number | null;
  readonly closing: {
    readonly counter: number;
    readonly cumulativeMinor: bigint;
    readonly bytes: Uint8Array;
  } | null;
  /** A proof exists already: one is enough. */
  readonly hasCase: boolean;
  /** Those presented before whose counters stand next to those that are judged; may be left empty when a case exists. */
  readonly payments: readonly KnownPayment[];
}

export interface Outcome {
  readonly outcome: SaleOutcome;
  readonly code: RefusalCode | null;
}

export interface Ground {
  readonly allowances: ReadonlyMap<string, AllowanceState>;
  /** Outcomes of payments presented before, by hex of their hash. */
  readonly standing: ReadonlyMap<string, Outcome>;
  /** The deny list under which the kiosk closed the journal before these sales. */
  readonly reportedDenyListVersion: number;
  /** What the guarantee fund may still pay to this merchant this month. */
  readonly guaranteeLeftMinor: bigint;
}

export interface Decision extends Outcome {
  readonly sale: CheckedSale;
  /** False for a payment that was counted before. */
  readonly counted: boolean;
}

export interface NewPayment extends Outcome {
  readonly sale: ValidSale;
  readonly fromReserveMinor: bigint;
  readonly fromGuaranteeMinor: bigint;
}

/** What was signed first: a payment, or the closing statement of the phone, whose bytes are at hand. */
export type FirstHalf = { readonly bytes: Uint8Array } | { readonly bytes: null; readonly hash: Uint8Array };

export interface DoubleSpend {
  readonly allowanceId: string;
  readonly rule: DoubleSpendRule;
  readonly first: FirstHalf;
  readonly second: ValidSale;
}

export interface Decisions {
  readonly sales: readonly Decision[];
  readonly payments: readonly NewPayment[];
  readonly doubleSpends: readonly DoubleSpend[];
  readonly guaranteeUsedMinor: bigint;
}

export function decide(checked: readonly CheckedSale[], ground: Ground): Decisions {
  const running = new Running(ground);
  const sales = checked.map((sale): Decision => {
    if (sale.verdict === 'refused') return { sale, outcome: 'refused', code: sale.code, counted: true };
    return running.take(sale);
  });
  return {
    sales,
    payments: running.payments,
    doubleSpends: running.doubleSpends,
    guaranteeUsedMinor: ground.guaranteeLeftMinor - running.guaranteeLeftMinor,
  };
}

interface RunningAllowance {
  readonly state: AllowanceState;
  remainingMinor: bigint;
  isProven: boolean;
  readonly payments: KnownPayment[];
}

class Running {
  readonly payments: NewPayment[] = [];
  readonly doubleSpends: DoubleSpend[] = [];
  guaranteeLeftMinor: bigint;
  readonly #ground: Ground;
  readonly #standing: Map<string, Outcome>;
  readonly #allowances: ReadonlyMap<string, RunningAllowance>;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.guaranteeLeftMinor = ground.guaranteeLeftMinor;
    this.#standing = new Map(ground.standing);
    this.#allowances = new Map(
      [...ground.allowances].map(([id, state]) => [
        id,
        {
          state,
          remainingMinor: state.remainingMinor,
          isProven: state.hasCase,
          payments: [...state.payments],
        },
      ]),
    );
  }

  take(sale: ValidSale): Decision {
    const known = this.#standing.get(sale.paymentKey);
    if (known !== undefined) return { sale, ...known, counted: false };
    const allowance = this.#allowances.get(sale.allowance.certificate.allowanceId);
    if (allowance === undefined) throw new Error('a valid sale names an allowance that was not locked');
    const rule = this.#detect(sale, allowance);
    const payment = this.#pay(sale, allowance, rule);
    this.payments.push(payment);
    allowance.payments.push(sale.payment);
    const { outcome, code } = payment;
    this.#standing.set(sale.paymentKey, { outcome, code });
    return { sale, outcome, code, counted: true };
  }

  #detect(sale: ValidSale, allowance: RunningAllowance): DoubleSpendRule | null {
    if (allowance.isProven) return null;
    const proof = findProof(sale, allowance);
    if (proof === null) return null;
    allowance.isProven = true;
    this.doubleSpends.push({ allowanceId: allowance.state.id, ...proof, second: sale });
    return proof.rule;
  }

  #pay(sale: ValidSale, allowance: RunningAllowance, rule: DoubleSpendRule | null): NewPayment {
    const nothing = { sale, fromReserveMinor: 0n, fromGuaranteeMinor: 0n };
    if (this.#kioskKnew(sale, allowance.state))
      return { ...nothing, outcome: 'refused', code: 'allowance_denied' };
    const { amountMinor } = sale.payment;
    const fromReserveMinor = amountMinor < allowance.remainingMinor ? amountMinor : allowance.remainingMinor;
    const fromGuaranteeMinor = amountMinor - fromReserveMinor;
    // What a manager let through is the shop's own risk: the fund of all shops does not stand for it.
    const guaranteeLeftMinor = sale.isAtRisk ? 0n : this.guaranteeLeftMinor;
    if (fromGuaranteeMinor > guaranteeLeftMinor) {
      return {
        ...nothing,
        outcome: 'disputed',
        code: rule === null ? 'payment_exceeds_allowance' : CODE_OF[rule],
      };
    }
    allowance.remainingMinor -= fromReserveMinor;
    this.guaranteeLeftMinor -= fromGuaranteeMinor;
    const outcome = fromGuaranteeMinor === 0n ? 'settled' : 'settled_by_guarantee';
    return { sale, outcome, code: null, fromReserveMinor, fromGuaranteeMinor };
  }

  /**
   * What a kiosk accepted before it could know of a denial is honoured. Once it has said that it knows - in the
   * request, or by closing its journal under such a list - nothing newer is: that is what makes an early return safe.
   */
  #kioskKnew(sale: ValidSale, { deniedVersion }: AllowanceState): boolean {
    if (deniedVersion === null) return false;
    return (
      sale.requestDenyListVersion >= deniedVersion || this.#ground.reportedDenyListVersion >= deniedVersion
    );
  }
}

const CODE_OF: Readonly<Record<DoubleSpendRule, RefusalCode>> = {
  same_counter: 'payment_counter_not_increasing',
  cumulative_sum: 'payment_cumulative_inconsistent',
  closing_statement: 'payment_exceeds_allowance',
};

function findProof(
  sale: ValidSale,
  allowance: RunningAllowance,
): { readonly rule: DoubleSpendRule; readonly first: FirstHalf } | null {
  const { payment } = sale;
  const twin = allowance.payments.find((known) => contradicts(known, payment));
  if (twin !== undefined) {
    const rule = twin.counter === payment.counter ? 'same_counter' : 'cumulative_sum';
    return { rule, first: twin.bytes === null ? { bytes: null, hash: twin.hash } : { bytes: twin.bytes } };
  }
  const { closing } = allowance.state;
  if (closing === null) return null;
  // The phone signed that nothing lies beyond its closing statement; this does.
  const isBeyond = payment.counter > closing.counter || payment.cumulativeMinor > closing.cumulativeMinor;
  return isBeyond ? { rule: 'closing_statement', first: { bytes: closing.bytes } } : null;
}
