/** Claims: a customer hands in a receipt for a kiosk that is lost; a merchant sees what came of them. */
import { createRoute } from '@hono/zod-openapi';
import { ClaimBody, ClaimView, MerchantClaimView, pageOf, PageQuery } from '../../contract/index.ts';
import { giveBackAll } from '../allowances/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Executor } from '../db/client.ts';
import { answers, bearer, bearerOf, json, refusals } from '../http/router.ts';
import { listClaims, settleClaim, settleNeeds } from '../settlement/index.ts';

const claimRoute = createRoute({
  method: 'post',
  path: '/v1/claims',
  tags: ['wallet'],
  summary: "Hand in a receipt: the merchant is paid from the payer's reserve, once",
  security: bearer,
  request: { body: { content: json(ClaimBody), required: true } },
  responses: { 200: answers(ClaimView, 'The claim'), ...refusals },
});
const listRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/claims',
  tags: ['merchant'],
  summary: "What customers' receipts brought for this merchant",
  security: bearerOf('sales.read'),
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(MerchantClaimView), 'A page, newest first'), ...refusals },
});

export const registerClaims: RegisterRoutes = (router, context) => {
  const { asTenant, auth, clock, limits, log, offline, worker } = context;
  // Whose receipt it is, the phone's signature says: what settles touches the merchant's money and the payer's.
  const settling = settleNeeds(context);
  router.openapi(claimRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    await limits.take('claim_by_user', userId);
    const claim = await settleClaim(settling, { userId, body: c.req.valid('json') });
    try {
      // It may have been what a closing allowance waited for.
      await giveBackAll({ db: worker, clock, policy: offline.policy }, userId);
    } catch (error) {
      // The claim is settled whatever becomes of this; the periodic round returns the money later.
      log.warn({ err: error }, 'allowances could not be looked at after a claim');
    }
    return c.json(claim, 200);
  });
  router.openapi(listRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'sales.read');
    const { cursor, limit } = c.req.valid('query');
    const read = (tx: Executor) => listClaims(tx, { merchantId, limit, cursor });
    return c.json(await asTenant({ userId, merchantId }, read), 200);
  });
};
