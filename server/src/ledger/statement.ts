/**
 * One day or one month of one pocket: what it held at the beginning, every entry, what it held at the end.
 *
 * Owns: which entries belong to it (by the transfer's time, in the installation's time zone). Never: writes, or holds more of it
 * than a page: a shop's month may have millions of entries.
 */
import { sql } from 'drizzle-orm';
import { currencyExponent, shownMask } from '@tikiwallet/protocol';
import type { Tx } from '../db/client.ts';
import type { TransferKind, TransferReference } from '../db/schema/ledger.ts';
import { toCsv } from './csv.ts';
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
  readonly entryId: bigint;
  readonly at: Date;
  readonly kind: TransferKind;
  readonly amountMinor: bigint;
  /** After this entry. */
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

export interface Statement {
  readonly openingMinor: bigint;
  /** In the order of their time. To be read once, while the transaction lasts. */
  readonly pages: AsyncIterable<readonly StatementLine[]>;
  readonly closingMinor: bigint;
}

interface Row extends Record<string, unknown> {
  entry_id: string;
  at: string;
  kind: TransferKind;
  amount_minor: string;
  reference: TransferReference;
  payment_hash: string | null;
  refund_sequence: number | null;
  refund_till: string | null;
}

/** Lines that are held at one time. */
const PAGE = 1_000;

/** To be read in one snapshot: the opening is counted back from the balance of now. */
export async function readStatement(tx: Tx, query: StatementQuery): Promise<Statement> {
  const isMonth = query.period.length === '2026-11'.length;
  const first = sql`(${isMonth ? `${query.period}-01` : query.period}::date)::timestamp`;
  const begins = sql`${first} at time zone ${query.timeZone}`;
  const ends = sql`(${first} + ${isMonth ? '1 month' : '1 day'}::interval) at time zone ${query.timeZone}`;
  const [account] = await tx.execute<{ id: string; balance: string }>(sql`
    select id, balance_minor as balance from ledger_accounts
    where kind = ${query.kind} and owner_id = ${query.ownerId} and currency = ${query.currency}`);
  if (account === undefined) return { openingMinor: 0n, pages: nothing(), closingMinor: 0n };
  const [moved] = await tx.execute<{ within: string; later: string }>(sql`
    select coalesce(sum(e.amount_minor) filter (where t.created_at < ${ends}), 0) as within,
      coalesce(sum(e.amount_minor) filter (where t.created_at >= ${ends}), 0) as later
    from ledger_entries e join ledger_transfers t on t.id = e.transfer_id
    where e.account_id = ${account.id} and t.created_at >= ${begins}`);
  const closingMinor = BigInt(account.balance) - BigInt(moved?.later ?? 0);
  const openingMinor = closingMinor - BigInt(moved?.within ?? 0);
  // Sorted once, on the database's side, and given out by the page.
  await tx.execute(sql`
    declare statement_lines no scroll cursor for
    select e.id as entry_id, t.created_at as at, t.kind, e.amount_minor, t.reference,
      ${PAYMENT_OF_KEY} as payment_hash,
      r.sequence as refund_sequence, k.name as refund_till
    from ledger_entries e join ledger_transfers t on t.id = e.transfer_id
    left join refunds r on r.offer_hash = case when t.kind = 'offline_refund' then decode(split_part(t.idempotency_key, ':', 2), 'hex') end
    left join kiosks k on k.id = r.kiosk_id
    where e.account_id = ${account.id} and t.created_at >= ${begins} and t.created_at < ${ends}
    order by t.created_at, e.id`);
  return { openingMinor, pages: pagesOf(tx, openingMinor), closingMinor };
}

async function* nothing(): AsyncGenerator<readonly StatementLine[], void, void> {}

async function* pagesOf(tx: Tx, openingMinor: bigint): AsyncGenerator<readonly StatementLine[], void, void> {
  let balanceMinor = openingMinor;
  for (;;) {
    const rows = await tx.execute<Row>(sql.raw(`fetch forward ${PAGE} from statement_lines`));
    const page = rows.map((row) => {
      balanceMinor += BigInt(row.amount_minor);
      return lineOf(row, balanceMinor);
    });
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
  }
}

function lineOf(row: Row, balanceMinor: bigint): StatementLine {
  const amountMinor = BigInt(row.amount_minor);
  const text = (name: string) => (typeof row.reference[name] === 'string' ? row.reference[name] : '');
  return {
    entryId: BigInt(row.entry_id),
    at: new Date(row.at),
    kind: row.kind,
    amountMinor,
    balanceMinor,
    counterparty: shownMask(text(amountMinor > 0n ? 'payerText' : 'payeeText')),
    note: text('note'),
    receipt: String(row.refund_sequence ?? row.reference.sequence ?? ''),
    till: row.refund_till ?? text('kioskName'),
    paymentId: row.payment_hash ?? text('paymentHash'),
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

/** The file, a page of lines at a time. */
export async function* statementCsv(
  statement: Statement,
  { currency, period }: Pick<StatementQuery, 'currency' | 'period'>,
): AsyncGenerator<string, void, void> {
  const money = (minor: bigint) => toDecimal(minor, currency);
  const frame = (kind: string, minor: bigint) => [period, kind, '', currency, money(minor), ...NOTHING];
  yield toCsv([COLUMNS, frame('opening_balance', statement.openingMinor)]);
  for await (const page of statement.pages)
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
