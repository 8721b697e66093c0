/**
 * Who people are, as a transfer names them: looked up before its transaction begins, without a lock, and remembered.
 *
 * Owns: what is remembered, within a bound. Never: the last word - it may be out of date, and whoever uses it has to have the
 * database prove it in the transaction that depends on it (`send-usual.ts`).
 */
import type { Db } from '../db/client.ts';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { inOneGo } from '../db/pipeline.ts';
import { sql } from '../db/words.ts';
import { preview, type Shown } from './transfer.ts';

/** Enough for those who send to each other through one process in an hour. */
const REMEMBERED_MAX = 20_000;

interface Found {
  readonly id: string;
  readonly phone: string;
  readonly username: string;
  /** Of their online money. */
  readonly account: string;
}

/** A customer. */
export interface Person extends Found {
  /** To the other one. */
  readonly shown: Shown;
  /** The same as JSON, as each answer holds it. */
  readonly shownJson: string;
}

export interface Wanted {
  readonly senderId: string;
  /** E.164 */
  readonly phone: string;
}

export class People {
  readonly #db: Db;
  readonly #currency: string;
  readonly #byId = new Map<string, Person>();
  readonly #byPhone = new Map<string, Person>();

  constructor(db: Db, currency: string) {
    this.#db = db;
    this.#currency = currency;
  }

  /** Of each both sides; null when one of them is nobody who may send or receive. */
  async of(wanted: readonly Wanted[]): Promise<readonly (readonly [Person, Person] | null)[]> {
    const [ids, phones]: [string[], string[]] = [[], []];
    const known = wanted.map(({ senderId, phone }) => {
      const both = this.#known(senderId, phone);
      if (both === null) {
        ids.push(senderId);
        phones.push(phone);
      }
      return both;
    });
    if (ids.length === 0) return known;
    await this.#learn(ids, phones);
    return wanted.map(({ senderId, phone }) => this.#known(senderId, phone));
  }

  #known(senderId: string, phone: string): readonly [Person, Person] | null {
    const payer = this.#byId.get(senderId);
    const payee = this.#byPhone.get(phone);
    return payer === undefined || payee === undefined ? null : [payer, payee];
  }

  /** Something that was remembered is so no more. */
  forget(people: Iterable<Person>): void {
    for (const { id, phone } of people) {
      this.#byId.delete(id);
      this.#byPhone.delete(phone);
    }
  }

  async #learn(ids: readonly string[], phones: readonly string[]): Promise<void> {
    if (this.#byId.size >= REMEMBERED_MAX) this.forget([...this.#byId.values()]);
    const currency = this.#currency;
    const found = await inOneGo<Found>(this.#db, [look({ ids, phones, currency })]);
    for (const one of found) {
      const shown = preview(one);
      const person = { ...one, shown, shownJson: JSON.stringify(shown) };
      this.#byId.set(person.id, person);
      this.#byPhone.set(person.phone, person);
    }
  }
}

function look({
  ids,
  phones,
  currency,
}: {
  readonly ids: readonly string[];
  readonly phones: readonly string[];
  readonly currency: string;
}) {
  return sql`
    select u.id, u.phone, u.username, a.id as account
    from (
      select id, phone, username, role, closed_at from users where id = any (${pgPlainArray([...new Set(ids)])}::uuid[])
      union
      select id, phone, username, role, closed_at from users where phone = any (${pgArray([...new Set(phones)])}::text[])
    ) u
    join ledger_accounts a on a.kind = 'user_online' and a.owner_id = u.id and a.currency = ${currency}
    where u.role = 'customer' and u.closed_at is null`;
}
