/**
 * A transfer says itself what its request is answered with: so nothing is kept beside it, and whoever sends it again is told from it.
 *
 * Owns: that a request never hears of a refusal while a transfer of its own stands under its key, or comes to. Never: posts.
 */
import { sql } from 'drizzle-orm';
import type { Db, Executor } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import type { NamedWrite } from '../http/idempotency.ts';
import { problem } from '../http/problem.ts';
import { answerOf, ledgerKeyOf, shownOf } from './transfer.ts';

/** A transfer under a key. */
export interface Standing {
  readonly id: string;
  /** How the recipient was shown, as one text. */
  readonly payee: string | null;
  /** Whose it is: SHA-256 (hex) of the request. Null for one that was posted before transfers said so. */
  readonly request: string | null;
  readonly createdAt: Date;
}

export interface Asked {
  readonly write: NamedWrite;
  readonly amountMinor: bigint;
}

/**
 * What the request behind a transfer was answered with, to that request alone.
 * @returns JSON of a `TransferResult`; null where the transfer does not say
 * @throws ApiProblem `idempotency_key_reused`
 */
export function answerAgain(
  standing: Standing,
  { write, amountMinor }: Asked,
  currency: string,
): string | null {
  const { id, payee, request, createdAt } = standing;
  const shown = payee === null ? null : shownOf(payee);
  if (request === null || shown === null) return null;
  if (request !== write.requestHash) throw problem('idempotency_key_reused');
  return answerOf({ id, amountMinor, currency, shown: JSON.stringify(shown) }, createdAt);
}

export class Repeats {
  readonly #db: Db;
  readonly #currency: string;

  constructor(db: Db, currency: string) {
    this.#db = db;
    this.#currency = currency;
  }

  /** As {@link answerAgain}; null where no transfer stands either. */
  find(asked: Asked): Promise<string | null> {
    return this.#find(this.#db, asked);
  }

  /**
   * The same behind everybody who has the payer's account. A usual transfer asks for claims of its key while it has that account
   * (`send-usual.ts`): so for whoever has claimed the key, it stands now, or it will find the claim.
   */
  findBehindPayer(asked: Asked): Promise<string | null> {
    return inTransaction(this.#db, async (tx) => {
      await tx.execute(sql`
        select from ledger_accounts
        where kind = 'user_online' and owner_id = ${asked.write.userId} and currency = ${this.#currency} for no key update`);
      return this.#find(tx, asked);
    });
  }

  async #find(executor: Executor, asked: Asked): Promise<string | null> {
    const [row] = await executor.execute<{
      id: string;
      payee: string | null;
      request: string | null;
      created_at: string;
    }>(sql`
      select id, reference ->> 'payeeText' as payee, reference ->> 'request' as request, created_at
      from ledger_transfers where idempotency_key = ${ledgerKeyOf(asked.write.ledgerKey)}`);
    if (row === undefined) return null;
    return answerAgain({ ...row, createdAt: new Date(row.created_at) }, asked, this.#currency);
  }
}
