/** The rule of docs/api.md as a table of changes: which ones a client in the field survives. */
import { expect, test } from 'vitest';
import { breakingChanges } from './api-compatibility.ts';

const Sale = {
  type: 'object',
  properties: {
    id: { type: 'string', format: 'uuid' },
    state: { type: 'string', enum: ['settled', 'refused'] },
    note: { anyOf: [{ type: 'string', maxLength: 80 }, { type: 'null' }] },
    amounts: { type: 'array', items: { type: 'string', pattern: '^[0-9]+$' } },
  },
  required: ['id', 'state'],
};
const Body = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 1, maxLength: 40 }, colour: { enum: ['red', 'green'] } },
  required: ['name'],
};

function api(body: object, answer: object, more: object = {}) {
  return {
    components: { schemas: { Sale: answer } },
    paths: {
      '/v1/sales': {
        post: {
          parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', maximum: 100 } }],
          requestBody: { required: true, content: { 'application/json': { schema: body } } },
          responses: {
            200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Sale' } } } },
          },
          ...more,
        },
      },
    },
  };
}
const before = api(Body, Sale);
const withBody = (properties: object, required = ['name']) =>
  api({ ...Body, properties: { ...Body.properties, ...properties }, required }, Sale);
const withAnswer = (properties: object, required = ['id', 'state']) =>
  api(Body, { ...Sale, properties: { ...Sale.properties, ...properties }, required });

test.each([
  ['nothing', before],
  ['a new field in an answer', withAnswer({ weather: { type: 'string' } }, ['id', 'state', 'weather'])],
  ['an optional field in a body', withBody({ size: { type: 'integer' } })],
  ['a longer name allowed', withBody({ name: { type: 'string', minLength: 1, maxLength: 80 } })],
  ['another colour taken', withBody({ colour: { enum: ['red', 'green', 'blue'] } })],
  ['a state that is no longer answered', withAnswer({ state: { type: 'string', enum: ['settled'] } })],
  ['another route', { ...before, paths: { ...before.paths, '/v1/new': { get: {} } } }],
  [
    'an optional parameter',
    api(Body, Sale, {
      parameters: [
        { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 100 } },
        { name: 'idempotency-key', in: 'header', required: false },
      ],
    }),
  ],
])('does not break a client: %s', (_, now) => {
  expect(breakingChanges(before, now)).toEqual([]);
});

test.each([
  ['a route that is gone', { paths: {} }, 'is gone'],
  [
    'a field that is required now',
    withBody({ size: { type: 'integer' } }, ['name', 'size']),
    'may be missing',
  ],
  [
    'a field that is no longer read',
    api({ ...Body, properties: { name: Body.properties.name } }, Sale),
    'no longer read',
  ],
  ['a shorter name', withBody({ name: { type: 'string', minLength: 1, maxLength: 20 } }), 'maxLength'],
  ['a colour that is refused now', withBody({ colour: { enum: ['red'] } }), 'green'],
  [
    'a state that clients do not know',
    withAnswer({ state: { type: 'string', enum: ['settled', 'refused', 'lost'] } }),
    'lost',
  ],
  ['a field that is no longer answered', withAnswer({}, ['id']), 'state: may be missing'],
  [
    'null where there was none',
    withAnswer({ id: { anyOf: [{ type: 'string', format: 'uuid' }, { type: 'null' }] } }),
    'null',
  ],
  ['another type', withAnswer({ id: { type: 'integer' } }), 'integer instead of string'],
  ['other items', withAnswer({ amounts: { type: 'array', items: { type: 'string' } } }), 'pattern'],
  ['a sign-in', api(Body, Sale, { security: [{ session: [] }] }), 'sign-in'],
  [
    'a parameter that is required now',
    api(Body, Sale, {
      parameters: [
        { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 100 } },
        { name: 'Idempotency-Key', in: 'header', required: true },
      ],
    }),
    'now required',
  ],
  ['another status', api(Body, Sale, { responses: { 201: {} } }), 'no longer answers 200'],
])('breaks a client: %s', (_, now, reason) => {
  expect(breakingChanges(before, now).join('; ')).toContain(reason);
});
