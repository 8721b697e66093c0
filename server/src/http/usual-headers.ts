/**
 * Headers that every answer has: who asked, what a browser may not do with it, and of the API its version and that nobody keeps it.
 *
 * Owns: their list, and the short way for the busiest answers, which are made with all of them at once: to put a dozen headers to
 * an answer that is made costs as much as the rest of a small one. Never: another list for the short way.
 */
import { randomUUIDv7 } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { API_VERSION, VERSION_HEADER } from '../../contract/index.ts';
import type { AppEnv } from './router.ts';

/** A caller's own name for a request, where it is one. */
const NAME = /^[\w\-=]{1,255}$/;
const API = '/v1/';

/** What is none of an answer's own. */
function securityHeaders(isHttps: boolean): Readonly<Record<string, string>> {
  return {
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'referrer-policy': 'no-referrer',
    ...(isHttps ? { 'strict-transport-security': 'max-age=31536000' } : {}),
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-download-options': 'noopen',
    'x-frame-options': 'DENY',
    'x-permitted-cross-domain-policies': 'none',
    'x-xss-protection': '0',
  };
}

const apiHeaders = (isHttps: boolean) => ({ ...securityHeaders(isHttps), [VERSION_HEADER]: API_VERSION });

/** What the caller calls a request, or a name of ours. */
export const requestIdOf = (named: string | undefined): string =>
  named !== undefined && NAME.test(named) ? named : randomUUIDv7();

/** Answers that were made with them. */
const dressed = new WeakSet<Response>();

/** Comes first, so that what others refuse has them too. */
export function usualHeaders({ isHttps }: { readonly isHttps: boolean }): MiddlewareHandler<AppEnv> {
  const security = securityHeaders(isHttps);
  const api = apiHeaders(isHttps);
  return async (c, next) => {
    c.set('requestId', requestIdOf(c.req.header(REQUEST_ID)));
    const isApi = c.req.path.startsWith(API);
    c.set('usualHeaders', isApi ? api : security);
    await next();
    if (dressed.has(c.res)) return;
    const { headers } = c.res;
    for (const [name, value] of Object.entries(c.get('usualHeaders'))) headers.set(name, value);
    headers.set(REQUEST_ID, c.get('requestId'));
    // Answers about people and money are nobody's to keep.
    if (isApi && !headers.has('cache-control')) headers.set('cache-control', 'no-store');
  };
}

/** A JSON answer of the API with all of its headers, made in one go. */
export function answerJson(c: Context<AppEnv>, body: string): Response {
  const answer = new Response(body, {
    headers: { ...namelessJson(c.get('usualHeaders')), [REQUEST_ID]: c.get('requestId') },
  });
  dressed.add(answer);
  return answer;
}

/** All headers of a JSON answer of the API but for the request's name. */
export const jsonHeadersOf = (isHttps: boolean) => namelessJson(apiHeaders(isHttps));

export const REQUEST_ID = 'x-request-id';

const namelessJson = (usual: Readonly<Record<string, string>>) => ({
  ...usual,
  'content-type': 'application/json',
  'cache-control': 'no-store',
});
