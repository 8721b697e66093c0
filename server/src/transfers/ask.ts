/**
 * Everything that transfers which arrive together depend on, in one statement: whose sessions live, how often each person has
 * tried, which keys have answers, who the people are, who owes - and their accounts, locked.
 *
 * Tries are counted before accounts are locked, both in an order that is the same for everybody: so two batches cannot deadlock.
 */
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { sql } from '../db/words.ts';
import type { CountedTogether } from '../http/rate-limits.ts';

export interface Asking {
  readonly userId: string;
  readonly sessionId: string;
  /** Idempotency-Key. */
  readonly key: string;
  /** Under which a transfer of it stands, if any does. */
  readonly ledgerKey: string;
  /** E.164; null when it is none, or the transfer is refused whoever receives. */
  readonly phone: string | null;
}

export interface AskingFor {
  readonly currency: string;
  /** Of the key. */
  readonly route: string;
  readonly now: Date;
  readonly tries: CountedTogether;
  /** Accounts that somebody else holds are left out instead of waited for. */
  readonly skipsLocked: boolean;
}

/** Of one who asked. Names are columns. */
export interface Found {
  /** From 1, in the order of those who asked. */
  readonly n: number;
  readonly alive: boolean;
  /** All tries of the person, those of this batch included; null beside a session that is over. */
  readonly points: number | null;
  readonly expire: Date | null;
  readonly kept_hash: string | null;
  readonly kept_status: number | null;
  readonly kept_body: string | null;
  /** A transfer that stands under the key (`repeats.ts`). */
  readonly stood_id: string | null;
  readonly stood_at: Date | null;
  readonly stood_payee: string | null;
  readonly stood_note: string | null;
  readonly stood_amount: string | null;
  readonly payer_name: string | null;
  readonly payer_phone: string | null;
  readonly payer_account: string | null;
  readonly payer_balance: string | null;
  readonly payee_id: string | null;
  readonly payee_role: string | null;
  readonly payee_name: string | null;
  readonly payee_account: string | null;
  readonly payee_balance: string | null;
  /** One of the two owes something: what comes in pays that first. */
  readonly owing: boolean;
  /** When the transaction began, in the row of the first. */
  readonly began: Date | null;
}

export function ask(asking: readonly Asking[], { currency, route, now, tries, skipsLocked }: AskingFor) {
  return sql`
    with asked as materialized (
      select a.n::int, a.user_id, a.try, s.id is not null as alive,
        k.request_hash as kept_hash, k.response_status as kept_status, k.response_body as kept_body,
        t.id as stood_id, t.created_at as stood_at, t.reference ->> 'payeeText' as stood_payee, t.reference ->> 'note' as stood_note,
        (select max(amount_minor) from ledger_entries where transfer_id = t.id) as stood_amount,
        p.username as payer_name, p.phone as payer_phone,
        r.id as payee_id, r.role as payee_role, r.username as payee_name,
        exists (
          select from debts d where d.user_id in (a.user_id, r.id) and d.currency = ${currency}
            and d.recovered_minor < d.amount_minor
        ) as owing
      from unnest(
        ${pgPlainArray(asking.map(({ userId }) => userId))}::uuid[],
        ${pgPlainArray(asking.map(({ sessionId }) => sessionId))}::uuid[],
        ${pgPlainArray(asking.map(({ userId }) => tries.rowOf(userId)))}::text[],
        ${pgPlainArray(asking.map(({ key }) => key))}::text[],
        ${pgArray(asking.map(({ ledgerKey }) => ledgerKey))}::text[],
        ${pgArray(asking.map(({ phone }) => phone))}::text[]
      ) with ordinality as a (user_id, session_id, try, key, ledger_key, phone, n)
      -- "offset 0" keeps each a look-up by its whole key, whatever the planner thinks of the size of the table.
      left join lateral (
        select id from sessions
        where id = a.session_id and revoked_at is null and expires_at > ${now.toISOString()}::timestamptz offset 0
      ) s on true
      left join lateral (select id, username, phone from users where id = a.user_id offset 0) p on true
      left join lateral (select id, role, username from users where phone = a.phone offset 0) r on true
      left join lateral (
        select request_hash, response_status, response_body from idempotency_keys
        where user_id = a.user_id and route = ${route} and key = a.key offset 0
      ) k on true
      left join lateral (
        select id, created_at, reference from ledger_transfers where idempotency_key = a.ledger_key offset 0
      ) t on true
    ), asked_often as (
      select try as key, count(*)::int as points from asked where alive group by try
    ), tries as (${tries.count()}
    ), held as (
      select h.id, h.owner_id, h.balance_minor from ledger_accounts h
      where h.kind = 'user_online' and h.currency = ${currency} and h.owner_id = any (array(
        -- The payer's in any case: nobody posts for them meanwhile (repeats.ts).
        select unnest(array[a.user_id, case when a.payee_role = 'customer' then a.payee_id end])
        from asked a join tries t on t.key = a.try where a.kept_hash is null and a.stood_id is null
      ))
      order by h.id for no key update ${skipsLocked ? sql`skip locked` : sql``}
    )
    select a.n, a.alive, t.points, t.expire, a.kept_hash, a.kept_status, a.kept_body,
      a.stood_id, a.stood_at, a.stood_payee, a.stood_note, a.stood_amount,
      a.payer_name, a.payer_phone, f.id as payer_account, f.balance_minor as payer_balance,
      a.payee_id, a.payee_role, a.payee_name, g.id as payee_account, g.balance_minor as payee_balance,
      a.owing, case when a.n = 1 then now() end as began
    from asked a
    left join tries t on t.key = a.try
    left join held f on f.owner_id = a.user_id
    left join held g on g.owner_id = a.payee_id`;
}
