/**
 * Work for the database that goes together when there is much of it: what arrives while one batch is under way is the next
 * batch, and who comes alone goes at once. Never a timer: nobody waits for company.
 *
 * Owns: the queue and the answers' ways back. Never: lets one item's fault fail its neighbours.
 */
import { sqlState } from './retry.ts';

/** What became of one item: refusals are values, so that each finds its own caller. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (value: O) => void;
  readonly reject: (cause: unknown) => void;
}

/** Enough to share a commit among all who wait on a busy server, few enough for one statement. */
const MAX_TOGETHER = 512;

export interface Together<I> {
  /** How many batches may be under way at a time; one where nothing is said. */
  readonly atOnce?: number;
  /** Beside a batch that is under way another one leaves with so many: what fewer would cost is better waited for. */
  readonly company?: number;
  /** Of two with one name the second waits while the first is under way, so that it finds what became of it. */
  readonly nameOf?: (item: I) => string;
}

export class NaturalBatch<I, O> {
  readonly #run: (items: readonly I[]) => Promise<readonly Outcome<O>[]>;
  readonly #atOnce: number;
  readonly #company: number;
  readonly #nameOf: ((item: I) => string) | undefined;
  readonly #named = new Set<string>();
  #waiting: Waiting<I, O>[] = [];
  #underWay = 0;

  /** `run` answers in the order of its items. When it throws, nothing of the batch may have happened. */
  constructor(
    run: (items: readonly I[]) => Promise<readonly Outcome<O>[]>,
    { atOnce = 1, company = 1, nameOf }: Together<I> = {},
  ) {
    this.#run = run;
    this.#atOnce = atOnce;
    this.#company = company;
    this.#nameOf = nameOf;
  }

  submit(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#go();
    });
  }

  #go(): void {
    while (this.#underWay === 0 || (this.#underWay < this.#atOnce && this.#waiting.length >= this.#company)) {
      const together = this.#next();
      if (together.length === 0) return;
      this.#underWay += 1;
      void this.#take(together).then(() => {
        this.#underWay -= 1;
        this.#forget(together);
        this.#go();
      });
    }
  }

  /** In the order of arrival, but for those whose namesakes are under way. */
  #next(): readonly Waiting<I, O>[] {
    const nameOf = this.#nameOf;
    if (nameOf === undefined) return this.#waiting.splice(0, MAX_TOGETHER);
    const together: Waiting<I, O>[] = [];
    const left: Waiting<I, O>[] = [];
    for (const one of this.#waiting) {
      const mayGo = together.length < MAX_TOGETHER && !this.#named.has(nameOf(one.item));
      (mayGo ? together : left).push(one);
    }
    this.#waiting = left;
    for (const { item } of together) this.#named.add(nameOf(item));
    return together;
  }

  #forget(together: readonly Waiting<I, O>[]): void {
    if (this.#nameOf === undefined) return;
    for (const { item } of together) this.#named.delete(this.#nameOf(item));
  }

  async #take(together: readonly Waiting<I, O>[]): Promise<void> {
    try {
      const outcomes = await this.#run(together.map(({ item }) => item));
      for (const [index, { resolve, reject }] of together.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) reject(new Error('a batch answered fewer than it was asked'));
        else if (outcome.ok) resolve(outcome.value);
        else reject(outcome.error);
      }
    } catch (error) {
      // One row that the database refuses fails the statement of all: each then goes alone, and fails alone.
      if (together.length > 1 && isAboutOneRow(error)) for (const one of together) await this.#take([one]);
      else for (const { reject } of together) reject(error);
    }
  }
}

/** SQLSTATE classes 22 (data) and 23 (constraints), and a lock that was not had in time: the others may do without it. */
function isAboutOneRow(error: unknown): boolean {
  return /^(2[23]|55P03$)/.test(sqlState(error) ?? '');
}
