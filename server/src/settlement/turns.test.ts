import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('who has had a turn waits behind everybody who has not', async () => {
  const turns = new Turns(1);
  const order: string[] = [];
  const stream = async (name: string, batches: number) => {
    for (let n = 0; n < batches; n += 1) await turns.take(async () => order.push(name));
  };
  await Promise.all([stream('long', 4), stream('b', 1), stream('c', 1)]);
  expect(order).toEqual(['long', 'b', 'c', 'long', 'long', 'long']);
});

test('no more are at it than there are turns, and a failure gives its turn back', async () => {
  const turns = new Turns(2);
  let running = 0;
  let most = 0;
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    throw new Error('refused');
  };
  const results = await Promise.allSettled(Array.from({ length: 7 }, () => turns.take(work)));
  expect(results.map(({ status }) => status)).toEqual(Array(7).fill('rejected'));
  expect(most).toBe(2);
});
