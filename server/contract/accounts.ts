/** Registration, sessions and the signed-in user. */
import { z } from 'zod';
import { CurrencyCode, IsoTime, lineOfText, PhoneInput, PhoneNumber, Uuid } from './primitives.ts';
import { TeamRole } from './team.ts';

/** What an account was made for. An operator is appointed (`npm run operator -- appoint-operator`), nobody registers as one. */
export const Role = z.enum(['customer', 'merchant', 'operator']);
export type Role = z.infer<typeof Role>;
export const RegisterRole = Role.exclude(['operator']);
export type RegisterRole = z.infer<typeof RegisterRole>;

/** What an SMS says. */
const SmsCode = z.string().regex(/^[0-9]{6}$/);
const NewPassword = z.string().min(8).max(200);

/** `POST /v1/auth/register`: sends a 6-digit code by SMS; nothing is created until it is verified. */
export const RegisterBody = z.object({
  role: RegisterRole,
  phone: PhoneInput,
  username: lineOfText({ min: 2, max: 32 }),
  password: NewPassword,
  /** Required for merchants: the name on kiosk certificates and customers' screens. */
  businessName: lineOfText({ min: 2, max: 32 }).optional(),
});
export const RegisterResult = z.object({
  registrationId: Uuid,
  phone: PhoneNumber,
  expiresAt: IsoTime,
  /** Ask for another code no sooner than this. */
  resendAfterMs: z.number().int(),
});
export type RegisterResult = z.infer<typeof RegisterResult>;

/**
 * A browser's proof that a session is its own, for a cookie that it loses: a P-256 point, uncompressed, base64url. Its
 * private key never leaves the browser.
 */
const SessionKey = z.string().regex(/^B[A-Za-z0-9_-]{86}$/);

/** `POST /v1/auth/register/verify` answers {@link Session}. */
export const VerifyBody = z.object({
  registrationId: Uuid,
  code: SmsCode,
  sessionKey: SessionKey.optional(),
});
/** `POST /v1/auth/register/resend` answers {@link RegisterResult}. */
export const ResendBody = z.object({ registrationId: Uuid });
/** `POST /v1/auth/login` answers {@link Session}. */
const Credentials = z.object({ phone: PhoneInput, password: z.string().min(1).max(200) });
export const LoginBody = Credentials.extend({ sessionKey: SessionKey.optional() });
/**
 * In the place of a refresh token: the session's key signs `tikiwallet session`, the session's id and a count that was
 * never used before, with a line feed between them. ECDSA with SHA-256, IEEE P1363, base64url.
 */
export const SessionProof = z.object({
  sessionId: Uuid,
  count: z.number().int().min(1).max(2_147_483_647),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});
export type SessionProof = z.infer<typeof SessionProof>;
/** `POST /v1/auth/refresh` answers {@link Session}; browsers send a proof, or the cookie and an empty body. */
export const RefreshBody = z.object({
  refreshToken: z.string().max(500).optional(),
  proof: SessionProof.optional(),
});
/** `POST /v1/auth/logout` answers 204. */

/**
 * `POST /v1/auth/pin-reset`: the password is right, so a 6-digit code goes to the account's own phone. `POST /v1/auth/login/code`
 * likewise, for whoever signs in with two proofs.
 */
export const FirstProofBody = Credentials;
export const SecondProofStarted = z.object({
  /** For the second step; says whom the password proved. */
  resetToken: z.string(),
  phone: PhoneNumber,
  expiresAt: IsoTime,
  /** Ask for another code no sooner than this, by the same request. */
  resendAfterMs: z.number().int(),
});
export type SecondProofStarted = z.infer<typeof SecondProofStarted>;
/** `POST /v1/auth/pin-reset/verify` answers {@link Session}, the only one from then on; `POST /v1/auth/login/code/verify` likewise. */
export const SecondProofBody = z.object({
  resetToken: z.string().max(300),
  code: SmsCode,
  sessionKey: SessionKey.optional(),
});

export const User = z.object({
  id: Uuid,
  role: Role,
  phone: PhoneNumber,
  username: z.string(),
  currency: CurrencyCode,
  /** Whom this person works for, and as what. A customer may, beside the wallet. */
  merchant: z.object({ id: Uuid, businessName: z.string(), teamRole: TeamRole }).nullable(),
});
export type User = z.infer<typeof User>;

/**
 * `POST /v1/auth/password-reset`. Answers alike whether the number has an account: a code comes to it only then. Asking again sends
 * again.
 */
export const PasswordResetBody = z.object({ phone: PhoneInput });
export const PasswordResetStarted = z.object({
  resetId: Uuid,
  expiresAt: IsoTime,
  resendAfterMs: z.number().int(),
});
export type PasswordResetStarted = z.infer<typeof PasswordResetStarted>;
/** `POST /v1/auth/password-reset/verify` answers {@link Session}, the only one from then on. */
export const PasswordResetVerifyBody = z.object({
  resetId: Uuid,
  code: SmsCode,
  password: NewPassword,
  sessionKey: SessionKey.optional(),
});

/** `GET /v1/sessions`: where the person is signed in. `DELETE /v1/sessions/{id}` ends one, `DELETE /v1/sessions` all; both answer 204. */
export const DeviceSession = z.object({
  id: Uuid,
  client: z.enum(['browser', 'agent']),
  /** Browser and system, such as `Chrome · Android`. Null: not known. */
  deviceName: z.string().nullable(),
  signedInAt: IsoTime,
  /** To a quarter of an hour. */
  lastUsedAt: IsoTime,
  /** The one that asks. */
  isCurrent: z.boolean(),
});
export type DeviceSession = z.infer<typeof DeviceSession>;
export const DeviceSessions = z.object({ items: z.array(DeviceSession) });

/**
 * Acts that a session proves by a code first: `POST /v1/step-ups` sends it to the account's number, `POST /v1/step-ups/verify` (204)
 * takes it, and within ten minutes this session may do this act once. Without it such an act is refused: `step_up_required`.
 */
export const StepUpAct = z.enum(['bank_account', 'phone_change', 'account_closing']);
export type StepUpAct = z.infer<typeof StepUpAct>;
export const StepUpBody = z.object({ act: StepUpAct });
export const StepUpVerifyBody = z.object({ act: StepUpAct, code: SmsCode });
export const StepUpStarted = z.object({
  act: StepUpAct,
  phone: PhoneNumber,
  expiresAt: IsoTime,
  resendAfterMs: z.number().int(),
});
export type StepUpStarted = z.infer<typeof StepUpStarted>;

/**
 * `POST /v1/phone-change`: a code goes to the new number. Before it the old number is proved (`StepUpAct`), or, where it is lost,
 * the password is given; then nothing goes to a bank for a day. Asking again sends again.
 */
export const PhoneChangeBody = z.object({
  phone: PhoneInput,
  password: z.string().min(1).max(200).optional(),
});
export const PhoneChangeStarted = z.object({
  phone: PhoneNumber,
  expiresAt: IsoTime,
  resendAfterMs: z.number().int(),
});
export type PhoneChangeStarted = z.infer<typeof PhoneChangeStarted>;
/** `POST /v1/phone-change/verify` answers {@link User}; every other session ends. */
export const PhoneChangeVerifyBody = z.object({ code: SmsCode });

/** What stands in the way of closing an account; each is something the person can end. */
export const ClosingBlocker = z.enum([
  'balance',
  'offline_money',
  'debt',
  'withdrawal',
  'top_up',
  'dispute',
  'refunds_waiting',
  'kiosks',
]);
export type ClosingBlocker = z.infer<typeof ClosingBlocker>;
/** `GET /v1/account/closing`. */
export const ClosingView = z.object({ blockers: z.array(ClosingBlocker) });
export type ClosingView = z.infer<typeof ClosingView>;
/** `POST /v1/account/close`, after a step-up, answers 204: for good. Refused with `account_not_empty` while something is open. */
export const CloseAccountBody = z.object({ password: z.string().min(1).max(200) });

/** Access tokens live 15 minutes; a session ends 6 hours after log-in whatever is refreshed. */
export const Session = z.object({
  accessToken: z.string(),
  accessExpiresAt: IsoTime,
  sessionExpiresAt: IsoTime,
  /** Only for clients that sent `Tiki-Client: agent`. */
  refreshToken: z.string().optional(),
  /** Only for a session with a key of its own. */
  sessionId: Uuid.optional(),
  user: User,
});
export type Session = z.infer<typeof Session>;

/** `GET /v1/config`, public: what a client must know before it signs in. */
export const PublicConfig = z.object({
  currency: CurrencyCode,
  /** Default region for phone numbers typed without a country code (ISO 3166 alpha-2). */
  region: z.string(),
  /** The origin customers open the wallet at. */
  walletOrigin: z.string(),
  /** Kiosk addresses that the wallet may fetch (they stand in its Content-Security-Policy). */
  kioskOrigins: z.array(z.string()),
  /** Where help is: a number, a mail address or a web address. Null: nothing of the kind is promised on a screen. */
  supportContact: z.string().nullable(),
  limits: z.object({
    topUpMinMinor: z.string(),
    topUpMaxMinor: z.string(),
    allowanceMaxMinor: z.string(),
    perPaymentMaxMinor: z.string(),
  }),
  /** True when Stripe or Twilio are the local stand-ins: clients say so on screen. */
  standIns: z.object({ stripe: z.boolean(), twilio: z.boolean(), smsInboxUrl: z.string().nullable() }),
});
export type PublicConfig = z.infer<typeof PublicConfig>;
