/**
 * `Authorization: Kiosk <token>`: which machine is calling.
 *
 * Owns: the way from a token to an enrolment. Never: lets a replaced machine through, or a denied one to anything but the word that it is denied.
 */
import type { Context } from 'hono';
import { eq } from 'drizzle-orm';
import { credentialOf } from '../accounts/index.ts';
import type { ServerContext } from '../context.ts';
import { kioskEnrolments, kiosks, kioskTokens } from '../db/schema/kiosks.ts';
import { problem } from '../http/problem.ts';
import { hashToken } from './enrol.ts';

export interface EnrolledKiosk {
  readonly enrolmentId: string;
  readonly kioskId: string;
  readonly merchantId: string;
  readonly currency: string;
  readonly signingPublicKey: Uint8Array;
  readonly sealingPublicKey: Uint8Array;
  /** At least this much of its journal is stored. */
  readonly settledSequence: number;
  /** Since when it seals to a key that is not known here; null: it does not. */
  readonly sealingUnknownSince: Date | null;
}

/** A machine that may be denied: it is told so, and may do nothing else. A suspended one hands in, and gets nothing to sell with. */
export type KnownKiosk = EnrolledKiosk & { readonly isDenied: boolean; readonly isSuspended: boolean };

/**
 * Also notes the contact.
 * @throws ApiProblem `not_authenticated`, `kiosk_denied`
 */
export async function requireKiosk(
  context: Pick<ServerContext, 'db' | 'clock' | 'limits'>,
  c: Context,
): Promise<EnrolledKiosk> {
  const { isDenied, isSuspended: _handsIn, ...kiosk } = await requireKnownKiosk(context, c);
  if (isDenied) throw problem('kiosk_denied');
  return kiosk;
}

/**
 * For the one thing that a denied machine may have: the signed word that it is denied.
 * @throws ApiProblem `not_authenticated`
 */
export async function requireKnownKiosk(
  { db, clock, limits }: Pick<ServerContext, 'db' | 'clock' | 'limits'>,
  c: Context,
): Promise<KnownKiosk> {
  const token = credentialOf(c, 'Kiosk');
  if (token === null || !/^[A-Za-z0-9_-]{43}$/.test(token)) throw problem('not_authenticated');
  const [row] = await db
    .select({
      enrolmentId: kioskEnrolments.id,
      kioskId: kiosks.id,
      merchantId: kiosks.merchantId,
      currency: kiosks.currency,
      signingPublicKey: kioskEnrolments.signingPublicKey,
      sealingPublicKey: kioskEnrolments.sealingPublicKey,
      settledSequence: kioskEnrolments.settledSequence,
      sealingUnknownSince: kioskEnrolments.sealingUnknownSince,
      status: kiosks.status,
      suspendedAt: kiosks.suspendedAt,
      endedAt: kioskEnrolments.endedAt,
      endedReason: kioskEnrolments.endedReason,
    })
    .from(kioskTokens)
    .innerJoin(kioskEnrolments, eq(kioskEnrolments.id, kioskTokens.enrolmentId))
    .innerJoin(kiosks, eq(kiosks.id, kioskEnrolments.kioskId))
    .where(eq(kioskTokens.tokenHash, hashToken(Buffer.from(token, 'base64url'))));
  if (row === undefined) throw problem('not_authenticated');
  limits.takeOfFlood('requests_by_kiosk', row.enrolmentId);
  const { status, suspendedAt, endedAt, endedReason, ...kiosk } = row;
  if (status === 'denied' && endedReason !== 'replaced')
    return { ...kiosk, isDenied: true, isSuspended: false };
  if (endedAt !== null)
    throw problem('not_authenticated', { detail: 'another machine enrolled as this kiosk' });
  await db
    .update(kiosks)
    .set({ lastContactAt: new Date(clock.nowMs()) })
    .where(eq(kiosks.id, kiosk.kioskId));
  return { ...kiosk, isDenied: false, isSuspended: suspendedAt !== null };
}
