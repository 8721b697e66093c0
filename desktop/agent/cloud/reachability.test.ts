import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type CloudState, Reachability } from './reachability.ts';

/** How the cloud answers a probe: after so long, with yes or no; null for never, until the probe gives up. */
let answer: { readonly afterMs: number; readonly isYes: boolean } | null;
let states: CloudState[];
let probes: number;
let way: Reachability;

const GIVES_UP_MS = 10_000;

async function probe(): Promise<void> {
  probes += 1;
  const { afterMs, isYes } = answer ?? { afterMs: GIVES_UP_MS, isYes: false };
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  if (isYes) return;
  // As the client does, which tells of every failed call.
  way.failed();
  throw new Error('down');
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  states = [];
  probes = 0;
  answer = null;
  way = new Reachability({ probe, onChange: (state) => states.push(state) });
});

afterEach(() => {
  way.stop();
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('the way to the cloud is known within seconds of opening and closing', async () => {
  answer = { afterMs: 1, isYes: false };
  way.start();
  await pass(100);
  expect(states).toEqual(['offline']);
  answer = { afterMs: 1, isYes: true };
  await pass(5_000);
  expect(states).toEqual(['offline', 'online']);
  answer = { afterMs: 1, isYes: false };
  await pass(5_000);
  expect(states).toEqual(['offline', 'online', 'offline']);
});

test('a cloud that falls silent without a word is offline within five seconds', async () => {
  answer = { afterMs: 1, isYes: true };
  way.start();
  await pass(6_000);
  answer = null;
  await pass(5_000);
  expect(states).toEqual(['online', 'offline']);
});

test('at the start it connects, and is offline only when nobody has answered for long or somebody says no', async () => {
  way.start();
  await pass(GIVES_UP_MS - 1);
  expect([way.view.state, states]).toEqual(['connecting', []]);
  await pass(1);
  expect(states).toEqual(['offline']);
});

test('slow answers are answers: the first makes it online, and it stays so', async () => {
  answer = { afterMs: 4_000, isYes: true };
  way.start();
  await pass(3_999);
  expect(way.view.state).toBe('connecting');
  await pass(120_000);
  expect(states).toEqual(['online']);
});

test('a probe that gives up says nothing once a later one was answered', async () => {
  way.start();
  await pass(2_000);
  answer = { afterMs: 1, isYes: true };
  await pass(60_000);
  expect(states).toEqual(['online']);
});

test('any other answer is as good as that of a probe', async () => {
  way.start();
  await pass(1_000);
  way.reached();
  expect(states).toEqual(['online']);
});

test('a failed call has somebody look soon while online, and no failure makes the probes go out faster', async () => {
  answer = { afterMs: 1, isYes: true };
  way.start();
  await pass(100);
  answer = { afterMs: 1, isYes: false };
  way.failed();
  await pass(250);
  expect(states).toEqual(['online', 'offline']);
  const before = probes;
  await pass(25_000);
  expect(probes - before).toBe(10);
});

test('nothing is said after the end', async () => {
  answer = { afterMs: 1_000, isYes: true };
  way.start();
  await pass(500);
  way.stop();
  await pass(60_000);
  expect([states, probes]).toEqual([[], 1]);
});
