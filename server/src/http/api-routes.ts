/** What the rooms' route definitions say of themselves, for what must hold for every route. Reads; never registers. */
import { idempotencyHeaders, type Router } from './router.ts';

export interface ApiRoute {
  /** Upper case. */
  readonly method: string;
  /** As in the document: `/v1/topups/{id}`. */
  readonly path: string;
  readonly pattern: RegExp;
  /** Names of security schemes; empty for public routes. */
  readonly isGuardedBy: readonly string[];
  /** It requires an Idempotency-Key and answers its repeats itself. */
  readonly takesKeyItself: boolean;
}

export function apiRoutes(router: Router): ApiRoute[] {
  return router.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== 'route') return [];
    const { method, path, security, request } = definition.route;
    return {
      method: method.toUpperCase(),
      path,
      pattern: patternOf(path),
      isGuardedBy: (security ?? []).flatMap((scheme) => Object.keys(scheme)),
      takesKeyItself: request?.headers === idempotencyHeaders,
    };
  });
}

function patternOf(path: string): RegExp {
  const parts = path
    .split('/')
    .map((part) => (/^\{\w+\}$/.test(part) ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}$`);
}
