/** Probes: alive says the process answers, ready says it can do its work. */
import { createRoute } from '@hono/zod-openapi';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { answers, refusals } from '../http/router.ts';

const Health = z.object({ status: z.literal('ok') });

const alive = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['operation'],
  summary: 'The process answers',
  responses: { 200: answers(Health, 'It does'), ...refusals },
});

const ready = createRoute({
  method: 'get',
  path: '/readyz',
  tags: ['operation'],
  summary: 'The process can do its work',
  responses: { 200: answers(Health, 'The database answers'), ...refusals },
});

export const registerHealth: RegisterRoutes = (router, { db, life }) => {
  router.openapi(alive, (c) => c.json({ status: 'ok' as const }, 200));
  router.openapi(ready, async (c) => {
    // Still answering, but whoever chooses among processes should choose another.
    if (life.isLeaving) throw problem('service_unavailable', { detail: 'this process is leaving' });
    await db.execute(sql`select 1`).catch((cause: unknown) => {
      throw problem('service_unavailable', {
        detail: 'the database does not answer',
        retryAfterMs: 1000,
        cause,
      });
    });
    return c.json({ status: 'ok' as const }, 200);
  });
};
