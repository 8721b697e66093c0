/**
 * Says in the OpenAPI document what holds for every route, so that no room has to repeat it: the headers of every answer,
 * the refusals by status with their codes, and how a write is repeated.
 */
import { z } from 'zod';
import {
  API_VERSION,
  IDEMPOTENCY_HEADER,
  Problem,
  REQUEST_ID_HEADER,
  VERSION_HEADER,
} from '../../contract/index.ts';
import type { ApiRoute } from './api-routes.ts';
import { REPLAYED_HEADER, takesAnyKey } from './answer-repeats.ts';
import { PROBLEM_STATUSES } from './problem.ts';

type Json = Record<string, unknown>;
interface Operation extends Json {
  parameters?: Json[];
  requestBody?: unknown;
  responses?: Record<string, Json>;
}
interface Document {
  paths?: Record<string, object> | undefined;
  components?: object | undefined;
}

const ref = (name: string) => ({ $ref: `#/components/${name}` });
const PROBLEM_CONTENT = (schema: Json) => ({ 'application/problem+json': { schema } });

const HEADERS = {
  RequestId: {
    description: 'Names the request in the log of the server; the one that the caller sent, or a new one.',
    schema: { type: 'string' },
  },
  ApiVersion: {
    description: `\`${API_VERSION}\` today. Within one path version only additions are made.`,
    schema: { type: 'string', pattern: '^1\\.[0-9]+$' },
  },
  RetryAfter: { description: 'Seconds until another try makes sense.', schema: { type: 'integer' } },
  IdempotencyReplayed: {
    description: 'The first answer with this Idempotency-Key, again.',
    schema: { const: 'true' },
  },
};
const EVERYWHERE = {
  [REQUEST_ID_HEADER]: ref('headers/RequestId'),
  [VERSION_HEADER]: ref('headers/ApiVersion'),
};
const KEY = { name: IDEMPOTENCY_HEADER, in: 'header', schema: { type: 'string', format: 'uuid' } } as const;

/** One response a status, with the closed list of codes that come with it. */
function refusalsByStatus(): Json {
  const byStatus = Object.groupBy(PROBLEM_STATUSES, ({ status }) => String(status));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes = []]) => [
      `Refused${status}`,
      {
        description: codes.map(({ code }) => `\`${code}\``).join(', '),
        headers: { ...EVERYWHERE, ...(status === '429' || status === '503' ? retry : {}) },
        content: PROBLEM_CONTENT({
          allOf: [
            ref('schemas/Problem'),
            { type: 'object', properties: { code: { type: 'string', enum: codes.map(({ code }) => code) } } },
          ],
        }),
      },
    ]),
  );
}
const retry = { 'Retry-After': ref('headers/RetryAfter') };

/** The statuses that a route may refuse with whatever it does; others come under `default`. */
function usualRefusals({ path, isGuardedBy }: ApiRoute, { parameters, requestBody }: Operation): string[] {
  return [
    ...(parameters !== undefined || requestBody !== undefined ? ['400'] : []),
    ...(isGuardedBy.length > 0 ? ['401', '403'] : []),
    ...(path.includes('{') ? ['404'] : []),
    ...(requestBody === undefined ? [] : ['413']),
    ...(path.startsWith('/v1/') ? ['429'] : []),
    '500',
    '503',
  ];
}

function describeKey(route: ApiRoute, operation: Operation): void {
  const others = (operation.parameters ?? []).filter(
    ({ name }) => String(name).toLowerCase() !== IDEMPOTENCY_HEADER.toLowerCase(),
  );
  const description =
    'A UUID made where the write was decided. The same key answers the same again; with another body it is refused.';
  if (route.takesKeyItself) operation.parameters = [...others, { ...KEY, required: true, description }];
  else if (takesAnyKey(route)) operation.parameters = [...others, { ...KEY, required: false, description }];
  else if (route.method !== 'GET') operation['x-idempotency'] = 'by content: a repeat ends in the same state';
}

/** Changes the document in place. */
export function describeEverywhere(document: Document, routes: readonly ApiRoute[]): void {
  const operations: Readonly<Record<string, object>> = document.paths ?? {};
  for (const route of routes) {
    const item: Json = { ...operations[route.path] };
    const operation = item[route.method.toLowerCase()] as Operation | undefined;
    if (operation === undefined) continue;
    describeKey(route, operation);
    const responses = operation.responses ?? {};
    for (const [status, response] of Object.entries(responses)) {
      if (status === 'default') continue;
      const replayed = takesAnyKey(route) ? { [REPLAYED_HEADER]: ref('headers/IdempotencyReplayed') } : {};
      responses[status] = { ...response, headers: { ...EVERYWHERE, ...replayed } };
    }
    for (const status of usualRefusals(route, operation))
      responses[status] ??= ref(`responses/Refused${status}`);
    responses['default'] = ref('responses/Refused');
    operation.responses = responses;
  }
  const { $schema: _, ...problem } = z.toJSONSchema(Problem);
  document.components = {
    ...document.components,
    schemas: { Problem: problem },
    headers: HEADERS,
    responses: {
      Refused: {
        description: 'A refusal; `code` says which.',
        headers: EVERYWHERE,
        content: PROBLEM_CONTENT(ref('schemas/Problem')),
      },
      ...refusalsByStatus(),
    },
  };
}
