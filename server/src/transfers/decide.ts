/**
 * Decides transfers that arrived together as if each had come alone, in their order.
 *
 * Pure. Owns: the order of refusals, and what twins in one batch hear. Never: talks to a database.
 */
import type { ProblemCode } from '../../contract/index.ts';
import { normalisePhone } from '../accounts/index.ts';
import { type KeptAnswer, keptRefusal, type NamedWrite } from '../http/idempotency.ts';
import { ApiProblem, problem } from '../http/problem.ts';
import type { CountedTogether } from '../http/rate-limits.ts';
import { contentHash, type LockedAccount, type NewTransfer, type Plan, plan } from '../ledger/index.ts';
import type { Found } from './ask.ts';
import { answerAgain } from './repeats.ts';
import { answerOf, preview, type SendMoney, type Sides, transferOf } from './transfer.ts';

export interface Request extends Omit<SendMoney, 'phone' | 'key'> {
  readonly sessionId: string;
  /** E.164, or what looks like it; null for what is no number. */
  readonly phone: string | null;
  readonly write: NamedWrite;
}

/** `careful`: nothing was done but the try counted, and the caller goes the careful way. */
export type Decision =
  /** `body`: JSON of a `TransferResult`. */
  | { readonly way: 'sent'; readonly body: string }
  | { readonly way: 'kept'; readonly answer: KeptAnswer }
  | { readonly way: 'refused'; readonly refusal: ApiProblem }
  | { readonly way: 'careful' };

export interface Rules {
  readonly currency: string;
  readonly region: string;
  readonly transferMaxMinor: bigint;
  readonly tries: CountedTogether;
}

export interface Decided {
  readonly decisions: readonly Decision[];
  readonly toPost: Plan['toPost'];
  /** Of `toPost`. */
  readonly payeeIds: readonly string[];
  readonly toKeep: readonly (NamedWrite & KeptAnswer)[];
}

/** Before the money is looked at. What is `refused` here is about the moment or another's key, and nobody keeps it. */
type Judged =
  | Decision
  | { readonly way: 'refused_for_good'; readonly refusal: ApiProblem }
  | { readonly way: 'twin'; readonly of: number }
  | { readonly way: 'post'; readonly transfer: NewTransfer; readonly recipient: Recipient };

interface Recipient {
  readonly id: string;
  readonly username: string;
  readonly phone: string;
}

const CAREFUL = { way: 'careful' } as const;
const refused = (refusal: ApiProblem) => ({ way: 'refused', refusal }) as const;
const refusedForGood = (code: ProblemCode) => ({ way: 'refused_for_good', refusal: problem(code) }) as const;

export function decide(requests: readonly Request[], found: readonly Found[], rules: Rules): Decided {
  const rows: Found[] = [];
  for (const row of found) rows[row.n - 1] = row;
  const accounts = new Map<string, LockedAccount>();
  const counted = countTries(requests, rows);
  /** By user and key: where the first is, who owns the key. */
  const owners = new Map<string, number>();
  const judged = requests.map((request, index): Judged => {
    const row = rows[index];
    if (row?.alive !== true) return refused(problem('session_expired'));
    const tooOften = rules.tries.refusal(counted[index] ?? 0, row.expire ?? new Date(0));
    if (tooOften !== null) return refused(tooOften);
    // What stands under a key already tells each by itself what it is.
    const owner =
      row.kept_hash === null && row.stood_id === null ? owners.get(request.write.ledgerKey) : undefined;
    if (owner !== undefined) {
      const isTwin = requests[owner]?.write.requestHash === request.write.requestHash;
      return isTwin ? { way: 'twin', of: owner } : refused(problem('idempotency_key_reused'));
    }
    owners.set(request.write.ledgerKey, index);
    return judge(request, row, rules, accounts);
  });
  return conclude(requests, judged, {
    accounts,
    began: rows[0]?.began ?? new Date(0),
    currency: rules.currency,
  });
}

/** How many tries each person had made when each of these was made. */
function countTries(requests: readonly Request[], rows: readonly Found[]): readonly number[] {
  const left = new Map<string, number>();
  const counted: number[] = [];
  for (const [index, { senderId }] of [...requests.entries()].toReversed()) {
    const { alive, points } = rows[index] ?? { alive: false, points: null };
    if (!alive || points === null) continue;
    const now = left.get(senderId) ?? points;
    counted[index] = now;
    left.set(senderId, now - 1);
  }
  return counted;
}

function judge(request: Request, row: Found, rules: Rules, accounts: Map<string, LockedAccount>): Judged {
  const { kept_hash: keptHash, kept_status: status, kept_body: body } = row;
  const again = askedAgain(request, row, rules.currency);
  if (again !== null) return again;
  if (keptHash !== null) {
    // Whoever claimed it may be about to give way to a transfer of this request.
    if (keptHash !== request.write.requestHash) return CAREFUL;
    return status === null || body === null ? CAREFUL : { way: 'kept', answer: { status, body } };
  }
  // Somebody has it, who may be posting under this very key.
  if (row.payer_account === null) return CAREFUL;
  if (request.amountMinor > rules.transferMaxMinor) return refusedForGood('amount_above_maximum');
  const { payee_id: id, payee_name: username } = row;
  const { phone } = request;
  if (id === null || username === null || phone === null) return unknownNumber(phone, rules.region);
  if (id === request.senderId) return refusedForGood('recipient_is_sender');
  if (row.payee_role !== 'customer') return refusedForGood('recipient_not_found');
  const recipient = { id, username, phone };
  const sides = sidesOf(row, recipient, accounts, rules.currency);
  if (row.owing || sides === null) return CAREFUL;
  const key = request.write.ledgerKey;
  return { way: 'post', transfer: transferOf({ ...request, key }, sides), recipient };
}

/** Null when no transfer stands under the key. It says more than what is kept beside it, which may be another's who had the key later. */
function askedAgain(request: Request, row: Found, currency: string): Decision | null {
  const { stood_id: id, stood_at: createdAt, stood_payee: payee } = row;
  if (id === null || createdAt === null) return null;
  const standing = { id, createdAt, payee, note: row.stood_note, amount: row.stood_amount };
  try {
    const body = answerAgain(standing, request, currency);
    return body === null ? CAREFUL : { way: 'kept', answer: { status: 200, body } };
  } catch (error) {
    if (error instanceof ApiProblem) return refused(error);
    throw error;
  }
}

/** A number that was found is normal, because it was when it was registered. */
function unknownNumber(phone: string | null, region: string): Judged {
  if (phone === null) return refusedForGood('phone_number_invalid');
  try {
    return normalisePhone(phone, region) === phone ? refusedForGood('recipient_not_found') : CAREFUL;
  } catch (error) {
    if (error instanceof ApiProblem) return refusedForGood(error.code);
    throw error;
  }
}

/** Null when somebody has no account. What was read of both is added to `accounts`. */
function sidesOf(
  row: Found,
  recipient: Recipient,
  accounts: Map<string, LockedAccount>,
  currency: string,
): Sides | null {
  const { payer_account: from, payer_balance: has, payee_account: to, payee_balance: had } = row;
  const { payer_name: username, payer_phone: phone } = row;
  if (from === null || has === null || to === null || had === null) return null;
  if (username === null || phone === null) return null;
  const kind = 'user_online';
  accounts.set(from, { kind, currency, balanceMinor: BigInt(has) });
  accounts.set(to, { kind, currency, balanceMinor: BigInt(had) });
  return { sender: preview({ username, phone }), recipient: preview(recipient), from, to };
}

interface Ground {
  readonly accounts: ReadonlyMap<string, LockedAccount>;
  readonly began: Date;
  readonly currency: string;
}

function conclude(
  requests: readonly Request[],
  judged: readonly Judged[],
  { accounts, began, currency }: Ground,
): Decided {
  const wanted = judged.flatMap((one) =>
    one.way === 'post' ? { transfer: one.transfer, contentHash: contentHash(one.transfer) } : [],
  );
  const { results, toPost } = plan(wanted, accounts, new Map());
  const outcomes = results.values();
  const decisions: Decision[] = [];
  const toKeep: (NamedWrite & KeptAnswer)[] = [];
  const payeeIds = new Set<string>();
  const refuse = ({ write }: Request, refusal: ApiProblem) => {
    const answer = keptRefusal(refusal);
    if (answer !== null) toKeep.push({ ...write, ...answer });
    decisions.push(refused(refusal));
  };
  for (const [index, request] of requests.entries()) {
    const one = judged[index] ?? CAREFUL;
    switch (one.way) {
      case 'twin':
        decisions.push(decisions[one.of] ?? CAREFUL);
        break;
      case 'refused_for_good':
        refuse(request, one.refusal);
        break;
      case 'post': {
        if (outcomes.next().value?.status !== 'posted') {
          refuse(request, problem('insufficient_funds'));
          break;
        }
        const { amountMinor } = request;
        const shown = JSON.stringify(preview(one.recipient));
        const body = answerOf({ id: one.transfer.id, amountMinor, currency, shown }, began);
        payeeIds.add(one.recipient.id);
        toKeep.push({ ...request.write, status: 200, body });
        decisions.push({ way: 'sent', body });
        break;
      }
      default:
        decisions.push(one);
    }
  }
  return { decisions, toPost, payeeIds: [...payeeIds], toKeep };
}
