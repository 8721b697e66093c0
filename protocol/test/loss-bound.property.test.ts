/**
 * The published bound of page 10, held against the rules themselves: copies of one phone attack kiosks that share
 * nothing, each with the acceptance that real kiosks run. No attack gets more, and one gets exactly that.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as protocol from '../src/index.ts';
import { crypto, makeDelivery, makeFacts, makePayment, makeRequest, makeWorld, type World } from './world.ts';

/** A kiosk as far as acceptance knows one: what it saw of the allowance, and what it holds unsettled. */
class LonelyKiosk {
  acceptedMinor = 0n;
  count = 0;
  history: protocol.AllowanceHistory | null = null;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** One delivery to this kiosk. @returns null when it was accepted, the refusal otherwise. */
  offer(attempt: { amountMinor: bigint; counter: number; cumulativeMinor: bigint }): string | null {
    const world = this.#world;
    const request = makeRequest(world, { amountMinor: attempt.amountMinor });
    const previous = this.history?.lastHash ?? world.allowance.hash;
    const payment = makePayment(world, request, { ...attempt, previousLink: protocol.linkOf(previous) });
    const facts = makeFacts(world, request, {
      history: this.history,
      stored: { sumMinor: this.acceptedMinor, count: this.count },
      payer: { hasPaidHere: this.count > 0, recent: [], allowanceSumMinor: this.acceptedMinor },
      certificateIsKnownGood: true,
    });
    const identified = protocol.runSync(protocol.identifyPayment(makeDelivery(world, payment)), crypto);
    if (!identified.ok) return identified.code;
    const decided = protocol.runSync(protocol.verifyPayment(identified.value, facts), crypto);
    if (!decided.ok) return decided.code;
    this.acceptedMinor += payment.amountMinor;
    this.count += 1;
    this.history = {
      lastCounter: payment.counter,
      lastCumulativeMinor: payment.cumulativeMinor,
      lastHash: payment.hash,
    };
    return null;
  }
}

const limits = fc.record({
  capMinor: fc.bigInt({ min: 1n, max: 1_000n }),
  perPaymentMinor: fc.bigInt({ min: 1n, max: 600n }),
  storedSumMinor: fc.bigInt({ min: 1n, max: 1_500n }),
  perAllowanceMinor: fc.bigInt({ min: 1n, max: 1_500n }),
  kiosks: fc.integer({ min: 1, max: 4 }),
});
/** The world's certificate: makeWorld certifies with this UCOL. */
const hardCounterLimit = 30;

function worldOf(given: Omit<protocol.ExposureLimits, 'kiosks' | 'hardCounterLimit'>): World {
  const { capMinor, perPaymentMinor, storedSumMinor, perAllowanceMinor } = given;
  return makeWorld({ capMinor, perPaymentMinor, policy: { storedSumMinor, perAllowanceMinor } });
}
const total = (kiosks: readonly LonelyKiosk[]) =>
  kiosks.reduce((sum, kiosk) => sum + kiosk.acceptedMinor, 0n);
const lossOf = (kiosks: readonly LonelyKiosk[], capMinor: bigint) => {
  const loss = total(kiosks) - capMinor;
  return loss > 0n ? loss : 0n;
};

/** What a thief tries next: any amount, any jump of the counter, any lie about the sum. */
const attempts = fc.array(
  fc.record({
    kiosk: fc.nat(3),
    amountMinor: fc.bigInt({ min: 1n, max: 700n }),
    jump: fc.integer({ min: -1, max: 9 }),
    lieMinor: fc.bigInt({ min: -200n, max: 200n }),
  }),
  { maxLength: 24 },
);

describe('the loss by one copied phone at kiosks that share nothing', () => {
  it('never exceeds max(0, M x c - A), whatever the copies sign', () => {
    fc.assert(
      fc.property(limits, attempts, (given, tries) => {
        const world = worldOf(given);
        const exposure = { ...given, hardCounterLimit };
        const kiosks = Array.from({ length: given.kiosks }, () => new LonelyKiosk(world));
        for (const { kiosk: index, amountMinor, jump, lieMinor } of tries) {
          const kiosk = kiosks[index % kiosks.length];
          const cumulative = (kiosk?.history?.lastCumulativeMinor ?? 0n) + amountMinor;
          const lied = cumulative + (jump === 1 ? 0n : lieMinor);
          const counter = Math.max(1, (kiosk?.history?.lastCounter ?? 0) + jump);
          kiosk?.offer({ amountMinor, counter, cumulativeMinor: lied < 1n ? 1n : lied });
        }
        const most = protocol.mostAtOneKiosk(exposure);
        for (const kiosk of kiosks) expect(kiosk.acceptedMinor <= most).toBe(true);
        expect(lossOf(kiosks, given.capMinor) <= protocol.lossBound(exposure)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is reached exactly by copies that spend as much as each kiosk takes', () => {
    fc.assert(
      fc.property(limits, (given) => {
        const world = worldOf(given);
        const exposure = { ...given, hardCounterLimit };
        const kiosks = Array.from({ length: given.kiosks }, () => new LonelyKiosk(world));
        const most = protocol.mostAtOneKiosk(exposure);
        for (const kiosk of kiosks) {
          for (let counter = 1; kiosk.acceptedMinor < most; counter += 1) {
            const left = most - kiosk.acceptedMinor;
            const amountMinor = left < given.perPaymentMinor ? left : given.perPaymentMinor;
            const cumulativeMinor = kiosk.acceptedMinor + amountMinor;
            expect(kiosk.offer({ amountMinor, counter, cumulativeMinor })).toBe(null);
          }
          // Not one unit more.
          const cumulativeMinor = kiosk.acceptedMinor + 1n;
          expect(kiosk.offer({ amountMinor: 1n, counter: kiosk.count + 1, cumulativeMinor })).not.toBe(null);
        }
        expect(lossOf(kiosks, given.capMinor)).toBe(protocol.lossBound(exposure));
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['one kiosk alone', { kiosks: 1 }, 0n],
    ['two kiosks', { kiosks: 2 }, 20_000n],
    ['ten kiosks', { kiosks: 10 }, 180_000n],
    ['ten kiosks that may hold little each', { kiosks: 10, storedSumMinor: 5_000n }, 30_000n],
    ['ten kiosks that take little of one allowance', { kiosks: 10, perAllowanceMinor: 5_000n }, 30_000n],
    ['kiosks that may hold too little to lose', { kiosks: 3, storedSumMinor: 5_000n }, 0n],
    ['small payments, few of them', { kiosks: 4, perPaymentMinor: 100n, hardCounterLimit: 60 }, 4_000n],
  ])('with %s is what arithmetic says', (_name, changes, expected) => {
    const usual = {
      capMinor: 20_000n,
      perPaymentMinor: 10_000n,
      hardCounterLimit: 60,
      storedSumMinor: 500_000n,
      perAllowanceMinor: 50_000n,
    };
    expect(protocol.lossBound({ ...usual, ...changes })).toBe(expected);
  });

  it.each([
    ['none', 10, 180_000n],
    ['merchant', 3, 40_000n],
    ['kiosk', 1, 0n],
  ] as const)('under a payee lock on %s: %i kiosks accept it', (lock, kiosks, loss) => {
    expect(protocol.kiosksThatAccept(lock, { all: 10, ofMerchant: 3 })).toBe(kiosks);
    const limits = {
      capMinor: 20_000n,
      perPaymentMinor: 10_000n,
      hardCounterLimit: 60,
      storedSumMinor: 500_000n,
      perAllowanceMinor: 50_000n,
    };
    expect(protocol.lossBound({ ...limits, kiosks })).toBe(loss);
  });
});
