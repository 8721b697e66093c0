/** Registration, sessions and the signed-in user. */
import { z } from 'zod';
import { CurrencyCode, IsoTime, lineOfText, PhoneInput, PhoneNumber, Uuid } from './primitives.ts';
import { TeamRole } from './team.ts';

/** What an account was made for. An operator is appointed (`npm run operator -- appoint-operator`), nobody registers as one. */
export const Role = z.enum(['customer', 'merchant', 'operator']);
export type Role = z.infer<typeof Role>;
export const RegisterRole = Role.exclude(['operator']);
export type RegisterRole = z.infer<typeof RegisterRole>;

/** `POST /v1/auth/register`: sends a 6-digit code by SMS; nothing is created until it is verified. */
export const RegisterBody = z.object({
  role: RegisterRole,
  phone: PhoneInput,
  username: lineOfText({ min: 2, max: 32 }),
  password: z.string().min(8).max(200),
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
  code: z.string().regex(/^[0-9]{6}$/),
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

/** `POST /v1/auth/pin-reset`: the password is right, so a 6-digit code goes to the account's own phone. */
export const PinResetBody = Credentials;
export const PinResetStarted = z.object({
  /** For the second step; says whom the password proved. */
  resetToken: z.string(),
  phone: PhoneNumber,
  expiresAt: IsoTime,
  /** Ask for another code no sooner than this, by the same request. */
  resendAfterMs: z.number().int(),
});
export type PinResetStarted = z.infer<typeof PinResetStarted>;
/** `POST /v1/auth/pin-reset/verify` answers {@link Session}. */
export const PinResetVerifyBody = z.object({
  resetToken: z.string().max(300),
  code: z.string().regex(/^[0-9]{6}$/),
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
