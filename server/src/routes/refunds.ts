/** What shops gave back: a customer's list and a merchant's. */
import { createRoute } from '@hono/zod-openapi';
import { MerchantRefundView, pageOf, PageQuery, RefundView } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Executor } from '../db/client.ts';
import { answers, bearer, bearerOf, refusals } from '../http/router.ts';
import { listMerchantRefunds, listRefunds } from '../settlement/index.ts';

const mineRoute = createRoute({
  method: 'get',
  path: '/v1/refunds',
  tags: ['wallet'],
  summary: 'What shops gave back of offline payments',
  security: bearer,
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(RefundView), 'A page, newest first'), ...refusals },
});
const merchantRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/refunds',
  tags: ['merchant'],
  summary: 'Voids and refunds that the kiosks of this merchant gave',
  security: bearerOf('sales.read'),
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(MerchantRefundView), 'A page, newest first'), ...refusals },
});

export const registerRefunds: RegisterRoutes = (router, { asTenant, auth }) => {
  router.openapi(mineRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    const { cursor, limit } = c.req.valid('query');
    const read = (tx: Executor) => listRefunds(tx, { userId, limit, cursor });
    return c.json(await asTenant({ userId, merchantId: null }, read), 200);
  });
  router.openapi(merchantRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'sales.read');
    const { cursor, limit } = c.req.valid('query');
    const read = (tx: Executor) => listMerchantRefunds(tx, { merchantId, limit, cursor });
    return c.json(await asTenant({ userId, merchantId }, read), 200);
  });
};
