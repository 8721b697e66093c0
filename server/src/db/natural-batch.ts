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
  readonly names: readonly string[];
  /** It failed among others because of a lock, and goes with those only with whom it shares a name. */
  readonly isApart: boolean;
  readonly resolve: (value: O) => void;
  readonly reject: (cause: unknown) => void;
}

/** A batch that takes so long waits for something of its own, such as a connection that has fallen silent. */
const LATE_MS = 1_000;

/** Enough to share a commit among all who wait on a busy server, few enough for one statement. */
const MAX_TOGETHER = 512;

export interface Together<I> {
  /** How many batches may be under way at a time; one where nothing is said. */
  readonly atOnce?: number;
  /**
   * Beside a batch that is under way another one leaves with so many, or where it is more than one with its even share of all who
   * were here when a batch ended last: what fewer would cost is better waited for, though not for long.
   */
  readonly company?: number;
  /**
   * Of two that share a name the second waits while the first is under way, or waits itself, so that it finds what became of it.
   * Where a lock was not had in time, those who share none go apart from each other the next time.
   */
  readonly namesOf?: (item: I) => readonly string[];
}

export interface Run {
  /** Others are together with it who have nothing to do with it: a lock is not to be waited for long. */
  readonly isMixed: boolean;
}

export class NaturalBatch<I, O> {
  readonly #run: (items: readonly I[], how: Run) => Promise<readonly Outcome<O>[]>;
  readonly #atOnce: number;
  readonly #company: number;
  readonly #namesOf: ((item: I) => readonly string[]) | undefined;
  /** Under way, or about to be: each name with the batch that has it. */
  readonly #named = new Map<string, readonly Waiting<I, O>[]>();
  #waiting: Waiting<I, O>[] = [];
  #underWay = 0;
  /** Items under way. */
  #onTheWay = 0;
  /** When a batch left last, on this process's clock. */
  #leftAtMs = 0;
  /** Of those who were here when a batch ended last, for each batch that may be under way. */
  #share = 0;

  /** `run` answers in the order of its items. When it throws, nothing of the batch may have happened. */
  constructor(
    run: (items: readonly I[], how: Run) => Promise<readonly Outcome<O>[]>,
    { atOnce = 1, company = 1, namesOf }: Together<I> = {},
  ) {
    this.#run = run;
    this.#atOnce = atOnce;
    this.#company = company;
    this.#namesOf = namesOf;
  }

  submit(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      const names = this.#namesOf?.(item) ?? [];
      this.#waiting.push({ item, names, isApart: false, resolve, reject });
      this.#go();
    });
  }

  #go(): void {
    while (this.#underWay === 0 || (this.#underWay < this.#atOnce && this.#hasCompany())) {
      const together = this.#next();
      if (together.length === 0) return;
      this.#underWay += 1;
      this.#leftAtMs = performance.now();
      this.#onTheWay += together.length;
      void this.#take(together).then(() => {
        this.#share = (this.#onTheWay + this.#waiting.length) / this.#atOnce;
        this.#underWay -= 1;
        this.#onTheWay -= together.length;
        for (const { names } of together) for (const name of names) this.#named.delete(name);
        this.#go();
      });
    }
  }

  #hasCompany(): boolean {
    const enough = this.#company > 1 ? Math.max(this.#company, Math.min(this.#share, MAX_TOGETHER)) : 1;
    return this.#waiting.length >= enough || performance.now() - this.#leftAtMs > LATE_MS;
  }

  /** In the order of arrival, but for those whose namesakes are under way or wait longer. */
  #next(): readonly Waiting<I, O>[] {
    if (this.#namesOf === undefined) return this.#waiting.splice(0, MAX_TOGETHER);
    const together: Waiting<I, O>[] = [];
    const left: Waiting<I, O>[] = [];
    const others = new Set<string>();
    for (const one of this.#waiting) {
      const { names, isApart } = one;
      let [isFree, isOfThem] = [true, together.length === 0];
      for (const name of names) {
        const holder = this.#named.get(name);
        if (holder === together) isOfThem = true;
        if ((holder !== undefined && holder !== together) || others.has(name)) isFree = false;
      }
      const mayJoin = isOfThem || !(isApart || together[0]?.isApart === true);
      const mayGo = together.length < MAX_TOGETHER && isFree && mayJoin;
      (mayGo ? together : left).push(one);
      for (const name of names)
        if (mayGo) this.#named.set(name, together);
        else others.add(name);
    }
    this.#waiting = left;
    return together;
  }

  async #take(together: readonly Waiting<I, O>[]): Promise<void> {
    const isMixed = together.length > 1 && this.#namesOf !== undefined && together[0]?.isApart === false;
    try {
      const outcomes = await this.#run(
        together.map(({ item }) => item),
        { isMixed },
      );
      for (const [index, { resolve, reject }] of together.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) reject(new Error('a batch answered fewer than it was asked'));
        else if (outcome.ok) resolve(outcome.value);
        else reject(outcome.error);
      }
    } catch (error) {
      // Who holds what one of them needs may hold it for long.
      if (isMixed && sqlState(error) === LOCK_NOT_AVAILABLE)
        this.#waiting.unshift(...together.map((one) => ({ ...one, isApart: true })));
      // One row that the database refuses fails the statement of all: each then goes alone, and fails alone.
      else if (together.length > 1 && isAboutOneRow(error))
        for (const one of together) await this.#take([one]);
      else for (const { reject } of together) reject(error);
    }
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

/** SQLSTATE classes 22 (data) and 23 (constraints), and a lock that was not had in time: the others may do without it. */
function isAboutOneRow(error: unknown): boolean {
  return /^(2[23]|55P03$)/.test(sqlState(error) ?? '');
}
