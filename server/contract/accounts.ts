/** Registration, sessions and the signed-in user. */
import { z } from 'zod';
import { CurrencyCode, IsoTime, lineOfText, PhoneInput, PhoneNumber, Uuid } from './primitives.ts';

export const Role = z.enum(['customer', 'merchant']);
export type Role = z.infer<typeof Role>;

/** `POST /v1/auth/register`: sends a 6-digit code by SMS; nothing is created until it is verified. */
export const RegisterBody = z.object({
  role: Role,
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

/** `POST /v1/auth/register/verify` answers {@link Session}. */
export const VerifyBody = z.object({ registrationId: Uuid, code: z.string().regex(/^[0-9]{6}$/) });
/** `POST /v1/auth/register/resend` answers {@link RegisterResult}. */
export const ResendBody = z.object({ registrationId: Uuid });
/** `POST /v1/auth/login` answers {@link Session}. */
export const LoginBody = z.object({ phone: PhoneInput, password: z.string().min(1).max(200) });
/** `POST /v1/auth/refresh` answers {@link Session}; browsers send the cookie and an empty body. */
export const RefreshBody = z.object({ refreshToken: z.string().max(500).optional() });
/** `POST /v1/auth/logout` answers 204. */

export const User = z.object({
  id: Uuid,
  role: Role,
  phone: PhoneNumber,
  username: z.string(),
  currency: CurrencyCode,
  merchant: z.object({ id: Uuid, businessName: z.string() }).nullable(),
});
export type User = z.infer<typeof User>;

/** Access tokens live 15 minutes; a session ends 6 hours after log-in whatever is refreshed. */
export const Session = z.object({
  accessToken: z.string(),
  accessExpiresAt: IsoTime,
  sessionExpiresAt: IsoTime,
  /** Only for clients that sent `Tiki-Client: agent`. */
  refreshToken: z.string().optional(),
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
