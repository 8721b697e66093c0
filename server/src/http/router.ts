/**
 * The shape of a room's router and the parts that route definitions share.
 *
 * Owns: how a request that fails its schema is refused, and the words for it in the OpenAPI document.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { IDEMPOTENCY_HEADER, type Permission, Problem } from '../../contract/index.ts';
import { problem } from './problem.ts';

export interface AppEnv {
  Variables: {
    requestId: string;
    /** Set by `requireUser`, for the request's log line. */
    userId?: string;
  };
}

export type Router = OpenAPIHono<AppEnv>;

const MAX_ISSUES_SHOWN = 5;

/** A router whose bodies, queries and headers are refused with `request_invalid` when they fail their schema. */
export function newRouter(): Router {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const issues = result.error.issues.slice(0, MAX_ISSUES_SHOWN);
      // Paths and reasons only: the values may be passwords.
      const detail = issues
        .map((issue) => `${issue.path.join('.') || result.target}: ${issue.message}`)
        .join('; ');
      throw problem('request_invalid', { detail });
    },
  });
}

/** `content` of a JSON body. */
export function json<T extends z.ZodType>(schema: T) {
  return { 'application/json': { schema } } as const;
}

/** One successful JSON answer. */
export function answers<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: json(schema) } as const;
}

/** The refusals that a route can answer, for its OpenAPI entry; every one has the same shape. */
export const refusals = {
  default: {
    description: 'A refusal; `code` says which.',
    content: { 'application/problem+json': { schema: Problem } },
  },
} as const;

/** Marks a route as needing `Authorization: Bearer <access token>`. */
export const bearer = [{ session: [] }];

/** The same, of somebody in a merchant's team with this permission. The document names it where OpenAPI 3.1 names roles. */
export function bearerOf(permission: Permission) {
  return [{ session: [permission] }];
}

/** Header schema of writes; its absence is refused with a code of its own by `idempotent`. */
export const idempotencyHeaders = z.object({
  [IDEMPOTENCY_HEADER.toLowerCase()]: z
    .uuid()
    .optional()
    .meta({ description: 'Required. A UUID made where the write was decided.' }),
});
