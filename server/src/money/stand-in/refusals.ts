/** Stripe's error documents. */
import type { Context } from 'hono';
import type { z } from 'zod';
import { newId } from './state.ts';

interface StripeRefusal {
  readonly status: 400 | 401 | 402 | 404;
  readonly type: 'invalid_request_error' | 'idempotency_error' | 'card_error';
  readonly message: string;
  readonly code?: string;
  readonly param?: string;
}

export function refuse(c: Context, { status, ...error }: StripeRefusal): Response {
  const docUrl =
    error.code === undefined
      ? {}
      : { doc_url: `https://stripe.com/docs/error-codes/${error.code.replaceAll('_', '-')}` };
  return c.json({ error: { ...error, ...docUrl } }, status, { 'request-id': newId('req') });
}

export function missing(c: Context, what: string): Response {
  const message = `No such ${what}: '${c.req.param('id') ?? ''}'`;
  return refuse(c, {
    status: 404,
    type: 'invalid_request_error',
    code: 'resource_missing',
    param: 'id',
    message,
  });
}

export function refuseParameter(c: Context, error: z.ZodError): Response {
  const [issue] = error.issues;
  const [head = '', ...rest] = (issue?.path ?? []).map(String);
  const param = `${head}${rest.map((name) => `[${name}]`).join('')}`;
  const isMissing = issue?.code === 'invalid_type' && issue.input === undefined;
  const message = isMissing
    ? `Missing required param: ${param}.`
    : `Invalid ${param}: ${issue?.message ?? ''}`;
  return refuse(c, {
    status: 400,
    type: 'invalid_request_error',
    ...(isMissing ? { code: 'parameter_missing' } : {}),
    param,
    message,
  });
}
