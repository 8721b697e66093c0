/** How much a caller may send, by path. The default is small; the few routes that need more are named. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { problem } from './problem.ts';

export const DEFAULT_MAX_BYTES = 64 * 1024;

export interface BodyAllowance {
  /** Exact path. */
  readonly path: string;
  /** Null: the route reads its body as it comes, and limits it by itself. */
  readonly maxBytes: number | null;
}

export function limitBodies(allowances: readonly BodyAllowance[]): MiddlewareHandler {
  const refuse = (maxSize: number) => {
    // The rest of the body is never read, so this connection is of no use for another request.
    throw problem('request_too_large', {
      detail: `at most ${maxSize} bytes`,
      headers: { connection: 'close' },
    });
  };
  const counting = (maxSize: number) => bodyLimit({ maxSize, onError: () => refuse(maxSize) });
  const limitOf = (maxSize: number) => ({ maxSize, count: counting(maxSize) });
  const byPath = new Map(
    allowances.map(({ path, maxBytes }) => [path, maxBytes === null ? null : limitOf(maxBytes)]),
  );
  const usual = limitOf(DEFAULT_MAX_BYTES);
  return (c, next) => {
    const limit = byPath.get(c.req.path);
    if (limit === null) return next();
    const { maxSize, count } = limit ?? usual;
    const said = c.req.header('content-length');
    // Only a body that does not say its size is counted as it comes: that costs a stream, which most requests can do without.
    if (said === undefined || c.req.header('transfer-encoding') !== undefined) return count(c, next);
    return Number(said) <= maxSize ? next() : refuse(maxSize);
  };
}
