/**
 * The usual batch: everybody is who they were, owes nothing and has enough, and every key is new. Its transaction waits for no
 * answer of ours while it holds accounts: all that would be decided in between is foreseen, and proved by the statements
 * themselves. Where one thing is not as foreseen nothing stands, the tries included, and `send-at-once.ts` finds out why.
 *
 * Never: refuses anybody, or posts what `decide.ts` would not.
 */
import type { ServerContext } from '../context.ts';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { inOneGo } from '../db/pipeline.ts';
import { sqlState } from '../db/retry.ts';
import { sql } from '../db/words.ts';
import { endingWithBegin, keepTogether } from '../http/idempotency.ts';
import type { CountedTogether } from '../http/rate-limits.ts';
import { contentHash, type HashedTransfer, moveCovered, postPairs, tellPosted } from '../ledger/index.ts';
import type { Decision, Request, Rules } from './decide.ts';
import type { OddBatches } from './odd-batches.ts';
import type { People, Person } from './people.ts';
import { answerUntilTime, END_OF_ANSWER, transferOf } from './transfer.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'config'> & {
  readonly people: People;
  readonly odd: OddBatches;
};

interface Foreseen {
  readonly requests: readonly Request[];
  readonly people: ReadonlySet<Person>;
  readonly toPost: readonly HashedTransfer[];
  /** Each as far as where its time begins. */
  readonly answers: readonly string[];
}

/** Null when something is not usual: nothing was done. @throws when the database does not answer, or an account is held for long */
export async function sendUsual(
  { db, clock, config, people, odd }: Needs,
  requests: readonly Request[],
  rules: Rules,
): Promise<readonly Decision[] | null> {
  if (!odd.mayTry(requests.length)) return null;
  const foreseen = await foresee(requests, rules, people);
  if (foreseen === null) return null;
  const now = new Date(clock.nowMs());
  const { currency, tries } = rules;
  const keepsAnswers = config.keepsTransferAnswers;
  try {
    const [done] = await inOneGo<{ began: Date }>(db, [
      write(foreseen, { currency, now, keepsAnswers }),
      countAndMove(foreseen, tries),
      prove(foreseen, { currency, now, keepsAnswers }),
    ]);
    if (done === undefined) throw new Error('a transaction that was committed said nothing');
    odd.wasUsual();
    tellPosted('user_transfer', foreseen.toPost.length);
    const end = done.began.toISOString() + END_OF_ANSWER;
    return foreseen.answers.map((answer) => ({ way: 'sent', body: answer + end }));
  } catch (error) {
    if (!isNotAsForeseen(error)) throw error;
    odd.wasOdd(requests.length);
    people.forget(foreseen.people);
    return null;
  }
}

/** SQLSTATE classes 22, which the statements raise when what they prove is not so, and 23: a key stands already. */
const isNotAsForeseen = (error: unknown) => /^2[23]/.test(sqlState(error) ?? '');

async function foresee(
  requests: readonly Request[],
  { currency, transferMaxMinor }: Rules,
  known: People,
): Promise<Foreseen | null> {
  const wanted = requests.flatMap(({ senderId, phone }) => (phone === null ? [] : [{ senderId, phone }]));
  if (wanted.length < requests.length) return null;
  const pairs = await known.of(wanted);
  const keys = new Set<string>();
  const people = new Set<Person>();
  const toPost: HashedTransfer[] = [];
  const answers: string[] = [];
  for (const [index, request] of requests.entries()) {
    const [sender, recipient] = pairs[index] ?? [];
    const { amountMinor, note, write } = request;
    if (sender === undefined || recipient === undefined || sender.id === recipient.id) return null;
    if (amountMinor > transferMaxMinor || keys.has(write.ledgerKey)) return null;
    keys.add(write.ledgerKey);
    people.add(sender).add(recipient);
    const sides = {
      sender: sender.shown,
      recipient: recipient.shown,
      from: sender.account,
      to: recipient.account,
    };
    const transfer = transferOf({ amountMinor, note, key: write.ledgerKey }, sides);
    toPost.push({ transfer, contentHash: contentHash(transfer) });
    answers.push(answerUntilTime({ id: transfer.id, amountMinor, currency, shown: recipient.shownJson }));
  }
  return { requests, people, toPost, answers };
}

interface Way {
  readonly currency: string;
  readonly now: Date;
  /** With the transfers, under keys that nobody else has then. */
  readonly keepsAnswers: boolean;
}

/** Before anything is locked that others want: nobody waits for it. */
function write({ requests, toPost, answers }: Foreseen, { currency, now, keepsAnswers }: Way) {
  // In one order for everybody, which is that of `post-transfers.ts`.
  const byKey = toPost.toSorted((a, b) => (a.transfer.idempotencyKey < b.transfer.idempotencyKey ? -1 : 1));
  const written = postPairs(byKey, currency);
  if (!keepsAnswers) return sql`with ${written} select`;
  const toKeep = requests.map((request, index) => ({
    ...request.write,
    status: 200,
    body: answers[index] ?? '',
  }));
  return sql`with ${written}, ${keepTogether(toKeep, now, endingWithBegin(END_OF_ANSWER))} select`;
}

/** Tries before accounts, as `ask.ts` has it. Balances are moved as their accounts are locked; what is proved later undoes it. */
function countAndMove({ requests, toPost }: Foreseen, tries: CountedTogether) {
  const asked = new Map<string, number>();
  for (const { senderId } of requests) asked.set(senderId, (asked.get(senderId) ?? 0) + 1);
  const withinBudget = sql`(select max(points) from tries) <= ${tries.most}::int`;
  const { moved, covered } = moveCovered(toPost, withinBudget);
  return sql`
    with asked_often as (
      select * from unnest(
        ${pgPlainArray([...asked.keys()].map((id) => tries.rowOf(id)))}::text[], ${pgPlainArray([...asked.values()])}::int[]
      ) as a (key, points)
    ), tries as (${tries.count()}
    ), ${moved}
    select 1 / (${covered})::int`;
}

/**
 * By what is committed now that the accounts are ours: who ended a session, closed an account, came to owe something or claimed a key
 * before is seen.
 */
function prove({ requests, people }: Foreseen, { currency, now, keepsAnswers }: Way) {
  const all = [...people];
  const sessions = new Set(requests.map(({ sessionId }) => sessionId));
  return sql`
    with people as (select ${pgPlainArray(all.map(({ id }) => id))}::uuid[] as ids)
    select now() as began, 1 / (
      (
        select count(*) from sessions where id = any (${pgPlainArray([...sessions])}::uuid[])
          and revoked_at is null and expires_at > ${now.toISOString()}::timestamptz
      ) = ${sessions.size}::int and (
        select count(*) from unnest(
          (select ids from people),
          ${pgArray(all.map(({ phone }) => phone))}::text[], ${pgArray(all.map(({ username }) => username))}::text[]
        ) as k (id, phone, username)
        -- "offset 0" keeps each a look-up by its whole key, whatever the planner thinks of the size of the table.
        cross join lateral (
          select phone, username from users where id = k.id and role = 'customer' and closed_at is null offset 0
        ) u
        where u.phone = k.phone and u.username = k.username
      ) = ${all.length}::int and not exists (
        select from debts where user_id = any ((select ids from people)::uuid[]) and currency = ${currency} and recovered_minor < amount_minor
      ) and ${keepsAnswers ? sql`true` : noneIsClaimed(requests)}
    )::int`;
}

function noneIsClaimed(requests: readonly Request[]) {
  const [first] = requests;
  return sql`not exists (
        select from unnest(
          ${pgPlainArray(requests.map(({ senderId }) => senderId))}::uuid[], ${pgPlainArray(requests.map(({ write: { key } }) => key))}::text[]
        ) as k (user_id, key)
        cross join lateral (
          select from idempotency_keys i where i.user_id = k.user_id and i.route = ${first?.write.route ?? ''} and i.key = k.key offset 0
        ) kept
      )`;
}
