import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeStreamFrame, MAX_BATCH_BYTES } from '@tikiwallet/protocol';
import { ApiProblem, problem } from '../http/problem.ts';
import { SenderGone } from '../http/request-body.ts';
import { BatchStream, type StreamLimits } from './batch-stream.ts';

const GENEROUS: StreamLimits = { maxBatches: 100, maxBytes: 1e8, batchMs: 60_000, allMs: 60_000 };
let server: Server;
let port: number;
const arrived: ((body: IncomingMessage) => void)[] = [];
beforeAll(async () => {
  server = createServer((incoming) => arrived.shift()?.(incoming)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = address !== null && typeof address === 'object' ? address.port : 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** A sender on a socket, and the stream at its other end. */
async function open(limits: Partial<StreamLimits> = {}, signal = new AbortController().signal) {
  const reached = new Promise<IncomingMessage>((resolve) => arrived.push(resolve));
  const sender = request({ port, method: 'POST', host: '127.0.0.1', agent: false });
  sender.on('error', () => undefined);
  sender.flushHeaders();
  return { sender, batches: new BatchStream(await reached, { limits: { ...GENEROUS, ...limits }, signal }) };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ApiProblem) return error.code;
    throw error;
  }
  return 'none';
}

const frame = (size: number, fill = 7) => Buffer.from(encodeStreamFrame(new Uint8Array(size).fill(fill)));

test('a sender that is faster than settlement is held back: one frame and what the socket had ready is all that is kept', async () => {
  const { sender, batches } = await open();
  const frames = 24;
  const sent = (async () => {
    for (let n = 0; n < frames; n += 1) {
      if (!sender.write(frame(MAX_BATCH_BYTES, n))) await once(sender, 'drain');
    }
    sender.end();
  })();
  for (let n = 0; n < frames; n += 1) expect((await batches.next())?.at(-1)).toBe(n);
  expect(await batches.next()).toBeNull();
  await sent;
  expect(batches.figures.bytes).toBe(frames * frame(MAX_BATCH_BYTES).length);
  expect(batches.figures.mostHeldBytes).toBeLessThanOrEqual(MAX_BATCH_BYTES + 3 * 65_536);
});

test.each([
  ['a frame that is too large', [Buffer.from([0x5a, 0, 8, 0, 1])], 'request_too_large'],
  ['garbage after a batch', [frame(10), Buffer.from('garbage')], 'batch_malformed'],
  ['a text, which only an answer has', [Buffer.from([0x61, 65])], 'batch_malformed'],
  ['an end inside a batch', [frame(500).subarray(0, 200)], 'batch_malformed'],
] as const)('%s ends the stream with a code', async (_, pieces, code) => {
  const { sender, batches } = await open();
  for (const piece of pieces) sender.write(piece);
  sender.end();
  if (pieces[0]?.length === 11) expect(await batches.next()).toHaveLength(10);
  expect(await codeOf(batches.next())).toBe(code);
});

test('more batches, more bytes or more time than a stream may have ends it', async () => {
  const many = await open({ maxBatches: 1 });
  many.sender.end(Buffer.concat([frame(10), frame(10)]));
  expect(await many.batches.next()).toHaveLength(10);
  expect(await codeOf(many.batches.next())).toBe('stream_limit_reached');
  const large = await open({ maxBytes: 1_000 });
  large.sender.end(frame(2_000));
  expect(await codeOf(large.batches.next())).toBe('stream_limit_reached');
  const long = await open({ allMs: 20 });
  expect(await codeOf(long.batches.next())).toBe('stream_limit_reached');
  expect(await codeOf(long.batches.next())).toBe('stream_limit_reached');
});

test('a sender that sends a byte now and then is not waited for beyond the time of one batch (R58)', async () => {
  const { sender, batches } = await open({ batchMs: 100 });
  const drip = setInterval(() => sender.write(Buffer.from([0x59])), 10);
  sender.write(Buffer.from([0x59, 0x10, 0]));
  expect(await codeOf(batches.next())).toBe('stream_stalled');
  clearInterval(drip);
});

test('whoever ends the stream from outside says why, also while a batch is awaited', async () => {
  const end = new AbortController();
  const { batches } = await open({}, end.signal);
  const waiting = codeOf(batches.next());
  end.abort(problem('service_unavailable'));
  expect(await waiting).toBe('service_unavailable');
  expect(await codeOf(batches.next())).toBe('service_unavailable');
});

test('a sender that goes away inside a batch is told apart from one that sends nonsense', async () => {
  const { sender, batches } = await open();
  sender.write(frame(5_000).subarray(0, 100), () => sender.destroy());
  await expect(batches.next()).rejects.toThrow(SenderGone);
});
