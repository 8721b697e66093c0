import { expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';

test('R19 a reader that was busy for long catches up without holding JavaScript up', async () => {
  const queue = new EventQueue<number>();
  const events = queue.read();
  for (let at = 0; at < 5_000; at += 1) queue.push(at);
  queue.close();
  const read: number[] = [];
  let most = 0;
  let inThisTurn = 0;
  let isOver = false;
  const countTurns = (): void => {
    inThisTurn = 0;
    if (!isOver) setImmediate(countTurns);
  };
  countTurns();
  for await (const event of events) {
    read.push(event);
    inThisTurn += 1;
    most = Math.max(most, inThisTurn);
  }
  isOver = true;
  expect(read).toEqual(Array.from({ length: 5_000 }, (_, at) => at));
  expect(most).toBeLessThanOrEqual(2 * 64);
});

test('a reader that does not read is ended with what it has', async () => {
  const queue = new EventQueue<number>();
  const events = queue.read();
  for (let at = 0; at < 10_500; at += 1) queue.push(at);
  let read = 0;
  for await (const _ of events) read += 1;
  expect(read).toBe(10_000);
});
