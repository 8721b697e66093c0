/** What a merchant is told of double spends that touch its money, and the proof to show elsewhere. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { CBOR_MEDIA_TYPE, DoubleSpendView, pageOf, PageQuery, Uuid } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Executor } from '../db/client.ts';
import { answers, bearerOf, refusals } from '../http/router.ts';
import { doubleSpendProof, listDoubleSpends } from '../settlement/index.ts';

const tags = ['merchant'];
const listRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/double-spends',
  tags,
  summary: 'Proven double spends of allowances that paid at this merchant',
  security: bearerOf('disputes.read'),
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(DoubleSpendView), 'A page, newest first'), ...refusals },
});
const proofBody = { [CBOR_MEDIA_TYPE]: { schema: z.unknown().meta({ type: 'string', format: 'binary' }) } };
const proofRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/double-spends/{id}/proof',
  tags,
  summary: "The proof of one case: checked by anybody with the root's public key",
  security: bearerOf('disputes.read'),
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: { description: 'The proof file', content: proofBody }, ...refusals },
});

export const registerDoubleSpends: RegisterRoutes = (router, { asTenant, auth, offline, reading }) => {
  router.openapi(listRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'disputes.read');
    const { cursor, limit } = c.req.valid('query');
    const read = (tx: Executor) => listDoubleSpends(tx, { merchantId, limit, cursor });
    return c.json(await asTenant({ userId, merchantId }, read, reading.db()), 200);
  });
  router.openapi(proofRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'disputes.read');
    const { id } = c.req.valid('param');
    const read = (tx: Executor) => doubleSpendProof(tx, offline.trust, { caseId: id, merchantId });
    const proof = await asTenant({ userId, merchantId }, read);
    return c.body(new Uint8Array(proof).buffer, 200, {
      'content-type': CBOR_MEDIA_TYPE,
      'content-disposition': `attachment; filename="double-spend-${id}.cbor"`,
    });
  });
};
