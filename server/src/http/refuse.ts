/**
 * The one place where a thrown thing becomes an answer, and where an address without a route is told apart from a
 * route that was asked with the wrong method.
 */
import { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Logger } from 'pino';
import { sqlState } from '../db/retry.ts';
import type { Asked } from './asked.ts';
import { ApiProblem, problem, problemResponse } from './problem.ts';
import type { AppEnv, Router } from './router.ts';

/** The database is away, restarting, full or busy: worth another try in a moment. */
const PASSING_STATES = /^(08|53|57P0|55P03|40)/;
const PASSING_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
]);

export function refuseErrors(log: Logger): (error: Error, c: Context<AppEnv>) => Response {
  return (error, c) => problemResponse(c, refusalOf(log, error, c));
}

/** What the caller is told of what was thrown, once it is logged. */
export function refusalOf(log: Logger, error: unknown, asked: Asked): ApiProblem {
  const refusal = isSenderGone(error, asked) ? problem('request_invalid', SENDER_GONE) : toProblem(error);
  const { method, path } = asked.req;
  const entry = { err: error, requestId: asked.get('requestId'), method, path, problem: refusal.code };
  if (refusal.status >= 500) log.error(entry, 'request failed');
  else log.debug({ ...entry, err: undefined }, 'request refused');
  return refusal;
}

const SENDER_GONE = { detail: 'the body ended before its end' };

/** Anybody can go away within a body: nobody hears the answer, and it is no fault of ours that somebody is to be called for. */
function isSenderGone(error: unknown, { env }: Asked): boolean {
  const { incoming } = Object(env) as { incoming?: unknown };
  return incoming instanceof IncomingMessage && incoming.errored !== null && incoming.errored === error;
}

/** What a caller is told of whatever was thrown. */
export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof HTTPException) {
    if (error.status === 413) return problem('request_too_large', { cause: error });
    if (error.status < 500) return problem('request_invalid', { detail: 'malformed request', cause: error });
  }
  if (isPassing(error)) return problem('service_unavailable', { retryAfterMs: 1000, cause: error });
  return problem('internal_error', { cause: error });
}

function isPassing(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined && PASSING_STATES.test(state)) return true;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && PASSING_CODES.has(cause.code)) return true;
  }
  return false;
}

/** 405 with the methods that would work, or 404. */
export function refuseUnknown(router: Router): (c: Context<AppEnv>) => Response {
  let known: { method: string; pattern: RegExp }[] | undefined;
  return (c) => {
    known ??= router.routes
      .filter((route) => route.method !== 'ALL' && !route.path.endsWith('*'))
      .map((route) => ({ method: route.method, pattern: patternOf(route.path) }));
    const methods = new Set(
      known.filter((route) => route.pattern.test(c.req.path)).map((route) => route.method),
    );
    if (methods.size === 0) return problemResponse(c, problem('not_found'));
    return problemResponse(
      c,
      problem('method_not_allowed', { headers: { allow: [...methods].sort().join(', ') } }),
    );
  };
}

function patternOf(path: string): RegExp {
  const parts = path
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}$`);
}
