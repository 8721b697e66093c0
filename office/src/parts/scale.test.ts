import { expect, test } from 'vitest';
import { niceTop, share } from './scale.ts';

test('R29: no bar stands above its scale, and the scale is a round sum', () => {
  const tops: readonly (readonly [readonly bigint[], bigint])[] = [
    [[], 100n],
    [[0n, 7n], 100n],
    [[101n], 200n],
    [[4_999n, 12n], 5_000n],
    [[5_000n], 5_000n],
    [[999_999_999_999_999n], 1_000_000_000_000_000n],
  ];
  for (const [values, top] of tops) {
    expect(niceTop(values)).toBe(top);
    for (const value of values) expect(share(value, top)).toBeLessThanOrEqual(1);
  }
});
