/** `GET /v1/statement?day=2026-11-30`: one day of a customer's online wallet or of a merchant's balance, as CSV. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { bearer, refusals } from '../http/router.ts';
import { readStatement, statementCsv } from '../ledger/index.ts';

const query = z.object({
  day: z.iso
    .date()
    // PostgreSQL counts from the year one.
    .refine((day) => day >= '0001-01-01')
    .optional()
    .meta({ description: 'In the time zone of the installation; today by default.' }),
});
const csv = { 'text/csv': { schema: z.string() } } as const;
const route = createRoute({
  method: 'get',
  path: '/v1/statement',
  tags: ['wallet'],
  summary: 'A day of the online wallet, or of the balance, as CSV',
  security: bearer,
  request: { query },
  responses: {
    200: { description: 'RFC 4180, with opening and closing balance', content: csv },
    ...refusals,
  },
});

export const registerStatement: RegisterRoutes = (router, { asTenant, auth, clock, config, offline }) => {
  const { timeZone } = offline.policy;
  const { currency } = config;
  const dayOf = (ms: number) => new Intl.DateTimeFormat('en-CA', { timeZone }).format(new Date(ms));
  router.openapi(route, async (c) => {
    const { userId, role } = await auth.requireUser(c);
    const merchantId =
      role === 'customer' ? null : (await auth.requireMerchant(c, 'pay_outs.read')).merchantId;
    const today = dayOf(clock.nowMs());
    const { day = today } = c.req.valid('query');
    if (day > today) throw problem('request_invalid', { detail: 'day: is not over, nor has it begun' });
    const pocket =
      merchantId === null
        ? ({ kind: 'user_online', ownerId: userId } as const)
        : ({ kind: 'merchant_available', ownerId: merchantId } as const);
    const statement = await asTenant({ userId, merchantId }, (tx) =>
      readStatement(tx, { ...pocket, currency, day, timeZone }),
    );
    return c.body(statementCsv(statement, { currency, day }), 200, {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="tikiwallet-${day}.csv"`,
    });
  });
};
