/** What an operator sees and does. Every act has a reason, and is written down with who did it. */
import { z } from 'zod';
import { Role } from './accounts.ts';
import { MerchantClaimView } from './claims.ts';
import { DoubleSpendView } from './double-spends.ts';
import {
  CurrencyCode,
  IsoTime,
  lineOfText,
  MinorUnits,
  PhoneInput,
  SignedMinorUnits,
  Uuid,
} from './primitives.ts';

const Count = z.number().int().nonnegative();

/** `GET /v1/operator/overview`. */
export const OperatorOverview = z.object({
  currency: CurrencyCode,
  customerCount: Count,
  merchantCount: Count,
  suspendedCount: Count,
  /** Each counted once, but for `silent`, `quarantined` and `cannotSeal`. */
  kiosks: z.object({
    active: Count,
    /** Of the active ones: no word for a day. */
    silent: Count,
    /** Out of use for now, enrolled or not. */
    suspended: Count,
    awaiting: Count,
    denied: Count,
    quarantined: Count,
    /** Settle nothing: they seal their batches to a key that is not known here. */
    cannotSeal: Count,
  }),
  /** Cases that nobody has judged yet. */
  openCaseCount: Count,
  /** What customers handed in and no reserve covers. */
  claimsNotCoveredCount: Count,
  guarantee: z.object({ usedMonthMinor: MinorUnits, monthMinor: MinorUnits }),
  stripe: z.object({
    isStandIn: z.boolean(),
    /** Whether it answered just now. */
    isReachable: z.boolean(),
    lastEventAt: IsoTime.nullable(),
    openTopUpCount: Count,
    openWithdrawalCount: Count,
  }),
  sms: z.object({
    isStandIn: z.boolean(),
    /** Codes sent within the running day's budget. */
    sentCount: Count,
    dayBudget: Count,
  }),
});
export type OperatorOverview = z.infer<typeof OperatorOverview>;

/** A certificate of a kiosk that does not verify, or an entry that settlement refused for one, kiosk's or allowance's. */
export const DamageView = z.object({
  what: z.enum(['kiosk_certificate', 'sale', 'refund']),
  damaged: z.enum(['allowance', 'kiosk']),
  businessName: z.string(),
  kioskId: Uuid,
  kioskName: z.string(),
  /** The number on its receipt. */
  receipt: Count.nullable(),
  /** Of the sale, or of the sale that money was given back of; null where it cannot be read. */
  paymentHash: z.string().nullable(),
  allowanceId: Uuid.nullable(),
});
export type DamageView = z.infer<typeof DamageView>;

/** What was compared: our ledger with our withdrawals, twice; our ledger with Stripe; one account's withdrawals with Stripe. */
export const DifferenceCode = z.enum([
  'pay_outs_in_transit',
  'on_the_way_to_banks',
  'held_for_us',
  'account_at_stripe',
]);
export type DifferenceCode = z.infer<typeof DifferenceCode>;

export const DifferenceView = z.object({
  code: DifferenceCode,
  /** The account at Stripe, of `account_at_stripe`. */
  accountId: z.string().nullable(),
  /** The same in English, for a terminal. */
  what: z.string(),
  expectedMinor: SignedMinorUnits,
  foundMinor: SignedMinorUnits,
});
export type DifferenceView = z.infer<typeof DifferenceView>;

/** `POST /v1/operator/reconciliation`, no body: counts everything anew and compares with Stripe. Changes nothing. */
export const ReconciliationView = z.object({
  currency: CurrencyCode,
  isSound: z.boolean(),
  transferCount: Count,
  entryCount: Count,
  /** Of everything, by currency: anything but zero is an alarm. */
  sums: z.array(z.object({ currency: CurrencyCode, sumMinor: SignedMinorUnits })),
  wrongBalanceCount: Count,
  unbalancedTransferCount: Count,
  orphanEntryCount: Count,
  refundFaultCount: Count,
  /** Null: Stripe did not answer, which proves nothing. */
  differences: z.array(DifferenceView).nullable(),
  /** What a damaged certificate did, for a person to mend (docs/runbooks/reconcile-differs.md). */
  damage: z.array(DamageView),
  /** For `GET /v1/operator/damage`, when there is more of it. */
  nextDamageCursor: z.string().nullable(),
  at: IsoTime,
});
export type ReconciliationView = z.infer<typeof ReconciliationView>;

/** The reason stands in the audit log for ever. */
const Reason = lineOfText({ min: 5, max: 300 });
export const ReasonBody = z.object({ reason: Reason });

/** `POST /v1/operator/users/find` answers {@link OperatorUserView}, or `recipient_not_found`. The number is not in the address: addresses are logged. */
export const FindUserBody = z.object({ phone: PhoneInput });
export const OperatorUserView = z.object({
  id: Uuid,
  role: Role,
  maskedName: z.string(),
  maskedPhone: z.string(),
  createdAt: IsoTime,
  businessName: z.string().nullable(),
  openSessionCount: Count,
  openDebtMinor: MinorUnits,
  currency: CurrencyCode,
  suspension: z.object({ since: IsoTime, reason: z.string() }).nullable(),
});
export type OperatorUserView = z.infer<typeof OperatorUserView>;
/**
 * `POST /v1/operator/users/{id}/suspend`, `.../restore`, `.../end-sessions`: {@link ReasonBody}, answer {@link OperatorUserView}. Who is
 * suspended is signed out and cannot sign in. Money stays where it is; what was signed offline is settled as always.
 */

/** `GET /v1/operator/quarantines`: journals that contradicted themselves. */
export const QuarantineView = z.object({
  /** Of the enrolment: one machine with its journal. */
  id: Uuid,
  kioskId: Uuid,
  kioskName: z.string(),
  businessName: z.string(),
  quarantinedAt: IsoTime,
  settledSequence: Count,
  lastContactAt: IsoTime.nullable(),
  /** At which entries the two journals differ, the newest first. */
  breaks: z.array(z.object({ sequence: Count, storedHash: z.string(), at: IsoTime })),
});
export type QuarantineView = z.infer<typeof QuarantineView>;
export const Quarantines = z.object({ items: z.array(QuarantineView) });
/**
 * `POST /v1/operator/quarantines/{id}/release`: {@link ReasonBody}, answers {@link Quarantines}. The stored journal stays as it is: a till that
 * goes on from it is served again, one that still says something else is stopped again.
 */

export const CaseVerdict = z.enum(['fraud', 'no_fraud']);
export type CaseVerdict = z.infer<typeof CaseVerdict>;
/** `GET /v1/operator/double-spends` pages of these: all payments of the allowance, at whichever merchant. */
export const OperatorCaseView = DoubleSpendView.extend({
  judgement: z.object({ verdict: CaseVerdict, reason: z.string(), at: IsoTime }).nullable(),
});
export type OperatorCaseView = z.infer<typeof OperatorCaseView>;
/** `POST /v1/operator/double-spends/{id}/judgement` answers 204. The newest counts; moves no money. */
export const JudgeBody = z.object({ verdict: CaseVerdict, reason: Reason });
/** `GET /v1/operator/claims` pages of these. */
export const OperatorClaimView = MerchantClaimView;
export type OperatorClaimView = z.infer<typeof OperatorClaimView>;

/** `GET /v1/operator/denied` pages of these, the newest first. */
export const DeniedView = z.object({
  kind: z.enum(['allowance', 'kiosk']),
  id: Uuid,
  /** Of a kiosk, as its merchant named it; null for an allowance. */
  kioskName: z.string().nullable(),
  businessName: z.string().nullable(),
  /** Of an allowance's holder; null for a kiosk. */
  maskedPhone: z.string().nullable(),
  reason: z.enum(['closing', 'double_spend', 'lost', 'operator']),
  version: Count,
  deniedAt: IsoTime,
  listedUntil: IsoTime.nullable(),
});
export type DeniedView = z.infer<typeof DeniedView>;

/** `GET /v1/operator/policy`: the rules in force, as the environment set them. */
export const PolicyView = z.object({
  currency: CurrencyCode,
  denyListVersion: Count,
  /** Sums by the name of their rule. */
  sums: z.record(z.string(), MinorUnits),
  /** Numbers, seconds and hundredths of a percent by the name of their rule. */
  numbers: z.record(z.string(), z.number()),
});
export type PolicyView = z.infer<typeof PolicyView>;

export const OPERATOR_ACTS = [
  'user_found',
  'user_suspended',
  'user_restored',
  'sessions_ended',
  'quarantine_released',
  'case_judged',
  'operator_appointed',
] as const;
export const OperatorAct = z.enum(OPERATOR_ACTS);
export type OperatorAct = z.infer<typeof OperatorAct>;
/** `GET /v1/operator/acts` pages of these: the audit log, the newest first. */
export const OperatorActView = z.object({
  id: Uuid,
  act: OperatorAct,
  /** The user, enrolment or case that it was done to. */
  subjectId: Uuid,
  /** Whom or what it is about: a masked name, a till. Null for a case. */
  subjectName: z.string().nullable(),
  verdict: CaseVerdict.nullable(),
  /** Empty for a look-up, which is not asked why. */
  reason: z.string(),
  /** Who did it; of an appointment, which is done at the server's terminal, who was appointed. */
  byName: z.string(),
  at: IsoTime,
});
export type OperatorActView = z.infer<typeof OperatorActView>;
