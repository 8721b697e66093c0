/** Offline allowances: money out of the online wallet into the phone, and back. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  Allowance,
  AllowanceBody,
  CloseAllowanceBody,
  IDEMPOTENCY_HEADER,
  Uuid,
} from '../../contract/index.ts';
import { closeAllowance, denyLostAllowance, issueAllowance, showAllowance } from '../allowances/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Tenant } from '../db/tenant.ts';
import { problem } from '../http/problem.ts';
import { answers, bearer, idempotencyHeaders, json, refusals } from '../http/router.ts';

const tags = ['wallet'];
const issueRoute = createRoute({
  method: 'post',
  path: '/v1/allowances',
  tags,
  summary: "Move money offline: certifies the phone's key",
  security: bearer,
  request: { headers: idempotencyHeaders, body: { content: json(AllowanceBody), required: true } },
  responses: { 200: answers(Allowance, 'The allowance with its certificate'), ...refusals },
});
const closeRoute = createRoute({
  method: 'post',
  path: '/v1/allowances/{id}/close',
  tags,
  summary: 'Close an allowance; the rest returns when every shop has reported',
  security: bearer,
  request: {
    params: z.object({ id: Uuid }),
    body: { content: json(CloseAllowanceBody), required: true },
  },
  responses: { 200: answers(Allowance, 'The allowance'), ...refusals },
});

const denyRoute = createRoute({
  method: 'post',
  path: '/v1/allowances/{id}/deny',
  tags,
  summary: 'The phone is lost: nobody accepts its allowance any more',
  security: bearer,
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: answers(Allowance, 'The allowance'), ...refusals },
});

export const registerAllowances: RegisterRoutes = (router, context) => {
  const { asTenant, auth, clock, dbOf, idempotency, limits, worker } = context;
  const tenantOf = (userId: string): Tenant => ({ userId, merchantId: null });
  const needsOf = (userId: string) => ({ ...context, db: dbOf(tenantOf(userId)) });
  const show = (userId: string, id: string) =>
    asTenant(tenantOf(userId), (tx) => showAllowance(tx, id, clock.nowMs()));
  router.openapi(issueRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    await limits.take('allowance_by_user', userId);
    const { amountMinor, devicePublicKey, proof, payeeLock } = c.req.valid('json');
    const key = (c.req.header(IDEMPOTENCY_HEADER) ?? '').toLowerCase();
    const allowance = await idempotency.run(c, {
      userId,
      route: 'POST /v1/allowances',
      // Not the proof: a phone that signs again says the same in other bytes.
      input: { amountMinor, devicePublicKey, ...(payeeLock === undefined ? {} : { payeeLock }) },
      schema: Allowance,
      work: async () => {
        const request = {
          userId,
          key,
          amountMinor: BigInt(amountMinor),
          devicePublicKey,
          proof,
          payeeLock: payeeLock ?? null,
        };
        return show(userId, (await issueAllowance(needsOf(userId), request)).id);
      },
    });
    return c.json(allowance, 200);
  });
  router.openapi(closeRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    const { id } = c.req.valid('param');
    const { statement } = c.req.valid('json');
    if (statement.length > 4_096) throw problem('closing_statement_invalid');
    await closeAllowance(needsOf(userId), { userId, allowanceId: id, statement }, worker);
    return c.json(await show(userId, id), 200);
  });
  router.openapi(denyRoute, async (c) => {
    const { userId } = await auth.requireRole(c, 'customer');
    await limits.take('deny_by_user', userId);
    const { id } = c.req.valid('param');
    await denyLostAllowance(needsOf(userId), { userId, allowanceId: id }, worker);
    return c.json(await show(userId, id), 200);
  });
};
