import { toHex } from '@tikiwallet/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AcceptOutcome } from './accept-payment.ts';
import type { SaleRecord } from './store/rows.ts';
import { TestIssuer, TestKiosk, type SignedPayment, type TestPhone } from './test/world.ts';

const issuer = new TestIssuer();
const PHONES = 3;
const MOST_OPEN = 3;

type Step =
  | { readonly op: 'sell'; readonly amountMinor: bigint }
  | { readonly op: 'pay'; readonly phone: number; readonly amountMinor: bigint }
  | { readonly op: 'cancel' }
  | { readonly op: 'sign'; readonly phone: number }
  /** Any of the payments signed so far, in any order, as often as one likes, whole or by reference, in one group. */
  | { readonly op: 'deliver'; readonly picks: readonly number[] }
  /** The commit never happens: power fails while it is written. */
  | { readonly op: 'deliverAndDieBeforeCommit'; readonly picks: readonly number[] }
  /** The commit happens and nobody hears of it. */
  | { readonly op: 'deliverAndDieAfterCommit'; readonly picks: readonly number[] }
  | { readonly op: 'kill' }
  | { readonly op: 'reboot' }
  | { readonly op: 'wait'; readonly ms: number };

const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('sell' as const), amountMinor: fc.bigInt(1n, 3_000n) }),
  },
  // Chance alone rarely sells, signs and delivers in this order: without whole sales there is little to break.
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('pay' as const),
      phone: fc.nat(PHONES - 1),
      amountMinor: fc.bigInt(1n, 1_000n),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('cancel' as const) }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('sign' as const), phone: fc.nat(PHONES - 1) }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('deliver' as const), picks }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('deliverAndDieBeforeCommit' as const), picks }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('deliverAndDieAfterCommit' as const), picks }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reboot' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 150_000 }) }),
  },
);

class PowerFailure extends Error {
  readonly code = 'SQLITE_IOERR_FSYNC';
}

type Signed = SignedPayment & { readonly phone: TestPhone };

/** One shop through a whole life of bad luck. */
class Run {
  readonly kiosk = new TestKiosk();
  readonly phones: readonly TestPhone[] = Array.from({ length: PHONES }, () =>
    issuer.phone({ capMinor: 20_000n }),
  );
  readonly signed: Signed[] = [];
  /** Hex of payment to hex of receipt: what a phone was ever told. */
  readonly promised = new Map<string, string>();
  /** The newest; older ones stay open beside it while the till serves several. */
  sale: SaleRecord | null = null;
  readonly #servesSeveral: boolean;
  readonly #open: SaleRecord[] = [];

  constructor(servesSeveral: boolean) {
    this.#servesSeveral = servesSeveral;
    this.kiosk.enrol(issuer);
    if (servesSeveral) this.kiosk.serveSeveral(MOST_OPEN);
  }

  take(step: Step): void {
    switch (step.op) {
      case 'sell':
        return this.#sell(step.amountMinor);
      case 'pay':
        return this.#pay(step.phone, step.amountMinor);
      case 'cancel':
        return this.#cancel();
      case 'sign':
        return this.#sign(step.phone);
      case 'deliver': {
        const group = this.#pick(step.picks);
        return this.#note(group, this.kiosk.accept(...group.map((one, at) => formOf(one, step.picks[at]))));
      }
      case 'deliverAndDieBeforeCommit':
        return this.#failInCommit(this.#pick(step.picks));
      case 'deliverAndDieAfterCommit':
        this.kiosk.accept(...this.#pick(step.picks).map(({ delivery }) => delivery));
        return this.kiosk.reopen();
      case 'kill':
        return this.kiosk.reopen();
      case 'reboot':
        this.kiosk.clock.bootId = `${this.kiosk.clock.bootId}+`;
        this.kiosk.clock.monotonic = 10;
        return this.kiosk.reopen();
      case 'wait':
        return this.kiosk.clock.pass(step.ms);
    }
  }

  #sell(amountMinor: bigint): void {
    const oldest = this.#servesSeveral ? this.#open.at(-MOST_OPEN) : this.sale;
    if (oldest !== undefined && oldest !== null) this.#cancelOne(oldest);
    this.sale = this.kiosk.sell(amountMinor);
    this.#open.push(this.sale);
  }

  #pay(phone: number, amountMinor: bigint): void {
    this.#sell(amountMinor);
    this.#sign(phone);
    const group = this.signed.slice(-1);
    this.#note(group, this.kiosk.accept(...group.map(({ delivery }) => delivery)));
  }

  #cancel(): void {
    if (this.sale !== null) this.#cancelOne(this.sale);
    this.sale = null;
  }

  #cancelOne({ saleId }: SaleRecord): void {
    const now = this.kiosk.desk.run('lookAtSale', saleId);
    if (now.state === 'open') this.kiosk.desk.run('cancelSale', saleId);
  }

  #sign(index: number): void {
    const phone = this.phones[index];
    if (this.sale !== null && phone !== undefined)
      this.signed.push({ ...phone.pay(this.sale.envelope), phone });
  }

  #pick(choices: readonly number[]): readonly Signed[] {
    return choices.flatMap((choice) => this.signed[choice % Math.max(1, this.signed.length)] ?? []);
  }

  #note(group: readonly SignedPayment[], outcomes: readonly AcceptOutcome[]): void {
    for (const [index, outcome] of outcomes.entries()) {
      const payment = group[index]?.payment;
      if (outcome.kind === 'refused' || payment === undefined) continue;
      const receipt = toHex(outcome.receipt);
      expect(this.promised.get(toHex(payment.hash)) ?? receipt).toBe(receipt);
      this.promised.set(toHex(payment.hash), receipt);
    }
  }

  #failInCommit(group: readonly SignedPayment[]): void {
    const { store } = this.kiosk.desk;
    const write = store.write.bind(store);
    store.write = (action) =>
      write(() => {
        action();
        throw new PowerFailure('the lights went out');
      });
    expect(() => this.kiosk.accept(...group.map(({ delivery }) => delivery))).toThrow(PowerFailure);
    this.kiosk.reopen();
  }

  check(): void {
    const rows = this.kiosk.desk.run('page', { before: null, limit: 1_000 });
    const stored = new Map(rows.map((row) => [row.paymentHash, row]));
    for (const hash of this.promised.keys())
      expect(stored.has(hash), 'what was promised is stored').toBe(true);
    expect(stored.size, 'no payment is stored twice').toBe(rows.length);
    expect(new Set(rows.map((row) => row.requestId)).size, 'no request is paid twice').toBe(rows.length);
    const sumMinor = rows.reduce((sum, row) => sum + row.amountMinor, 0n);
    expect(this.kiosk.snapshot().unsettled, 'sums agree with rows').toEqual({ count: rows.length, sumMinor });
    for (const phone of this.phones) {
      const spentMinor = this.signed
        .filter((signed) => signed.phone === phone && stored.has(toHex(signed.payment.hash)))
        .reduce((sum, signed) => sum + signed.payment.amountMinor, 0n);
      expect(spentMinor <= phone.allowance.capMinor, 'no allowance is overdrawn').toBe(true);
    }
  }
}

/** Every second payment goes by reference; to a kiosk that does not know the certificate that is a refusal. */
function formOf({ delivery, payment, phone }: Signed, pick = 0): Uint8Array {
  return pick % 2 === 0 ? delivery : phone.repeat(payment.bytes);
}

let promisesMade = 0;

test('R40 no sequence of deliveries, repeats, crashes and re-orderings makes a payment count twice or vanish', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), fc.boolean(), (steps, several) => {
      const run = new Run(several);
      try {
        for (const each of steps) {
          run.take(each);
          run.check();
        }
        run.kiosk.reopen();
        run.check();
        // Everything that was ever promised is promised again, word for word.
        for (const { delivery, payment, phone } of run.signed) {
          const receipt = run.promised.get(toHex(payment.hash));
          if (receipt === undefined) continue;
          for (const form of [delivery, phone.repeat(payment.bytes)]) {
            const again = run.kiosk.acceptOne(form);
            expect(again.kind === 'repeated' && toHex(again.receipt)).toBe(receipt);
          }
        }
        expect(run.kiosk.errors).toEqual([]);
        promisesMade += run.promised.size;
      } finally {
        run.kiosk.dispose();
      }
    }),
    { numRuns: 20 },
  );
  expect(promisesMade, 'the runs did sell something').toBeGreaterThan(0);
}, 60_000);
