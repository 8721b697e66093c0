/**
 * One day or one month of one pocket: what it held at the beginning, every entry, what it held at the end.
 *
 * Owns: which entries belong to it (by the transfer's time, in the installation's time zone), as one snapshot saw them. Never: writes,
 * holds more lines of it than a page (a shop's month may have millions of entries), or keeps a transaction between two pages.
 */
import { sql } from 'drizzle-orm';
import { currencyExponent, shownMask } from '@tikiwallet/protocol';
import type { Executor } from '../db/client.ts';
import type { TransferKind, TransferReference } from '../db/schema/ledger.ts';
import { toCsv } from './csv.ts';
import { type LineColumns, lineReference, merchantLines } from './shared-lines.ts';
import { PAYMENT_OF_KEY } from './statements.ts';

export interface StatementQuery {
  readonly kind: 'user_online' | 'merchant_available';
  /** The user or the merchant. */
  readonly ownerId: string;
  readonly currency: string;
  /** `2026-11-30`, or the whole of `2026-11`. */
  readonly period: string;
  readonly timeZone: string;
}

export interface StatementLine {
  /** Of all lines of a transfer that many payments share the same; their receipts tell them apart. */
  readonly entryId: bigint;
  readonly at: Date;
  /** As if each payment had a transfer of its own. */
  readonly kind: Exclude<TransferKind, 'offline_payments'>;
  readonly amountMinor: bigint;
  /** After this line. */
  readonly balanceMinor: bigint;
  readonly counterparty: string;
  readonly note: string;
  /** Of a sale, or of money given back, as it stands on its receipt; empty for what has none. */
  readonly receipt: string;
  /** The till's name; a merchant's own only. */
  readonly till: string;
  /** Hex of the payment's hash: a sale and what was given back of it have the same. */
  readonly paymentId: string;
}

/** Which entries belong to a statement, and in which order. An entry that is posted never changes, so they can be read later. */
interface Statement {
  readonly openingMinor: bigint;
  readonly accountId: string | null;
  /** Ids in the order of their time, as the database writes an array: some ten bytes an entry, where a line takes hundreds. */
  readonly pages: readonly string[];
  readonly closingMinor: bigint;
}

/** Runs one read, each in a transaction of its own or all in one: nothing is held from one to the next. */
export type ReadStatement = <T>(work: (executor: Executor) => Promise<T>) => Promise<T>;

interface Row extends Record<string, unknown>, LineColumns {
  entry_id: string;
  at: string;
  kind: TransferKind;
  amount_minor: string;
  reference: TransferReference;
  payment_of_key: string | null;
  refund_sequence: number | null;
  refund_till: string | null;
}

/** Lines that are held at one time; with those of a transfer that many payments share, up to a batch's more. */
const PAGE = 1_000;

/** The opening is counted back from the balance of now, so all of this is one statement after the other in one snapshot. */
async function readPlaces(executor: Executor, query: StatementQuery): Promise<Statement> {
  const isMonth = query.period.length === '2026-11'.length;
  const first = sql`(${isMonth ? `${query.period}-01` : query.period}::date)::timestamp`;
  const begins = sql`${first} at time zone ${query.timeZone}`;
  const ends = sql`(${first} + ${isMonth ? '1 month' : '1 day'}::interval) at time zone ${query.timeZone}`;
  const [account] = await executor.execute<{ id: string; balance: string }>(sql`
    select id, balance_minor as balance from ledger_accounts
    where kind = ${query.kind} and owner_id = ${query.ownerId} and currency = ${query.currency}`);
  if (account === undefined) return { openingMinor: 0n, accountId: null, pages: [], closingMinor: 0n };
  const [moved] = await executor.execute<{ within: string; later: string }>(sql`
    select coalesce(sum(e.amount_minor) filter (where t.created_at < ${ends}), 0) as within,
      coalesce(sum(e.amount_minor) filter (where t.created_at >= ${ends}), 0) as later
    from ledger_entries e join ledger_transfers t on t.id = e.transfer_id
    where e.account_id = ${account.id} and t.created_at >= ${begins}`);
  const closingMinor = BigInt(account.balance) - BigInt(moved?.later ?? 0);
  const openingMinor = closingMinor - BigInt(moved?.within ?? 0);
  const pages = await executor.execute<{ ids: string }>(sql`
    select array_agg(id order by place)::text as ids from (
      select id, place, (lines - 1) / ${PAGE} as page from (
        select e.id, row_number() over sorted as place,
          sum(case when t.kind = 'offline_payments' then (t.reference->>'count')::int else 1 end) over (sorted rows unbounded preceding) as lines
        from ledger_entries e join ledger_transfers t on t.id = e.transfer_id
        where e.account_id = ${account.id} and t.created_at >= ${begins} and t.created_at < ${ends}
        window sorted as (order by t.created_at, e.id)) placed) paged
    group by page order by page`);
  return { openingMinor, accountId: account.id, pages: pages.map(({ ids }) => ids), closingMinor };
}

function readLines(executor: Executor, accountId: string, ids: string): Promise<readonly Row[]> {
  return executor.execute<Row>(sql`
    select e.id as entry_id, t.created_at as at, t.kind, coalesce(l.amount_minor, e.amount_minor) as amount_minor, t.reference,
      ${PAYMENT_OF_KEY} as payment_of_key, l.place, l.payment_hash, l.payer,
      r.sequence as refund_sequence, k.name as refund_till
    from unnest(${ids}::bigint[]) with ordinality as placed (id, place)
    join ledger_entries e on e.account_id = ${accountId} and e.id = placed.id
    join ledger_transfers t on t.id = e.transfer_id
    left join refunds r on r.offer_hash = case when t.kind = 'offline_refund' then decode(split_part(t.idempotency_key, ':', 2), 'hex') end
    left join kiosks k on k.id = r.kiosk_id
    left join lateral (
      select * from (${merchantLines(sql`t.reference`)}) s where t.kind = 'offline_payments' order by s.place offset 0
    ) l on true
    order by placed.place, l.place`);
}

/**
 * By the page, each read when it is asked for.
 * @throws when a line is not there any more, or they do not lead from the opening to the closing
 */
async function* pagesOf(
  read: ReadStatement,
  { openingMinor, accountId, pages, closingMinor }: Statement,
): AsyncGenerator<readonly StatementLine[], void, void> {
  let balanceMinor = openingMinor;
  for (const ids of pages) {
    if (accountId === null) break;
    const rows = await read((executor) => readLines(executor, accountId, ids));
    yield rows.map((row) => {
      balanceMinor += BigInt(row.amount_minor);
      return lineOf(row, balanceMinor);
    });
  }
  if (balanceMinor !== closingMinor)
    throw new Error('a statement does not lead from its opening to its closing');
}

function lineOf(row: Row, balanceMinor: bigint): StatementLine {
  const amountMinor = BigInt(row.amount_minor);
  const reference = lineReference(row.reference, row);
  const text = (name: string) => (typeof reference[name] === 'string' ? reference[name] : '');
  return {
    entryId: BigInt(row.entry_id),
    at: new Date(row.at),
    kind: row.kind === 'offline_payments' ? 'offline_payment' : row.kind,
    amountMinor,
    balanceMinor,
    counterparty: shownMask(text(amountMinor > 0n ? 'payerText' : 'payeeText')),
    note: text('note'),
    receipt: String(row.refund_sequence ?? reference.sequence ?? ''),
    till: row.refund_till ?? text('kioskName'),
    paymentId: row.payment_of_key ?? text('paymentHash'),
  };
}

/** `-12.50`: what spreadsheets add up. No float on the way. */
export function toDecimal(amountMinor: bigint, currency: string): string {
  const exponent = currencyExponent(currency);
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  return `${amountMinor < 0n ? '-' : ''}${whole}${exponent === 0 ? '' : `.${digits.slice(-exponent)}`}`;
}

/** In this order for ever: what reads a column by its place goes on reading it. New ones come last. */
const COLUMNS = [
  'time',
  'kind',
  'amount',
  'currency',
  'balance',
  'counterparty',
  'note',
  'entry',
  'receipt',
  'till',
  'payment_id',
] as const;
/** What the lines of opening and closing say behind the balance. */
const NOTHING = COLUMNS.slice(COLUMNS.indexOf('balance') + 1).map(() => '');

/** The file, a page of lines at a time. @param read runs each read; the first in one snapshot */
export async function* statementCsv(
  read: ReadStatement,
  query: StatementQuery,
): AsyncGenerator<string, void, void> {
  const { currency, period } = query;
  const statement = await read((executor) => readPlaces(executor, query));
  const money = (minor: bigint) => toDecimal(minor, currency);
  const frame = (kind: string, minor: bigint) => [period, kind, '', currency, money(minor), ...NOTHING];
  yield toCsv([COLUMNS, frame('opening_balance', statement.openingMinor)]);
  for await (const page of pagesOf(read, statement))
    yield toCsv(
      page.map((line) => [
        line.at.toISOString(),
        line.kind,
        money(line.amountMinor),
        currency,
        money(line.balanceMinor),
        line.counterparty,
        line.note,
        line.entryId.toString(),
        line.receipt,
        line.till,
        line.paymentId,
      ]),
    );
  yield toCsv([frame('closing_balance', statement.closingMinor)]);
}
