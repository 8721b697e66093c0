/** The session's races: one refresh for many callers, and no sign-out because a network went away. */
import { expect, test } from 'vitest';
import type { Session } from '@tikiwallet/server/contract';
import { ApiClient, type ClientNeeds, type SessionState } from './client.ts';

const NOW = Date.parse('2026-05-01T10:00:00Z');

function session(accessToken: string, lifeMs = 900_000): Session {
  return {
    accessToken,
    accessExpiresAt: new Date(NOW + lifeMs).toISOString(),
    sessionExpiresAt: new Date(NOW + 6 * 3_600_000).toISOString(),
    user: {
      id: 'u',
      role: 'customer',
      phone: '+6591234567',
      username: 'ayu',
      currency: 'SGD',
      merchant: null,
    },
  };
}

function problem(code: string, status: number): Response {
  return Response.json({ type: 'x', title: 'x', status, code }, { status });
}

function setUp(
  answer: (path: string, token: string | null, body: unknown) => Response | Promise<Response>,
  prove: ClientNeeds['prove'] = () => Promise.resolve(null),
) {
  const calls: string[] = [];
  const states: SessionState[] = [];
  const reachable: boolean[] = [];
  const client = new ApiClient({
    fetch: async (input, init) => {
      const path = typeof input === 'string' ? input : '';
      calls.push(path);
      await Promise.resolve();
      const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : null;
      return await answer(path, new Headers(init?.headers).get('authorization'), body);
    },
    nowMs: () => NOW,
    withRefreshLock: (work) => work(),
    prove,
    onSession: (state) => void states.push(state),
    onReachable: (is) => void reachable.push(is),
  });
  return { client, calls, states, reachable };
}

test('ten calls that need a token share one refresh', async () => {
  const { client, calls } = setUp((path) =>
    path.endsWith('/refresh') ? Response.json(session('fresh')) : Response.json({ path }),
  );
  await Promise.all(Array.from({ length: 10 }, () => client.call('/v1/wallet')));
  expect(calls.filter((path) => path.endsWith('/refresh'))).toHaveLength(1);
});

test('ten calls whose token was revoked at once share one refresh and all succeed', async () => {
  const { client, calls } = setUp((path, token) => {
    if (path.endsWith('/refresh')) return Response.json(session('fresh'));
    return token === 'Bearer fresh' ? Response.json({ ok: true }) : problem('not_authenticated', 401);
  });
  client.take(session('stale'));
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.call('/v1/wallet')));
  expect(answers).toHaveLength(10);
  expect(calls.filter((path) => path.endsWith('/refresh'))).toHaveLength(1);
});

test('a token about to end is renewed before it is used', async () => {
  const { client, calls } = setUp((path) =>
    path.endsWith('/refresh') ? Response.json(session('fresh')) : Response.json({}),
  );
  client.take(session('old', 5_000));
  await client.call('/v1/wallet');
  expect(calls).toEqual(['/v1/auth/refresh', '/v1/wallet']);
});

test('R55 each refresh carries a proof of its own where the session has a key', async () => {
  const bodies: unknown[] = [];
  let count = 0;
  const { client } = setUp(
    (path, _token, body) => {
      if (path.endsWith('/refresh')) bodies.push(body);
      return path.endsWith('/refresh') ? Response.json(session('fresh')) : Response.json({});
    },
    () => Promise.resolve({ sessionId: 's', count: (count += 1), signature: 'x' }),
  );
  await client.refresh();
  await client.refresh();
  expect(bodies).toEqual([
    { proof: { sessionId: 's', count: 1, signature: 'x' } },
    { proof: { sessionId: 's', count: 2, signature: 'x' } },
  ]);
});

test('a refused refresh ends the session and is tried once only', async () => {
  const { client, calls, states } = setUp((path) =>
    path.endsWith('/refresh') ? problem('session_expired', 401) : problem('not_authenticated', 401),
  );
  client.take(session('stale'));
  await expect(client.call('/v1/wallet')).rejects.toMatchObject({ code: 'session_expired' });
  expect(states).toEqual(['active', 'none']);
  expect(calls.filter((path) => path.endsWith('/refresh'))).toHaveLength(1);
});

test('no network is no sign-out: the session stays, the wallet says offline', async () => {
  const { client, states, reachable } = setUp(() => Promise.reject(new TypeError('Failed to fetch')));
  client.take(session('good'));
  await expect(client.call('/v1/wallet')).rejects.toMatchObject({
    code: 'network_unreachable',
    isOffline: true,
    isUndecided: true,
  });
  await expect(client.refresh()).rejects.toMatchObject({ code: 'network_unreachable' });
  expect(states).toEqual(['active']);
  expect(reachable).toEqual([false, false]);
});

test('a captive portal’s page is no answer, and leaves a write undecided', async () => {
  const { client } = setUp(() => new Response('<html>Sign in to this Wi-Fi</html>'));
  client.take(session('good'));
  await expect(client.call('/v1/topups', { method: 'POST', body: {} })).rejects.toMatchObject({
    code: 'answer_not_understood',
    isUndecided: true,
  });
});

test('a definite refusal is decided, a busy server is not', async () => {
  for (const [status, code, isUndecided] of [
    [422, 'insufficient_funds', false],
    [503, 'service_unavailable', true],
    [429, 'rate_limited', true],
  ] as const) {
    const { client } = setUp(() => problem(code, status));
    client.take(session('good'));
    await expect(client.call('/v1/transfers', { method: 'POST', body: {} })).rejects.toMatchObject({
      code,
      isUndecided,
    });
  }
});

test('a busy cloud that says so is reached; a gateway that speaks for a stopped one is not', async () => {
  const headers = { 'content-type': 'application/problem+json; charset=utf-8' };
  const body = JSON.stringify({
    type: 'about:blank',
    title: 'busy',
    status: 503,
    code: 'service_unavailable',
    retryAfterMs: 900,
  });
  for (const [answer, isReached] of [
    [new Response(body, { status: 503, headers }), true],
    [
      new Response('<h1>Service Unavailable', { status: 503, headers: { 'content-type': 'text/html' } }),
      false,
    ],
    [new Response(null, { status: 502 }), false],
  ] as const) {
    const { client, reachable } = setUp(() => Promise.resolve(answer));
    await expect(client.call('/v1/config', { anonymous: true })).rejects.toMatchObject({
      code: 'service_unavailable',
      retryAfterMs: isReached ? 900 : null,
    });
    expect(reachable).toEqual([isReached]);
  }
});
