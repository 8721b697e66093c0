/** Splitting money so that nothing is lost or made: by the largest remainder, with ties to whoever comes first. Pure. */
import { Amount } from './amount.ts';

/**
 * Parts in the proportion of `weights`, in their order; they sum to `amount` exactly, and each differs from its exact
 * share by less than one minor unit.
 * @throws TypeError without weights, with a negative one, or when all are zero
 */
export function allocate(amount: Amount, weights: readonly bigint[]): Amount[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  if (total <= 0n || weights.some((weight) => weight < 0n)) throw new TypeError('weights must be positive');
  const shares = weights.map((weight, place) => ({
    place,
    minor: (amount.minor * weight) / total,
    remainder: (amount.minor * weight) % total,
  }));
  const left = Number(amount.minor - shares.reduce((sum, { minor }) => sum + minor, 0n));
  const lucky = new Set(
    shares
      .toSorted((a, b) =>
        a.remainder === b.remainder ? a.place - b.place : a.remainder < b.remainder ? 1 : -1,
      )
      .slice(0, left)
      .map(({ place }) => place),
  );
  return shares.map(({ place, minor }) => Amount.of(minor + (lucky.has(place) ? 1n : 0n), amount.currency));
}
