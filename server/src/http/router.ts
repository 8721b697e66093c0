/**
 * The shape of a room's router and the parts that route definitions share.
 *
 * Owns: how a request that fails its schema is refused, and the words for it in the OpenAPI document.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { IDEMPOTENCY_HEADER, type Permission, Problem } from '../../contract/index.ts';
import type { Context } from 'hono';
import { type ApiProblem, problem } from './problem.ts';

export interface AppEnv {
  Variables: {
    requestId: string;
    /** Set by `requireUser`, for the request's log line. */
    userId?: string;
    /** Of the answer; set by `usualHeaders`. */
    usualHeaders: Readonly<Record<string, string>>;
  };
}

export type Router = OpenAPIHono<AppEnv>;

const MAX_ISSUES_SHOWN = 5;

/** A router whose bodies, queries and headers are refused with `request_invalid` when they fail their schema. */
export function newRouter(): Router {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.error, result.target);
    },
  });
}

function invalid({ issues }: Pick<z.ZodError, 'issues'>, target: string): ApiProblem {
  // Paths and reasons only: the values may be passwords.
  const detail = issues
    .slice(0, MAX_ISSUES_SHOWN)
    .map((issue) => `${issue.path.join('.') || target}: ${issue.message}`)
    .join('; ');
  return problem('request_invalid', { detail });
}

const JSON_TYPE = /^application\/([a-z-.]+\+)?json(;\s*[a-zA-Z0-9-]+=([^;]+))*$/;

/**
 * The body of a route that reads it by itself, because what a router does around each of its routes costs it too much.
 * @throws ApiProblem `request_invalid`, like every other route
 */
export async function readJson<T extends z.ZodType>(c: Context<AppEnv>, schema: T): Promise<z.output<T>> {
  return readText(JSON_TYPE.test(c.req.header('content-type') ?? '') ? await c.req.text() : '{}', schema);
}

/** The same of a text that says it is JSON. */
export function readText<T extends z.ZodType>(text: string, schema: T): z.output<T> {
  const body = parseJson(text);
  const read = schema.safeParse(body);
  if (!read.success) throw invalid(read.error, 'json');
  return read.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw problem('request_invalid', { detail: 'malformed request', cause });
  }
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
