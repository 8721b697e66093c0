import { test, fc } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { encodeCbor } from './cbor.ts';
import { attempt } from './errors.ts';
import {
  encodeStreamFrame,
  encodeStreamProblem,
  StreamReader,
  type StreamFrame,
} from './settlement-stream.ts';

const LIMITS = { maxObjectBytes: 70_000, maxProblemBytes: 300 };

/** Everything that comes of these pieces, and the most that was held meanwhile. */
function read(pieces: readonly Uint8Array[], limits = LIMITS) {
  const reader = new StreamReader(limits);
  const frames: StreamFrame[] = [];
  let mostHeld = 0;
  for (const piece of pieces) {
    reader.give(piece);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
    mostHeld = Math.max(mostHeld, reader.heldBytes);
  }
  return { frames, mostHeld, isWhole: reader.isBetweenFrames };
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

const objects = fc.array(fc.oneof(fc.constantFrom(1, 23, 24, 255, 256, 65_535, 65_536), fc.nat(600)), {
  maxLength: 6,
});

test.prop([objects, fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 })])(
  'frames come out as they went in, wherever the stream is cut into pieces',
  (sizes, pieces) => {
    const contents = sizes.filter((size) => size > 0).map((size, n) => new Uint8Array(size).fill(n + 1));
    const stream = Buffer.concat(contents.map(encodeStreamFrame));
    const { frames, isWhole } = read(cut(stream, pieces));
    expect(frames.map(({ content }) => Buffer.from(content))).toEqual(
      contents.map((one) => Buffer.from(one)),
    );
    expect(isWhole).toBe(true);
  },
);

test('a piece that ends one frame, and one that begins the next, are two frames', () => {
  const contents = [10, 3, 20].map((size) => new Uint8Array(size).fill(size));
  const { frames } = read(cut(Buffer.concat(contents.map(encodeStreamFrame)), [7]));
  expect(frames.map(({ content }) => content)).toEqual(contents);
});

test('a stream is a CBOR sequence: each frame is what an encoder of CBOR writes', () => {
  for (const length of [1, 23, 24, 255, 256, 65_535, 65_536]) {
    const content = new Uint8Array(length).fill(65);
    expect(Buffer.from(encodeStreamFrame(content))).toEqual(Buffer.from(encodeCbor(content)));
    const text = 'A'.repeat(length);
    expect(Buffer.from(encodeStreamProblem(content))).toEqual(Buffer.from(encodeCbor(text)));
  }
});

test('a frame that came byte by byte takes no more memory than one that came at once', () => {
  const stream = encodeStreamFrame(new Uint8Array(60_000));
  expect(read(cut(stream, [1])).mostHeld).toBeLessThanOrEqual(60_000 + 1);
});

test('a text ends the stream: what follows is refused', () => {
  const text = encodeStreamProblem(new TextEncoder().encode('{"code":"batch_gap"}'));
  const object = encodeStreamFrame(new Uint8Array([1]));
  expect(read([object, text]).frames.map(({ kind }) => kind)).toEqual(['object', 'problem']);
  expect(attempt(() => read([text, object]))).toEqual({ ok: false, code: 'message_malformed' });
});

describe('refused', () => {
  const refused = (bytes: readonly number[], limits = LIMITS) =>
    attempt(() => read([new Uint8Array(bytes)], limits));

  test.each([
    ['a frame above its limit, before any of it came', [0x5a, 0, 1, 0x11, 0x71], 'message_too_large'],
    ['a length of eight bytes', [0x5b], 'message_too_large'],
    ['a text above its limit', [0x79, 1, 0x2d], 'message_too_large'],
    ['an empty frame', [0x40], 'message_malformed'],
    ['a frame without a length', [0x5f], 'message_malformed'],
    ['a length that fits in less', [0x58, 23], 'message_malformed'],
    ['a length that fits in one byte', [0x59, 0, 255], 'message_malformed'],
    ['a length that fits in two bytes', [0x5a, 0, 0, 255, 255], 'message_malformed'],
    ['a number', [0x01], 'message_malformed'],
    ['a text without bytes', [0x60], 'message_malformed'],
    ['a negative number', [0x3b], 'message_malformed'],
    ['a length of a form that is not given out', [0x5c], 'message_malformed'],
    ['an array', [0x81, 0x41, 1], 'message_malformed'],
    ['a simple value', [0xf6], 'message_malformed'],
    ['a text that is no UTF-8', [0x61, 0xff], 'object_not_canonical'],
    ['a text behind a byte order mark', [0x64, 0xef, 0xbb, 0xbf, 0x7b], 'object_not_canonical'],
  ] as const)('%s', (_, bytes, code) => expect(refused(bytes)).toEqual({ ok: false, code }));

  test('a text where there is none', () => {
    const limits = { maxObjectBytes: 10, maxProblemBytes: 0 };
    expect(refused([0x61, 65], limits)).toEqual({ ok: false, code: 'message_malformed' });
  });
});
