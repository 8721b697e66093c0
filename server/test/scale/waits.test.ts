/** The waits of `npm run test:scale`: a process that never answers must not keep it for ever. */
import { expect, test } from 'vitest';
import { until, WaitedInVain, waitsNow, within } from './waits.ts';

const never = new Promise<never>(() => undefined);

test('a wait ends, and says what it waited for', async () => {
  await expect(within('the replica answers', 20, never)).rejects.toThrow('the replica answers');
  await expect(within('the replica answers', 20, never)).rejects.toBeInstanceOf(WaitedInVain);
});

test('a question that is never answered ends it like one that is answered with no', async () => {
  await expect(until('it serves', () => never, 20)).rejects.toThrow('it serves');
  await expect(until('it serves', () => Promise.resolve(false), 20)).rejects.toThrow('it serves');
});

test('what fails meanwhile is told at once, and as it is', async () => {
  const failed = new Error('the process ended');
  await expect(within('it serves', 60_000, Promise.reject(failed))).rejects.toBe(failed);
  await expect(until('it serves', () => Promise.reject(failed))).rejects.toBe(failed);
});

test('what is waited for just now is known, and only as long as it is', async () => {
  const waiting = within('the first kill', 50, never);
  expect(waitsNow().join()).toContain('the first kill');
  await expect(waiting).rejects.toThrow();
  expect(waitsNow()).toEqual([]);
  expect(await within('an answer', 60_000, Promise.resolve(7))).toBe(7);
  expect(waitsNow()).toEqual([]);
});
