/**
 * `/metrics` on a port of its own, which no load balancer forwards to.
 *
 * Owns: that port. Never: anything else on it.
 */
import { Hono } from 'hono';
import type { Registry } from 'prom-client';
import { type Listening, listen } from '../http/listen.ts';

export function serveMetrics(at: { host: string; port: number; registry: Registry }): Promise<Listening> {
  const app = new Hono();
  app.get('/metrics', async (c) =>
    c.body(await at.registry.metrics(), 200, { 'content-type': at.registry.contentType }),
  );
  return listen({ fetch: app.fetch, host: at.host, port: at.port, setting: 'TIKI_METRICS_PORT' });
}
