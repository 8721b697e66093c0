import { expect, test } from 'vitest';
import { FloodWindows } from './flood-windows.ts';

test('so many are let through in a window, the next hear how long it lasts, and a new window begins with the first one after it', () => {
  let nowMs = 1_000;
  const windows = new FloodWindows({ most: 2, windowMs: 60_000 }, () => nowMs);
  expect([windows.take('a'), windows.take('a')]).toEqual([0, 0]);
  nowMs += 10_000;
  expect([windows.take('a'), windows.take('b')]).toEqual([50_000, 0]);
  nowMs += 50_000;
  expect([windows.take('a'), windows.take('a'), windows.take('a')]).toEqual([0, 0, 60_000]);
});

test('whoever came once is not kept for ever, however many come once', () => {
  let nowMs = 0;
  const windows = new FloodWindows({ most: 2, windowMs: 1_000 }, () => nowMs);
  for (let minute = 0; minute < 50; minute += 1) {
    for (let one = 0; one < 100; one += 1) windows.take(`${minute} ${one}`);
    nowMs += 1_000;
  }
  expect(windows.size).toBeLessThanOrEqual(200);
});
