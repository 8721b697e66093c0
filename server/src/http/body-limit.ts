/** How much a caller may send, by path. The default is small; the few routes that need more are named. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { problem } from './problem.ts';

const DEFAULT_MAX_BYTES = 64 * 1024;

export interface BodyAllowance {
  /** Exact path. */
  readonly path: string;
  /** Null: the route reads its body as it comes, and limits it by itself. */
  readonly maxBytes: number | null;
}

export function limitBodies(allowances: readonly BodyAllowance[]): MiddlewareHandler {
  const limit = (maxSize: number) =>
    bodyLimit({
      maxSize,
      onError: () => {
        // The rest of the body is never read, so this connection is of no use for another request.
        throw problem('request_too_large', {
          detail: `at most ${maxSize} bytes`,
          headers: { connection: 'close' },
        });
      },
    });
  const asItComes: MiddlewareHandler = (_c, next) => next();
  const byPath = new Map(
    allowances.map(({ path, maxBytes }) => [path, maxBytes === null ? asItComes : limit(maxBytes)]),
  );
  const usual = limit(DEFAULT_MAX_BYTES);
  return (c, next) => (byPath.get(c.req.path) ?? usual)(c, next);
}
