import { expect, test } from 'vitest';
import { Reach, REFUSED_FOR_MS } from './reach.ts';

function reachAt() {
  const clock = { now: 1000 };
  return { clock, reach: new Reach(() => clock.now) };
}
const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });

test('who asks after a dial that failed at once may try', () => {
  const { reach } = reachAt();
  expect(reach.refusal()).toBeNull();
  reach.failed(reset, 990);
  expect(reach.refusal()).toBeNull();
});

test('when a dial failed after long, all others are refused for a while, each with an error of its own', () => {
  const { clock, reach } = reachAt();
  reach.failed(reset, 0);
  expect(reach.refusal()).toMatchObject({ code: 'ECONNRESET', cause: reset });
  expect(reach.refusal()).not.toBe(reach.refusal());
  clock.now += REFUSED_FOR_MS;
  expect(reach.refusal()).toBeNull();
});

test('many that failed at once, for long, are as one that took long', () => {
  const { clock, reach } = reachAt();
  for (; clock.now < 1990; clock.now += 10) {
    reach.failed(reset, clock.now);
    expect(reach.refusal()).toBeNull();
  }
  clock.now = 2000;
  reach.failed(reset, 1990);
  expect(reach.refusal()).not.toBeNull();
});

test('one that failed an hour ago says nothing of now', () => {
  const { clock, reach } = reachAt();
  reach.failed(reset, 1000);
  clock.now += 3_600_000;
  reach.failed(reset, clock.now - 5);
  expect(reach.refusal()).toBeNull();
});

test('nobody is refused while a connection is ready, or once one was', () => {
  const { reach } = reachAt();
  reach.ready();
  reach.failed(reset, 0);
  expect(reach.refusal()).toBeNull();
  reach.lost();
  expect(reach.refusal()).not.toBeNull();
  reach.ready();
  reach.lost();
  expect(reach.refusal()).toBeNull();
});
