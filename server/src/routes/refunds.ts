/** What shops gave back: a customer's list and a merchant's. */
import { createRoute } from '@hono/zod-openapi';
import { MerchantRefundView, pageOf, PageQuery, RefundView } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
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

export const registerRefunds: RegisterRoutes = (router, { auth, db }) => {
  router.openapi(mineRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    const { cursor, limit } = c.req.valid('query');
    return c.json(await listRefunds(db, { userId, limit, cursor }), 200);
  });
  router.openapi(merchantRoute, async (c) => {
    const { merchantId } = await auth.requireMerchant(c, 'sales.read');
    const { cursor, limit } = c.req.valid('query');
    return c.json(await listMerchantRefunds(db, { merchantId, limit, cursor }), 200);
  });
};
