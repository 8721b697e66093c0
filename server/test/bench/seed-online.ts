/**
 * An online transfer the seed's way, for rows O1 and O2: everything that the product promises with one - a session that still
 * lives, tries that are counted, a key that is kept with its answer, the recipient found by number, debts, both histories - in one
 * transaction, its rows read under a lock and written back, one statement after the other over prepared statements.
 *
 * It writes copies of the product's tables with their columns, indexes, checks, plain foreign keys and room in their pages,
 * and without the product's triggers and policies, which a program that writes row by row would not have.
 */
import { createHash, randomUUIDv7 } from 'node:crypto';
import type { Sql } from 'postgres';
import type { BenchCloud } from './cloud.ts';

const REFERENCES = {
  users: [],
  sessions: ['user_id references by_row_users'],
  debts: ['user_id references by_row_users'],
  rate_limits: [],
  idempotency_keys: [],
  ledger_accounts: [],
  ledger_transfers: [],
  ledger_entries: [
    'transfer_id references by_row_ledger_transfers',
    'account_id, currency references by_row_ledger_accounts (id, currency)',
  ],
} as const;

/** After the people and their sessions, who are copied with their balances. */
export async function laySeedOnline({ owner }: BenchCloud): Promise<void> {
  for (const [table, references] of Object.entries(REFERENCES)) {
    await owner.unsafe(`create table by_row_${table} (like ${table} including all)`);
    for (const reference of references) {
      const [columns, parent] = reference.split(' references ');
      await owner.unsafe(`alter table by_row_${table} add foreign key (${columns}) references ${parent}`);
    }
    await owner.unsafe(`grant select, insert, update on by_row_${table} to tiki_app`);
  }
  await owner.unsafe('alter table by_row_ledger_accounts set (fillfactor = 50)');
  for (const table of ['users', 'sessions', 'ledger_accounts'])
    await owner.unsafe(`insert into by_row_${table} select * from ${table}`);
  await owner.unsafe('analyze');
}

const CURRENCY = 'SGD';
const ROUTE = 'POST /v1/transfers';
const MAX_TRIES = 1_000_000;

export interface SeedTransfer {
  readonly userId: string;
  readonly sessionId: string;
  readonly key: string;
  readonly phone: string;
  readonly amountMinor: bigint;
}

/** @returns JSON of the answer @throws when it is refused */
export async function sendByRow(
  sql: Sql,
  { userId, sessionId, key, phone, amountMinor }: SeedTransfer,
): Promise<string> {
  const hash = createHash('sha256').update(`${phone} ${amountMinor}`).digest('hex');
  return await sql.begin(async (tx) => {
    const [session] = await tx`
      select id from by_row_sessions where id = ${sessionId} and revoked_at is null and expires_at > now()`;
    if (session === undefined) throw new Error('session expired');
    const [tries] = await tx<{ points: number }[]>`
      insert into by_row_rate_limits as l (key, points, expire)
      values (${`transfer_by_user:${userId}`}, 1, now() + interval '10 minutes')
      on conflict (key) do update set points = l.points + 1 returning points`;
    if ((tries?.points ?? 0) > MAX_TRIES) throw new Error('rate limited');
    const claimed = await tx`
      insert into by_row_idempotency_keys (user_id, route, key, request_hash, locked_until)
      values (${userId}, ${ROUTE}, ${key}, ${hash}, now() + interval '1 minute') on conflict do nothing returning key`;
    if (claimed.length === 0) {
      const [kept] = await tx<{ request_hash: string; response_body: string }[]>`
        select request_hash, response_body from by_row_idempotency_keys
        where user_id = ${userId} and route = ${ROUTE} and key = ${key}`;
      if (kept?.request_hash !== hash) throw new Error('key reused');
      return kept.response_body;
    }
    const [sender] = await tx<{ username: string }[]>`select username from by_row_users where id = ${userId}`;
    const [recipient] = await tx<{ id: string; username: string }[]>`
      select id, username from by_row_users where phone = ${phone} and role = 'customer'`;
    if (sender === undefined || recipient === undefined) throw new Error('recipient not found');
    const debts = await tx`
      select 1 from by_row_debts
      where user_id in (${userId}, ${recipient.id}) and currency = ${CURRENCY} and recovered_minor < amount_minor`;
    if (debts.length > 0) throw new Error('somebody owes');
    const held = new Map<string, { readonly id: string; readonly balance: bigint }>();
    // In the order of their owners, or it would deadlock with itself.
    for (const owner of [userId, recipient.id].toSorted()) {
      const [account] = await tx<{ id: string; balance_minor: string }[]>`
        select id, balance_minor from by_row_ledger_accounts
        where kind = 'user_online' and owner_id = ${owner} and currency = ${CURRENCY} for update`;
      held.set(owner, { id: account?.id ?? '', balance: BigInt(account?.balance_minor ?? 0) });
    }
    const [from, to] = [held.get(userId), held.get(recipient.id)];
    if (from === undefined || to === undefined || from.balance < amountMinor)
      throw new Error('insufficient funds');
    const id = randomUUIDv7();
    await tx`update by_row_ledger_accounts set balance_minor = ${(from.balance - amountMinor).toString()} where id = ${from.id}`;
    await tx`update by_row_ledger_accounts set balance_minor = ${(to.balance + amountMinor).toString()} where id = ${to.id}`;
    const content = createHash('sha256').update(`${from.id} ${to.id} ${amountMinor}`).digest();
    const reference = { payerText: sender.username, payeeText: recipient.username };
    const [made] = await tx<{ created_at: Date }[]>`
      insert into by_row_ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      values (${id}, 'user_transfer', ${`user_transfer:${userId}:${key}`}, ${content}, ${tx.json(reference)}) returning created_at`;
    await tx`
      insert into by_row_ledger_entries (transfer_id, account_id, currency, amount_minor)
      values (${id}, ${from.id}, ${CURRENCY}, ${(-amountMinor).toString()})`;
    await tx`
      insert into by_row_ledger_entries (transfer_id, account_id, currency, amount_minor)
      values (${id}, ${to.id}, ${CURRENCY}, ${amountMinor.toString()})`;
    const answer = JSON.stringify({
      id,
      amountMinor: String(amountMinor),
      currency: CURRENCY,
      createdAt: made?.created_at,
    });
    await tx`
      update by_row_idempotency_keys set response_status = 200, response_body = ${answer}
      where user_id = ${userId} and route = ${ROUTE} and key = ${key}`;
    return answer;
  });
}
