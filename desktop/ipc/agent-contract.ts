/**
 * The whole surface between the agent and whoever shows it (Electron's main process, tests, a command line):
 * one literal object of calls and one of events. Client and server are derived from it, and every message is
 * validated on both sides at run time. Money is a decimal string of minor units, as in the cloud's contract.
 */
import {
  KioskList,
  KioskView,
  LIMIT_NAMES,
  type LimitName,
  LimitValues,
  LoginBody,
  MerchantSummary,
  MinorUnits,
  PositiveMinorUnits,
  RegisterBody,
  RegisterResult,
  ResendBody,
  User,
  VerifyBody,
} from '@tikiwallet/server/contract';
import { MAX_OPEN_REQUESTS } from '@tikiwallet/protocol';
import { z } from 'zod';
import { Radio, radioCalls } from './radio-contract.ts';

/** Raised when a message changes incompatibly; the two sides refuse to talk across versions. */
export const AGENT_PROTOCOL_VERSION = 2;

const Time = z.iso.datetime();

export const SaleState = z.enum(['open', 'paid', 'expired', 'cancelled']);
export type SaleState = z.infer<typeof SaleState>;

/** How sure the merchant can be of the money (protocol: guarantee tiers). */
export const GuaranteeTier = z.enum(['locked', 'reserved', 'at_risk']);

/** Where a stored payment stands, in the words the screens use. */
export const SettlementState = z.enum([
  'on_this_device',
  'sent',
  'settled',
  'settled_by_guarantee',
  'refused',
  'disputed',
]);
export type SettlementState = z.infer<typeof SettlementState>;

/** What became of an offer to give money back. */
export const RefundState = z.enum(['open', 'given_back', 'expired', 'cancelled']);
export type RefundState = z.infer<typeof RefundState>;

/** Where a stored refund stands. `waiting`: it holds, and the shop's balance in the cloud does not cover it yet. */
export const RefundSettlement = z.enum(['on_this_device', 'sent', 'waiting', 'settled', 'refused']);
export type RefundSettlement = z.infer<typeof RefundSettlement>;

/** Why money is given back; kept at this kiosk only. */
export const RefundReason = z.enum(['goods_returned', 'goods_faulty', 'wrong_amount', 'paid_twice', 'other']);
export type RefundReason = z.infer<typeof RefundReason>;

const RefundKind = z.enum(['void', 'refund']);

/** What was given back of a sale at one time. */
export const GivenBack = z.object({
  refundId: z.uuid(),
  kind: RefundKind,
  reason: RefundReason,
  /** Of the refund's own entry in the journal. */
  sequence: z.number().int(),
  amountMinor: MinorUnits,
  /** Of the sale, this refund included. */
  refundedMinor: MinorUnits,
  givenBackAt: Time,
  settlement: RefundSettlement,
  settledAt: Time.nullable(),
  refusalCode: z.string().nullable(),
});
export type GivenBack = z.infer<typeof GivenBack>;

/** An offer to give back, shown as a code until the customer's phone has confirmed it. */
export const Refund = z.object({
  /** The caller's id (UUID): asking again with it answers the same offer. */
  refundId: z.uuid(),
  paymentHash: z.string(),
  /** Of the sale. */
  saleSequence: z.number().int(),
  saleMinor: MinorUnits,
  /** Given back of the sale by now, this refund included once it is. */
  refundedMinor: MinorUnits,
  currency: z.string(),
  maskedPhone: z.string(),
  kind: RefundKind,
  amountMinor: MinorUnits,
  reason: RefundReason,
  state: RefundState,
  /** The text of the QR code that the customer scans (`TIKI1:B:...`). */
  qrText: z.string(),
  remainingMs: z.number().int(),
  lastRefusal: z.object({ code: z.string(), at: Time, attempts: z.number().int() }).nullable(),
  refund: GivenBack.nullable(),
  /** The refund receipt as the text of a QR code (`TIKI1:D:...`), for phones that confirmed by a code. */
  receiptQrText: z.string().nullable(),
});
export type Refund = z.infer<typeof Refund>;

export const Payment = z.object({
  paymentHash: z.string(),
  requestId: z.string(),
  amountMinor: MinorUnits,
  currency: z.string(),
  maskedPhone: z.string(),
  tier: GuaranteeTier,
  sequence: z.number().int(),
  acceptedAt: Time,
  settlement: SettlementState,
  settledAt: Time.nullable(),
  /** A protocol or settlement code when the cloud refused it. */
  refusalCode: z.string().nullable(),
  /** Given back of it so far. */
  refundedMinor: MinorUnits.default('0'),
  /** The customer's wallet has nearly used up its payments and should meet the internet soon. */
  needsInternetSoon: z.boolean().default(false),
  /** The number that the cashier typed was the payer's. */
  phoneChecked: z.boolean().default(false),
});
export type Payment = z.infer<typeof Payment>;

/** Why a manager let a payment through; the journal keeps it. */
export const OverrideReason = z.enum([
  'knows_customer',
  'saw_identity',
  'goods_already_given',
  'emergency',
  'small_risk',
  'other',
]);
export type OverrideReason = z.infer<typeof OverrideReason>;

/** A refused payment that a manager may let through, at the shop's own risk. */
export const OverrideOffer = z.object({
  paymentHash: z.string(),
  maskedPhone: z.string(),
  /** Every refusal that would be set aside: protocol codes, each with its sentence on the screen. */
  codes: z.array(z.string()).min(1),
});
export type OverrideOffer = z.infer<typeof OverrideOffer>;

export const Sale = z.object({
  /** The caller's id for the sale (UUID): opening it again answers the same sale. */
  saleId: z.uuid(),
  requestId: z.string(),
  amountMinor: MinorUnits,
  currency: z.string(),
  state: SaleState,
  /** The text of the QR code that the customer scans; signed by this kiosk. */
  qrText: z.string(),
  /** Both screens show these digits. */
  shortCode: z.string(),
  /** Six digits to which the payment has contributed; null until it is stored. */
  paidCode: z.string().nullable(),
  openedAt: Time,
  /** Milliseconds left when this object was made; count down on your own monotonic clock. */
  remainingMs: z.number().int(),
  /**
   * The newest refused attempt on this sale, for the cashier: a protocol refusal code. Of a cancelled one `kiosk_denied` or
   * `kiosk_suspended`: the till was stopped, and that ended the sale.
   */
  lastRefusal: z
    .object({
      code: z.string(),
      at: Time,
      attempts: z.number().int(),
      /** Null when no one may let it through, or the till has no manager's PIN. */
      override: OverrideOffer.nullable().default(null),
    })
    .nullable(),
  /** The payer's number is asked for, and compared with what the cashier typed. */
  checksPhone: z.boolean().default(false),
  /** The camera read the payment: the phone reaches no network and waits for its receipt on this screen. */
  wasScanned: z.boolean().default(false),
  payment: Payment.nullable(),
});
export type Sale = z.infer<typeof Sale>;

/**
 * What is wrong at the moment, for a person to put right; each has a sentence on the screen. `clock_behind_trusted_time`:
 * set the clock, nothing is sold until then. `journal_behind_cloud`: the cloud holds entries that this machine has lost
 * (an old copy was restored). `journal_differs_from_cloud`: the cloud refuses this journal as another story than the one
 * it knows. `journal_unconfirmed`: the data folder is a copy, and the cloud has to be asked once before selling.
 * `cloud_time_implausible`: the cloud's signed time is more than a year ahead of this clock; what it sends is not taken.
 * `kiosk_not_recognised`: the cloud no longer takes this machine for the kiosk (replaced or blocked). `kiosk_denied`: the
 * signed deny list names this kiosk, and nothing is sold any more, with or without internet. `kiosk_suspended`: the merchant stopped this
 * kiosk for a while; what is stored settles, and it sells again once that is lifted and the cloud was asked.
 */
export const AgentProblem = z.enum([
  'clock_behind_trusted_time',
  'journal_behind_cloud',
  'journal_differs_from_cloud',
  'journal_unconfirmed',
  'kiosk_not_recognised',
  'cloud_time_implausible',
  'kiosk_denied',
  'kiosk_suspended',
]);
export type AgentProblem = z.infer<typeof AgentProblem>;

export const AgentState = z.object({
  /** `quarantined`: nothing is sold, because the journal is damaged or in doubt; `problems` may say more. */
  phase: z.enum(['starting', 'not_enrolled', 'ready', 'quarantined']),
  problems: z.array(AgentProblem).default([]),
  version: z.string(),
  /** Where the agent looks for the cloud. */
  apiUrl: z.string(),
  kiosk: z
    .object({
      id: z.string(),
      name: z.string(),
      merchantName: z.string(),
      merchantPhone: z.string(),
      currency: z.string(),
      certificateNotAfter: Time,
    })
    .nullable(),
  /** The merchant who is signed in to the cloud through this agent, for set-up and back office. Selling needs none. */
  merchant: z.object({ user: User, sessionExpiresAt: Time }).nullable(),
  cloud: z.object({
    state: z.enum(['connecting', 'online', 'offline']),
    since: Time,
    lastContactAt: Time.nullable(),
  }),
  settlement: z.object({
    state: z.enum(['idle', 'settling', 'waiting', 'refused']),
    /** Stored here and not yet acknowledged by the cloud. */
    pendingCount: z.number().int(),
    pendingMinor: MinorUnits,
    /** While settling: journal entries acknowledged of those to send. */
    progress: z.object({ done: z.number().int(), total: z.number().int() }).nullable(),
    nextAttemptAt: Time.nullable(),
    lastSettledAt: Time.nullable(),
    lastErrorCode: z.string().nullable(),
  }),
  /** Sold since local midnight; `refundedMinor` was given back since then, also of earlier sales. */
  today: z.object({
    count: z.number().int(),
    sumMinor: MinorUnits,
    refundedMinor: MinorUnits.default('0'),
  }),
  limits: z.object({
    perPaymentMinor: MinorUnits,
    storedSumMinor: MinorUnits,
    storedCount: z.number().int(),
    /** What a manager may permit for one payment, by PIN; null while there is no PIN. */
    withManagerMinor: MinorUnits.nullable().default(null),
  }),
  /** The manager's PIN at this till. `waiting`: after wrong tries; `locked`: until the merchant's password is given online. */
  managerPin: z
    .object({ state: z.enum(['none', 'set', 'waiting', 'locked']), retryAfterMs: z.number().int() })
    .default({ state: 'none', retryAfterMs: 0 }),
  /** Freshness of the trust bundle; `level` is what the ladder allows now. */
  trust: z
    .object({
      issuedAt: Time,
      level: z.enum(['full', 'half', 'known_only', 'locked_only']),
      /** When the next step of the ladder begins unless the cloud is reached; null on the last. */
      nextLevelAt: Time.nullable().default(null),
    })
    .nullable(),
  /** The kiosk's own network; QR and LAN work whatever it says. */
  radio: Radio,
  /** Addresses at which phones reach this kiosk, `http://host:port`. */
  addresses: z.array(z.string()),
  /** The sale in front, the last one included until another is opened; null: the keypad. */
  sale: Sale.nullable(),
  /**
   * Every sale on the counter, oldest first, the one in front among them: what is open, and where several customers are
   * served at once also what has ended and was not put away.
   */
  sales: z.array(Sale).default([]),
  till: z
    .object({
      /** Requests that may be open at one time; 1 unless the shop serves several customers at once. */
      mostOpen: z.number().int(),
    })
    .default({ mostOpen: 1 }),
  /** The newest offer to give back, until another is opened. */
  refund: Refund.nullable().default(null),
});
export type AgentState = z.infer<typeof AgentState>;

/** What became of a delivery that was read from a phone's screen; the same bytes by another way are `repeated`. */
export const DeliveryAnswer = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.enum(['accepted', 'repeated']), paymentHash: z.string() }),
  /** `code`: a protocol refusal code or a state of the kiosk, as over HTTP. */
  z.object({ outcome: z.literal('refused'), code: z.string() }),
]);
export type DeliveryAnswer = z.infer<typeof DeliveryAnswer>;

/** What became of an acceptance that was read from a phone's screen. */
export const RefundAnswer = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.enum(['accepted', 'repeated']), refundId: z.uuid() }),
  z.object({ outcome: z.literal('refused'), code: z.string() }),
]);
export type RefundAnswer = z.infer<typeof RefundAnswer>;

/** Longer than any delivery in a QR code, which holds 4,296 characters at most. */
const MAX_SCANNED_CHARACTERS = 4_296;

export { LIMIT_NAMES, type LimitName };
/** Who sets limits at this till; the merchant's for all tills are the cloud's to keep. */
export const LimitOwner = z.enum(['merchant', 'kiosk']);
export type LimitOwner = z.infer<typeof LimitOwner>;
/** Decimal digits for amounts and numbers alike. */
const LimitValue = MinorUnits;
export const LimitLine = z.object({
  name: z.enum(LIMIT_NAMES),
  issuer: LimitValue,
  /** Null: not limited by this owner. */
  merchant: LimitValue.nullable(),
  kiosk: LimitValue.nullable(),
  /** The merchant's for all its tills, as the cloud said last. */
  cloud: LimitValue.nullable().default(null),
  /** The one that holds now, halved where the trust data is not fresh. */
  counts: LimitValue,
  /** Within how long it counts, where the issuer sets that; null: the name says it. */
  windowSeconds: z.int().positive().nullable().default(null),
});
export type LimitLine = z.infer<typeof LimitLine>;

const Pin = z.string().regex(/^[0-9]{6,12}$/);

const Nothing = z.object({});
const MerchantSession = z.object({ user: User, sessionExpiresAt: Time });

export const agentCalls = {
  /** First call on a connection; anything else before it is refused. `token` is the content of the 0600 token file. */
  'agent.hello': {
    params: z.object({ protocolVersion: z.int(), token: z.string() }),
    result: z.object({ protocolVersion: z.int(), version: z.string() }),
  },
  'agent.state': { params: Nothing, result: AgentState },
  'cloud.standIns': {
    params: Nothing,
    /** Null while the cloud has never been reached. */
    result: z
      .object({ stripe: z.boolean(), twilio: z.boolean(), smsInboxUrl: z.string().nullable() })
      .nullable(),
  },
  'merchant.register': {
    params: RegisterBody.omit({ role: true }).required({ businessName: true }),
    result: RegisterResult,
  },
  'merchant.resend': { params: ResendBody, result: RegisterResult },
  'merchant.verify': { params: VerifyBody, result: MerchantSession },
  'merchant.signIn': { params: LoginBody, result: MerchantSession },
  'merchant.signOut': { params: Nothing, result: Nothing },
  'merchant.summary': { params: Nothing, result: MerchantSummary },
  'kiosks.list': { params: Nothing, result: KioskList },
  'kiosks.create': {
    params: z.object({ idempotencyKey: z.uuid(), name: z.string().trim().min(1).max(40) }),
    result: KioskView,
  },
  'kiosks.newCode': { params: z.object({ kioskId: z.uuid() }), result: KioskView },
  'kiosk.enrol': { params: z.object({ code: z.string().trim().min(8).max(9) }), result: AgentState },
  'sale.open': {
    params: z.object({
      saleId: z.uuid(),
      amountMinor: PositiveMinorUnits,
      /** E.164: the number that the payer told the cashier. Absent: the payer's number is not asked for. */
      payerPhone: z
        .string()
        .regex(/^\+[1-9][0-9]{6,14}$/)
        .optional(),
    }),
    result: Sale,
  },
  /** Brings a sale on the counter to the front; null: the keypad, while the others stay open. */
  'sale.front': { params: z.object({ saleId: z.uuid().nullable() }), result: Nothing },
  /** How a sale ended was seen: it leaves the counter. */
  'sale.putAway': { params: z.object({ saleId: z.uuid() }), result: Nothing },
  'sale.cancel': { params: z.object({ saleId: z.uuid() }), result: Sale },
  /** A delivery without any radio: `text` is what a camera read from the customer's screen (`TIKI1:P:...`). */
  'delivery.submit': {
    params: z.object({ text: z.string().min(1).max(MAX_SCANNED_CHARACTERS) }),
    result: DeliveryAnswer,
  },
  /** The receipt of a stored payment as the text of a QR code (`TIKI1:C:...`); null when there is no such payment. */
  'payment.receipt': {
    params: z.object({ paymentHash: z.string().regex(/^[0-9a-f]{64}$/) }),
    result: z.object({ qrText: z.string().nullable() }),
  },
  /** Offers to give back a sale of this kiosk, whole or in part; nothing is given back until the payer's phone has signed. */
  'refund.open': {
    params: z.object({
      refundId: z.uuid(),
      /** Of the sale. */
      sequence: z.int().min(1),
      kind: RefundKind,
      amountMinor: PositiveMinorUnits,
      reason: RefundReason,
      /** Where the till has a manager's PIN. */
      pin: Pin.optional(),
    }),
    result: z.discriminatedUnion('outcome', [
      z.object({ outcome: z.literal('offered'), refund: Refund }),
      z.object({ outcome: z.literal('refused'), code: z.string() }),
    ]),
  },
  /** An offer that became a refund in the meantime is answered as such. */
  'refund.cancel': { params: z.object({ refundId: z.uuid() }), result: Refund },
  /** `text` is what a camera read from the customer's screen (`TIKI1:A:...`). */
  'refund.submit': {
    params: z.object({ text: z.string().min(1).max(MAX_SCANNED_CHARACTERS) }),
    result: RefundAnswer,
  },
  /** What was given back of one sale, oldest first. */
  'refund.list': {
    params: z.object({ paymentHash: z.string().regex(/^[0-9a-f]{64}$/) }),
    result: z.object({ items: z.array(GivenBack) }),
  },
  /** The refund receipt as the text of a QR code (`TIKI1:D:...`); null when nothing was given back under this id. */
  'refund.receipt': {
    params: z.object({ refundId: z.uuid() }),
    result: z.object({ qrText: z.string().nullable() }),
  },
  'activity.list': {
    params: z.object({ cursor: z.string().max(100).nullable(), limit: z.int().min(1).max(100) }),
    result: z.object({ items: z.array(Payment), nextCursor: z.string().nullable() }),
  },
  /** Answers nothing but that it is set, or a code. The PIN is kept as a memory-hard hash and never leaves the agent. */
  'manager.setPin': {
    params: z.object({
      newPin: Pin,
      proof: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('pin'), pin: Pin }),
        /** Of this kiosk's merchant; needs the internet, and also unlocks. */
        z.object({ kind: z.literal('password'), password: z.string().min(1).max(200) }),
      ]),
    }),
    result: Nothing,
  },
  'limits.get': { params: Nothing, result: z.object({ lines: z.array(LimitLine) }) },
  /** All limits of one owner at once; what is absent is not limited by them. Raising or removing one needs the PIN. */
  'limits.set': {
    params: z.object({
      owner: LimitOwner,
      limits: z.partialRecord(z.enum(LIMIT_NAMES), PositiveMinorUnits),
      pin: Pin.optional(),
    }),
    result: z.object({ lines: z.array(LimitLine) }),
  },
  /**
   * All of the merchant's limits for all its tills, set in the cloud by the merchant who is signed in and is this till's own; taken by this
   * till before it answers. `limits_changed`: they were set elsewhere meanwhile, and `limits.get` shows them now.
   */
  'merchant.setLimits': {
    params: z.object({ limits: LimitValues }),
    result: z.object({ lines: z.array(LimitLine) }),
  },
  /** Several customers at once: how many requests may be open at one time. More than before needs the PIN. */
  'till.setMostOpen': {
    params: z.object({ mostOpen: z.int().min(1).max(MAX_OPEN_REQUESTS), pin: Pin.optional() }),
    result: Nothing,
  },
  /** Lets a refused payment of an open sale through, at the shop's own risk. `codes`: what the manager was shown. */
  'sale.override': {
    params: z.object({
      saleId: z.uuid(),
      paymentHash: z.string().regex(/^[0-9a-f]{64}$/),
      codes: z.array(z.string().max(64)).min(1).max(20),
      reason: OverrideReason,
      pin: Pin,
    }),
    result: DeliveryAnswer,
  },
  'settlement.now': { params: Nothing, result: Nothing },
  ...radioCalls,
} as const;
export type AgentCalls = typeof agentCalls;
export type AgentCallName = keyof AgentCalls;
export type AgentParams<N extends AgentCallName> = z.input<AgentCalls[N]['params']>;
export type AgentResult<N extends AgentCallName> = z.output<AgentCalls[N]['result']>;

export const agentEvents = {
  /** The whole state, on every change, at most every 100 ms except for a sale's change, which goes at once. */
  'agent.stateChanged': AgentState,
} as const;
