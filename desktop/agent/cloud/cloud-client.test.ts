import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import {
  encodeStreamFrame,
  encodeStreamProblem,
  MAX_TRUST_BUNDLE_BYTES,
  StreamReader,
  toBase64Url,
} from '@tikiwallet/protocol';
import type { Session } from '@tikiwallet/server/contract';
import { IpcError } from '../../ipc/index.ts';
import { cloudApi } from './cloud-api.ts';
import { CloudClient, CloudProblem, StreamNotTaken } from './cloud-client.ts';
import { MerchantSession } from './merchant-session.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let url: string;
let answer: Answer;
let reached: number;
let unreachable: number;
/** What the cloud said no with. */
let told: string[];

beforeEach(async () => {
  reached = 0;
  unreachable = 0;
  told = [];
  server = createServer((request, response) => answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  url = `http://127.0.0.1:${address.port}`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const client = () =>
  new CloudClient({
    apiUrl: url,
    events: {
      onReached: () => (reached += 1),
      onUnreachable: () => (unreachable += 1),
      onProblem: (code) => told.push(code),
    },
  });

function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(JSON.stringify(body));
  };
}

const problem = (code: string, extra: object = {}) => ({
  type: 'urn:x',
  title: 'x',
  status: 409,
  code,
  ...extra,
});

async function refusalOf(action: Promise<unknown>): Promise<IpcError> {
  const error = await action.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof IpcError) return error;
  throw new Error('it was not refused');
}

const ask = (timeoutMs?: number) =>
  client().json(z.object({ status: z.literal('ok') }), {
    method: 'GET',
    path: '/',
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });

test('an answer of another shape, a page, and a redirect are no answers of the cloud', async () => {
  for (const wrong of [
    json(200, { status: 'maybe' }),
    (_: IncomingMessage, response: ServerResponse) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome to the hotel</h1>'),
    (_: IncomingMessage, response: ServerResponse) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
  ]) {
    answer = wrong;
    expect((await refusalOf(ask())).code).toBe('cloud_answer_invalid');
  }
  answer = (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  expect((await refusalOf(ask())).code).toBe('cloud_unreachable');
});

test('a trust bundle of the largest size comes through whole', async () => {
  const trustBundle = toBase64Url(new Uint8Array(MAX_TRUST_BUNDLE_BYTES).fill(0xff));
  const certificate = toBase64Url(new Uint8Array(2_048));
  answer = json(200, { trustBundle, certificate, walletOrigins: [], merchantLimits: certificate });
  expect((await cloudApi(client()).trust('token', null)).trustBundle).toBe(trustBundle);
});

test("a problem's code, wait and place come through", async () => {
  answer = json(429, problem('rate_limited'), { 'retry-after': '7' });
  expect(await refusalOf(ask())).toMatchObject({ code: 'rate_limited', retryAfterMs: 7_000 });
  answer = json(409, problem('batch_gap', { highestSequence: 12 }));
  const gap = await refusalOf(ask());
  expect(gap instanceof CloudProblem && gap.highestSequence).toBe(12);
  expect(reached).toBe(2);
});

test('whatever was asked, a no is told to who listens for it', async () => {
  answer = json(403, problem('kiosk_denied'));
  const listening = cloudApi(client());
  expect((await refusalOf(listening.settle('token', new Uint8Array(1)))).code).toBe('kiosk_denied');
  expect((await refusalOf(listening.newCode('token', 'id'))).code).toBe('kiosk_denied');
  expect(told).toEqual(['kiosk_denied', 'kiosk_denied']);
});

test('a code that only a newer cloud knows is read by its status, and its wait comes through', async () => {
  answer = json(429, { ...problem('rate_limited'), code: 'tea_break', retryAfterMs: 3_000, colour: 'green' });
  expect(await refusalOf(ask())).toMatchObject({ code: 'rate_limited', retryAfterMs: 3_000 });
  answer = json(503, { ...problem('rate_limited'), code: 'tea_break' });
  expect((await refusalOf(ask())).code).toBe('service_unavailable');
  answer = json(422, { ...problem('rate_limited'), code: 'tea_break' });
  expect((await refusalOf(ask())).code).toBe('request_invalid');
});

test('what a newer cloud answers beside what is known is ignored', async () => {
  answer = json(200, { status: 'ok', weather: { sunny: true } });
  expect(await ask()).toEqual({ status: 'ok' });
});

test('silence, an answer without end and a closed door are unreachable', async () => {
  answer = () => undefined;
  expect((await refusalOf(ask(100))).code).toBe('cloud_unreachable');
  answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"status":');
  };
  expect((await refusalOf(ask(100))).code).toBe('cloud_unreachable');
  server.close();
  server.closeAllConnections();
  expect((await refusalOf(ask())).code).toBe('cloud_unreachable');
  expect(unreachable).toBe(3);
});

function session(changes: Partial<Session> = {}): Session {
  return {
    accessToken: 'access-1',
    accessExpiresAt: new Date(Date.now() + 900_000).toISOString(),
    sessionExpiresAt: new Date(Date.now() + 6 * 3_600_000).toISOString(),
    refreshToken: 'refresh-1',
    user: {
      id: '0190d8c2-0000-7000-8000-000000000001',
      role: 'merchant',
      phone: '+6591234567',
      username: 'sari',
      currency: 'SGD',
      merchant: {
        id: '0190d8c2-0000-7000-8000-000000000002',
        businessName: 'Warung Sari',
        teamRole: 'owner',
      },
    },
    ...changes,
  };
}

function merchant(): { merchant: MerchantSession; refreshed: () => number } {
  let refreshes = 0;
  const api = {
    ...cloudApi(client()),
    refresh: async () => {
      refreshes += 1;
      return session({ accessToken: `access-${refreshes + 1}`, refreshToken: `refresh-${refreshes + 1}` });
    },
  };
  return {
    merchant: new MerchantSession({ api, serverNowMs: () => Date.now(), onChange: () => undefined }),
    refreshed: () => refreshes,
  };
}

test('an access token near its end is changed first, once for all who ask at the same time', async () => {
  answer = json(200, session({ accessExpiresAt: new Date(Date.now() + 30_000).toISOString() }));
  const { merchant: desk, refreshed } = merchant();
  await desk.signIn({ phone: '+6591234567', password: 'secret-secret' });
  const used = await Promise.all([
    desk.authorised(async (token) => token),
    desk.authorised(async (token) => token),
  ]);
  expect(used).toEqual(['access-2', 'access-2']);
  expect(refreshed()).toBe(1);
  desk.close();
});

test('a token that the cloud refuses is changed once, and the call is made again', async () => {
  answer = json(200, session());
  const { merchant: desk } = merchant();
  await desk.signIn({ phone: '+6591234567', password: 'secret-secret' });
  const tokens: string[] = [];
  await desk.authorised(async (token) => {
    tokens.push(token);
    if (tokens.length === 1) throw new IpcError('not_authenticated');
  });
  expect(tokens).toEqual(['access-1', 'access-2']);
  await desk.signOut();
  expect(desk.view).toBeNull();
  expect((await refusalOf(desk.authorised(async () => 1))).code).toBe('not_signed_in');
});

test("a customer's account does not open the merchant's desk", async () => {
  answer = json(200, session({ user: { ...session().user, role: 'customer', merchant: null } }));
  const { merchant: desk } = merchant();
  expect((await refusalOf(desk.signIn({ phone: '+6591234567', password: 'secret-secret' }))).code).toBe(
    'not_permitted',
  );
  expect(desk.view).toBeNull();
});

const SEQUENCE = { 'content-type': 'application/cbor-seq' };

/** Sends so many objects, and gives back what came of them; the first is 1, 1, 1, ... */
async function streamed(
  count: number,
  size = 1_000,
): Promise<{ got: number[]; error: unknown; asked: number }> {
  let asked = 0;
  const objects = async function* () {
    for (; asked < count; asked += 1) yield new Uint8Array(size).fill(asked + 1);
  };
  const got: number[] = [];
  try {
    for await (const bytes of cloudApi(client()).settleStream('token', objects())) got.push(bytes[0] ?? 0);
    return { got, error: null, asked };
  } catch (error) {
    return { got, error, asked };
  }
}

/** What a proxy does that keeps a request until it has all of it. */
async function* whenWhole(request: AsyncIterable<Uint8Array>) {
  const pieces: Uint8Array[] = [];
  for await (const piece of request) pieces.push(piece);
  yield* pieces;
}

/** Answers each object with its first byte; `stop` says after which. */
async function echo(
  request: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  stop = Number.POSITIVE_INFINITY,
) {
  response.writeHead(200, SEQUENCE).flushHeaders();
  const reader = new StreamReader({ maxObjectBytes: 1_000_000, maxProblemBytes: 0 });
  let read = 0;
  for await (const piece of request) {
    reader.give(piece);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      response.write(encodeStreamFrame(frame.content.subarray(0, 1)));
      read += 1;
      if (read === stop) return;
    }
  }
  response.end();
}

test('R48 a stream is answered while it is written, or after its end where a proxy keeps it back', async () => {
  answer = (request, response) => void echo(request, response);
  expect(await streamed(3)).toEqual({ got: [1, 2, 3], error: null, asked: 3 });
  answer = (request, response) => void echo(whenWhole(request), response);
  expect((await streamed(5, 300_000)).got).toEqual([1, 2, 3, 4, 5]);
  expect([reached, unreachable]).toEqual([2, 0]);
});

test('a stream that breaks gives what came before, and says that the cloud is out of reach', async () => {
  answer = (request, response) => {
    const { socket } = request;
    void echo(request, response, 2).then(() => socket.destroySoon());
  };
  const { got, error } = await streamed(40, 300_000);
  expect(error).toMatchObject({ code: 'cloud_unreachable' });
  expect([1, 2]).toEqual(expect.arrayContaining(got));
  expect(unreachable).toBe(1);
});

test('a problem in a stream ends it, with its code and what recovery needs, and is told like every other', async () => {
  answer = (request, response) => {
    void echo(request, response, 1).then(() => {
      const text = JSON.stringify(problem('batch_gap', { highestSequence: 7, retryAfterMs: 900 }));
      response.end(encodeStreamProblem(new TextEncoder().encode(text)));
    });
  };
  const { got, error } = await streamed(1);
  expect(got).toEqual([1]);
  expect(told).toEqual(['batch_gap']);
  expect(error).toBeInstanceOf(CloudProblem);
  expect(error).toMatchObject({ code: 'batch_gap', highestSequence: 7, retryAfterMs: 900 });
});

test('an older cloud, or a proxy that takes no streams, is told apart from a refusal', async () => {
  for (const status of [400, 404, 405, 411, 413, 415, 501]) {
    answer = json(status, problem('not_found'));
    expect((await streamed(1)).error, String(status)).toBeInstanceOf(StreamNotTaken);
  }
  answer = json(401, problem('not_authenticated'));
  expect((await streamed(1)).error).toMatchObject({ code: 'not_authenticated' });
  answer = json(503, problem('service_unavailable'), { 'retry-after': '4' });
  expect((await streamed(1)).error).toMatchObject({ code: 'service_unavailable', retryAfterMs: 4_000 });
  answer = (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hotel');
  expect((await streamed(1)).error).toMatchObject({ code: 'cloud_answer_invalid' });
});

test('an answer that is no sequence of objects is not understood', async () => {
  answer = (_request, response) => response.writeHead(200, SEQUENCE).end(Buffer.from([0x5b, 1]));
  expect((await streamed(1)).error).toMatchObject({ code: 'cloud_answer_invalid' });
});
