/** `GET /v1/statement?day=2026-11-30` or `?month=2026-11`: a day or a month of a customer's online wallet or of a merchant's balance, as CSV. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { bearer, refusals } from '../http/router.ts';
import { writtenBody } from '../http/written-body.ts';
import { readStatement, statementCsv } from '../ledger/index.ts';
import { Turns } from '../settlement/index.ts';

const query = z.object({
  day: z.iso
    .date()
    // PostgreSQL counts from the year one.
    .refine((day) => day >= '0001-01-01')
    .optional()
    .meta({ description: 'In the time zone of the installation; today by default.' }),
  month: z
    .string()
    .regex(/^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$/)
    .optional()
    .meta({ description: 'A whole month, or what there is of it; not together with a day.' }),
});
const csv = { 'text/csv': { schema: z.string() } } as const;
const route = createRoute({
  method: 'get',
  path: '/v1/statement',
  tags: ['wallet'],
  summary: 'A day or a month of the online wallet, or of the balance, as CSV',
  security: bearer,
  request: { query },
  responses: {
    200: { description: 'RFC 4180, with opening and closing balance', content: csv },
    ...refusals,
  },
});

/** A page of a statement on a slow line; all of them, which one connection of the pool is kept for. */
const PATIENCE = { pieceMs: 30_000, allMs: 300_000 };

export const registerStatement: RegisterRoutes = (router, { asTenant, auth, clock, config, offline }) => {
  const { timeZone } = offline.policy;
  const { currency } = config;
  // Those who read slowly leave most of the pool to everybody else.
  const turns = new Turns(Math.max(1, Math.floor(config.databaseConnections / 4)));
  const dayOf = (ms: number) => new Intl.DateTimeFormat('en-CA', { timeZone }).format(new Date(ms));
  router.openapi(route, async (c) => {
    const { userId, role } = await auth.requireUser(c);
    const merchantId =
      role === 'customer' ? null : (await auth.requireMerchant(c, 'pay_outs.read')).merchantId;
    const today = dayOf(clock.nowMs());
    const { day, month } = c.req.valid('query');
    if (day !== undefined && month !== undefined)
      throw problem('request_invalid', { detail: 'day, month: one of them' });
    const period = month ?? day ?? today;
    if (period > today.slice(0, period.length))
      throw problem('request_invalid', { detail: `${month === undefined ? 'day' : 'month'}: has not begun` });
    const pocket =
      merchantId === null
        ? ({ kind: 'user_online', ownerId: userId } as const)
        : ({ kind: 'merchant_available', ownerId: merchantId } as const);
    const query = { ...pocket, currency, period, timeZone };
    const body = await writtenBody(
      (write) =>
        turns.take(() =>
          asTenant({ userId, merchantId }, async (tx) => {
            for await (const piece of statementCsv(await readStatement(tx, query), query)) await write(piece);
          }),
        ),
      PATIENCE,
    );
    // Answered by this route too, and nobody reads its body.
    if (c.req.method === 'HEAD') await body.cancel();
    return c.body(body, 200, {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="tikiwallet-${period}.csv"`,
    });
  });
};
