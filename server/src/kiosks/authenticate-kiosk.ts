/**
 * `Authorization: Kiosk <token>`: which machine is calling.
 *
 * Owns: the way from a token to an enrolment. Never: lets a replaced or denied machine through.
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
}

/**
 * Also notes the contact.
 * @throws ApiProblem `not_authenticated`, `kiosk_denied`
 */
export async function requireKiosk(
  { db, clock }: Pick<ServerContext, 'db' | 'clock'>,
  c: Context,
): Promise<EnrolledKiosk> {
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
      status: kiosks.status,
      endedAt: kioskEnrolments.endedAt,
    })
    .from(kioskTokens)
    .innerJoin(kioskEnrolments, eq(kioskEnrolments.id, kioskTokens.enrolmentId))
    .innerJoin(kiosks, eq(kiosks.id, kioskEnrolments.kioskId))
    .where(eq(kioskTokens.tokenHash, hashToken(Buffer.from(token, 'base64url'))));
  if (row === undefined) throw problem('not_authenticated');
  const { status, endedAt, ...kiosk } = row;
  if (status === 'denied') throw problem('kiosk_denied');
  if (endedAt !== null)
    throw problem('not_authenticated', { detail: 'another machine enrolled as this kiosk' });
  await db
    .update(kiosks)
    .set({ lastContactAt: new Date(clock.nowMs()) })
    .where(eq(kiosks.id, kiosk.kioskId));
  return kiosk;
}
