import { expect, test, vi } from 'vitest';
import { NaturalBatch, type Outcome } from './natural-batch.ts';

const done = (items: readonly number[]): readonly Outcome<number>[] =>
  items.map((item) => ({ ok: true, value: item * 10 }));

class CheckViolation extends Error {
  readonly code = '23514';
}

test('who comes alone goes at once, and what comes meanwhile goes together', async () => {
  const batches: (readonly number[])[] = [];
  const first = Promise.withResolvers<void>();
  const queue = new NaturalBatch<number, number>(async (items) => {
    batches.push(items);
    if (batches.length === 1) await first.promise;
    return done(items);
  });
  const answers = [1, 2, 3, 4].map((item) => queue.submit(item));
  expect(batches).toEqual([[1]]);
  first.resolve();
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40]);
  expect(batches).toEqual([[1], [2, 3, 4]]);
  expect(await queue.submit(5)).toBe(50);
});

test('each hears of its own refusal', async () => {
  const queue = new NaturalBatch<number, number>((items) =>
    Promise.resolve(
      items.map((item) => (item === 2 ? { ok: false, error: new Error('no') } : { ok: true, value: item })),
    ),
  );
  const answers = await Promise.allSettled([1, 2, 3].map((item) => queue.submit(item)));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('a row that the database refuses fails alone, and a database that is gone fails all of a batch', async () => {
  let isGone = false;
  const tried: number[] = [];
  const queue = new NaturalBatch<number, number>((items) => {
    tried.push(items.length);
    if (isGone) return Promise.reject(new Error('connection ended'));
    return items.includes(3) ? Promise.reject(new CheckViolation('3')) : Promise.resolve(done(items));
  });
  const answers = await Promise.allSettled([1, 2, 3, 4].map((item) => queue.submit(item)));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(tried).toEqual([1, 3, 1, 1, 1]);
  isGone = true;
  const lost = await Promise.allSettled([1, 2, 3].map((item) => queue.submit(item)));
  expect(lost.every(({ status }) => status === 'rejected')).toBe(true);
  expect(tried.slice(5).reduce((sum, size) => sum + size)).toBe(3);
});

test('beside a batch that is under way another leaves when it has company, and never a namesake of what is under way', async () => {
  const batches: string[] = [];
  const ends = new Map<string, () => void>();
  const queue = new NaturalBatch<string, string>(
    (items) =>
      new Promise((resolve) => {
        const name = items.join();
        batches.push(name);
        ends.set(name, () => resolve(items.map((item) => ({ ok: true, value: item }))));
      }),
    { atOnce: 2, company: 2, namesOf: (item) => [item.charAt(0)] },
  );
  const answers = ['a1', 'b1', 'a2'].map((item) => queue.submit(item));
  expect(batches).toEqual(['a1', 'b1']);
  answers.push(queue.submit('c1'));
  ends.get('b1')?.();
  await answers[1];
  await Promise.resolve();
  expect(batches).toEqual(['a1', 'b1', 'c1']);
  ends.get('a1')?.();
  ends.get('c1')?.();
  await Promise.all([answers[0], answers[3]]);
  await Promise.resolve();
  ends.get('a2')?.();
  expect(await Promise.all(answers)).toEqual(['a1', 'b1', 'a2', 'c1']);
});

test('nobody passes one who shares a name with them and waits for another name', async () => {
  const batches: string[] = [];
  const ends = new Map<string, () => void>();
  const queue = new NaturalBatch<string, string>(
    (items) =>
      new Promise((resolve) => {
        const batch = items.join();
        batches.push(batch);
        ends.set(batch, () => resolve(items.map((item) => ({ ok: true, value: item }))));
      }),
    { atOnce: 2, namesOf: (item) => item.split('') },
  );
  const answers = ['z', 'w', 'x', 'xz', 'xq'].map((item) => queue.submit(item));
  ends.get('w')?.();
  await expect.poll(() => batches).toEqual(['z', 'w', 'x']);
  ends.get('z')?.();
  ends.get('x')?.();
  await expect.poll(() => batches).toEqual(['z', 'w', 'x', 'xz,xq']);
  ends.get('xz,xq')?.();
  await Promise.all(answers);
});

test('who shares a name with one that waits for a lock waits with it, in order, and all others pass', async () => {
  class LockNotAvailable extends Error {
    readonly code = '55P03';
  }
  let held = 'h';
  const freed = Promise.withResolvers<void>();
  const order: string[] = [];
  const queue = new NaturalBatch<string, string>(
    async (items, { isMixed }) => {
      if (items.join().includes(held)) {
        if (isMixed) throw new LockNotAvailable('held');
        await freed.promise;
      }
      order.push(items.join());
      return items.map((item) => ({ ok: true, value: item }));
    },
    { atOnce: 2, namesOf: (item) => item.split('') },
  );
  const hear = (...items: string[]) => items.map((item) => queue.submit(item));
  const first = hear('xy');
  const [waiting, other, friend, last] = hear('ha', 'bc', 'ad', 'cd');
  await Promise.all(first);
  expect(await other).toBe('bc');
  await Promise.all(hear('ef', 'gi'));
  expect(order.join(' ')).not.toMatch(/[had]/);
  held = 'nothing';
  freed.resolve();
  await Promise.all([waiting, friend, last]);
  const said = order.join();
  expect(['ha', 'ad', 'cd'].map((item) => said.indexOf(item)).toSorted((a, b) => a - b)).toEqual(
    ['ha', 'ad', 'cd'].map((item) => said.indexOf(item)),
  );
});

test('beside a batch that is under way another waits for its even share of all who were here', async () => {
  const sizes: number[] = [];
  const ends: (() => void)[] = [];
  const queue = new NaturalBatch<number, number>(
    (items) =>
      new Promise((resolve) => {
        sizes.push(items.length);
        ends.push(() => resolve(done(items)));
      }),
    { atOnce: 2, company: 2 },
  );
  const submit = (count: number) => Array.from({ length: count }, (_, item) => queue.submit(item));
  const endFirst = async (answers: readonly Promise<number>[]) => {
    ends.shift()?.();
    await Promise.all(answers);
  };
  // Nobody was here before: two are company.
  const [first, second, late] = [submit(1), submit(2), submit(5)];
  expect(sizes).toEqual([1, 2]);
  // Eight were here when the first one ended, so that the five are more than their share.
  await endFirst(first);
  expect(sizes).toEqual([1, 2, 5]);
  await endFirst(second);
  // Seven were: three are fewer than half of them, four are not.
  const next = submit(3);
  expect(sizes).toEqual([1, 2, 5]);
  const more = submit(1);
  expect(sizes).toEqual([1, 2, 5, 4]);
  await endFirst(late);
  await endFirst([...next, ...more]);
  // Whoever is alone still goes at once.
  const alone = submit(1);
  expect(sizes).toEqual([1, 2, 5, 4, 1]);
  await endFirst(alone);
});

/** Runs that end when they are told. */
function held(options: ConstructorParameters<typeof NaturalBatch<number, number>>[1]) {
  const sizes: number[] = [];
  const ends: (() => void)[] = [];
  const queue = new NaturalBatch<number, number>(
    (items) =>
      new Promise((resolve) => {
        sizes.push(items.length);
        ends.push(() => resolve(done(items)));
      }),
    options,
  );
  const submit = (count: number) => Array.from({ length: count }, (_, item) => queue.submit(item));
  return { sizes, ends, submit };
}

test('a full batch waits for no share: nobody more would go with it', async () => {
  const { sizes, ends, submit } = held({ atOnce: 2, company: 24 });
  const answers = submit(1 + 24 + 4 * 512 + 128);
  const endFirst = async () => {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  expect(sizes).toEqual([1, 24]);
  // The fourth leaves five hundred and more behind it, who are fewer than half of all.
  for (let times = 0; times < 4; times += 1) await endFirst();
  expect(sizes).toEqual([1, 24, 512, 512, 512, 512]);
  while (ends.length > 0) await endFirst();
  expect(await Promise.all(answers)).toHaveLength(answers.length);
});

test('beside a batch that does not come back another leaves with whoever is there', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const { sizes, ends, submit } = held({ atOnce: 2, company: 24 });
    const lost = submit(1);
    const waiting = submit(2);
    vi.advanceTimersByTime(900);
    waiting.push(...submit(1));
    expect(sizes).toEqual([1]);
    vi.advanceTimersByTime(200);
    waiting.push(...submit(1));
    expect(sizes).toEqual([1, 4]);
    // Nor does each that comes thereafter go alone.
    ends.pop()?.();
    await Promise.all(waiting);
    const next = submit(2);
    expect(sizes).toEqual([1, 4]);
    for (const end of ends) end();
    await Promise.all(lost);
    await Promise.resolve();
    ends.pop()?.();
    await Promise.all(next);
  } finally {
    vi.useRealTimers();
  }
});
