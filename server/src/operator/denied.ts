/** The deny list as an operator reads it: what each line is about, by the names that people know. Reads only; numbers stay masked. */
import { and, desc, eq, sql } from 'drizzle-orm';
import { shownMask } from '@tikiwallet/protocol';
import type { DeniedView } from '../../contract/index.ts';
import type { Db } from '../db/client.ts';
import { merchants } from '../db/schema/accounts.ts';
import { allowances } from '../db/schema/allowances.ts';
import { kiosks } from '../db/schema/kiosks.ts';
import { deniedSubjects } from '../db/schema/trust.ts';
import { problem } from '../http/problem.ts';

/** The version and the subject of the last line. */
const CURSOR = /^([1-9][0-9]{0,9})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Newest first. @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function listDenied(
  db: Db,
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
): Promise<{ items: DeniedView[]; nextCursor: string | null }> {
  const [, version, id] = CURSOR.exec(cursor ?? '') ?? [];
  if (cursor !== undefined && id === undefined)
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  const { kind, subjectId } = deniedSubjects;
  const rows = await db
    .select({
      denied: deniedSubjects,
      kioskName: kiosks.name,
      businessName: merchants.businessName,
      maskedPhone: allowances.maskedPhone,
    })
    .from(deniedSubjects)
    .leftJoin(kiosks, and(eq(kind, 'kiosk'), eq(kiosks.id, subjectId)))
    .leftJoin(merchants, eq(merchants.id, kiosks.merchantId))
    .leftJoin(allowances, and(eq(kind, 'allowance'), eq(allowances.id, subjectId)))
    .where(
      id === undefined
        ? undefined
        : sql`(${deniedSubjects.version}, ${subjectId}) < (${Number(version)}, ${id}::uuid)`,
    )
    .orderBy(desc(deniedSubjects.version), desc(subjectId))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1)?.denied;
  return {
    items: page.map(({ denied, maskedPhone, ...names }) => ({
      ...names,
      maskedPhone: maskedPhone === null ? null : shownMask(maskedPhone),
      kind: denied.kind,
      id: denied.subjectId,
      reason: denied.reason,
      version: denied.version,
      deniedAt: denied.createdAt.toISOString(),
      listedUntil: denied.listedUntil?.toISOString() ?? null,
    })),
    nextCursor: rows.length > limit && last !== undefined ? `${last.version}_${last.subjectId}` : null,
  };
}
