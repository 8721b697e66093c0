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

export class NaturalBatch<I, O> {
  readonly #run: (items: readonly I[]) => Promise<readonly Outcome<O>[]>;
  #waiting: Waiting<I, O>[] = [];
  #isUnderWay = false;

  /** `run` answers in the order of its items. When it throws, nothing of the batch may have happened. */
  constructor(run: (items: readonly I[]) => Promise<readonly Outcome<O>[]>) {
    this.#run = run;
  }

  submit(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#isUnderWay) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isUnderWay = true;
    while (this.#waiting.length > 0) await this.#take(this.#waiting.splice(0, MAX_TOGETHER));
    this.#isUnderWay = false;
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
