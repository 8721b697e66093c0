import { randomUUID } from 'node:crypto';
import { toHex, type RefundKind } from '@tikiwallet/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RefundOutcome } from './give-back.ts';
import type { StoredPayment } from './store/rows.ts';
import { malleate, TestIssuer, TestKiosk } from './test/world.ts';

const issuer = new TestIssuer();
const PRICES = [1_000n, 700n] as const;

type Step =
  | { readonly op: 'offer'; readonly sale: number; readonly kind: RefundKind; readonly amountMinor: bigint }
  /** Asked again, as after a lost answer. */
  | { readonly op: 'offerAgain'; readonly pick: number }
  | { readonly op: 'cancel'; readonly pick: number }
  /** Any acceptance of any offer so far, in any order, as often as one likes, with either signature. */
  | { readonly op: 'accept'; readonly pick: number; readonly isMalleated: boolean }
  | { readonly op: 'acceptAndDieBeforeCommit'; readonly pick: number }
  | { readonly op: 'acceptAndDieAfterCommit'; readonly pick: number }
  /** Somebody else signs. */
  | { readonly op: 'forge'; readonly pick: number }
  | { readonly op: 'kill' }
  | { readonly op: 'reboot' }
  | { readonly op: 'wait'; readonly ms: number };

const of = <T extends Step['op']>(op: T) => fc.constant(op);
const pick = fc.nat();
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: of('offer'),
      sale: fc.nat(PRICES.length - 1),
      kind: fc.constantFrom<RefundKind>('refund', 'refund', 'refund', 'void'),
      amountMinor: fc.oneof(fc.bigInt(1n, 1_100n), fc.constantFrom(...PRICES)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: of('offerAgain'), pick }) },
  { weight: 1, arbitrary: fc.record({ op: of('cancel'), pick }) },
  { weight: 8, arbitrary: fc.record({ op: of('accept'), pick, isMalleated: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: of('acceptAndDieBeforeCommit'), pick }) },
  { weight: 1, arbitrary: fc.record({ op: of('acceptAndDieAfterCommit'), pick }) },
  { weight: 1, arbitrary: fc.record({ op: of('forge'), pick }) },
  { weight: 1, arbitrary: fc.record({ op: of('kill') }) },
  { weight: 1, arbitrary: fc.record({ op: of('reboot') }) },
  { weight: 1, arbitrary: fc.record({ op: of('wait'), ms: fc.nat(200_000) }) },
);

class PowerFailure extends Error {}

interface Offered {
  readonly refundId: string;
  readonly sale: StoredPayment;
  readonly kind: RefundKind;
  readonly amountMinor: bigint;
  readonly acceptance: Uint8Array;
}

class Run {
  readonly kiosk = new TestKiosk();
  readonly phone = issuer.phone();
  readonly stranger = issuer.phone();
  readonly sales: readonly StoredPayment[];
  readonly offers: Offered[] = [];
  /** What the phone was told: refund id to receipt. */
  readonly promised = new Map<string, string>();
  #boots = 1;

  constructor() {
    this.kiosk.enrol(issuer);
    this.sales = PRICES.map((price) => {
      const outcome = this.kiosk.acceptOne(this.phone.pay(this.kiosk.sell(price).envelope).delivery);
      if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
      return outcome.payment;
    });
  }

  take(each: Step): void {
    switch (each.op) {
      case 'offer':
        return this.#offer(each);
      case 'offerAgain':
        return this.#with(each.pick, ({ refundId, sale, kind, amountMinor }) => {
          this.kiosk.offer(sale.sequence, amountMinor, { refundId, kind });
        });
      case 'cancel':
        return this.#with(each.pick, ({ refundId }) => void this.kiosk.desk.run('cancelRefund', refundId));
      case 'accept':
        return this.#with(each.pick, (offer) => {
          const { acceptance } = offer;
          this.#learn(offer, this.#give(each.isMalleated ? malleate(acceptance) : acceptance));
        });
      case 'acceptAndDieBeforeCommit':
        return this.#with(each.pick, ({ acceptance }) => this.#failInCommit(acceptance));
      case 'acceptAndDieAfterCommit':
        return this.#with(each.pick, ({ acceptance }) => {
          this.#give(acceptance);
          this.kiosk.reopen();
        });
      case 'forge':
        return this.#with(each.pick, ({ refundId }) => {
          const { envelope } = this.kiosk.desk.run('lookAtRefund', refundId);
          const outcome = this.#give(this.stranger.acceptRefund(envelope));
          if (!this.promised.has(refundId)) expect(outcome.kind).not.toBe('accepted');
        });
      case 'kill':
        return this.kiosk.reopen();
      case 'reboot':
        this.#boots += 1;
        this.kiosk.clock.bootId = `boot-${this.#boots}`;
        return this.kiosk.reopen();
      case 'wait':
        return this.kiosk.clock.pass(each.ms);
    }
  }

  #with(pick: number, act: (offer: Offered) => void): void {
    const offer = this.offers[pick % Math.max(1, this.offers.length)];
    if (offer !== undefined) act(offer);
  }

  #offer({ sale: index, kind, amountMinor }: Extract<Step, { op: 'offer' }>): void {
    const sale = this.sales[index % this.sales.length];
    if (sale === undefined) return;
    const refundId = randomUUID();
    const outcome = this.kiosk.offer(sale.sequence, amountMinor, { refundId, kind });
    if (outcome.kind === 'refused') return;
    const acceptance = this.phone.acceptRefund(outcome.refund.envelope);
    this.offers.push({ refundId, sale, kind, amountMinor, acceptance });
  }

  #give(acceptance: Uint8Array): RefundOutcome {
    return this.kiosk.desk.run('acceptRefund', acceptance);
  }

  #learn({ refundId }: Offered, outcome: RefundOutcome): void {
    if (outcome.kind === 'refused') {
      expect(this.promised.has(refundId), 'what was promised stays promised').toBe(false);
      return;
    }
    const receipt = toHex(outcome.receipt);
    expect(this.promised.get(refundId) ?? receipt).toBe(receipt);
    this.promised.set(refundId, receipt);
  }

  #failInCommit(acceptance: Uint8Array): void {
    const { store } = this.kiosk.desk;
    const write = store.write.bind(store);
    store.write = (action) =>
      write(() => {
        action();
        throw new PowerFailure('the lights went out');
      });
    expect(() => this.#give(acceptance)).toThrow(PowerFailure);
    this.kiosk.reopen();
  }

  check(): void {
    const given = this.sales.flatMap((sale) => {
      const refunds = this.kiosk.desk.run('refundsOf', sale.paymentHash);
      const sumMinor = refunds.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
      expect(sumMinor <= sale.amountMinor, 'no sale gives back more than it took').toBe(true);
      expect(refunds.at(-1)?.refundedMinor ?? 0n, 'the running sum is the sum').toBe(sumMinor);
      if (refunds.some(({ kind }) => kind === 'void')) expect(refunds, 'a void stands alone').toHaveLength(1);
      return refunds.map(({ refundId }) => refundId);
    });
    expect(new Set(given).size, 'nothing is given back twice').toBe(given.length);
    for (const refundId of this.promised.keys())
      expect(given, 'what was promised is stored').toContain(refundId);
    const { lastCounter, lastCumulativeMinor } =
      this.kiosk.desk.store.payments.historyOf(this.phone.allowance.allowanceId) ?? {};
    expect([lastCounter, lastCumulativeMinor], 'counter and sum stand').toEqual([2, 1_700n]);
  }
}

/** Gives one sale back to its last cent, which chance alone may miss. */
const wholeSale: Step[] = [
  { op: 'offer', sale: 0, kind: 'refund', amountMinor: PRICES[0] },
  { op: 'accept', pick: 0, isMalleated: false },
];

let promisesMade = 0;
let sumsReached = 0;

test('no sequence of offers, retries, crashes and re-orderings gives a sale back twice or beyond its amount', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const run = new Run();
      try {
        for (const each of steps) {
          run.take(each);
          run.check();
        }
        run.kiosk.reopen();
        run.check();
        // Everything that was ever promised is promised again, word for word.
        for (const offer of run.offers) {
          const receipt = run.promised.get(offer.refundId);
          if (receipt === undefined) continue;
          const again = run.kiosk.desk.run('acceptRefund', offer.acceptance);
          expect(again.kind === 'repeated' && toHex(again.receipt)).toBe(receipt);
        }
        expect(run.kiosk.errors).toEqual([]);
        promisesMade += run.promised.size;
        for (const { sequence, amountMinor } of run.sales)
          if (run.kiosk.desk.store.refunds.saleAt(sequence)?.refundedMinor === amountMinor) sumsReached += 1;
      } finally {
        run.kiosk.dispose();
      }
    }),
    { numRuns: 20, examples: [[wholeSale]] },
  );
  expect(promisesMade, 'the runs did give back').toBeGreaterThan(0);
  expect(sumsReached, 'and did reach the bound').toBeGreaterThan(0);
}, 60_000);
