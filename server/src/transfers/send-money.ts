/**
 * Money from one customer to another over the internet, the careful way: it knows debts and transfers that stand already. The
 * usual transfer goes by `send-at-once.ts`, which sends here what is not usual.
 *
 * Owns: who may receive. Never: shows a stranger's full name or number.
 */
import { sql } from 'drizzle-orm';
import type { TransferPreview, TransferResult } from '../../contract/index.ts';
import { findUserByPhone, normalisePhone } from '../accounts/index.ts';
import type { ServerContext } from '../context.ts';
import type { Db, Tx } from '../db/client.ts';
import { NaturalBatch, type Outcome, type Run } from '../db/natural-batch.ts';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { inTransaction } from '../db/retry.ts';
import { users } from '../db/schema/accounts.ts';
import { owingUsers, recoverDebts } from '../debts/recover.ts';
import { type ApiProblem, problem } from '../http/problem.ts';
import {
  findAccounts,
  findTransferTimes,
  lockBalances,
  type NewTransfer,
  type PostResult,
  postTransfers,
} from '../ledger/index.ts';
import { preview, type SendMoney, transferOf } from './transfer.ts';

type Needs = Pick<ServerContext, 'db' | 'config'>;

/** @throws ApiProblem `phone_number_invalid`, `recipient_is_sender`, `recipient_not_found` */
export async function previewRecipient(
  needs: Needs,
  senderId: string,
  typedPhone: string,
): Promise<TransferPreview> {
  const phone = normalisePhone(typedPhone, needs.config.region);
  const user = await findUserByPhone(needs.db, phone);
  if (user?.id === senderId) throw problem('recipient_is_sender');
  if (user === undefined || user.role !== 'customer') throw problem('recipient_not_found');
  return preview({ username: user.username, phone });
}

/** Each takes a connection of the pool, and may keep it for as long as somebody else keeps an account. */
const AT_ONCE = 3;
/** So long a batch waits for an account while others wait with it who do not need it. */
const MIXED_LOCK_MS = 300;

interface Careful extends SendMoney {
  /** Who takes part, as far as is known: whoever has to do with one of them waits for this one. */
  readonly people: readonly string[];
}

export class CarefulTransfers {
  readonly #needs: Needs;
  readonly #together: NaturalBatch<Careful, TransferResult>;

  constructor(needs: Needs) {
    this.#needs = needs;
    this.#together = new NaturalBatch((requests, how) => sendTogether(needs, requests, how), {
      atOnce: AT_ONCE,
      namesOf: ({ people }) => people,
    });
  }

  /** @throws ApiProblem like {@link previewRecipient}, and `insufficient_funds`, `amount_above_maximum` */
  async send(request: SendMoney): Promise<TransferResult> {
    const { limits, region } = this.#needs.config;
    if (request.amountMinor > limits.transferMaxMinor) throw problem('amount_above_maximum');
    const phone = normalisePhone(request.phone, region);
    const recipient = await findUserByPhone(this.#needs.db, phone);
    const people = [request.senderId, recipient?.id ?? phone];
    return this.#together.submit({ ...request, phone, people });
  }
}

type Person = Pick<typeof users.$inferSelect, 'id' | 'role' | 'phone' | 'username'>;

interface Planned {
  readonly request: SendMoney;
  readonly recipient: Person;
  readonly transfer: NewTransfer;
}

async function sendTogether(
  needs: Needs,
  requests: readonly SendMoney[],
  how: Run,
): Promise<readonly Outcome<TransferResult>[]> {
  const planned = await plan(needs, requests);
  const toPost = planned.filter((one): one is Planned => 'transfer' in one);
  const posted = await post(needs, toPost, how).catch((error: unknown) => {
    if (error instanceof RecipientClosed) return null;
    throw error;
  });
  // Nothing was posted. Whoever closed has no number any more, so that the others go on without them.
  if (posted === null) return sendTogether(needs, requests, how);
  return planned.map((one) =>
    'transfer' in one ? outcomeOf(one, posted, needs) : { ok: false, error: one },
  );
}

/** In the order of `requests`: a transfer to post, or why there is none. */
async function plan(
  { db, config: { currency } }: Needs,
  requests: readonly SendMoney[],
): Promise<readonly (Planned | ApiProblem)[]> {
  const people = await findPeople(db, requests);
  const byId = new Map(people.map((person) => [person.id, person]));
  const byPhone = new Map(people.map((person) => [person.phone, person]));
  const ownerIds = [...byId.keys()];
  const accounts = await findAccounts(db, { kind: 'user_online', ownerIds, currency });
  return requests.map((request) => {
    const sender = byId.get(request.senderId);
    const recipient = byPhone.get(request.phone);
    if (recipient?.id === request.senderId) return problem('recipient_is_sender');
    if (recipient?.role !== 'customer') return problem('recipient_not_found');
    if (sender === undefined) return problem('not_authenticated');
    const [from, to] = [accounts.get(sender.id), accounts.get(recipient.id)];
    if (from === undefined || to === undefined) return problem('internal_error');
    return {
      request,
      recipient,
      transfer: transferOf(request, { sender: preview(sender), recipient: preview(recipient), from, to }),
    };
  });
}

async function findPeople(db: Db, requests: readonly SendMoney[]): Promise<readonly Person[]> {
  const ids = pgPlainArray(requests.map(({ senderId }) => senderId));
  const phones = pgArray(requests.map(({ phone }) => phone));
  return db
    .select({ id: users.id, role: users.role, phone: users.phone, username: users.username })
    .from(users)
    .where(sql`${users.id} = any(${ids}::uuid[]) or ${users.phone} = any(${phones}::text[])`);
}

/** Somebody's account was closed between the plan and the post: nothing of the batch stands. */
class RecipientClosed extends Error {}

/**
 * After their accounts were locked, which closing does as well: whoever is open now is open when the money is there.
 * @throws RecipientClosed
 */
async function assertOpen(tx: Tx, planned: readonly Planned[]): Promise<void> {
  const ids = pgPlainArray(planned.map(({ recipient }) => recipient.id));
  const closed = await tx
    .select({ id: users.id })
    .from(users)
    .where(sql`${users.id} = any(${ids}::uuid[]) and ${users.closedAt} is not null`)
    .limit(1);
  if (closed.length > 0) throw new RecipientClosed('an account was closed');
}

interface Posted {
  readonly result: PostResult;
  readonly createdAt: Date | undefined;
}

/** By the id that was planned. */
async function post(
  needs: Needs,
  planned: readonly Planned[],
  { isMixed }: Run,
): Promise<ReadonlyMap<string, Posted>> {
  if (planned.length === 0) return new Map();
  const { currency } = needs.config;
  return inTransaction(needs.db, async (tx) => {
    if (isMixed) await tx.execute(sql.raw(`set local lock_timeout = ${MIXED_LOCK_MS}`));
    const owing = await owingUsers(
      tx,
      planned.map(({ recipient }) => recipient.id),
      currency,
    );
    const results = new Map<string, PostResult>();
    for (const group of await inGroups(tx, planned, owing)) {
      const posted = await postTransfers(
        tx,
        group.map(({ transfer }) => transfer),
      );
      for (const [index, { request, recipient, transfer }] of group.entries()) {
        const result = posted[index];
        if (result === undefined) continue;
        results.set(transfer.id, result);
        if (result.status !== 'posted' || !owing.has(recipient.id)) continue;
        const { amountMinor } = request;
        await recoverDebts(tx, { userId: recipient.id, currency, amountMinor, transferId: transfer.id });
      }
    }
    await assertOpen(tx, planned);
    const times = await findTransferTimes(
      tx,
      [...results.values()].flatMap(({ transferId }) => transferId ?? []),
    );
    return new Map(
      [...results].map(([id, result]) => [id, { result, createdAt: times.get(result.transferId ?? '') }]),
    );
  });
}

/**
 * All at once; but who owes and receives here sends one by one after the others, so that what comes in pays the debt before it
 * is sent on. Then all accounts are locked before the first group, in the order that everybody keeps.
 */
async function inGroups(
  tx: Tx,
  planned: readonly Planned[],
  owing: ReadonlySet<string>,
): Promise<readonly (readonly Planned[])[]> {
  const isLate = ({ request }: Planned) => owing.has(request.senderId);
  const late = planned.filter(isLate);
  if (late.length === 0) return [planned];
  await lockBalances(
    tx,
    planned.flatMap(({ transfer }) => transfer.entries.map(({ accountId }) => accountId)),
  );
  return [planned.filter((one) => !isLate(one)), ...late.map((one) => [one])];
}

function outcomeOf(
  { request, recipient, transfer }: Planned,
  posted: ReadonlyMap<string, Posted>,
  { config }: Needs,
): Outcome<TransferResult> {
  const stands = posted.get(transfer.id);
  if (stands?.result.status === 'insufficient_funds')
    return { ok: false, error: problem('insufficient_funds') };
  const id = stands?.result.transferId ?? null;
  if (id === null || stands?.createdAt === undefined)
    return { ok: false, error: problem('idempotency_key_reused') };
  return {
    ok: true,
    value: {
      id,
      amountMinor: request.amountMinor.toString(),
      currency: config.currency,
      recipient: preview(recipient),
      createdAt: stands.createdAt.toISOString(),
    },
  };
}
