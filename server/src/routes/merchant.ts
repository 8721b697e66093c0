/** What a merchant does online: kiosks, sales, the balance. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  CreateKioskBody,
  KioskList,
  KioskView,
  mayDo,
  MerchantLimitsView,
  MerchantSummary,
  pageOf,
  SalesDays,
  SalesDaysQuery,
  SalesQuery,
  SaleView,
  SetMerchantLimitsBody,
  Uuid,
} from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import type { Tenant } from '../db/tenant.ts';
import type { Executor } from '../db/client.ts';
import { answers, bearerOf, idempotencyHeaders, json, refusals } from '../http/router.ts';
import {
  createKiosk,
  denyKiosk,
  listKiosks,
  readMerchantLimits,
  renewCode,
  resumeKiosk,
  setMerchantLimits,
  suspendKiosk,
} from '../kiosks/index.ts';
import { merchantSummary, salesDays } from '../settlement/index.ts';
import { findSales } from './find-sales.ts';

const tags = ['merchant'];
const createKioskRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/kiosks',
  tags,
  summary: 'Create a kiosk with an enrolment code',
  security: bearerOf('kiosks.manage'),
  request: { headers: idempotencyHeaders, body: { content: json(CreateKioskBody), required: true } },
  responses: { 200: answers(KioskView, 'The kiosk'), ...refusals },
});
const listKiosksRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/kiosks',
  tags,
  summary: 'All kiosks of this merchant',
  security: bearerOf('kiosks.read'),
  responses: { 200: answers(KioskList, 'The kiosks'), ...refusals },
});
const renewCodeRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/kiosks/{id}/code',
  tags,
  summary: 'A new enrolment code',
  security: bearerOf('kiosks.manage'),
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: answers(KioskView, 'The kiosk'), ...refusals },
});
const denyKioskRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/kiosks/{id}/deny',
  tags,
  summary: 'The kiosk is lost or stolen: block it for ever',
  security: bearerOf('kiosks.manage'),
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: answers(KioskView, 'The kiosk'), ...refusals },
});
const suspendKioskRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/kiosks/{id}/suspend',
  tags,
  summary: 'The kiosk sells nothing for now; what it holds it hands in',
  security: bearerOf('kiosks.manage'),
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: answers(KioskView, 'The kiosk'), ...refusals },
});
const resumeKioskRoute = createRoute({
  method: 'post',
  path: '/v1/merchant/kiosks/{id}/resume',
  tags,
  summary: 'The suspended kiosk sells again',
  security: bearerOf('kiosks.manage'),
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: answers(KioskView, 'The kiosk'), ...refusals },
});
const summaryRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/summary',
  tags,
  summary: "The balance and today's sales",
  security: bearerOf('sales.read'),
  responses: { 200: answers(MerchantSummary, 'The summary'), ...refusals },
});
const salesRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/sales',
  tags,
  summary: 'Settled, refused and disputed sales',
  security: bearerOf('sales.read'),
  request: { query: SalesQuery },
  responses: { 200: answers(pageOf(SaleView), 'A page, newest first'), ...refusals },
});
const salesDaysRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/sales/days',
  tags,
  summary: 'What came and went on each of the last days',
  security: bearerOf('sales.read'),
  request: { query: SalesDaysQuery },
  responses: { 200: answers(SalesDays, 'The days, the oldest first'), ...refusals },
});

const readLimitsRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/limits',
  tags,
  summary: 'What the merchant wants of all its kiosks',
  security: bearerOf('limits.read'),
  responses: { 200: answers(MerchantLimitsView, 'The limits'), ...refusals },
});
const setLimitsRoute = createRoute({
  method: 'put',
  path: '/v1/merchant/limits',
  tags,
  summary: 'Set all limits for all kiosks; they take them with their next trust bundle',
  security: bearerOf('limits.manage'),
  request: { body: { content: json(SetMerchantLimitsBody), required: true } },
  responses: { 200: answers(MerchantLimitsView, 'The limits'), ...refusals },
});

export const registerMerchant: RegisterRoutes = (router, context) => {
  const { asTenant, auth, clock, config, dbOf, idempotency, limits, offline, reading } = context;
  /** Writes of one merchant, by one of its people. */
  const needsOf = (tenant: Tenant) => ({ db: dbOf(tenant), clock, policy: offline.policy });
  router.openapi(createKioskRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'kiosks.manage');
    const { name } = c.req.valid('json');
    const kiosk = await idempotency.run(c, {
      userId,
      route: 'POST /v1/merchant/kiosks',
      input: { name },
      schema: KioskView,
      work: (key) =>
        createKiosk(needsOf({ userId, merchantId }), { merchantId, name, currency: config.currency, key }),
    });
    return c.json(kiosk, 200);
  });
  router.openapi(listKiosksRoute, async (c) => {
    const { userId, merchantId, teamRole } = await auth.requireMerchant(c, 'kiosks.read');
    const kiosks = await asTenant({ userId, merchantId }, (tx) => listKiosks({ db: tx, clock }, merchantId));
    // Whoever reads a code can make a machine of their own into the till.
    const items = mayDo(teamRole, 'kiosks.manage')
      ? kiosks
      : kiosks.map((kiosk) => ({ ...kiosk, enrolment: null }));
    return c.json({ items }, 200);
  });
  router.openapi(renewCodeRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'kiosks.manage');
    return c.json(await renewCode(needsOf({ userId, merchantId }), merchantId, c.req.valid('param').id), 200);
  });
  router.openapi(denyKioskRoute, async (c) => {
    const by = await auth.requireMerchant(c, 'kiosks.manage');
    return c.json(await denyKiosk(needsOf(by), by, c.req.valid('param').id), 200);
  });
  router.openapi(suspendKioskRoute, async (c) => {
    const by = await auth.requireMerchant(c, 'kiosks.manage');
    return c.json(await suspendKiosk(needsOf(by), by, c.req.valid('param').id), 200);
  });
  router.openapi(resumeKioskRoute, async (c) => {
    const by = await auth.requireMerchant(c, 'kiosks.manage');
    return c.json(await resumeKiosk(needsOf(by), by, c.req.valid('param').id), 200);
  });
  const limited = { clock, currency: config.currency, service: offline.policy.kiosk };
  router.openapi(readLimitsRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'limits.read');
    const read = (tx: Executor) => readMerchantLimits({ ...limited, db: tx }, merchantId);
    return c.json(await asTenant({ userId, merchantId }, read), 200);
  });
  router.openapi(setLimitsRoute, async (c) => {
    const { merchantId, userId } = await auth.requireMerchant(c, 'limits.manage');
    const needs = { ...limited, db: dbOf({ userId, merchantId }) };
    return c.json(await setMerchantLimits(needs, { merchantId, userId }, c.req.valid('json')), 200);
  });
  router.openapi(summaryRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'sales.read');
    const { timeZone } = offline.policy;
    const { currency } = config;
    const read = (tx: Executor) => merchantSummary({ db: tx, clock, currency, timeZone }, merchantId);
    return c.json(await asTenant({ userId, merchantId }, read), 200);
  });
  router.openapi(salesRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'sales.read');
    const { cursor, limit, search = '' } = c.req.valid('query');
    if (search !== '') await limits.take('search_by_user', userId);
    const read = (tx: Executor) => findSales(tx, { merchantId, limit, cursor, search });
    return c.json(await asTenant({ userId, merchantId }, read, reading.db()), 200);
  });
  router.openapi(salesDaysRoute, async (c) => {
    const { userId, merchantId } = await auth.requireMerchant(c, 'sales.read');
    const { timeZone } = offline.policy;
    const { currency } = config;
    const { days } = c.req.valid('query');
    const read = (tx: Executor) => salesDays({ db: tx, clock, currency, timeZone }, merchantId, days);
    return c.json(await asTenant({ userId, merchantId }, read, reading.db()), 200);
  });
};
