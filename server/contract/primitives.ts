/** The scalar shapes that every other contract file is built from. */
import { MAX_TRUST_BUNDLE_BYTES } from '@tikiwallet/protocol';
import { z } from 'zod';

/** Non-negative minor units as a decimal string, at most 10^15. */
export const MinorUnits = z.string().regex(/^(0|[1-9][0-9]{0,15})$/);
/** Like {@link MinorUnits}, with an optional leading minus: only for amounts that can flow out. */
export const SignedMinorUnits = z.string().regex(/^(0|-?[1-9][0-9]{0,15})$/);
/** Positive minor units. */
export const PositiveMinorUnits = z.string().regex(/^[1-9][0-9]{0,15}$/);
/** ISO 4217 alphabetic code. */
export const CurrencyCode = z.string().regex(/^[A-Z]{3}$/);
export const Money = z.object({ amountMinor: SignedMinorUnits, currency: CurrencyCode });
export type Money = z.infer<typeof Money>;

export const Uuid = z.uuid();
export const IsoTime = z.iso.datetime();
/** base64url without padding. */
export const Base64Url = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .max(400_000);
/** A trust bundle or a delta of one: `MAX_TRUST_BUNDLE_BYTES` of protocol page 11, which base64url makes a third larger. */
export const TrustBytes = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .max(Math.ceil((MAX_TRUST_BUNDLE_BYTES * 4) / 3));
/** The bundle that a reader has, as `VERSION.ISSUED_AT`, so that only the difference is sent. */
export const TrustSince = z.string().regex(/^[1-9][0-9]{0,9}\.[0-9]{1,10}$/);
/** Lower-case hex of a 32-byte hash. */
export const Hash = z.string().regex(/^[0-9a-f]{64}$/);
/** What a person types: with or without spaces and a leading +; the server normalises to E.164. */
export const PhoneInput = z.string().min(4).max(32);
/** E.164. */
export const PhoneNumber = z.string().regex(/^\+[1-9][0-9]{6,14}$/);

/**
 * One line that other people read: no control, formatting or direction-changing characters (the two joiners belong to
 * the writing of several languages), and something to see.
 */
export const lineOfText = ({ min, max }: { min: number; max: number }) =>
  z
    .string()
    .trim()
    .min(min)
    .max(max)
    .regex(/^(?:[^\p{C}\p{Zl}\p{Zp}]|\u200c|\u200d)*$/u, 'must not hold control or formatting characters')
    .regex(/[\p{L}\p{N}\p{S}]/u, 'must hold a letter, a digit or a symbol');

/** Cursor paging: newest first, `nextCursor` null at the end. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
export const PageQuery = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(30),
});

/** Sent with every write that a client may repeat: a UUID made where the write was decided. */
export const IDEMPOTENCY_HEADER = 'Idempotency-Key';
/** `agent` receives its refresh token in the body; browsers receive it as an HttpOnly cookie. */
export const CLIENT_HEADER = 'Tiki-Client';
/**
 * In every answer of the API: `1.x`. The first number is the path's (`/v1`) and never changes within it; the second counts what
 * was added. `docs/api.md` says what may change under a client that stays as it is.
 */
export const VERSION_HEADER = 'Tiki-Api-Version';
export const API_VERSION = '1.2';
/** In every answer, in problems and in the server's log; a caller may choose it. */
export const REQUEST_ID_HEADER = 'X-Request-Id';
