import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AllowanceCertificate, contradicts, type Payment, toHex } from '@tikiwallet/protocol';
import type { ValidSale } from './check-sales.ts';
import { type AllowanceState, decide, type Decisions, type Ground } from './decide.ts';

const CAP = 1_000n;
const ALLOWANCES = ['a', 'b'];

const certificate: AllowanceCertificate = {
  hash: new Uint8Array(32),
  bytes: new Uint8Array(1),
  allowanceId: 'a',
  devicePublicKey: new Uint8Array(33),
  currency: 'SGD',
  capMinor: CAP,
  perPaymentMinor: CAP,
  firstCounter: 1,
  softCounterLimit: 50,
  hardCounterLimit: 60,
  notBefore: 0,
  notAfter: 1,
  assurance: 1,
  standing: 1,
  maskedPhone: '+65****4567',
  phoneCommitment: new Uint8Array(16),
  payeeLock: null,
};

interface Drawn {
  readonly allowanceId: string;
  readonly counter: number;
  readonly amountMinor: bigint;
  readonly earlierMinor: bigint;
}

/** One payment per content: the identity is made of the content, as a hash is. */
function saleOf({ allowanceId, counter, amountMinor, earlierMinor }: Drawn, sequence: number): ValidSale {
  const cumulativeMinor = earlierMinor + amountMinor;
  const hash = new Uint8Array(32);
  new TextEncoder().encodeInto(`${allowanceId} ${counter} ${amountMinor} ${cumulativeMinor}`, hash);
  const payment: Payment = {
    hash,
    bytes: hash,
    counter,
    amountMinor,
    cumulativeMinor,
    previousLink: new Uint8Array(16),
    requestHash: new Uint8Array(32),
    signedAt: 0,
  };
  const allowance = { certificate: { ...certificate, allowanceId }, userId: 'u', reserveAccountId: 'r' };
  return {
    verdict: 'valid',
    sequence,
    acceptedAt: 0,
    payment,
    paymentKey: toHex(hash),
    allowance,
    isAtRisk: false,
    requestDenyListVersion: 0,
  };
}

const ground = (guaranteeLeftMinor: bigint, changes: Partial<AllowanceState> = {}): Ground => ({
  allowances: new Map(
    ALLOWANCES.map((id) => [
      id,
      {
        id,
        version: '1',
        userId: 'u',
        currency: 'SGD',
        remainingMinor: CAP,
        deniedVersion: null,
        closing: null,
        hasCase: false,
        payments: [],
        ...changes,
      },
    ]),
  ),
  standing: new Map(),
  reportedDenyListVersion: 0,
  guaranteeLeftMinor,
});

/** Hands `batches` in one after the other, carrying over what each one changed. */
function settleAll(batches: readonly (readonly ValidSale[])[], start: Ground): Decisions[] {
  let now = start;
  return batches.map((batch) => {
    const decided = decide(batch, now);
    const allowances = new Map(now.allowances);
    for (const { sale, fromReserveMinor } of decided.payments) {
      const id = sale.allowance.certificate.allowanceId;
      const state = allowances.get(id);
      if (state === undefined) throw new Error(id);
      const hasCase = state.hasCase || decided.doubleSpends.some((found) => found.allowanceId === id);
      const remainingMinor = state.remainingMinor - fromReserveMinor;
      allowances.set(id, { ...state, remainingMinor, hasCase, payments: [...state.payments, sale.payment] });
    }
    const standing = new Map(now.standing);
    for (const { sale, outcome, code } of decided.payments) standing.set(sale.paymentKey, { outcome, code });
    now = {
      ...now,
      allowances,
      standing,
      guaranteeLeftMinor: now.guaranteeLeftMinor - decided.guaranteeUsedMinor,
    };
    return decided;
  });
}

const drawn = fc.record({
  allowanceId: fc.constantFrom(...ALLOWANCES),
  counter: fc.integer({ min: 1, max: 6 }),
  amountMinor: fc.bigInt({ min: 1n, max: 400n }),
  earlierMinor: fc.bigInt({ min: 0n, max: 600n }),
});
const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
const paidOf = (decisions: readonly Decisions[]) => decisions.flatMap((one) => one.payments);

function pieces(sales: readonly ValidSale[], size: number): ValidSale[][] {
  const batches: ValidSale[][] = [];
  for (let i = 0; i < sales.length; i += size) batches.push(sales.slice(i, i + size));
  return batches;
}

describe('deciding', () => {
  test('in any order, split and repetition pays the same sums and each payment once (R47)', () => {
    fc.assert(
      fc.property(
        fc.array(drawn, { maxLength: 14 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        (list, size, seed) => {
          const sales = list.map(saleOf);
          const shuffled = [...sales, ...sales]
            .map((sale, i) => ({ sale, rank: (i * 7919 + seed) % 101 }))
            .sort((x, y) => x.rank - y.rank)
            .map(({ sale }) => sale);
          const plenty = 1_000_000n;
          const straight = paidOf(settleAll([sales], ground(plenty)));
          const bent = paidOf(settleAll(pieces(shuffled, size), ground(plenty)));
          const distinct = new Set(sales.map((sale) => sale.paymentKey));
          for (const paid of [straight, bent]) {
            expect(paid.map(({ sale }) => sale.paymentKey).sort()).toEqual([...distinct].sort());
            expect(paid.every(({ outcome }) => outcome !== 'disputed' && outcome !== 'refused')).toBe(true);
          }
          expect(sum(bent.map((p) => p.fromReserveMinor))).toBe(sum(straight.map((p) => p.fromReserveMinor)));
          expect(sum(bent.map((p) => p.fromGuaranteeMinor))).toBe(
            sum(straight.map((p) => p.fromGuaranteeMinor)),
          );
        },
      ),
    );
  });

  test('never draws more than the reserve holds and the guarantee allows, and covers a payment wholly or not at all', () => {
    fc.assert(
      fc.property(
        fc.array(drawn, { maxLength: 14 }),
        fc.bigInt({ min: 0n, max: 500n }),
        (list, guaranteeMinor) => {
          const paid = paidOf(settleAll([list.map(saleOf)], ground(guaranteeMinor)));
          for (const id of ALLOWANCES) {
            const mine = paid.filter(({ sale }) => sale.allowance.certificate.allowanceId === id);
            expect(sum(mine.map((p) => p.fromReserveMinor))).toBeLessThanOrEqual(CAP);
          }
          expect(sum(paid.map((p) => p.fromGuaranteeMinor))).toBeLessThanOrEqual(guaranteeMinor);
          for (const { sale, outcome, fromReserveMinor, fromGuaranteeMinor } of paid) {
            const covered = outcome === 'disputed' ? 0n : sale.payment.amountMinor;
            expect(fromReserveMinor + fromGuaranteeMinor).toBe(covered);
          }
        },
      ),
    );
  });

  test('the guarantee never pays for what a manager let through, the reserve does', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(drawn, fc.boolean()), { maxLength: 14 }), (list) => {
        const sales = list.map(([sale, isAtRisk], index) => ({ ...saleOf(sale, index), isAtRisk }));
        for (const { sale, outcome, fromReserveMinor, fromGuaranteeMinor } of paidOf(
          settleAll([sales], ground(1_000_000n)),
        )) {
          if (!sale.isAtRisk) continue;
          expect(fromGuaranteeMinor).toBe(0n);
          expect(outcome === 'settled' ? sale.payment.amountMinor : 0n).toBe(fromReserveMinor);
        }
      }),
    );
    const risky = (counter: number, isAtRisk: boolean) => ({
      ...saleOf({ allowanceId: 'a', counter, amountMinor: 600n, earlierMinor: 0n }, counter),
      isAtRisk,
    });
    const outcomes = (...sales: ValidSale[]) =>
      decide(sales, ground(1_000_000n)).sales.map(({ outcome }) => outcome);
    expect(outcomes(risky(1, false), risky(2, true))).toEqual(['settled', 'disputed']);
    expect(outcomes(risky(1, true), risky(2, false))).toEqual(['settled', 'settled_by_guarantee']);
  });

  test('leaves exactly one proof where any two payments contradict each other, and none where none do (R32)', () => {
    fc.assert(
      fc.property(fc.array(drawn, { maxLength: 10 }), fc.integer({ min: 1, max: 4 }), (list, size) => {
        const sales = list.map(saleOf);
        const found = settleAll(pieces(sales, size), ground(1_000_000n)).flatMap((one) => one.doubleSpends);
        for (const id of ALLOWANCES) {
          const mine = sales.filter((sale) => sale.allowance.certificate.allowanceId === id);
          const isDouble = mine.some((x) => mine.some((y) => contradicts(x.payment, y.payment)));
          expect(found.filter(({ allowanceId }) => allowanceId === id)).toHaveLength(isDouble ? 1 : 0);
        }
      }),
    );
  });

  test('an overspend always leaves a proof', () => {
    fc.assert(
      fc.property(fc.array(drawn, { maxLength: 14 }), (list) => {
        // What check-sales.ts lets through: no sum above the cap.
        const sales = list.map(saleOf).filter(({ payment }) => payment.cumulativeMinor <= CAP);
        const [decided] = settleAll([sales], ground(1_000_000n));
        for (const { sale, fromGuaranteeMinor } of decided?.payments ?? []) {
          if (fromGuaranteeMinor === 0n) continue;
          const id = sale.allowance.certificate.allowanceId;
          expect(decided?.doubleSpends.map((found) => found.allowanceId)).toContain(id);
        }
      }),
    );
  });

  test('honours what was accepted before the kiosk knew of a denial, and nothing after', () => {
    const sale = saleOf({ allowanceId: 'a', counter: 1, amountMinor: 10n, earlierMinor: 0n }, 1);
    const outcomeOf = (denied: number, requested: number, reported: number) =>
      decide([{ ...sale, requestDenyListVersion: requested }], {
        ...ground(0n, { deniedVersion: denied }),
        reportedDenyListVersion: reported,
      }).sales[0]?.outcome;
    expect(outcomeOf(5, 4, 4)).toBe('settled');
    expect(outcomeOf(5, 5, 4)).toBe('refused');
    expect(outcomeOf(5, 4, 5)).toBe('refused');
  });
});
