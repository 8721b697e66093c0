/** What a benchmark says: rows, gates and the arithmetic of rounds. */

export interface BenchRow {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly ratioTo?: string;
  readonly gate?: string;
  readonly stretch?: string;
  readonly pass?: boolean;
  readonly reachesStretch?: boolean;
}

/** What must hold, and what would be better still. */
export interface Goal {
  readonly gate: number;
  readonly stretch?: number;
}

type Measured = Pick<BenchRow, 'id' | 'what' | 'value' | 'unit' | 'ratioTo'>;

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The median of what each round says: rounds see the same weather, so their ratios agree where figures do not. */
export function overRounds<R>(rounds: readonly R[], pick: (round: R) => number): number {
  return median(rounds.map(pick));
}

export function figure(id: string, what: string, value: number, unit: string): BenchRow {
  return { id, what, value, unit };
}

export function atLeast(row: Measured, goal: Goal): BenchRow {
  return { ...row, ...against(goal, '>=', (bound) => row.value >= bound) };
}

export function atMost(row: Measured, goal: Goal): BenchRow {
  return { ...row, ...against(goal, '<=', (bound) => row.value <= bound) };
}

function against({ gate, stretch }: Goal, sign: string, holds: (bound: number) => boolean) {
  const held = { gate: `${sign} ${gate}`, pass: holds(gate) };
  return stretch === undefined
    ? held
    : { ...held, stretch: `${sign} ${stretch}`, reachesStretch: holds(stretch) };
}
