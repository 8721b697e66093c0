/** Double spend: honest phones never contradict themselves, overspending phones always do (R32). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contradicts, type Payment } from './index.ts';

type Spend = Pick<Payment, 'hash' | 'counter' | 'amountMinor' | 'cumulativeMinor'>;

let hashes = 0;
const spend = (counter: number, amountMinor: bigint, cumulativeMinor: bigint): Spend => {
  hashes += 1;
  return { counter, amountMinor, cumulativeMinor, hash: Uint8Array.of(hashes >> 16, hashes >> 8, hashes) };
};
const pairs = (spends: readonly Spend[]) =>
  spends.flatMap((a, i) => spends.slice(i + 1).map((b) => [a, b] as const));
const total = (spends: readonly Spend[]) => spends.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
/** What every kiosk checks of a payment by itself. */
const isAcceptable =
  (cap: bigint) =>
  ({ amountMinor, cumulativeMinor }: Spend) =>
    amountMinor > 0n && amountMinor <= cumulativeMinor && cumulativeMinor <= cap;

const amounts = fc.array(fc.bigInt({ min: 1n, max: 500n }), { minLength: 1, maxLength: 12 });

function honest(spent: readonly bigint[]): Spend[] {
  let cumulative = 0n;
  return spent.map((amount, i) => {
    cumulative += amount;
    return spend(i + 1, amount, cumulative);
  });
}

describe('two payments contradict', () => {
  const first = spend(1, 100n, 100n);
  it.each([
    ['a payment and itself', first, false],
    ['the same counter, other content', spend(1, 100n, 100n), true],
    ['the same counter, with a sum that would count the first', spend(1, 50n, 500n), true],
    ['the next, counting the first', spend(2, 50n, 150n), false],
    ['the next, not counting the first', spend(2, 50n, 149n), true],
    ['a later one with more in between', spend(5, 50n, 400n), false],
    ['a later one that forgot the first', spend(5, 50n, 50n), true],
  ])('%s', (_what, other, expected) => {
    expect(contradicts(first, other)).toBe(expected);
    expect(contradicts(other, first)).toBe(expected);
  });
});

describe('for every sequence', () => {
  it('an honest phone leaves no contradicting pair, whatever subset is seen in whatever order', () => {
    fc.assert(
      fc.property(
        amounts.chain((spent) => fc.shuffledSubarray(honest(spent))),
        (seen) => {
          expect(pairs(seen).some(([a, b]) => contradicts(a, b))).toBe(false);
        },
      ),
    );
  });

  it('payments that no pair contradicts add up to the cap at most', () => {
    const anySpend = fc.tuple(
      fc.integer({ min: 1, max: 8 }),
      fc.bigInt({ min: 1n, max: 1_000n }),
      fc.bigInt({ min: 1n, max: 1_000n }),
    );
    fc.assert(
      fc.property(fc.array(anySpend, { maxLength: 10 }), fc.bigInt({ min: 1n, max: 1_000n }), (raw, cap) => {
        const accepted = raw.map(([c, amount, sum]) => spend(c, amount, sum)).filter(isAcceptable(cap));
        const isProved = pairs(accepted).some(([a, b]) => contradicts(a, b));
        if (total(accepted) > cap) expect(isProved).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('a cloned phone that spends more than the cap leaves a contradicting pair', () => {
    fc.assert(
      fc.property(amounts, fc.array(amounts, { minLength: 2, maxLength: 4 }), (before, clones) => {
        const common = honest(before);
        const cap = 600n + total(common);
        const base = total(common);
        const spends = [...common];
        for (const clone of clones) {
          let cumulative = base;
          clone.forEach((amount, i) => {
            cumulative += amount;
            const next = spend(common.length + i + 1, amount, cumulative);
            if (isAcceptable(cap)(next)) spends.push(next);
          });
        }
        const isProved = pairs(spends).some(([a, b]) => contradicts(a, b));
        if (total(spends) > cap) expect(isProved).toBe(true);
        // Two clones that each pay once use the same counter: found even below the cap.
        if (spends.length > new Set(spends.map(({ counter }) => counter)).size) expect(isProved).toBe(true);
      }),
    );
  });

  it('a clone that skips counters to hide is found by its sum', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 300n }),
        fc.bigInt({ min: 1n, max: 300n }),
        fc.nat(20),
        (a, b, skipped) => {
          const one = spend(1, a, a);
          const other = spend(2 + skipped, b, b);
          expect(contradicts(one, other)).toBe(true);
        },
      ),
    );
  });

  it('the bound holds: over M shops that do not talk, at most M times the cap is accepted', () => {
    // Each shop sees cumulative sums rise to the cap and no further, whatever the clone does.
    fc.assert(
      fc.property(
        fc.array(amounts, { minLength: 1, maxLength: 5 }),
        fc.bigInt({ min: 1n, max: 800n }),
        (shops, cap) => {
          const accepted = shops.flatMap((spent) => honest(spent).filter(isAcceptable(cap)));
          expect(total(accepted)).toBeLessThanOrEqual(BigInt(shops.length) * cap);
        },
      ),
    );
  });
});
