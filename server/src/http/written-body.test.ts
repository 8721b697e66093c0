import { expect, test } from 'vitest';
import { type Write, writtenBody } from './written-body.ts';

const LONG = { pieceMs: 60_000, allMs: 60_000 };
/** Writes pieces, and notes how far it got and how it ended. */
function writer(pieces: readonly string[], failure?: Error) {
  const told: string[] = [];
  const ended = Promise.withResolvers<unknown>();
  const work = async (write: Write) => {
    try {
      for (const piece of pieces) {
        told.push(`makes ${piece}`);
        await write(piece);
      }
      if (failure !== undefined) throw failure;
      ended.resolve('whole');
    } catch (error) {
      ended.resolve(error);
      throw error;
    }
  };
  return { told, work, ended: ended.promise };
}

test('a piece is made when the one before was taken, and the body is all of them', async () => {
  const { told, work, ended } = writer(['a', 'b', 'c']);
  const body = await writtenBody(work, LONG);
  expect(told).toEqual(['makes a']);
  const reader = body.getReader();
  expect((await reader.read()).value).toEqual(Uint8Array.of(97));
  expect(told).not.toContain('makes c');
  expect((await reader.read()).value).toEqual(Uint8Array.of(98));
  expect((await reader.read()).value).toEqual(Uint8Array.of(99));
  expect((await reader.read()).done).toBe(true);
  expect(await ended).toBe('whole');
});

test('what goes wrong before the first piece is thrown, and later cuts the body short', async () => {
  const failure = new Error('broken');
  await expect(writtenBody(writer([], failure).work, LONG)).rejects.toBe(failure);
  const body = await writtenBody(writer(['a'], failure).work, LONG);
  await expect(new Response(body).text()).rejects.toBe(failure);
});

test('nothing at all is an empty body', async () => {
  expect(await new Response(await writtenBody(writer([]).work, LONG)).text()).toBe('');
});

test('a reader who goes away, or takes nothing for too long, ends the writing', async () => {
  const left = writer(['a', 'b']);
  await (await writtenBody(left.work, LONG)).cancel();
  expect(await left.ended).toMatchObject({ message: 'the reader went away' });
  for (const patience of [
    { pieceMs: 1, allMs: 60_000 },
    { pieceMs: 60_000, allMs: 1 },
  ]) {
    const slow = writer(['a', 'b']);
    const body = await writtenBody(slow.work, patience);
    expect(await slow.ended).toMatchObject({ name: 'TimeoutError' });
    await expect(new Response(body).text()).rejects.toMatchObject({ name: 'TimeoutError' });
  }
});
