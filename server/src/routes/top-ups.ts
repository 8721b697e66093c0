/** Top-ups: where to pay, and what became of it. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { pageOf, PageQuery, TopUp, TopUpBody, Uuid } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import { readTimeCursor } from '../http/cursor.ts';
import { answers, bearer, idempotencyHeaders, json, refusals } from '../http/router.ts';
import { cancelTopUp } from '../money/cancel-top-up.ts';
import { listTopUps } from '../money/top-up-views.ts';
import { findTopUp, startTopUp } from '../money/top-ups.ts';

const tags = ['wallet'];
const createTopUp = createRoute({
  method: 'post',
  path: '/v1/topups',
  tags,
  summary: 'Start a top-up; the answer says where to pay',
  security: bearer,
  request: { headers: idempotencyHeaders, body: { content: json(TopUpBody), required: true } },
  responses: { 200: answers(TopUp, 'Waiting for the payment'), ...refusals },
});
const getTopUp = createRoute({
  method: 'get',
  path: '/v1/topups/{id}',
  tags,
  summary: 'What became of a top-up',
  security: bearer,
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: answers(TopUp, 'The top-up'), ...refusals },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/topups',
  tags,
  summary: 'Top-ups and what became of them',
  security: bearer,
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(TopUp), 'A page, newest first'), ...refusals },
});
const cancelRoute = createRoute({
  method: 'post',
  path: '/v1/topups/{id}/cancel',
  tags,
  summary: 'Give a top-up up: its checkout is closed',
  security: bearer,
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: answers(TopUp, 'The top-up as it then stands'), ...refusals },
});

export const registerTopUps: RegisterRoutes = (router, context) => {
  const { asTenant, auth, dbOf, idempotency, limits, worker } = context;
  router.openapi(createTopUp, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    await limits.take('top_up_by_user', userId);
    const { amountMinor } = c.req.valid('json');
    const result = await idempotency.run(c, {
      userId,
      route: 'POST /v1/topups',
      input: { amountMinor },
      schema: TopUp,
      work: (key) => {
        const needs = { ...context, db: dbOf({ userId, merchantId: null }) };
        return startTopUp(needs, { userId, amountMinor: BigInt(amountMinor), key });
      },
    });
    return c.json(result, 200);
  });
  router.openapi(getTopUp, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    const { id } = c.req.valid('param');
    return c.json(await asTenant({ userId, merchantId: null }, (tx) => findTopUp(tx, userId, id)), 200);
  });
  router.openapi(listRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    const { cursor, limit } = c.req.valid('query');
    const query = { userId, limit, before: readTimeCursor(cursor) };
    return c.json(await asTenant({ userId, merchantId: null }, (tx) => listTopUps(tx, query)), 200);
  });
  router.openapi(cancelRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    // It ends with the provider's event, which is nobody's own to handle.
    return c.json(await cancelTopUp({ ...context, db: worker }, userId, c.req.valid('param').id), 200);
  });
};
