/** The limits of money at a kiosk: one below, at and above each; three owners, the lowest wins (R26). */
import { describe, expect, it } from 'vitest';
import { makeWorld, NOW } from '../test/world.ts';
import {
  attempt,
  checkLimits,
  DAY_SECONDS,
  HOUR_SECONDS,
  limitsAt,
  MONEY_LIMITS,
  needsInternetSoon,
  NUMBER_LIMITS,
  STANDING,
  type LimitFacts,
  type LimitSettings,
  type PayerFacts,
  type Policy,
} from './index.ts';

const { trust, kiosk } = makeWorld();
const wide: Policy = trust.policy;
const AMOUNT = 100n;

function decide(
  limits: Partial<Policy>,
  payer: Partial<PayerFacts> = {},
  standing: number = STANDING.good,
): string {
  const facts: LimitFacts = {
    nowSeconds: NOW,
    payer: { hasPaidHere: true, recent: [], allowanceSumMinor: 0n, ...payer },
    stored: { count: 0, sumMinor: 0n },
  };
  const allowance = { perPaymentMinor: 1_000_000n, standing };
  const answer = attempt(() =>
    checkLimits({ amountMinor: AMOUNT }, allowance, facts, { ...wide, ...limits }),
  );
  return answer.ok ? 'accepted' : answer.code;
}

/** One below, at, and above: the limit itself still passes. */
function around(code: string, limitOf: (limit: bigint) => string): void {
  expect([limitOf(AMOUNT - 1n), limitOf(AMOUNT), limitOf(AMOUNT + 1n)]).toEqual([
    code,
    'accepted',
    'accepted',
  ]);
}

describe('limits of one payment', () => {
  it('per payment at this kiosk', () => {
    around('payment_exceeds_kiosk_limit', (perPaymentMinor) => decide({ perPaymentMinor }));
  });

  it('of a phone that never paid here, and of none that has', () => {
    around('first_payment_exceeds_limit', (firstPaymentMinor) =>
      decide({ firstPaymentMinor }, { hasPaidHere: false }),
    );
    expect(decide({ firstPaymentMinor: 1n }, { hasPaidHere: true })).toBe('accepted');
  });

  it('of a payer of whom the issuer knows little, and of no other', () => {
    around('payment_exceeds_standing_limit', (newStandingMinor) =>
      decide({ newStandingMinor }, {}, STANDING.new),
    );
    expect(decide({ newStandingMinor: 1n }, {}, STANDING.established)).toBe('accepted');
  });

  it('of one allowance here, earlier payments included', () => {
    around('allowance_sum_exceeded_here', (limit) =>
      decide({ perAllowanceMinor: limit + 50n }, { allowanceSumMinor: 50n }),
    );
  });
});

describe.each([
  [
    'the window of split sales',
    120,
    'splitCount',
    'splitSumMinor',
    'split_sale_suspected',
    'split_sale_suspected',
  ],
  [
    'an hour',
    HOUR_SECONDS,
    'hourCount',
    'hourSumMinor',
    'payer_count_per_hour_exceeded',
    'payer_sum_per_hour_exceeded',
  ],
  [
    'a day',
    DAY_SECONDS,
    'dayCount',
    'daySumMinor',
    'payer_count_per_day_exceeded',
    'payer_sum_per_day_exceeded',
  ],
] as const)('one payer within %s', (_name, seconds, countLimit, sumLimit, countCode, sumCode) => {
  const ago = (age: number, count: number, amountMinor = 10n) => ({
    recent: Array.from({ length: count }, () => ({ acceptedAt: NOW - age, amountMinor })),
  });

  it('pays as often as the limit says, and not once more', () => {
    const limits = { [countLimit]: 3 };
    const answers = [1, 2, 3].map((before) => decide(limits, ago(seconds - 1, before)));
    expect(answers).toEqual(['accepted', 'accepted', countCode]);
  });

  it('pays as much as the limit says, and not a unit more', () => {
    around(sumCode, (limit) => decide({ [sumLimit]: limit + 30n }, ago(seconds - 1, 3)));
  });

  it('is free again when the earlier payments are exactly that old', () => {
    expect(decide({ [countLimit]: 1 }, ago(seconds, 9))).toBe('accepted');
    expect(decide({ [sumLimit]: AMOUNT }, ago(seconds, 9))).toBe('accepted');
    expect(decide({ [countLimit]: 1 }, ago(seconds - 1, 1))).toBe(countCode);
  });

  it('counts a payment that a clock puts into the future', () => {
    expect(decide({ [countLimit]: 1 }, ago(-5, 1))).toBe(countCode);
  });
});

describe('three owners', () => {
  it('the lowest of issuer, certificate, merchant and kiosk counts, for each limit by itself', () => {
    const merchant: LimitSettings = { hourCount: 7, daySumMinor: 900n };
    const own: LimitSettings = { hourCount: 9, daySumMinor: 800n, perPaymentMinor: 5n };
    const limits = limitsAt('full', wide, kiosk, [merchant, own]);
    expect(limits).toEqual({ ...wide, hourCount: 7, daySumMinor: 800n, perPaymentMinor: 5n });
  });

  it('what was asked before decides nothing', () => {
    const settings: readonly LimitSettings[] = [{ perPaymentMinor: 4n }];
    const ask = [
      () => limitsAt('full', wide, kiosk, settings),
      () => limitsAt('half', wide, kiosk, settings),
      () => limitsAt('full', wide, kiosk),
      () => limitsAt('full', wide, { perPaymentMinor: 2n }, settings),
      () => limitsAt('full', { ...wide, perPaymentMinor: 3n }, kiosk, settings),
      () => limitsAt('full', wide, kiosk, [{ perPaymentMinor: 1n }]),
    ].map((limits) => () => limits().perPaymentMinor);
    const alone = [
      4n,
      2n,
      wide.perPaymentMinor < kiosk.perPaymentMinor ? wide.perPaymentMinor : kiosk.perPaymentMinor,
    ];
    for (const first of ask)
      for (const [index, second] of ask.entries()) {
        first();
        expect(second()).toBe([...alone, 2n, 3n, 1n][index]);
      }
  });

  it('a setting above the issuer changes nothing', () => {
    const greedy = {
      ...Object.fromEntries(MONEY_LIMITS.map((name) => [name, wide[name] + 1n])),
      ...Object.fromEntries(NUMBER_LIMITS.map((name) => [name, wide[name] + 1])),
    };
    expect(limitsAt('full', wide, kiosk, [greedy])).toEqual(wide);
  });

  it('every limit but the length of the window can be set lower', () => {
    const strict = {
      ...Object.fromEntries(MONEY_LIMITS.map((name) => [name, 1n])),
      ...Object.fromEntries(NUMBER_LIMITS.map((name) => [name, 1])),
    };
    const { splitWindowSeconds, ...rest } = limitsAt('full', wide, kiosk, [strict]);
    expect(splitWindowSeconds).toBe(wide.splitWindowSeconds);
    expect(new Set(Object.values(rest).map(Number))).toEqual(new Set([1]));
  });
});

it('the soft counter limit asks for internet from the payment that reaches it on', () => {
  const allowance = { firstCounter: 5, softCounterLimit: 3 };
  expect([6, 7, 8].map((counter) => needsInternetSoon(allowance, counter))).toEqual([false, true, true]);
});
