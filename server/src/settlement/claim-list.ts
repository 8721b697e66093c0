/** Claims as they are told: to the operator all, to a merchant its own, newest first. Reads only. */
import { and, desc, eq, lt } from 'drizzle-orm';
import { shownMask, toHex } from '@tikiwallet/protocol';
import type { MerchantClaimView } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { claims } from '../db/schema/claims.ts';
import { kiosks } from '../db/schema/kiosks.ts';
import { problem } from '../http/problem.ts';
import type { CasesQuery } from './double-spends.ts';

/** @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function listClaims(
  db: Executor,
  query: CasesQuery,
): Promise<{ items: MerchantClaimView[]; nextCursor: string | null }> {
  if (query.cursor !== undefined && !/^[1-9][0-9]{0,17}$/.test(query.cursor)) {
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  }
  const rows = await db
    .select({ claim: claims, kioskName: kiosks.name })
    .from(claims)
    .innerJoin(kiosks, eq(kiosks.id, claims.kioskId))
    .where(
      and(
        query.merchantId === null ? undefined : eq(claims.merchantId, query.merchantId),
        query.cursor === undefined ? undefined : lt(claims.id, BigInt(query.cursor)),
      ),
    )
    .orderBy(desc(claims.id))
    .limit(query.limit + 1);
  const page = rows.slice(0, query.limit);
  return {
    items: page.map(({ claim, kioskName }) => ({
      paymentHash: toHex(claim.paymentHash),
      state: claim.state,
      amountMinor: claim.amountMinor.toString(),
      currency: claim.currency,
      kioskId: claim.kioskId,
      kioskName,
      maskedPhone: shownMask(claim.maskedPhone),
      sequence: claim.sequence,
      contradictsJournal: claim.contradictsJournal,
      acceptedAt: claim.acceptedAt.toISOString(),
      claimedAt: claim.claimedAt.toISOString(),
    })),
    nextCursor: rows.length > query.limit ? (page.at(-1)?.claim.id.toString() ?? null) : null,
  };
}
