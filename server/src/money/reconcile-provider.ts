/**
 * Compares our books of money in and out with each other and with the provider's.
 *
 * Owns: the questions an auditor asks about money that left. Never: repairs anything.
 */
import { sql } from 'drizzle-orm';
import type { DifferenceCode } from '../../contract/index.ts';
import type { Db } from '../db/client.ts';
import { formatMinor } from '../ledger/print.ts';
import type { MoneyPort } from './port.ts';

interface Needs {
  readonly db: Db;
  readonly money: Pick<MoneyPort, 'readOwnBalance' | 'readAccountBalance'>;
}

export interface Difference {
  readonly code: DifferenceCode;
  /** The account at the provider, where one of many differs. */
  readonly accountId: string | null;
  /** What follows from our books, minor units. */
  readonly expectedMinor: bigint;
  readonly foundMinor: bigint;
}

interface Books extends Record<string, unknown> {
  clearing: string;
  connected: string;
  transit: string;
  open: string;
  away: string;
}

/** Of accounts that had no withdrawal for so long nothing is asked. */
const ASKED_DAYS = 30;

/** Our own books: what the ledger says is on its way is what withdrawals say. */
async function readBooks(db: Db, currency: string): Promise<Books> {
  const [books] = await db.execute<Books>(sql`
    select
      (select coalesce(sum(balance_minor), 0) from ledger_accounts where kind = 'stripe_clearing' and currency = ${currency}) as clearing,
      (select coalesce(sum(balance_minor), 0) from ledger_accounts where kind = 'stripe_connected' and currency = ${currency}) as connected,
      (select coalesce(sum(balance_minor), 0) from ledger_accounts where kind = 'pay_outs_in_transit' and currency = ${currency}) as transit,
      (select coalesce(sum(amount_minor), 0) from withdrawals where currency = ${currency}
         and requested_at is not null and not is_returned and not (is_paid and payout_failed is null)) as open,
      (select coalesce(sum(amount_minor - fee_minor), 0) from withdrawals where currency = ${currency}
         and transfer_id is not null and not is_reversed and not (is_paid and payout_failed is null)) as away`);
  if (books === undefined) throw new Error('the database answered nothing');
  return books;
}

/**
 * Differences, none when all is well. What happens meanwhile shows as one, too: look again before believing it.
 * @throws ProviderUnavailable
 */
export async function reconcileProvider({ db, money }: Needs, currency: string): Promise<Difference[]> {
  const books = await readBooks(db, currency);
  const accounts = await db.execute<{ id: string; away: string }>(sql`
    select provider_account_id as id,
           coalesce(sum(amount_minor - fee_minor) filter (where transfer_id is not null and not is_reversed
             and not (is_paid and payout_failed is null)), 0) as away
    from withdrawals where currency = ${currency} and requested_at > now() - make_interval(days => ${ASKED_DAYS})
    group by 1 order by 1`);
  const compared: Difference[] = [
    {
      code: 'pay_outs_in_transit',
      accountId: null,
      expectedMinor: BigInt(books.open),
      foundMinor: BigInt(books.transit),
    },
    {
      code: 'on_the_way_to_banks',
      accountId: null,
      expectedMinor: -BigInt(books.away),
      foundMinor: BigInt(books.connected),
    },
    {
      code: 'held_for_us',
      accountId: null,
      expectedMinor: -BigInt(books.clearing),
      foundMinor: await money.readOwnBalance(currency),
    },
  ];
  for (const { id, away } of accounts) {
    const foundMinor = await money.readAccountBalance(id, currency);
    compared.push({
      code: 'account_at_stripe',
      accountId: id,
      expectedMinor: BigInt(away),
      foundMinor,
    });
  }
  return compared.filter(({ expectedMinor, foundMinor }) => expectedMinor !== foundMinor);
}

const ENGLISH: Readonly<Record<DifferenceCode, string>> = {
  pay_outs_in_transit: 'pay-outs in transit, in the ledger and by withdrawals',
  on_the_way_to_banks: 'on the way to banks, in the ledger and by withdrawals',
  held_for_us: 'held for us, in the ledger and at Stripe',
  account_at_stripe: 'by withdrawals and at Stripe',
};

/** What was compared, for a terminal; pages say it by its code. */
export function nameDifference({ code, accountId }: Pick<Difference, 'code' | 'accountId'>): string {
  return accountId === null ? ENGLISH[code] : `account ${accountId}, ${ENGLISH[code]}`;
}

/** One sentence a difference. */
export function describeDifferences(differences: readonly Difference[], currency: string): string[] {
  if (differences.length === 0) return ["Stripe's balance and pay-outs agree with the ledger."];
  return differences.map(
    ({ expectedMinor, foundMinor, ...which }) =>
      `${nameDifference(which)}: ${formatMinor(expectedMinor, currency)} and ${formatMinor(foundMinor, currency)} ${currency}  <- DIFFER`,
  );
}
