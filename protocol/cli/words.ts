/** How the commands write moments, amounts and tables for a person. */
import { Amount, attempt } from '../src/index.ts';

/** `2026-11-23 05:00:00 UTC` */
export function moment(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `12.50 SGD` */
export function money(minor: bigint, currency: string): string {
  // A sum of many payments may lie above what one amount may be.
  const amount = attempt(() => Amount.of(minor, currency));
  return amount.ok ? `${amount.value.toDecimal()} ${currency}` : `${minor} minor units of ${currency}`;
}

/** Columns as wide as their widest cell, two spaces between them. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
