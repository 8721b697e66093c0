/** The ledger as a table a person can read: every account with its balance, and the sums that must be zero. */
import { sql } from 'drizzle-orm';
import { currencyExponent } from '@tikiwallet/protocol';
import type { Db } from '../db/client.ts';
import type { AccountKind } from '../db/schema/ledger.ts';
import { type Reconciliation, reconcile } from './reconcile.ts';

interface AccountRow extends Record<string, unknown> {
  kind: AccountKind;
  owner: string | null;
  currency: string;
  balance_minor: string;
  entries: string;
}

const KIND_TITLES: Readonly<Record<AccountKind, string>> = {
  user_online: 'customer, online wallet',
  allowance_reserve: 'customer, offline reserve',
  merchant_available: 'merchant, available',
  stripe_clearing: 'Stripe clearing',
  stripe_connected: 'Stripe, on the way to banks',
  pay_outs_in_transit: 'pay-outs in transit',
  guarantee_fund: 'guarantee fund',
  fees: 'fees',
  opening: 'opening',
};

/** Minor units with the currency's own number of decimals, exactly: no float on the way. */
export function formatMinor(amountMinor: bigint, currency: string): string {
  const digits = currencyExponent(currency);
  const text = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits).replace(/\B(?=(\d{3})+$)/g, ',');
  return `${amountMinor < 0n ? '-' : ''}${whole}${digits > 0 ? `.${text.slice(-digits)}` : ''}`;
}

/** Accounts with their balances and, below, what reconciliation says. Ends without a newline. */
export async function printLedger(db: Db): Promise<string> {
  const rows = await db.execute<AccountRow>(sql`
    select a.kind, a.currency, a.balance_minor,
           coalesce(u.username, m.business_name, h.username) as owner,
           (select count(*) from ledger_entries e where e.account_id = a.id) as entries
    from ledger_accounts a
    left join users u on a.kind = 'user_online' and u.id = a.owner_id
    left join merchants m on a.kind = 'merchant_available' and m.id = a.owner_id
    left join users h on h.id = a.holder_id
    order by a.currency, a.kind, owner, a.id`);
  const table = [
    ['account', 'of', 'entries', 'balance', ''],
    ...rows.map((row) => [
      KIND_TITLES[row.kind],
      row.owner ?? '-',
      row.entries,
      formatMinor(BigInt(row.balance_minor), row.currency),
      row.currency,
    ]),
  ];
  return [...layOut(table), '', ...describe(await reconcile(db))].join('\n');
}

function layOut(table: readonly (readonly string[])[]): string[] {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  const numeric = new Set([2, 3]);
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        numeric.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const rule = widths
    .map((width) => '-'.repeat(width))
    .join('  ')
    .trimEnd();
  const [head = [], ...body] = table;
  return [line(head), rule, ...body.map(line)];
}

/** Sentences for a reconciliation, one a line. */
export function describe(result: Reconciliation): string[] {
  const lines = result.sums.map(
    ({ currency, sumMinor }) =>
      `sum of all entries: ${formatMinor(sumMinor, currency)} ${currency}${sumMinor === 0n ? '' : '  <- NOT ZERO'}`,
  );
  lines.push(`${result.transferCount} transfers, ${result.entryCount} entries`);
  for (const wrong of result.wrongBalances) {
    lines.push(`account ${wrong.accountId}: balance ${wrong.keptMinor}, entries sum to ${wrong.summedMinor}`);
  }
  for (const id of result.unbalancedTransfers) lines.push(`transfer ${id} does not sum to zero`);
  if (result.orphanEntryCount > 0n)
    lines.push(`${result.orphanEntryCount} entries without transfer or account`);
  const { settledCount, waitingCount, faults } = result.refunds;
  if (settledCount + waitingCount > 0n)
    lines.push(`${settledCount} refunds paid, ${waitingCount} waiting for their merchants' money`);
  for (const { offerHash, fault } of faults) lines.push(`refund ${offerHash.slice(0, 16)}: ${fault}`);
  lines.push(
    result.sound
      ? 'The ledger is sound: every balance is the sum of its entries.'
      : 'THE LEDGER IS NOT SOUND.',
  );
  return lines;
}
