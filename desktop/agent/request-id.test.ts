import { toUuid } from '@tikiwallet/protocol';
import { expect, test } from 'vitest';
import { newRequestId } from './request-id.ts';

test('a request id is a UUIDv7 that sorts by its moment and repeats in none', () => {
  const moments = [0, 1, 1_780_000_000_000, 1_780_000_000_001, 2 ** 48 - 1];
  const ids = moments.map((ms) => toUuid(newRequestId(ms)));
  expect(ids.toSorted()).toEqual(ids);
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const many = new Set(Array.from({ length: 1_000 }, () => toUuid(newRequestId(5))));
  expect(many.size).toBe(1_000);
});
