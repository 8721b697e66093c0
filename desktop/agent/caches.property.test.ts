/** What is remembered beside the tables against the tables alone: two tills that live the same life, one of which forgets all the time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IpcError } from '../ipc/index.ts';
import type { SaleRecord } from './store/rows.ts';
import { codeOf, TestIssuer, TestKiosk, type BundleOptions, type TestPhone } from './test/world.ts';

const issuer = new TestIssuer();
const PHONES = 2;
const MOST_OPEN = 8;
/** A payment of this amount breaks a rule of the schema, as none should. */
const POISON = 666n;
const POLICY: BundleOptions = {
  policy: {
    splitCount: 3,
    splitSumMinor: 4_000n,
    hourCount: 5,
    daySumMinor: 9_000n,
    perAllowanceMinor: 12_000n,
    firstPaymentMinor: 2_400n,
    storedCount: 14,
    storedSumMinor: 20_000n,
  },
};

class DiskFull extends Error {
  readonly code = 'SQLITE_FULL';
}

const amount = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt(1n, 2_500n).map((n) => (n > 2_000n ? n : n / 2n + 1n)) },
  { weight: 1, arbitrary: fc.constant(POISON) },
);
const picks = fc.array(fc.nat(), { minLength: 1, maxLength: 6 });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('sign' as const),
      phone: fc.nat(PHONES - 1),
      amountMinor: amount,
      /** Whether the phone forgets that it has signed. */
      forks: fc.nat(3).map((n) => n === 0),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant('deliver' as const), picks, newest: fc.nat(3).map((n) => n > 0) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('deliverToAFullDisk' as const), picks, newest: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('deny' as const), phone: fc.nat(PHONES - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('limit' as const), perPaymentMinor: fc.bigInt(1_500n, 3_000n) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('wait' as const),
      seconds: fc.constantFrom(-200, 30, 30, 130, 130, 3_700),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Picks = { readonly picks: readonly number[]; readonly newest: boolean };

interface Till {
  readonly kiosk: TestKiosk;
  readonly phones: readonly TestPhone[];
  readonly deliveries: Uint8Array[];
  readonly denied: Set<string>;
  readonly sales: SaleRecord[];
}

function poison({ desk }: TestKiosk): void {
  const { payments } = desk.store;
  const insert = payments.insert.bind(payments);
  payments.insert = (entry) => {
    const stored = insert(entry);
    if (entry.verified.payment.amountMinor === POISON) throw new Error('a rule of the schema');
    return stored;
  };
}

class Twins {
  readonly warm = newTill();
  readonly cold = newTill();
  #version = 1;

  take(step: Step): void {
    switch (step.op) {
      case 'sign':
        for (const till of [this.warm, this.cold]) sign(till, step);
        return;
      case 'deliver':
        return this.#deliver(step);
      case 'deliverToAFullDisk':
        return this.#fail(step);
      case 'deny':
        return this.#deny(step.phone);
      case 'limit':
        for (const { kiosk } of [this.warm, this.cold])
          kiosk.desk.store.write(() =>
            kiosk.desk.store.setLimits({ owner: 'kiosk', limits: { perPaymentMinor: step.perPaymentMinor } }),
          );
        return;
      case 'wait':
        for (const { kiosk } of [this.warm, this.cold]) {
          kiosk.clock.wall += step.seconds * 1000;
          kiosk.clock.monotonic += Math.max(0, step.seconds) * 1000;
          // A start of the program notes the time; so must the till that is never started again.
          kiosk.desk.run('tick', null);
        }
        return;
    }
  }

  #deliver(step: Picks): void {
    const warm = this.warm.kiosk.accept(...this.#pick(this.warm, step)).map(codeOf);
    const cold = this.#pick(this.cold, step).map((delivery) => {
      this.cold.kiosk.reopen();
      poison(this.cold.kiosk);
      return codeOf(this.cold.kiosk.acceptOne(delivery));
    });
    for (const code of warm) seen.set(code, (seen.get(code) ?? 0) + 1);
    expect(warm).toEqual(cold);
  }

  /** Everything is decided and written, and then undone; the program goes on. */
  #fail(step: Picks): void {
    const { store } = this.warm.kiosk.desk;
    const write = store.write.bind(store);
    store.write = (action) =>
      write(() => {
        action();
        throw new DiskFull('no room');
      });
    try {
      this.warm.kiosk.accept(...this.#pick(this.warm, step));
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
    }
    store.write = write;
  }

  #deny(phone: number): void {
    this.#version += 1;
    for (const till of [this.warm, this.cold]) {
      const id = till.phones[phone]?.allowance.allowanceId;
      if (id !== undefined) till.denied.add(id);
      this.#refresh(till);
    }
  }

  #refresh({ kiosk, denied }: Till): void {
    const issuedAt = Math.max(issuer.now, Math.floor(kiosk.clock.wall / 1000));
    const options = {
      ...POLICY,
      version: this.#version,
      denyListVersion: this.#version,
      denied: [...denied],
      issuedAt,
    };
    const certificate = issuer.kioskCertificate(kiosk.publicKeys);
    expect(kiosk.desk.run('refreshTrust', issuer.trust(certificate, options))).toMatchObject({ ok: true });
  }

  #pick({ deliveries }: Till, step: Picks): readonly Uint8Array[] {
    if (step.newest) return deliveries.slice(-2 * step.picks.length);
    return step.picks.flatMap((pick) => deliveries[pick % Math.max(1, deliveries.length)] ?? []);
  }

  check(): void {
    const known = ({ kiosk }: Till) => {
      const { unsettled, today } = kiosk.snapshot();
      const rows = kiosk.desk.run('page', { before: null, limit: 1_000 });
      return {
        unsettled,
        today,
        rows: rows.map(({ amountMinor, checks, tier }) => ({ amountMinor, checks, tier })),
      };
    };
    expect(known(this.warm)).toEqual(known(this.cold));
  }

  dispose(): void {
    this.warm.kiosk.dispose();
    this.cold.kiosk.dispose();
  }
}

function newTill(): Till {
  const kiosk = new TestKiosk();
  kiosk.enrol(issuer, POLICY);
  kiosk.serveSeveral(MOST_OPEN);
  poison(kiosk);
  return {
    kiosk,
    phones: Array.from({ length: PHONES }, () => issuer.phone({ capMinor: 20_000n })),
    deliveries: [],
    denied: new Set(),
    sales: [],
  };
}

function sign(till: Till, step: Extract<Step, { op: 'sign' }>): void {
  const { kiosk, phones, deliveries, sales } = till;
  const [oldest, ...others] = sales.filter(
    ({ saleId }) => kiosk.desk.run('lookAtSale', saleId).state === 'open',
  );
  if (oldest !== undefined && others.length + 1 >= MOST_OPEN) kiosk.desk.run('cancelSale', oldest.saleId);
  const sale = tried(() => kiosk.sell(step.amountMinor));
  const phone = phones[step.phone];
  if (sale === null || phone === undefined) return;
  sales.push(sale);
  const { counter, cumulativeMinor, previousHash } = phone;
  const { delivery, payment } = phone.pay(sale.envelope);
  deliveries.push(delivery, phone.repeat(payment.bytes));
  if (step.forks) Object.assign(phone, { counter, cumulativeMinor, previousHash });
}

/** Null where the till sells nothing now: it is full, or its clock is behind. */
function tried(sell: () => SaleRecord): SaleRecord | null {
  try {
    return sell();
  } catch (error) {
    if (error instanceof IpcError) return null;
    throw error;
  }
}

const seen = new Map<string, number>();

test('what is remembered beside the tables never decides otherwise than the tables, whatever was undone in between', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 50, size: 'max' }), (steps) => {
      const twins = new Twins();
      try {
        for (const each of steps) {
          twins.take(each);
          twins.check();
        }
      } finally {
        twins.dispose();
      }
    }),
    { numRuns: 5 },
  );
  expect(seen.get('accepted') ?? 0, 'the runs did sell something').toBeGreaterThan(0);
}, 120_000);
