/** Limits of merchant and kiosk as the journal keeps them: each by itself, and what is absent is not limited. */
import { expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { MONEY_LIMITS, NUMBER_LIMITS } from './kiosk-limits.ts';
import { attempt } from './errors.ts';
import { decodePolicyChangeBody, encodePolicyChangeBody, type PolicyChangeBody } from './policy-change.ts';

/** Written, sent and read: amounts are plain numbers on the way. */
function read(body: PolicyChangeBody): PolicyChangeBody {
  const values = decodeCbor(encodeCbor(encodePolicyChangeBody(body)), 4_096);
  if (!Array.isArray(values)) throw new TypeError('a body');
  return decodePolicyChangeBody(values);
}

const none = [...MONEY_LIMITS, ...NUMBER_LIMITS].map(() => null);

it.each(['merchant', 'kiosk', 'merchantByCloud'] as const)(
  'of the %s are read as they were written',
  (owner) => {
    const all = {
      ...Object.fromEntries(MONEY_LIMITS.map((name, index) => [name, BigInt(index + 1)])),
      ...Object.fromEntries(NUMBER_LIMITS.map((name, index) => [name, index + 1])),
    };
    expect(read({ owner, limits: all })).toEqual({
      owner,
      limits: all,
    });
    expect(read({ owner, limits: {} })).toEqual({
      owner,
      limits: {},
    });
  },
);

it.each([
  ...MONEY_LIMITS.map((name, index) => [name, index, { [name]: 7n }] as const),
  ...NUMBER_LIMITS.map((name, index) => [name, MONEY_LIMITS.length + index, { [name]: 7 }] as const),
])('%s has its own place', (_name, place, limits) => {
  const body = encodePolicyChangeBody({ owner: 'kiosk', limits });
  expect(body[0]).toBe(2);
  expect((body[1] as readonly unknown[]).map((value) => (value === null ? null : Number(value)))).toEqual(
    none.with(place, 7 as never),
  );
  expect(read({ owner: 'kiosk', limits })).toEqual({ owner: 'kiosk', limits });
});

it('of another number, or with more behind them, are none', () => {
  for (const body of [[1, none.slice(1)], [1, [...none, null]], [1, none, 0], [1], [1, 7]])
    expect(attempt(() => decodePolicyChangeBody(body))).toEqual({ ok: false, code: 'message_malformed' });
});
