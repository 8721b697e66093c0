/** A merchant's webhooks: who is told, with which secret, and what became of it. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  CreateWebhookBody,
  pageOf,
  PageQuery,
  Uuid,
  WebhookDeliveryView,
  WebhookList,
  WebhookTestResult,
  WebhookView,
  WebhookWithSecret,
} from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Tenant } from '../db/tenant.ts';
import { answers, bearerOf, idempotencyHeaders, json, refusals } from '../http/router.ts';
import {
  changeSecret,
  createEndpoint,
  deleteEndpoint,
  disableEndpoint,
  enableEndpoint,
  listDeliveries,
  listEndpoints,
  replay,
  tryEndpoint,
  withSecret,
} from '../webhooks/index.ts';

const tags = ['webhooks'];
const params = z.object({ id: Uuid });
const createEndpointRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/webhooks',
  tags,
  summary: 'Tell a program of yours; the answer alone holds its secret',
  security: bearerOf('webhooks.manage'),
  request: { headers: idempotencyHeaders, body: { content: json(CreateWebhookBody), required: true } },
  responses: { 200: answers(WebhookWithSecret, 'The endpoint and its secret'), ...refusals },
});
const listRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/webhooks',
  tags,
  summary: 'All endpoints of this merchant',
  security: bearerOf('webhooks.manage'),
  responses: { 200: answers(WebhookList, 'The endpoints'), ...refusals },
});
const disableRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/webhooks/{id}/disable',
  tags,
  summary: 'Tell this endpoint nothing until it is enabled again',
  security: bearerOf('webhooks.manage'),
  request: { params },
  responses: { 200: answers(WebhookView, 'The endpoint'), ...refusals },
});
const enableRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/webhooks/{id}/enable',
  tags,
  summary: 'Tell this endpoint again, from now on',
  security: bearerOf('webhooks.manage'),
  request: { params },
  responses: { 200: answers(WebhookView, 'The endpoint'), ...refusals },
});
const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/merchant/webhooks/{id}',
  tags,
  summary: 'End this endpoint for ever',
  security: bearerOf('webhooks.manage'),
  request: { params },
  responses: { 204: { description: 'It is gone' }, ...refusals },
});
const testRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/webhooks/{id}/test',
  tags,
  summary: 'Send an event that says nothing, once and now',
  security: bearerOf('webhooks.manage'),
  request: { params },
  responses: { 200: answers(WebhookTestResult, 'What the receiver answered'), ...refusals },
});
const secretRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/webhooks/{id}/secret',
  tags,
  summary: 'A new secret; the former one signs along for a day',
  security: bearerOf('webhooks.manage'),
  request: { headers: idempotencyHeaders, params },
  responses: { 200: answers(WebhookWithSecret, 'The endpoint and its new secret'), ...refusals },
});
const deliveriesRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/webhook-deliveries',
  tags,
  summary: 'What was told, to whom, and what came of it',
  security: bearerOf('webhooks.manage'),
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(WebhookDeliveryView), 'A page, newest first'), ...refusals },
});
const replayRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/webhook-deliveries/{id}/replay',
  tags,
  summary: 'Tell it once more',
  security: bearerOf('webhooks.manage'),
  request: { params },
  responses: { 200: answers(WebhookDeliveryView, 'The delivery, waiting'), ...refusals },
});

export const registerWebhooks: RegisterRoutes = (router, context) => {
  const { asTenant, auth, dbOf, idempotency, limits } = context;
  /** Writes of one merchant, by one of its people. */
  const needsOf = (tenant: Tenant) => ({ ...context, db: dbOf(tenant) });
  router.openapi(createEndpointRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    const { url, events } = c.req.valid('json');
    const shown = await idempotency.run(c, {
      userId,
      route: 'POST /v1/merchant/webhooks',
      input: { url, events },
      // Without the secret, which is kept nowhere.
      schema: WebhookView,
      work: (key) => createEndpoint(needsOf({ userId, merchantId }), { merchantId, url, events, key }),
    });
    return c.json(await withSecret(context, shown), 200);
  });
  router.openapi(listRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    const items = await asTenant({ userId, merchantId }, (tx) => listEndpoints(tx, merchantId));
    return c.json({ items }, 200);
  });
  router.openapi(disableRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    const needs = needsOf({ userId, merchantId });
    return c.json(await disableEndpoint(needs, merchantId, c.req.valid('param').id), 200);
  });
  router.openapi(enableRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    return c.json(
      await enableEndpoint(needsOf({ userId, merchantId }), merchantId, c.req.valid('param').id),
      200,
    );
  });
  router.openapi(deleteRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    await deleteEndpoint(needsOf({ userId, merchantId }), merchantId, c.req.valid('param').id);
    return c.body(null, 204);
  });
  router.openapi(testRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    await limits.take('replay_by_user', userId);
    return c.json(
      await tryEndpoint(needsOf({ userId, merchantId }), merchantId, c.req.valid('param').id),
      200,
    );
  });
  router.openapi(secretRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    const { id } = c.req.valid('param');
    const shown = await idempotency.run(c, {
      userId,
      route: 'POST /v1/merchant/webhooks/{id}/secret',
      input: { id },
      schema: WebhookView,
      work: () => changeSecret(needsOf({ userId, merchantId }), merchantId, id),
    });
    return c.json(await withSecret(context, shown), 200);
  });
  router.openapi(deliveriesRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    const query = { merchantId, ...c.req.valid('query') };
    const page = await asTenant({ userId, merchantId }, (tx) =>
      listDeliveries(tx, { ...query, cursor: query.cursor }),
    );
    return c.json(page, 200);
  });
  router.openapi(replayRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'webhooks.manage');
    await limits.take('replay_by_user', userId);
    return c.json(await replay(needsOf({ userId, merchantId }), merchantId, c.req.valid('param').id), 200);
  });
};
