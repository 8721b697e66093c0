/** Whatever way the provider's messages take, the same world ends in the same books. */
import { describe, expect, test } from 'vitest';
import { fc, test as property } from '@fast-check/vitest';
import {
  type Booking,
  bookingsBetween,
  type Facts,
  NO_FACTS,
  nextStep,
  stateOf,
  type WithdrawalFact,
  withFact,
} from './facts.ts';

const money = { accountId: 'acct', amountMinor: 950n };
const transferred: WithdrawalFact = { type: 'transferred', transferId: 'tr', currency: 'SGD', ...money };
const reversed: WithdrawalFact = { type: 'transfer_reversed', transferId: 'tr' };
const paying: WithdrawalFact = { type: 'paying', payoutId: 'po', ...money };
const paid: WithdrawalFact = { type: 'paid', payoutId: 'po', ...money };
const failed: WithdrawalFact = { type: 'payout_failed', payoutId: 'po', reason: 'no_account', ...money };
const transferRefused: WithdrawalFact = { type: 'transfer_refused', reason: 'no' };
const payoutRefused: WithdrawalFact = { type: 'payout_refused', reason: 'no' };

/** Everything that can happen to a withdrawal, in the order in which it happens. */
const WORLDS = {
  paid: [transferred, paying, paid],
  'refused by the provider': [transferRefused],
  'refused as a pay-out': [transferred, payoutRefused, reversed],
  'sent back by the bank': [transferred, paying, failed, reversed],
  'sent back by the bank after it took it': [transferred, paying, paid, failed, reversed],
} as const;
const END = {
  paid: 'paid',
  'refused by the provider': 'returned',
  'refused as a pay-out': 'returned',
  'sent back by the bank': 'returned',
  'sent back by the bank after it took it': 'returned',
} as const;

type Account = 'clearing' | 'connected' | 'transit' | 'fees' | 'pocket';
const EFFECT: Readonly<Record<Booking, Partial<Record<Account, number>>>> = {
  sent: { clearing: 950, connected: -950 },
  recalled: { clearing: -950, connected: 950 },
  paid: { transit: -1000, connected: 950, fees: 50 },
  unpaid: { transit: 1000, connected: -950, fees: -50 },
  returned: { transit: -1000, pocket: 1000 },
};

/** Tells facts one after the other. @returns what is known and what stands in every account. */
function tell(facts: readonly WithdrawalFact[]) {
  let known: Facts = NO_FACTS;
  const accounts: Record<Account, number> = {
    clearing: 0,
    connected: 0,
    transit: 1000,
    fees: 0,
    pocket: -1000,
  };
  for (const fact of facts) {
    const after = withFact(known, fact) ?? known;
    for (const booking of bookingsBetween(known, after)) {
      for (const name of ['clearing', 'connected', 'transit', 'fees', 'pocket'] as const)
        accounts[name] += EFFECT[booking][name] ?? 0;
    }
    known = after;
  }
  return { known, accounts };
}

describe.each(Object.keys(WORLDS).filter((name) => name in END))('a withdrawal that is %s', (name) => {
  const world = WORLDS[name as keyof typeof WORLDS];
  const end = END[name as keyof typeof END];

  test('ends in the state and with the money where they belong', () => {
    const { known, accounts } = tell(world);
    expect(stateOf(known)).toBe(end);
    expect(accounts).toEqual(
      end === 'paid'
        ? { clearing: 950, connected: 0, transit: 0, fees: 50, pocket: -1000 }
        : { clearing: 0, connected: 0, transit: 0, fees: 0, pocket: 0 },
    );
    expect(nextStep(known)).toBe(end === 'paid' ? 'look' : null);
  });

  const deliveries = fc
    .array(fc.constantFrom(...world), { maxLength: 12 })
    .chain((extra) => fc.shuffledSubarray([...world, ...extra], { minLength: world.length + extra.length }));
  property.prop([deliveries], { numRuns: 500 })(
    'ends so in every order and with every repetition of its messages',
    (delivered) => {
      const [straight, crooked] = [tell(world), tell(delivered)];
      expect(stateOf(crooked.known)).toBe(stateOf(straight.known));
      expect(crooked.accounts).toEqual(straight.accounts);
    },
  );

  property.prop([fc.shuffledSubarray([...world])], { numRuns: 200 })(
    'is never over before its end is known',
    (some) => {
      const { known, accounts } = tell(some);
      const isOver = nextStep(known) === null;
      expect(isOver && accounts.transit !== 0).toBe(false);
    },
  );
});

test('messages of another transfer or pay-out are refused and change nothing', () => {
  const { known } = tell([transferred, paying]);
  expect(withFact(known, { ...transferred, transferId: 'other' })).toBeNull();
  expect(withFact(known, { ...paid, payoutId: 'other' })).toBeNull();
  expect(withFact(known, { type: 'transfer_reversed', transferId: 'other' })).toBeNull();
});

test('a transfer that turns up after it was taken for refused is called back, and the money returns once', () => {
  const { known, accounts } = tell([transferRefused, transferred]);
  expect([stateOf(known), nextStep(known)]).toEqual(['returned', 'recall']);
  expect(accounts.pocket).toBe(0);
  expect(tell([transferRefused, transferred, reversed]).accounts).toEqual({
    clearing: 0,
    connected: 0,
    transit: 0,
    fees: 0,
    pocket: 0,
  });
});
