/** The scale of a chart of money. Pure; money stays bigint until it is a share of the height. */

/** The least 1, 2 or 5 times a power of ten, in whole halves, that no bar stands above. */
export function niceTop(values: readonly bigint[]): bigint {
  const most = values.reduce((top, value) => (value > top ? value : top), 0n);
  for (let power = 10n; ; power *= 10n) {
    for (const times of [1n, 2n, 5n])
      if (power * times >= most && power * times >= 100n) return power * times;
  }
}

/** From 0 to 1, to a ten-thousandth. */
export function share(value: bigint, top: bigint): number {
  return Number((value * 10_000n) / top) / 10_000;
}
