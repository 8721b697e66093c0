import { expect, test } from 'vitest';
import { bodyOf } from './answer-body.ts';

/** Frames of which each is made when the test says so. */
function made(frames: readonly (Uint8Array | 'end' | Error)[]) {
  const steps = frames.map(() => Promise.withResolvers<void>());
  const asked = Promise.withResolvers<void>();
  async function* generate(): AsyncGenerator<Uint8Array, string, void> {
    for (const [n, frame] of frames.entries()) {
      asked.resolve();
      await steps[n]?.promise;
      if (frame instanceof Error) throw frame;
      if (frame === 'end') return 'whole';
      yield frame;
    }
    return 'whole';
  }
  const ends: string[] = [];
  const reader = bodyOf(generate(), { onEnd: (how) => ends.push(how), cut: 'cut' }).getReader();
  return { ends, reader, asked: asked.promise, make: (n: number) => steps[n]?.resolve() };
}
const frame = Uint8Array.of(1);

test('a body ends once when it is whole', async () => {
  const { ends, reader, make } = made([frame, 'end']);
  make(0);
  expect((await reader.read()).value).toEqual(frame);
  make(1);
  expect((await reader.read()).done).toBe(true);
  await reader.cancel();
  expect(ends).toEqual(['whole']);
});

test.each([
  ['a frame', frame, 'cut'],
  ['the end', 'end', 'whole'],
  ['a failure', new Error('broken'), 'cut'],
] as const)(
  'a reader who goes away while %s is being made ends it once, when that is made',
  async (_, next, how) => {
    const { ends, reader, asked, make } = made([next, frame, 'end']);
    const read = reader.read();
    await asked;
    const gone = reader.cancel().catch(() => undefined);
    expect((await read).done).toBe(true);
    expect(ends).toEqual([]);
    make(0);
    await gone;
    expect(ends).toEqual([how]);
  },
);

test('a reader who goes away between two frames ends it at once', async () => {
  const { ends, reader, make } = made([frame, frame]);
  make(0);
  await reader.read();
  await reader.cancel();
  expect(ends).toEqual(['cut']);
});
