import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { systemClock } from '../clock.ts';
import { createIdempotency } from './idempotency.ts';
import { ApiProblem, problem } from './problem.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

/** A write by its key: what it answers, or the code of its refusal. */
function writer(userId: string) {
  const idempotency = createIdempotency(database.db, systemClock);
  return async (key: string, input: string, work: () => Promise<string>): Promise<string> => {
    const app = new Hono();
    app.post('/', async (c) =>
      c.text(await idempotency.run(c, { userId, route: 'POST /', input, schema: z.string(), work })),
    );
    app.onError((error, c) => c.text(error instanceof ApiProblem ? error.code : String(error)));
    return (await app.request('/', { method: 'POST', headers: { 'idempotency-key': key } })).text();
  };
}

test('one key of two people is two writes; one key with two contents is refused', async () => {
  const key = randomUUID();
  const [mine, theirs] = [writer(randomUUID()), writer(randomUUID())];
  expect(await mine(key, 'a', () => Promise.resolve('mine'))).toBe('mine');
  expect(await theirs(key, 'a', () => Promise.resolve('theirs'))).toBe('theirs');
  expect(await mine(key, 'b', () => Promise.resolve('other'))).toBe('idempotency_key_reused');
  expect(await mine(key, 'a', () => Promise.reject(new Error('must not run')))).toBe('mine');
});

test('an attempt that was overtaken and then refused does not replace the answer that stands', async () => {
  const [key, userId] = [randomUUID(), randomUUID()];
  const write = writer(userId);
  const slow = await write(key, 'a', async () => {
    await database.owner`update idempotency_keys set locked_until = now() - interval '1 second' where key = ${key}`;
    expect(await write(key, 'a', () => Promise.resolve('done'))).toBe('done');
    throw problem('insufficient_funds');
  });
  expect(slow).toBe('insufficient_funds');
  expect(await write(key, 'a', () => Promise.reject(new Error('must not run')))).toBe('done');
});

test('of two contents under one key that arrive at once one is done, and a repeat of that one hears its answer', async () => {
  const write = writer(randomUUID());
  // Enough of them that they are claimed together, in whatever order the database takes them.
  const keys = Array.from({ length: 60 }, () => randomUUID());
  const done = new Map<string, string>();
  const send = (key: string, input: string) =>
    write(key, input, () => {
      done.set(key, input);
      return Promise.resolve(`done ${input}`);
    });
  const answers = await Promise.all(
    ['a', 'b'].flatMap((input) => keys.map(async (key) => ({ key, input, answer: await send(key, input) }))),
  );
  for (const { key, input, answer } of answers)
    expect([input, answer]).toEqual([
      input,
      done.get(key) === input ? `done ${input}` : 'idempotency_key_reused',
    ]);
  for (const [key, input] of done) expect(await send(key, input)).toBe(`done ${input}`);
});
