/** `GET /v1/statement?day=2026-11-30` or `?month=2026-11`: a day or a month of a customer's online wallet or of a merchant's balance, as CSV. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { bearer, refusals } from '../http/router.ts';
import { writtenBody } from '../http/written-body.ts';
import { type ReadStatement, statementCsv } from '../ledger/index.ts';
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

/** For a page on a slow line, and for all of them. No connection of the pool is kept between two. */
const PATIENCE = { pieceMs: 60_000, allMs: 900_000 };
/** Of one person at a time: each holds the places of its entries, ten bytes of memory an entry. */
const OPEN_OF_ONE = 4;
const BUSY_MS = 5_000;

export const registerStatement: RegisterRoutes = (router, { asTenant, auth, clock, config, offline }) => {
  const { timeZone } = offline.policy;
  const { currency } = config;
  // Statements leave most of the pool to everybody else, and one that is read slowly leaves it between its pages.
  const turns = new Turns(Math.max(1, Math.floor(config.databaseConnections / 4)));
  const open = new Map<string, number>();
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
    const headers = {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="tikiwallet-${period}.csv"`,
    };
    // Answered by this route too, and nobody reads its body.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    const count = open.get(userId) ?? 0;
    if (count >= OPEN_OF_ONE)
      throw problem('rate_limited', { detail: 'too many statements at once', retryAfterMs: BUSY_MS });
    open.set(userId, count + 1);
    const read: ReadStatement = (work) => turns.take(() => asTenant({ userId, merchantId }, work));
    const body = await writtenBody(async (write) => {
      try {
        for await (const piece of statementCsv(read, query)) await write(piece);
      } finally {
        const left = (open.get(userId) ?? 1) - 1;
        if (left > 0) open.set(userId, left);
        else open.delete(userId);
      }
    }, PATIENCE);
    return c.body(body, 200, headers);
  });
};
