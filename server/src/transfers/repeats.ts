/**
 * A transfer says itself what its request is answered with: so nothing is kept beside it, and whoever sends it again is told from it.
 *
 * Owns: that a request never hears of a refusal while a transfer of its own stands under its key, or comes to. Never: posts.
 */
import { sql } from 'drizzle-orm';
import { maskPhone } from '../accounts/index.ts';
import type { Db, Executor } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { keptRefusal } from '../http/idempotency.ts';
import { problem } from '../http/problem.ts';
import { answerOf, ledgerKeyOf, noteText, shownOf } from './transfer.ts';

/** A transfer under a key. Names are columns. */
export interface Standing {
  readonly id: string;
  /** How the recipient was shown, as one text. */
  readonly payee: string | null;
  readonly note: string | null;
  /** Minor units. */
  readonly amount: string | null;
  readonly createdAt: Date;
}

export interface Asked {
  readonly senderId: string;
  /** E.164; null when it is none. */
  readonly phone: string | null;
  readonly amountMinor: bigint;
  readonly note?: string | undefined;
}

/**
 * What the request behind a transfer was answered with, to that request alone: it is told by its money, its note and as much of
 * the number as the transfer shows. More of the number is kept nowhere beside money.
 * @returns JSON of a `TransferResult`; null where the transfer does not say
 * @throws ApiProblem `idempotency_key_reused`
 */
export function answerAgain(standing: Standing, asked: Asked, currency: string): string | null {
  const { id, payee, note, amount, createdAt } = standing;
  const { phone, amountMinor } = asked;
  const shown = payee === null ? null : shownOf(payee);
  if (shown === null || amount === null) return null;
  const isSame =
    BigInt(amount) === amountMinor &&
    (note ?? '') === noteText(asked.note) &&
    phone !== null &&
    maskPhone(phone) === shown.maskedPhone;
  if (!isSame) throw problem('idempotency_key_reused');
  return answerOf({ id, amountMinor, currency, shown: JSON.stringify(shown) }, createdAt);
}

export class Repeats {
  readonly #db: Db;
  readonly #currency: string;

  constructor(db: Db, currency: string) {
    this.#db = db;
    this.#currency = currency;
  }

  /**
   * What the request was told when its transfer was posted, if it stands, or came to stand while `work` posted it or was refused.
   * @param key of the write
   * @param work answers with JSON of a `TransferResult`
   * @throws ApiProblem `idempotency_key_reused`, and whatever `work` throws where no transfer stands
   */
  async told(key: string, asked: Asked, work: () => Promise<string>): Promise<string> {
    const before = await this.#find(this.#db, key, asked);
    if (before !== null) return before;
    let answer: string;
    try {
      answer = await work();
    } catch (error) {
      const stands = keptRefusal(error) === null ? null : await this.#findBehindPayer(key, asked);
      if (stands === null) throw error;
      return stands;
    }
    // What was posted may be what stood already: of another request, or one that heard something else of it.
    return (await this.#find(this.#db, key, asked)) ?? answer;
  }

  /**
   * Behind everybody who has the payer's account. A usual transfer asks for claims of its key while it has that account
   * (`send-usual.ts`): so for whoever has claimed the key, or found it claimed, it stands now, or it will find the claim.
   */
  #findBehindPayer(key: string, asked: Asked): Promise<string | null> {
    return inTransaction(this.#db, async (tx) => {
      await tx.execute(sql`
        select from ledger_accounts
        where kind = 'user_online' and owner_id = ${asked.senderId} and currency = ${this.#currency} for no key update`);
      return this.#find(tx, key, asked);
    });
  }

  /** As {@link answerAgain}; null where no transfer stands either. */
  async #find(executor: Executor, key: string, asked: Asked): Promise<string | null> {
    const [row] = await executor.execute<{
      id: string;
      payee: string | null;
      note: string | null;
      amount: string | null;
      created_at: string;
    }>(sql`
      select id, reference ->> 'payeeText' as payee, reference ->> 'note' as note, created_at,
        (select max(amount_minor) from ledger_entries where transfer_id = t.id) as amount
      from ledger_transfers t where idempotency_key = ${ledgerKeyOf(key)}`);
    if (row === undefined) return null;
    return answerAgain({ ...row, createdAt: new Date(row.created_at) }, asked, this.#currency);
  }
}
