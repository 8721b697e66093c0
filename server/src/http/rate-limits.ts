/**
 * How often somebody may try, counted in PostgreSQL so that every process counts together.
 *
 * Owns: the budgets, each with its reason. Never: keys on anything that a caller can choose freely.
 */
import {
  type RateLimiterAbstract,
  RateLimiterDrizzle,
  RateLimiterMemory,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import type { Db } from '../db/client.ts';
import { rateLimits } from '../db/schema/http.ts';
import { sql, type Words } from '../db/words.ts';
import { FloodWindows } from './flood-windows.ts';
import { type ApiProblem, problem } from './problem.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

const BUDGETS = {
  /** A shop's customers register from one address; a script does not get far. */
  register_by_address: { points: 40, seconds: 10 * MINUTE },
  /** Each costs an SMS: what one number may receive because somebody, who may be anybody, typed it. */
  sms_by_phone: { points: 6, seconds: HOUR },
  /** Ceiling of SMS caused by one address. */
  sms_by_address: { points: 60, seconds: HOUR },
  /** Numbers that differ in their last three digits: pumping walks through a range that pays the attacker. */
  sms_by_range: { points: 30, seconds: HOUR },
  /** A country that is not the installation's own: pumping goes where the numbers pay, people mostly have a number of their own country. */
  sms_by_foreign_country: { points: 200, seconds: 24 * HOUR },
  /** What all SMS of a day may cost, whoever asks from wherever. `TIKI_SMS_PER_DAY`. */
  sms_in_all: { shareOfDay: 1, seconds: 24 * HOUR },
  /** Of those, for people whom nobody knows yet: when they are used up, who has an account still gets codes. */
  sms_to_strangers: { shareOfDay: 0.8, seconds: 24 * HOUR },
  /** To a person who is signed in, or gave the right password. Apart from what strangers may cause, so that they use up nothing of it. */
  sms_by_user: { points: 20, seconds: HOUR },
  /** Two or three acts one after the other, each with its code, are a person's day; more at once is a script. */
  step_up_sms_by_user: { points: 4, seconds: 2 * MINUTE },
  /** R53: five wrong codes, however many were sent. Given back after a right one. */
  step_up_check_by_user: { points: 5, seconds: 10 * MINUTE },
  verify_by_address: { points: 100, seconds: 10 * MINUTE },
  /** Guessing one person's password from one place. Given back after a log-in that worked. */
  login_by_phone_and_address: { points: 10, seconds: 15 * MINUTE },
  /** The same from many places. It stops devices that the person never used; a new password by SMS gets past it. */
  login_by_phone: { points: 40, seconds: HOUR },
  /** A device that this very person signed in with before: what strangers guess does not count for it. */
  login_by_device: { points: 10, seconds: 15 * MINUTE },
  /** The password asked for again in a session. */
  password_by_user: { points: 10, seconds: 15 * MINUTE },
  /** Each new number costs an SMS to wherever the person says. */
  phone_change_by_user: { points: 6, seconds: 24 * HOUR },
  password_reset_by_address: { points: 40, seconds: 10 * MINUTE },
  /** Guessing one password against many people. */
  login_by_address: { points: 150, seconds: 15 * MINUTE },
  refresh_by_address: { points: 600, seconds: 15 * MINUTE },
  /** Each answers a masked name for a number: enough for a person, too few for a directory. */
  preview_by_user: { points: 30, seconds: 10 * MINUTE },
  top_up_by_user: { points: 30, seconds: 10 * MINUTE },
  withdrawal_by_user: { points: 20, seconds: HOUR },
  /** Each asks the payment provider, which serves so many a second for everybody. Beyond it: what was known last. */
  bank_look_by_user: { points: 60, seconds: 10 * MINUTE },
  /** Each is a call to the payment provider. */
  bank_link_by_user: { points: 20, seconds: HOUR },
  /** Each that is closed stands on every kiosk's deny list for days, and the list is finite. */
  allowance_by_user: { points: 40, seconds: 24 * HOUR },
  /** Its refusals tell whether a number has an account, like a preview. */
  transfer_by_user: { points: 30, seconds: 10 * MINUTE },
  /** A phone is lost now and then; each denial stands on every kiosk's list for days. */
  deny_by_user: { points: 20, seconds: 24 * HOUR },
  /** Each costs five signatures to check; a phone hands in a handful. */
  claim_by_user: { points: 120, seconds: 10 * MINUTE },
  /** Each is a request of ours to somebody else's server. */
  replay_by_user: { points: 60, seconds: 10 * MINUTE },
  /** Each looks through the sales of a shop, and for six digits hashes thousands of them: more than a person types. */
  search_by_user: { points: 120, seconds: 10 * MINUTE },
  /** A shop hires a few people a day. */
  invitation_by_user: { points: 60, seconds: 24 * HOUR },
  /** Eight characters at this pace are out of reach within a code's life. */
  enrol_by_address: { points: 60, seconds: 10 * MINUTE },
  /** Answers whether a number has an account: enough for a day's calls, too few to walk through a range. */
  find_by_operator: { points: 120, seconds: HOUR },
  /** Each has a reason that somebody typed. */
  act_by_operator: { points: 60, seconds: HOUR },
  /** Reads every entry of the ledger. */
  reconcile_by_operator: { points: 20, seconds: HOUR },
  /** Reads what was refused of all sales, to the next finding at the least. */
  list_damage_by_operator: { points: 100, seconds: HOUR },
} as const;
export type BudgetName = keyof typeof BUDGETS;

/** The key of a budget that all callers share. */
export const EVERYBODY = 'all';

/**
 * Against floods: what no person and no kiosk does in a minute. Counted in each process's memory, because a request that is
 * to be cheap to refuse must not cost a row; with n processes a caller has up to n times as much.
 */
const FLOODS = {
  /** A market hall or a carrier shares one address. */
  requests_by_address: { points: 3_000, seconds: MINUTE },
  requests_by_account: { points: 600, seconds: MINUTE },
  /** One signed-in device: a browser, an agent. */
  requests_by_device: { points: 300, seconds: MINUTE },
  requests_by_kiosk: { points: 600, seconds: MINUTE },
} as const;
export type FloodName = keyof typeof FLOODS;

export interface RateLimits {
  /** Takes one point of a flood's budget, without the database. @throws ApiProblem like {@link take} */
  takeOfFlood(flood: FloodName, key: string): void;
  /** Takes one point. @throws ApiProblem `rate_limited` with `retryAfterMs` when none is left. */
  take(budget: BudgetName, key: string): Promise<void>;
  /**
   * Refuses without asking the database when this process has seen a shared budget used up, so that a flood costs nothing more.
   * @throws ApiProblem `rate_limited`
   */
  refuseIfSpent(budget: BudgetName): void;
  /** The same counted in the caller's own statement, for many keys at once. */
  readonly together: (budget: BudgetName) => CountedTogether;
  /** Gives the key its whole budget back. */
  forgive(budget: BudgetName, key: string): Promise<void>;
}

export interface CountedTogether {
  /** What {@link RateLimits.take} keeps for somebody. */
  rowOf(key: string): string;
  /** Adds `tries (key, points)` of the common table expression `asked_often` in the order of the keys, and answers with what there is then. */
  count(): Words;
  /** How many there are to take. */
  readonly most: number;
  /** @param points all that were taken of a key, this one included */
  refusal(points: number, expire: Date): ApiProblem | null;
}

export interface RateLimitOptions {
  /** Multiplies every budget; 1 in production. */
  readonly factor: number;
  /** The whole of what `shareOfDay` is a share of. */
  readonly smsPerDay: number;
}

function pointsOf(name: BudgetName, { smsPerDay, factor }: RateLimitOptions): number {
  const budget = BUDGETS[name];
  return Math.ceil(('points' in budget ? budget.points : smsPerDay * budget.shareOfDay) * factor);
}

/** As rate-limiter-flexible counts, whose rows these are. */
function countedTogether(name: BudgetName, options: RateLimitOptions): CountedTogether {
  const points = pointsOf(name, options);
  return {
    rowOf: (key) => `${name}:${key}`,
    most: points,
    count: () => {
      const now = new Date().toISOString();
      const end = new Date(Date.now() + BUDGETS[name].seconds * 1000).toISOString();
      return sql`
        insert into rate_limits as l (key, points, expire)
        select key, points, ${end}::timestamptz from asked_often order by key
        on conflict (key) do update set
          points = case when l.expire <= ${now}::timestamptz then excluded.points else l.points + excluded.points end,
          expire = case when l.expire <= ${now}::timestamptz then excluded.expire else l.expire end
        returning key, points, expire`;
    },
    refusal: (taken, expire) =>
      taken <= points
        ? null
        : problem('rate_limited', { retryAfterMs: Math.max(0, expire.getTime() - Date.now()) }),
  };
}

/** Budgets kept in the table `rate_limits`; while the database does not answer, in this process's memory. */
export function createRateLimits(db: Db, options: RateLimitOptions): RateLimits {
  const limiters = new Map<BudgetName, RateLimiterDrizzle>();
  /** Of budgets that all share: until when they are known to be used up. */
  const spentUntilMs = new Map<BudgetName, number>();
  const limiterOf = (name: BudgetName) => {
    const known = limiters.get(name);
    if (known !== undefined) return known;
    const settings = { keyPrefix: name, points: pointsOf(name, options), duration: BUDGETS[name].seconds };
    const made = new RateLimiterDrizzle({
      ...settings,
      storeClient: db,
      schema: rateLimits,
      insuranceLimiter: new RateLimiterMemory(settings),
      // One sweeper of old rows is enough.
      clearExpiredByTimeout: limiters.size === 0,
    });
    limiters.set(name, made);
    return made;
  };
  const windowsOf = ({ points, seconds }: Readonly<Record<'points' | 'seconds', number>>) =>
    new FloodWindows({ most: Math.ceil(points * options.factor), windowMs: seconds * 1000 });
  const floods: Readonly<Record<FloodName, FloodWindows>> = {
    requests_by_address: windowsOf(FLOODS.requests_by_address),
    requests_by_account: windowsOf(FLOODS.requests_by_account),
    requests_by_device: windowsOf(FLOODS.requests_by_device),
    requests_by_kiosk: windowsOf(FLOODS.requests_by_kiosk),
  };
  const consume = async (
    limiter: RateLimiterAbstract | undefined,
    key: string,
    onSpent?: (waitMs: number) => void,
  ) => {
    try {
      await limiter?.consume(key);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      onSpent?.(refusal.msBeforeNext);
      throw problem('rate_limited', { retryAfterMs: refusal.msBeforeNext });
    }
  };
  return {
    takeOfFlood: (flood, key) => {
      const retryAfterMs = floods[flood].take(key);
      if (retryAfterMs > 0) throw problem('rate_limited', { retryAfterMs });
    },
    take: (budget, key) =>
      consume(limiterOf(budget), key, (waitMs) => {
        if (key === EVERYBODY) spentUntilMs.set(budget, Date.now() + waitMs);
      }),
    refuseIfSpent: (budget) => {
      const leftMs = (spentUntilMs.get(budget) ?? 0) - Date.now();
      if (leftMs > 0) throw problem('rate_limited', { retryAfterMs: leftMs });
    },
    together: (budget) => countedTogether(budget, options),
    forgive: async (budget, key) => {
      await limiterOf(budget).delete(key);
    },
  };
}
