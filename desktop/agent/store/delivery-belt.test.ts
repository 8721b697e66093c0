/** What is laid down is taken up: whole, in order, once, and by a store that never sleeps over it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_ENVELOPE_BYTES } from '@tikiwallet/protocol';
import { BeltHead, BeltTail, BeltWatcher } from './delivery-belt.ts';
import { TicketBox } from './verdicts.ts';

const step = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }) },
);

test('deliveries are taken up as they were laid down, in their order, whatever place they had', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const box = new TicketBox();
      const head = new BeltHead();
      const tail = new BeltTail(head.memory);
      const watcher = new BeltWatcher(head.memory);
      const laid: { readonly ticket: number; readonly delivery: Uint8Array }[] = [];
      for (const one of steps) {
        if (typeof one !== 'number') {
          const ticket = box.take() ?? -1;
          head.lay(ticket, one);
          laid.push({ ticket, delivery: one });
          continue;
        }
        for (const ticket of watcher.tickets())
          expect(watcher.look(ticket)).toEqual(laid.find((known) => known.ticket === ticket)?.delivery);
        const expected = laid.splice(0, one);
        const { tickets, deliveries } = tail.take(tail.laid, one);
        expect([...tickets]).toEqual(expected.map(({ ticket }) => ticket));
        expect(deliveries).toEqual(expected.map(({ delivery }) => delivery));
        // What was taken is the taker's own: its places are given again at once.
        for (const { ticket } of expected) box.giveBack(ticket);
      }
    }),
    { numRuns: 50 },
  );
});

test('what lies behind a number waits for it', () => {
  const box = new TicketBox();
  const head = new BeltHead();
  const tail = new BeltTail(head.memory);
  const lay = (byte: number): boolean => head.lay(box.take() ?? -1, Uint8Array.of(byte));
  lay(1);
  lay(2);
  const command = head.laid;
  lay(3);
  expect(tail.waiting(command)).toBe(2);
  expect(tail.take(command, 512).deliveries).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  expect(tail.waiting(command)).toBe(0);
  expect(tail.take(tail.laid, 512).deliveries).toEqual([Uint8Array.of(3)]);
});

test('a store that sleeps is woken once, one that is awake never, and none falls asleep before what lies there', () => {
  const box = new TicketBox();
  const head = new BeltHead();
  const tail = new BeltTail(head.memory);
  const lay = (): boolean => head.lay(box.take() ?? -1, Uint8Array.of(0));
  expect([lay(), lay()]).toEqual([true, false]);
  tail.wakesUp();
  expect(tail.fallsAsleep()).toBe(false);
  expect(lay()).toBe(false);
  tail.take(tail.laid, 512);
  expect(tail.fallsAsleep()).toBe(true);
  expect([lay(), lay()]).toEqual([true, false]);
});

test('what is longer than a delivery can be is still too long when it is taken up', () => {
  const head = new BeltHead();
  const tail = new BeltTail(head.memory);
  const box = new TicketBox();
  head.lay(box.take() ?? -1, new Uint8Array(100_000));
  head.lay(box.take() ?? -1, Uint8Array.of(7));
  const { deliveries } = tail.take(tail.laid, 512);
  expect(deliveries.map(({ length }) => length)).toEqual([MAX_ENVELOPE_BYTES + 1, 1]);
});

test('it goes on past the largest number, and a thread that looks too late sees what is still there', () => {
  const box = new TicketBox();
  const head = new BeltHead();
  head.memory.marks[0] = 2 ** 31 - 3;
  const watcher = new BeltWatcher(head.memory);
  const ticketsOf = Array.from({ length: 6 }, (_, byte) => {
    const ticket = box.take() ?? -1;
    head.lay(ticket, Uint8Array.of(byte));
    return ticket;
  });
  expect([...watcher.tickets()].slice(-6)).toEqual(ticketsOf);
  expect([...watcher.tickets()]).toEqual([]);
  expect(head.laid).toBe(-(2 ** 31) + 3);
});
