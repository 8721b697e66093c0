/** A merchant's endpoints. Owns the table `webhook_endpoints`. Never: keeps a secret, or tells one twice. */
import { randomUUIDv7 } from 'node:crypto';
import { and, asc, count, eq, isNull, sql } from 'drizzle-orm';
import type { WebhookView, WebhookWithSecret } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db, Executor, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { webhookEndpoints } from '../db/schema/webhooks.ts';
import { problem } from '../http/problem.ts';
import { isAllowedUrl } from './send.ts';
import { secretOf } from './signature.ts';

export interface WebhookNeeds {
  readonly db: Db;
  readonly clock: Clock;
  readonly webhooks: {
    /** The installation's key, from which every secret derives. */
    readonly key: Uint8Array;
    readonly allowPrivate: boolean;
  };
}

const MAX_ENDPOINTS = 10;
export type Endpoint = typeof webhookEndpoints.$inferSelect;
type Row = Endpoint;

export interface NewEndpoint {
  readonly merchantId: string;
  readonly url: string;
  readonly events: readonly string[];
  /** Names this write for ever. */
  readonly key: string;
}

/** @throws ApiProblem `webhook_url_not_allowed`, `request_invalid` beyond ten living endpoints */
export async function createEndpoint(needs: WebhookNeeds, endpoint: NewEndpoint): Promise<WebhookView> {
  const { merchantId, url, key } = endpoint;
  if (!isAllowedUrl(url, needs.webhooks)) throw problem('webhook_url_not_allowed');
  const now = new Date(needs.clock.nowMs());
  return inTransaction(needs.db, async (tx) => {
    await lockNumber(tx, merchantId);
    const keyed = () => tx.select().from(webhookEndpoints).where(eq(webhookEndpoints.idempotencyKey, key));
    // A repeat asks for no more room than its first time took.
    const [stored] = await keyed();
    if (stored !== undefined) return view(stored);
    await assertRoom(tx, merchantId);
    await tx.insert(webhookEndpoints).values({
      id: randomUUIDv7(),
      merchantId,
      idempotencyKey: key,
      url,
      events: [...new Set(endpoint.events)],
      secretChangedAt: now,
      createdAt: now,
    });
    const [row] = await keyed();
    if (row === undefined) throw new Error('the endpoint was not stored');
    return view(row);
  });
}

/** In the order of their making, paused ones too. */
export async function listEndpoints(executor: Executor, merchantId: string): Promise<WebhookView[]> {
  const rows = await executor
    .select()
    .from(webhookEndpoints)
    .where(and(eq(webhookEndpoints.merchantId, merchantId), isNull(webhookEndpoints.deletedAt)))
    .orderBy(asc(webhookEndpoints.id));
  return rows.map(view);
}

/** Until the transaction ends nobody else makes one of this merchant's living: two at once would both find room for the last. */
async function lockNumber(tx: Tx, merchantId: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`webhooks ${merchantId}`}, 0))`);
}

async function assertRoom(tx: Tx, merchantId: string): Promise<void> {
  const [living] = await tx
    .select({ count: count() })
    .from(webhookEndpoints)
    .where(and(eq(webhookEndpoints.merchantId, merchantId), isNull(webhookEndpoints.disabledAt)));
  if ((living?.count ?? 0) >= MAX_ENDPOINTS)
    throw problem('request_invalid', { detail: `at most ${MAX_ENDPOINTS} endpoints` });
}

/**
 * Tells again from now on; what happened meanwhile is not told. Repeatable.
 * @throws ApiProblem `webhook_not_found`, `request_invalid` beyond ten living endpoints
 */
export async function enableEndpoint(
  needs: WebhookNeeds,
  merchantId: string,
  id: string,
): Promise<WebhookView> {
  return inTransaction(needs.db, async (tx) => {
    await lockNumber(tx, merchantId);
    const former = await findEndpoint(tx, merchantId, id);
    if (former.disabledAt === null) return view(former);
    await assertRoom(tx, merchantId);
    const [row] = await tx
      .update(webhookEndpoints)
      .set({ disabledAt: null })
      .where(mine(merchantId, id))
      .returning();
    if (row === undefined) throw problem('webhook_not_found');
    return view(row);
  });
}

/** For ever. Its deliveries stay in the list of what was told. @throws ApiProblem `webhook_not_found` */
export async function deleteEndpoint(needs: WebhookNeeds, merchantId: string, id: string): Promise<void> {
  const now = new Date(needs.clock.nowMs()).toISOString();
  const gone = await needs.db
    .update(webhookEndpoints)
    .set({ deletedAt: sql`${now}`, disabledAt: sql`coalesce(${webhookEndpoints.disabledAt}, ${now})` })
    .where(mine(merchantId, id))
    .returning({ id: webhookEndpoints.id });
  if (gone.length === 0) throw problem('webhook_not_found');
}

/** @throws ApiProblem `webhook_not_found` */
export async function findEndpoint(db: Executor, merchantId: string, id: string): Promise<Row> {
  const [row] = await db.select().from(webhookEndpoints).where(mine(merchantId, id));
  if (row === undefined) throw problem('webhook_not_found');
  return row;
}

/** Tells nothing more until it is enabled again. Repeatable. @throws ApiProblem `webhook_not_found` */
export async function disableEndpoint(
  needs: WebhookNeeds,
  merchantId: string,
  id: string,
): Promise<WebhookView> {
  const disabledAt = sql`coalesce(${webhookEndpoints.disabledAt}, ${new Date(needs.clock.nowMs()).toISOString()})`;
  const [row] = await needs.db
    .update(webhookEndpoints)
    .set({ disabledAt })
    .where(mine(merchantId, id))
    .returning();
  if (row === undefined) throw problem('webhook_not_found');
  return view(row);
}

/** A new secret; for a day what is sent is signed with the former one as well. @throws ApiProblem `webhook_not_found` */
export async function changeSecret(
  needs: WebhookNeeds,
  merchantId: string,
  id: string,
): Promise<WebhookView> {
  const [row] = await needs.db
    .update(webhookEndpoints)
    .set({
      secretVersion: sql`${webhookEndpoints.secretVersion} + 1`,
      secretChangedAt: new Date(needs.clock.nowMs()),
    })
    .where(mine(merchantId, id))
    .returning();
  if (row === undefined) throw problem('webhook_not_found');
  return view(row);
}

/** The view with the present secret, for the two answers that may tell it. */
export async function withSecret(needs: WebhookNeeds, shown: WebhookView): Promise<WebhookWithSecret> {
  const [row] = await needs.db.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, shown.id));
  if (row === undefined) throw problem('webhook_not_found');
  return { ...shown, secret: secretOf(needs.webhooks.key, row.id, row.secretVersion) };
}

function mine(merchantId: string, id: string) {
  return and(
    eq(webhookEndpoints.id, id),
    eq(webhookEndpoints.merchantId, merchantId),
    isNull(webhookEndpoints.deletedAt),
  );
}

function view(row: Row): WebhookView {
  return {
    id: row.id,
    url: row.url,
    events: row.events,
    createdAt: row.createdAt.toISOString(),
    disabledAt: row.disabledAt?.toISOString() ?? null,
  };
}
