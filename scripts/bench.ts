// `npm run bench`: runs every *.bench.ts and prints one table. A bench file
// default-exports a function that measures and returns rows; it lives in the room
// that it measures. A gate that does not hold fails the command.

import { glob, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { repositoryRoot } from './run-command.ts';

export type BenchRow = {
  /** Stable, such as verify_payment. */
  readonly id: string;
  readonly what: string;
  readonly value: number;
  /** Such as per_second or ms_p99. */
  readonly unit: string;
  /** What the value was divided by when it is a ratio: figures that hold on any machine. */
  readonly ratioTo?: string;
  /** The bound, as a person reads it: ">= 0.5". */
  readonly gate?: string;
  /** What would be better still, written likewise. */
  readonly stretch?: string;
  readonly pass?: boolean;
  readonly reachesStretch?: boolean;
};

export type Bench = () => Promise<readonly BenchRow[]>;

async function loadBench(path: string): Promise<Bench> {
  const module: unknown = await import(pathToFileURL(join(repositoryRoot, path)).href);
  if (typeof module === 'object' && module !== null && 'default' in module && isBench(module.default)) {
    return module.default;
  }
  throw new Error(`${path} does not default-export a function`);
}

function isBench(value: unknown): value is Bench {
  return typeof value === 'function';
}

function verdict({ pass, reachesStretch }: BenchRow): string {
  if (pass === undefined) return '';
  if (!pass) return 'NOT MET';
  return reachesStretch === true ? 'met, stretch too' : 'met';
}

function printTable(rows: readonly BenchRow[]): void {
  const cells = rows.map((row) => [
    row.id,
    row.what,
    `${Number(row.value.toPrecision(4)).toString()} ${row.unit}`,
    row.ratioTo ?? '',
    row.gate ?? '',
    row.stretch ?? '',
    verdict(row),
  ]);
  const table = [['id', 'what', 'value', 'ratio to', 'gate', 'stretch', ''], ...cells];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  for (const line of table) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

async function main(words: readonly string[]): Promise<void> {
  const paths: string[] = [];
  const exclude = (name: string): boolean => name === 'node_modules' || name.startsWith('.');
  for await (const path of glob('**/*.bench.ts', { cwd: repositoryRoot, exclude })) paths.push(path);
  const chosen = paths
    .toSorted()
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)));
  if (chosen.length === 0) {
    console.log(
      paths.length === 0 ? 'There are no *.bench.ts files.' : 'No bench file has that in its path.',
    );
    return;
  }
  const rows: BenchRow[] = [];
  // One after the other: two at once would measure each other.
  for (const path of chosen) {
    console.error(`Measuring ${path} ...`);
    rows.push(...(await (await loadBench(path))()));
  }
  printTable(rows);
  const json = process.env['BENCH_JSON'];
  if (json === undefined) console.log(`\n${JSON.stringify(rows)}`);
  else await writeFile(json, `${JSON.stringify(rows, undefined, 2)}\n`);
  const missed = rows.filter(({ pass }) => pass === false);
  if (missed.length === 0) return;
  console.error(`\nNOT MET: ${missed.map(({ id, gate }) => `${id} (${gate ?? ''})`).join(', ')}`);
  process.exitCode = 1;
}

if (import.meta.main) await main(process.argv.slice(2));
