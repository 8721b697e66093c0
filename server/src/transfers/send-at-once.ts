/**
 * Transfers as they arrive: the whole request in one transaction, shared by all that arrive while another is under way. Session,
 * tries, key, people, limits, money and the answer stand or fall together. A batch in which all is usual makes one round trip
 * (`send-usual.ts`), every other one two.
 *
 * What is not usual for one of them - somebody owes, a key's first attempt is still at work, a transfer stands under its key already -
 * goes the careful way (`send-money.ts`), which knows about it. Never: decides differently from it.
 */
import { TransferResult } from '../../contract/index.ts';
import { normalisePhone, type SignedIn } from '../accounts/index.ts';
import type { ServerContext } from '../context.ts';
import { LANES } from '../db/client.ts';
import { NaturalBatch, type Outcome } from '../db/natural-batch.ts';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { inTwoSteps } from '../db/pipeline.ts';
import { sqlState } from '../db/retry.ts';
import { sql } from '../db/words.ts';
import { hasKey, keepTogether, nameWrite, readKept } from '../http/idempotency.ts';
import type { AskedHeaders } from '../http/asked.ts';
import { ApiProblem } from '../http/problem.ts';
import { movePairs, postPairs, tellPosted } from '../ledger/index.ts';
import { ask, type Found } from './ask.ts';
import { type Decided, decide, type Decision, type Request, type Rules } from './decide.ts';
import { OddBatches } from './odd-batches.ts';
import { People } from './people.ts';
import { Repeats } from './repeats.ts';
import { CarefulTransfers } from './send-money.ts';
import { sendUsual } from './send-usual.ts';
import { ledgerKeyOf, type SendMoney } from './transfer.ts';

const ROUTE = 'POST /v1/transfers';
const BUDGET = 'transfer_by_user';
/** The beginning of a batch's statements costs as much as a dozen of its transfers. */
const COMPANY = 24;
const LOCK_NOT_AVAILABLE = '55P03';
const E164 = /^\+[1-9][0-9]{6,14}$/;

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'limits' | 'idempotency' | 'sessions'>;

export interface Wanted {
  readonly phone: string;
  readonly amountMinor: string;
  readonly note?: string | undefined;
}

export class OnlineTransfers {
  readonly #needs: Needs;
  readonly #together: NaturalBatch<Request, Decision>;
  readonly #careful: CarefulTransfers;
  readonly #repeats: Repeats;

  constructor(needs: Needs) {
    this.#needs = needs;
    this.#careful = new CarefulTransfers(needs);
    this.#repeats = new Repeats(needs.db, needs.config.currency);
    const people = new People(needs.db, needs.config.currency);
    const odd = new OddBatches();
    this.#together = new NaturalBatch((requests) => sendTogether({ ...needs, people, odd }, requests), {
      atOnce: LANES,
      company: COMPANY,
      namesOf: ({ write }) => [write.ledgerKey],
    });
  }

  /**
   * @param sender as the token says; whether the session lives is asked here
   * @returns JSON of a `TransferResult`
   * @throws ApiProblem `session_expired`, `rate_limited`, `idempotency_key_required`, `idempotency_key_reused`,
   *   `amount_above_maximum`, `phone_number_invalid`, `recipient_is_sender`, `recipient_not_found`, `insufficient_funds`
   */
  async send(
    c: AskedHeaders,
    { userId, sessionId }: SignedIn,
    { phone, amountMinor, note }: Wanted,
  ): Promise<string> {
    const { sessions, limits } = this.#needs;
    const write = { userId, route: ROUTE, input: { phone, amountMinor, note } };
    const money = { senderId: userId, amountMinor: BigInt(amountMinor), note };
    const careful = async () => {
      const { ledgerKey: key } = nameWrite(c, write);
      const asked = { ...money, phone: this.#normal(phone) };
      const send = async () =>
        readTold(await this.#repeats.told(key, asked, () => this.#sendCarefully(key, phone, money)));
      // Around both: the claim may be refused, too.
      return this.#repeats.told(key, asked, async () =>
        JSON.stringify(
          await this.#needs.idempotency.run(c, { ...write, schema: TransferResult, work: send }),
        ),
      );
    };
    const alone = async () => {
      await sessions.assertAlive(sessionId);
      await limits.take(BUDGET, userId);
      return careful();
    };
    // A key that is missing or none is refused after what comes before it.
    if (!hasKey(c)) return alone();
    let decision: Decision;
    try {
      decision = await this.#together.submit({
        senderId: userId,
        amountMinor: money.amountMinor,
        note,
        sessionId,
        phone: this.#normal(phone),
        write: nameWrite(c, write),
      });
    } catch (error) {
      if (isRowRefused(error)) return alone();
      throw error;
    }
    return decision.way === 'careful' ? careful() : answerOf(decision);
  }

  async #sendCarefully(key: string, phone: string, money: Omit<SendMoney, 'key' | 'phone'>): Promise<string> {
    return JSON.stringify(await this.#careful.send({ ...money, phone, key }));
  }

  /** What looks normal is looked up as it is; null for what is no number. */
  #normal(phone: string): string | null {
    if (E164.test(phone)) return phone;
    try {
      return normalisePhone(phone, this.#needs.config.region);
    } catch (error) {
      if (error instanceof ApiProblem) return null;
      throw error;
    }
  }
}

const readTold = (told: string) => TransferResult.parse(JSON.parse(told));

/** SQLSTATE classes 22 and 23, and a lock that was not had: nothing was done, and the careful way finds out why. */
function isRowRefused(error: unknown): boolean {
  const state = sqlState(error) ?? '';
  return /^2[23]/.test(state) || state === LOCK_NOT_AVAILABLE;
}

/** @throws ApiProblem */
function answerOf(decision: Exclude<Decision, { way: 'careful' }>): string {
  switch (decision.way) {
    case 'sent':
      return decision.body;
    case 'kept':
      return readKept(decision.answer);
    case 'refused':
      throw decision.refusal;
  }
}

/** Who waits for an account that somebody holds for long is asked to go the careful way, and the others go on without them. */
async function sendTogether(
  needs: Needs & { readonly people: People; readonly odd: OddBatches },
  requests: readonly Request[],
): Promise<readonly Outcome<Decision>[]> {
  try {
    const usual = await sendUsual(needs, requests, rulesOf(needs));
    if (usual !== null) return usual.map((value) => ({ ok: true, value }));
    return await sendInTurn(needs, requests, { skipsLocked: false });
  } catch (error) {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
    return sendInTurn(needs, requests, { skipsLocked: true });
  }
}

function rulesOf({ config, limits }: Needs): Rules {
  const { currency, region } = config;
  return {
    currency,
    region,
    transferMaxMinor: config.limits.transferMaxMinor,
    tries: limits.together(BUDGET),
  };
}

async function sendInTurn(
  needs: Needs,
  requests: readonly Request[],
  { skipsLocked }: { readonly skipsLocked: boolean },
): Promise<readonly Outcome<Decision>[]> {
  const { db, clock } = needs;
  const rules = rulesOf(needs);
  const { currency, tries } = rules;
  const now = new Date(clock.nowMs());
  const asking = requests.map(({ senderId, sessionId, phone, write }) => ({
    userId: senderId,
    sessionId,
    phone,
    key: write.key,
    ledgerKey: ledgerKeyOf(write.ledgerKey),
  }));
  const { decisions, toPost } = await inTwoSteps<Found, Decided>(db, {
    ask: ask(asking, { currency, route: ROUTE, now, tries, skipsLocked }),
    write: (found) => {
      const decided = decide(requests, found, rules);
      return { statement: statementOf(decided, { currency, now }), value: decided };
    },
  });
  tellPosted('user_transfer', toPost.length);
  return decisions.map((value) => ({ ok: true, value }));
}

function statementOf(
  { toPost, payeeIds, toKeep }: Decided,
  { currency, now }: { readonly currency: string; readonly now: Date },
) {
  if (toPost.length === 0 && toKeep.length === 0) return null;
  // Whoever closed an account before we had its lock is closed now: then nothing of the batch stands, and each goes alone. And so it is
  // where a transfer came to stand under the key of a refusal before we had the payer's account.
  const refusedKeys = toKeep.flatMap(({ status, ledgerKey }) =>
    status === 200 ? [] : ledgerKeyOf(ledgerKey),
  );
  const isStill = sql`
    case when exists (
      select from users where id = any (${pgPlainArray(payeeIds)}::uuid[]) and closed_at is not null
    ) then 'a recipient has closed their account' when exists (
      select from ledger_transfers where idempotency_key = any (${pgArray(refusedKeys)}::text[])
    ) then 'a transfer stands whose refusal was to be kept' else '0' end::int`;
  if (toPost.length === 0) return sql`with ${keepTogether(toKeep, now)} select ${isStill}`;
  return sql`
    with ${postPairs(toPost, currency)}, ${movePairs(toPost)}, ${keepTogether(toKeep, now)} select ${isStill}`;
}
