/** What a customer does online: balances, top-ups, transfers, allowances and history. */
import { z } from 'zod';
import {
  Base64Url,
  CurrencyCode,
  IsoTime,
  MinorUnits,
  PhoneInput,
  PositiveMinorUnits,
  SignedMinorUnits,
  TrustBytes,
  TrustSince,
  Uuid,
} from './primitives.ts';

/** The life of an offline allowance, as both the cloud and the phone's screen name it. */
export const AllowanceStatus = z.enum(['active', 'closing', 'expired', 'closed', 'denied']);
export type AllowanceStatus = z.infer<typeof AllowanceStatus>;

/**
 * Why nobody accepts an allowance any more: `closing` its phone closed it, `lost` its owner said that the phone is gone,
 * `double_spend` two payments contradict each other, `operator` a person decided.
 */
export const DeniedFor = z.enum(['closing', 'double_spend', 'lost', 'operator']);
export type DeniedFor = z.infer<typeof DeniedFor>;

export const Allowance = z.object({
  id: Uuid,
  status: AllowanceStatus,
  /** Null while it is on no deny list. */
  deniedFor: DeniedFor.nullable(),
  currency: CurrencyCode,
  /** Moved from online to offline when it was issued. */
  capMinor: MinorUnits,
  /** Paid out of the reserve by settlements so far. */
  settledMinor: MinorUnits,
  /** Still in the reserve. */
  reservedMinor: MinorUnits,
  /** Returned to the online wallet. */
  returnedMinor: MinorUnits,
  /** Highest payment counter that has settled. */
  settledCounter: z.number().int(),
  notBefore: IsoTime,
  notAfter: IsoTime,
  /** The COSE_Sign1 allowance certificate. */
  certificate: Base64Url,
  /** Opens the certificate's commitment to the holder's phone number. */
  phoneSalt: Base64Url,
  devicePublicKey: Base64Url,
  /** For a closing, expired or denied allowance: the moment at which the rest returns at the latest. */
  returnsBy: IsoTime.nullable(),
});
export type Allowance = z.infer<typeof Allowance>;

/** `GET /v1/wallet`. */
export const WalletView = z.object({
  currency: CurrencyCode,
  onlineMinor: MinorUnits,
  /** Sum of the reserves of all allowances, money on its way back included. */
  offlineMinor: MinorUnits,
  allowances: z.array(Allowance),
  /** Server time, so that the client can judge its own clock. */
  asOf: IsoTime,
});
export type WalletView = z.infer<typeof WalletView>;

/** `POST /v1/topups` (Idempotency-Key). Credit happens on the provider's webhook only. */
export const TopUpBody = z.object({ amountMinor: PositiveMinorUnits });
/**
 * `cancelled`: the customer gave it up. `refunded`: the card got all of it back. `disputed`: the card's holder contests it,
 * and the money is held until that is decided; `charged_back`: it was decided for the card's holder.
 */
export const TopUpStatus = z.enum([
  'awaiting_payment',
  'succeeded',
  'failed',
  'expired',
  'cancelled',
  'refunded',
  'disputed',
  'charged_back',
]);
export type TopUpStatus = z.infer<typeof TopUpStatus>;
export const TopUp = z.object({
  id: Uuid,
  amountMinor: MinorUnits,
  currency: CurrencyCode,
  status: TopUpStatus,
  /** Where the customer pays; null once it is over. */
  checkoutUrl: z.string().nullable(),
  /** Given back to the card so far, or held for a dispute. */
  takenBackMinor: MinorUnits,
  createdAt: IsoTime,
});
export type TopUp = z.infer<typeof TopUp>;
/** `GET /v1/topups` pages of these: those that failed, expired or were cancelled, too. */
/** `POST /v1/topups/{id}/cancel`, no body: closes the checkout; answers {@link TopUp} as it then stands. */

/** `POST /v1/transfers/preview`: who would receive, masked. */
export const TransferPreviewBody = z.object({ phone: PhoneInput });
export const TransferPreview = z.object({ maskedName: z.string(), maskedPhone: z.string() });
export type TransferPreview = z.infer<typeof TransferPreview>;
/** `POST /v1/transfers` (Idempotency-Key). */
export const TransferBody = z.object({
  phone: PhoneInput,
  amountMinor: PositiveMinorUnits,
  note: z.string().trim().max(80).optional(),
});
export const TransferResult = z.object({
  id: Uuid,
  amountMinor: MinorUnits,
  currency: CurrencyCode,
  recipient: TransferPreview,
  createdAt: IsoTime,
});
export type TransferResult = z.infer<typeof TransferResult>;

/** Whom an allowance can pay: one merchant, or one kiosk of that merchant. The ids are in the kiosk's certificate. */
export const PayeeLockBody = z.object({ merchantId: Uuid, kioskId: Uuid.nullable() });

/**
 * `POST /v1/allowances` (Idempotency-Key): moves money from online to offline and certifies the phone's key.
 * `proof` is the device key's signature over the proof-of-possession object of the protocol.
 */
export const AllowanceBody = z.object({
  amountMinor: PositiveMinorUnits,
  /** 33-byte compressed P-256 point. */
  devicePublicKey: Base64Url,
  proof: Base64Url,
  /** Absent: every shop can be paid. */
  payeeLock: PayeeLockBody.optional(),
});
/** `POST /v1/allowances/{id}/close`: the phone's signed closing statement; answers {@link Allowance}. */
export const CloseAllowanceBody = z.object({ statement: Base64Url });
/**
 * `POST /v1/allowances/{id}/deny`, no body: the phone is lost. Nobody accepts the allowance any more; what shops
 * accepted before they could know is paid, the rest returns when no shop can hold more of it. Answers {@link Allowance}.
 */

export const HistoryKind = z.enum([
  'top_up',
  'transfer_in',
  'transfer_out',
  'allowance_loaded',
  'allowance_returned',
  'offline_payment',
  'sale',
  'refund_received',
  'refund_given',
  'debt_recovered',
  'top_up_refunded',
  'top_up_disputed',
  'dispute_won',
  'withdrawal',
  'withdrawal_returned',
  'pay_out',
  'pay_out_returned',
  'correction',
]);
export const HistoryItem = z.object({
  id: z.string(),
  kind: HistoryKind,
  /** Negative when it left the viewer's pocket. */
  amountMinor: SignedMinorUnits,
  currency: CurrencyCode,
  counterparty: z.string().nullable(),
  note: z.string().nullable(),
  at: IsoTime,
  /** For offline payments and sales: hex hash of the payment, the same on both sides. */
  paymentHash: z.string().nullable(),
  /** For top-ups and withdrawals, and what came back of them: the id under which they are asked about. */
  orderId: z.string().nullable(),
  /**
   * Why, where the kind alone does not say: `refund_failed` of a `correction` is a refund that the card's bank did not take,
   * whose money is back. Who does not know a reason shows the kind.
   */
  reason: z.string().optional(),
});
export type HistoryItem = z.infer<typeof HistoryItem>;

/**
 * `GET /v1/trust?since=VERSION.ISSUED_AT`: the newest trust bundle, for phones; same bytes as kiosks receive. With `since` it
 * may be a delta to that bundle (page 09), or null when there is nothing newer.
 */
export const TrustQuery = z.object({ since: TrustSince.optional() });
export const TrustView = z.object({ rootPublicKey: Base64Url, trustBundle: TrustBytes.nullable() });
export type TrustView = z.infer<typeof TrustView>;
