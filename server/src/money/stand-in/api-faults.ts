/** What a provider's API does on a bad day, on demand: fails before it does anything, or does it and loses the answer. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Context, Next } from 'hono';

export class ApiFaults {
  readonly knobs = {
    /** So many of the next writes fail and do nothing. */
    failNext: 0,
    /** So many of the next writes are done, and nobody hears of it. The SDK tries each call three times. */
    loseAnswersNext: 0,
    delayMs: 0,
  };

  async apply(c: Context, next: Next): Promise<Response | void> {
    if (this.knobs.delayMs > 0) await delay(this.knobs.delayMs);
    if (c.req.method !== 'POST') return next();
    if (this.knobs.failNext > 0) {
      this.knobs.failNext -= 1;
      return broken();
    }
    if (this.knobs.loseAnswersNext === 0) return next();
    this.knobs.loseAnswersNext -= 1;
    await next();
    c.res = broken();
  }
}

function broken(): Response {
  const message = 'An unknown error occurred';
  return Response.json({ error: { type: 'api_error', message } }, { status: 500 });
}
