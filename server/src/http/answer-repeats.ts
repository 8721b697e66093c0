/**
 * Any write of a signed-in person may carry an Idempotency-Key; then its repeats are answered from store.
 *
 * Writes that would do something twice require a key and use `idempotency.run`, because the ledger's own keys derive
 * from it. The others are harmless to repeat; a key makes the repeat's answer the first one's as well. Which is which
 * is read from the route definitions, so a new one is never forgotten.
 */
import type { MiddlewareHandler } from 'hono';
import { IDEMPOTENCY_HEADER } from '../../contract/index.ts';
import { credentialOf } from '../accounts/authenticate.ts';
import type { ServerContext } from '../context.ts';
import { type ApiRoute, apiRoutes } from './api-routes.ts';
import type { AppEnv, Router } from './router.ts';

/** Says that an answer is the first one's again. */
export const REPLAYED_HEADER = 'Idempotency-Replayed';

export function takesAnyKey({ method, isGuardedBy, takesKeyItself }: ApiRoute): boolean {
  return method !== 'GET' && isGuardedBy.includes('session') && !takesKeyItself;
}

/** Comes after the body limits and before the rooms. */
export function answerRepeats(
  router: Router,
  { auth, idempotency }: Pick<ServerContext, 'auth' | 'idempotency'>,
): MiddlewareHandler<AppEnv> {
  let known: readonly ApiRoute[] | undefined;
  /** Method and path of those that see to it themselves, the busiest among them. */
  let others: ReadonlySet<string> | undefined;
  return async (c, next) => {
    if (c.req.method === 'GET' || c.req.header(IDEMPOTENCY_HEADER) === undefined) return next();
    others ??= new Set(
      apiRoutes(router).flatMap(({ takesKeyItself, method, path }) =>
        takesKeyItself ? `${method} ${path}` : [],
      ),
    );
    if (others.has(`${c.req.method} ${c.req.path}`)) return next();
    known ??= apiRoutes(router).filter(takesAnyKey);
    const route = known.find(({ method, pattern }) => method === c.req.method && pattern.test(c.req.path));
    if (route === undefined || credentialOf(c, 'Bearer') === null) return next();
    const { userId } = await auth.requireUser(c);
    const attempt = await idempotency.begin(c, {
      userId,
      route: `${route.method} ${route.path}`,
      input: { path: c.req.path, body: await c.req.text() },
    });
    if (attempt.answered !== null) {
      c.header(REPLAYED_HEADER, 'true');
      if (attempt.answered === '') return c.body(null, 204);
      return c.body(attempt.answered, 200, { 'content-type': 'application/json' });
    }
    await next();
    // What was thrown inside is an answer already; it is kept or let go, and stands as the room made it.
    if (c.error !== undefined) await attempt.refused(c.error);
    else await attempt.keep(await c.res.clone().text());
    return undefined;
  };
}
