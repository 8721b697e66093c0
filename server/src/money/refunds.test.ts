/** Whatever is told of refunds, in whatever order: each takes its money once, and a failed one gives it back once. */
import { expect } from 'vitest';
import { fc, test } from '@fast-check/vitest';
import type { CardRefund } from './port.ts';
import { planRefunds } from './refunds.ts';

interface Books {
  known: readonly CardRefund[];
  takenMinor: bigint;
  /** What left, and came back to, the wallet, by refund. */
  readonly moved: Map<string, bigint[]>;
}

function tell(books: Books, told: readonly CardRefund[]): void {
  const plan = planRefunds({ ...books, told });
  const news = new Set(plan.news.map(({ refundId }) => refundId));
  books.known = [...books.known.filter(({ refundId }) => !news.has(refundId)), ...plan.news];
  books.takenMinor = plan.takenMinor;
  const move = (refundId: string, amountMinor: bigint) =>
    books.moved.set(refundId, [...(books.moved.get(refundId) ?? []), amountMinor]);
  for (const { refundId, amountMinor } of plan.taken) move(refundId, -amountMinor);
  for (const { refundId, amountMinor } of plan.given) move(refundId, amountMinor);
}

const sum = (amounts: readonly bigint[]) => amounts.reduce((all, amount) => all + amount, 0n);
const standing = (refunds: readonly CardRefund[]) =>
  sum(refunds.filter(({ hasFailed }) => !hasFailed).map(({ amountMinor }) => amountMinor));

/** Refunds as they end. */
const World = fc.array(fc.record({ amountMinor: fc.bigInt(1n, 9n), hasFailed: fc.boolean() }), {
  minLength: 1,
  maxLength: 5,
});
const named = (world: readonly Omit<CardRefund, 'refundId'>[]) =>
  world.map((refund, n): CardRefund => ({ refundId: `re_${n}`, ...refund }));
/** Which of them a message names, and which of those that end badly it knows of. */
const Message = fc.tuple(fc.nat(31), fc.nat(31));
const isSet = (bits: number, n: number) => (bits & (1 << n)) !== 0;

test.prop([World, fc.array(Message, { maxLength: 8 })])(
  'parts of it, old and new, repeated and mixed, end in the same books',
  (world, messages) => {
    const refunds = named(world);
    const books: Books = { known: [], takenMinor: 0n, moved: new Map() };
    for (const [names, fails] of messages)
      tell(
        books,
        refunds
          .map((refund, n) => ({ ...refund, hasFailed: refund.hasFailed && isSet(fails, n) }))
          .filter((_, n) => isSet(names, n)),
      );
    tell(books, refunds);
    expect(books.takenMinor).toBe(standing(refunds));
    for (const { refundId, amountMinor, hasFailed } of refunds) {
      const moves = books.moved.get(refundId) ?? [];
      if (!hasFailed) expect(moves).toEqual([-amountMinor]);
      else expect(moves.length === 0 || moves.join() === [-amountMinor, amountMinor].join()).toBe(true);
    }
  },
);

test.prop([World, fc.nat(31), fc.array(fc.nat(31), { maxLength: 4 })])(
  'what was taken by its sum before refunds had names is taken for them, and the rest given back',
  (world, takenBits, messages) => {
    const refunds = named(world);
    // An earlier release had heard of some, and of none that it had failed.
    const takenMinor = sum(
      refunds.filter((_, n) => isSet(takenBits, n)).map(({ amountMinor }) => amountMinor),
    );
    const books: Books = { known: [], takenMinor, moved: new Map() };
    for (const fails of messages)
      tell(
        books,
        refunds.map((refund, n) => ({ ...refund, hasFailed: refund.hasFailed && isSet(fails, n) })),
      );
    tell(books, refunds);
    expect(books.takenMinor).toBe(standing(refunds));
    expect(takenMinor - sum([...books.moved.values()].flat())).toBe(standing(refunds));
  },
);
