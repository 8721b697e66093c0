/** docs/ledger.md, run: every block of SQL against a real database, its output compared with the block that follows it. */
import { readFile, writeFile } from 'node:fs/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { openAccount, postTransfers } from './index.ts';

const PAGE = new URL('../../../docs/ledger.md', import.meta.url);
const EXAMPLE = /```sql\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g;

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await tellTheDay();
});
afterAll(() => database.close());

const ayu = '00000000-0000-7000-8000-000000000001';
const allowance = '00000000-0000-7000-8000-000000000002';
const sari = '00000000-0000-7000-8000-000000000003';

async function tellTheDay(): Promise<void> {
  const currency = 'SGD';
  await database.db.transaction(async (tx) => {
    const stripe = await openAccount(tx, { kind: 'stripe_clearing', currency });
    const online = await openAccount(tx, { kind: 'user_online', ownerId: ayu, holderId: ayu, currency });
    const reserve = await openAccount(tx, {
      kind: 'allowance_reserve',
      ownerId: allowance,
      holderId: ayu,
      currency,
    });
    const shop = await openAccount(tx, {
      kind: 'merchant_available',
      ownerId: sari,
      holderId: sari,
      currency,
    });
    const day = [
      { kind: 'top_up', from: stripe, to: online, minor: 5_000n },
      { kind: 'allowance_load', from: online, to: reserve, minor: 2_000n },
      { kind: 'offline_payment', from: reserve, to: shop, minor: 700n },
    ] as const;
    for (const [index, { kind, from, to, minor }] of day.entries()) {
      // The last one twice: a kiosk hands in again what it does not know to have arrived.
      for (let time = 0; time <= (kind === 'offline_payment' ? 1 : 0); time += 1) {
        await postTransfers(tx, [
          {
            id: `00000000-0000-7000-8000-0000000001${index}${time}`,
            kind,
            idempotencyKey: `${kind}:1`,
            reference: {},
            entries: [
              { accountId: from, amountMinor: -minor },
              { accountId: to, amountMinor: minor },
            ],
          },
        ]);
      }
    }
  });
}

/** What psql would show, with less around it. */
async function run(statement: string): Promise<string> {
  let rows: readonly Record<string, unknown>[];
  try {
    rows = await database.db.transaction((tx) => tx.execute(sql.raw(statement)));
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return `ERROR: ${cause instanceof Error ? cause.message : String(cause)}\n`;
  }
  const columns = Object.keys(rows[0] ?? {});
  const table = [columns, ...rows.map((row) => columns.map((name) => String(row[name])))];
  const widths = columns.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${table.map(line).join('\n')}\n`;
}

test('docs/ledger.md says what the ledger does (R50)', async () => {
  const page = await readFile(PAGE, 'utf8');
  const examples = [...page.matchAll(EXAMPLE)];
  expect(examples.length).toBeGreaterThan(8);
  let shown = page;
  for (const [block, statement = ''] of examples) {
    const output = await run(statement);
    shown = shown.replace(block, () => `\`\`\`sql\n${statement}\`\`\`\n\n\`\`\`text\n${output}\`\`\``);
  }
  if (process.env['TIKI_WRITE_EXAMPLES'] === '1') await writeFile(PAGE, shown);
  else expect(page).toBe(shown);
});
