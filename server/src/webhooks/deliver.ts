/**
 * One delivery: signed afresh at every attempt, sent, and what came of it written down.
 *
 * Owns: the state of `webhook_deliveries`. Retries, their pauses and their end belong to the queue (`jobs/`). Never: holds a
 * transaction open while a stranger's server thinks.
 */
import { randomUUID } from 'node:crypto';
import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import type { WebhookDeliveryView, WebhookTestResult } from '../../contract/index.ts';
import type { Executor, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { webhookDeliveries, webhookEndpoints, webhookEvents } from '../db/schema/webhooks.ts';
import { problem } from '../http/problem.ts';
import type { WaitingDelivery } from '../jobs/queue.ts';
import { type Endpoint, findEndpoint, type WebhookNeeds } from './endpoints.ts';
import { send, type SendOutcome, type SendPolicy } from './send.ts';
import { secretOf, signatureOf } from './signature.ts';

const FORMER_SECRET_MS = 24 * 3_600_000;
const GONE = 410;

/** Thrown by an attempt that is to be made again. */
export class DeliveryFailed extends Error {
  constructor(reason: string) {
    super(`webhook not delivered: ${reason}`);
    this.name = 'DeliveryFailed';
  }
}

/** @throws DeliveryFailed when the queue shall try again later */
export async function deliver(
  needs: WebhookNeeds,
  deliveryId: string,
  policy: Omit<SendPolicy, 'allowPrivate'> = {},
): Promise<void> {
  const { db, clock } = needs;
  const [found] = await db
    .select({ delivery: webhookDeliveries, event: webhookEvents, endpoint: webhookEndpoints })
    .from(webhookDeliveries)
    .innerJoin(webhookEvents, eq(webhookEvents.id, webhookDeliveries.eventId))
    .innerJoin(webhookEndpoints, eq(webhookEndpoints.id, webhookDeliveries.endpointId))
    .where(eq(webhookDeliveries.id, deliveryId));
  if (found === undefined || found.delivery.state === 'delivered') return;
  const { event, endpoint } = found;
  if (endpoint.disabledAt !== null) return markDead(needs, deliveryId);
  const outcome = await sendSigned(needs, { endpoint, event }, policy);
  const status = 'status' in outcome ? outcome.status : null;
  const isDelivered = isTaken(status);
  const at = new Date(clock.nowMs());
  await db
    .update(webhookDeliveries)
    .set({
      attempts: sql`${webhookDeliveries.attempts} + 1`,
      lastStatus: status,
      lastError: 'error' in outcome ? outcome.error : null,
      lastAttemptAt: at,
      ...(isDelivered ? { state: 'delivered', deliveredAt: at } : {}),
    })
    .where(eq(webhookDeliveries.id, deliveryId));
  if (isDelivered) return;
  if (status === GONE) {
    // The receiver says that nobody lives there any more.
    await db.update(webhookEndpoints).set({ disabledAt: at }).where(eq(webhookEndpoints.id, endpoint.id));
    return markDead(needs, deliveryId);
  }
  throw new DeliveryFailed('error' in outcome ? outcome.error : `answered ${status}`);
}

interface Telling {
  readonly endpoint: Endpoint;
  readonly event: Pick<typeof webhookEvents.$inferSelect, 'id' | 'type' | 'data' | 'createdAt'>;
}

/** One POST, signed for now. */
function sendSigned(
  { clock, webhooks }: WebhookNeeds,
  { endpoint, event }: Telling,
  policy: Omit<SendPolicy, 'allowPrivate'>,
): Promise<SendOutcome> {
  const nowMs = clock.nowMs();
  const timestampSeconds = Math.floor(nowMs / 1000);
  const body = JSON.stringify({
    type: event.type,
    timestamp: event.createdAt.toISOString(),
    data: withOneClock(event.data),
  });
  const versions = [endpoint.secretVersion];
  if (endpoint.secretVersion > 1 && nowMs - endpoint.secretChangedAt.getTime() < FORMER_SECRET_MS)
    versions.push(endpoint.secretVersion - 1);
  const secrets = versions.map((version) => secretOf(webhooks.key, endpoint.id, version));
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'TikiWallet-Webhooks/1',
    'webhook-id': event.id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signatureOf({ id: event.id, timestampSeconds, body }, secrets),
  };
  return send({ url: endpoint.url, body, headers }, { ...policy, allowPrivate: webhooks.allowPrivate });
}

/** Times that the database's triggers wrote (`2026-11-30T08:00:00+00:00`) as all others of this API are: in UTC, to the millisecond, with Z. */
function withOneClock(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isTime = (name: string): boolean => name === 'at' || name.endsWith('At');
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      name,
      isTime(name) && typeof value === 'string' ? new Date(value).toISOString() : value,
    ]),
  );
}

/**
 * An event that says nothing, sent once and now, also to a paused endpoint: whether the receiver answers and likes the signature.
 * @throws ApiProblem `webhook_not_found`
 */
export async function tryEndpoint(
  needs: WebhookNeeds,
  merchantId: string,
  endpointId: string,
): Promise<WebhookTestResult> {
  const endpoint = await findEndpoint(needs.db, merchantId, endpointId);
  const event = {
    id: randomUUID(),
    type: 'webhook.test',
    data: { endpointId },
    createdAt: new Date(needs.clock.nowMs()),
  };
  const outcome = await sendSigned(needs, { endpoint, event }, {});
  const status = 'status' in outcome ? outcome.status : null;
  return { isDelivered: isTaken(status), status, error: 'error' in outcome ? outcome.error : null };
}

const isTaken = (status: number | null): boolean => status !== null && status >= 200 && status < 300;

/** Nobody tries any more unless the merchant asks. */
export async function markDead({ db }: Pick<WebhookNeeds, 'db'>, deliveryId: string): Promise<void> {
  await db
    .update(webhookDeliveries)
    .set({ state: 'dead' })
    .where(
      and(eq(webhookDeliveries.id, deliveryId), inArray(webhookDeliveries.state, ['waiting', 'queued'])),
    );
}

const HANDED_OVER_AT_ONCE = 500;

/** Hands what waits to the queue, in one transaction with the note that it was. @returns how many. */
export function handOver(
  { db }: Pick<WebhookNeeds, 'db'>,
  enqueue: (tx: Tx, deliveries: readonly WaitingDelivery[]) => Promise<void>,
): Promise<number> {
  return inTransaction(db, async (tx) => {
    const waiting = tx
      .select({ id: webhookDeliveries.id })
      .from(webhookDeliveries)
      .where(eq(webhookDeliveries.state, 'waiting'))
      .orderBy(webhookDeliveries.createdAt)
      .limit(HANDED_OVER_AT_ONCE)
      .for('update', { skipLocked: true });
    const taken = await tx
      .update(webhookDeliveries)
      .set({ state: 'queued' })
      .where(inArray(webhookDeliveries.id, waiting))
      .returning({ id: webhookDeliveries.id, merchantId: webhookDeliveries.merchantId });
    if (taken.length > 0) await enqueue(tx, taken);
    return taken.length;
  });
}

/** The same event once more, whatever became of it. @throws ApiProblem `webhook_not_found` */
export async function replay(
  { db }: Pick<WebhookNeeds, 'db'>,
  merchantId: string,
  deliveryId: string,
): Promise<WebhookDeliveryView> {
  const mine = and(eq(webhookDeliveries.id, deliveryId), eq(webhookDeliveries.merchantId, merchantId));
  const again = inArray(webhookDeliveries.state, ['delivered', 'dead']);
  await db.update(webhookDeliveries).set({ state: 'waiting', deliveredAt: null }).where(and(mine, again));
  const [row] = await readDeliveries(db).where(mine);
  if (row === undefined) throw problem('webhook_not_found');
  return view(row);
}

/** Newest first. @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function listDeliveries(
  executor: Executor,
  query: { readonly merchantId: string; readonly limit: number; readonly cursor: string | undefined },
): Promise<{ items: WebhookDeliveryView[]; nextCursor: string | null }> {
  if (query.cursor !== undefined && !/^[1-9][0-9]{0,17}$/.test(query.cursor))
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  const rows = await readDeliveries(executor)
    .where(
      and(
        eq(webhookDeliveries.merchantId, query.merchantId),
        query.cursor === undefined ? undefined : lt(webhookDeliveries.sequence, BigInt(query.cursor)),
      ),
    )
    .orderBy(desc(webhookDeliveries.sequence))
    .limit(query.limit + 1);
  const page = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? page.at(-1) : undefined;
  return { items: page.map(view), nextCursor: last?.delivery.sequence.toString() ?? null };
}

function readDeliveries(executor: Executor) {
  return executor
    .select({ delivery: webhookDeliveries, type: webhookEvents.type })
    .from(webhookDeliveries)
    .innerJoin(webhookEvents, eq(webhookEvents.id, webhookDeliveries.eventId));
}

interface Shown {
  readonly delivery: typeof webhookDeliveries.$inferSelect;
  readonly type: string;
}

function view({ delivery, type }: Shown): WebhookDeliveryView {
  return {
    id: delivery.id,
    endpointId: delivery.endpointId,
    eventId: delivery.eventId,
    type,
    state: delivery.state === 'queued' ? 'waiting' : delivery.state,
    attempts: delivery.attempts,
    lastStatus: delivery.lastStatus,
    lastError: delivery.lastError,
    createdAt: delivery.createdAt.toISOString(),
    deliveredAt: delivery.deliveredAt?.toISOString() ?? null,
  };
}
