/** The socket's laws, over a real unix socket: who is heard, what passes, and what a broken or hostile peer can do. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AgentClient, connectAgent, type ConnectAgentOptions } from './agent-client.ts';
import { AGENT_PROTOCOL_VERSION, type AgentState } from './agent-contract.ts';
import { type AgentHandlers, type AgentServer, serveAgent, type ServeAgentOptions } from './agent-server.ts';
import { fakeRadio } from './fake-radio.ts';
import { IpcError } from './errors.ts';
import { agentEndpoint, MAX_MESSAGE_BYTES } from './transport.ts';

const NOW = '2026-01-05T08:00:00.000Z';
const TOKEN = 'a-token-of-the-test';

function makeState(over: Partial<AgentState> = {}): AgentState {
  return {
    phase: 'ready',
    problems: [],
    version: '1.0.0',
    apiUrl: 'http://127.0.0.1:8080',
    kiosk: null,
    merchant: null,
    cloud: { state: 'offline', since: NOW, lastContactAt: null },
    settlement: {
      state: 'idle',
      pendingCount: 0,
      pendingMinor: '0',
      progress: null,
      nextAttemptAt: null,
      lastSettledAt: null,
      lastErrorCode: null,
    },
    today: { count: 0, sumMinor: '0', refundedMinor: '0' },
    limits: { perPaymentMinor: '20000', storedSumMinor: '500000', storedCount: 1000, withManagerMinor: null },
    managerPin: { state: 'none', retryAfterMs: 0 },
    trust: null,
    radio: fakeRadio('checking'),
    addresses: [],
    sale: null,
    sales: [],
    till: { mostOpen: 1 },
    refund: null,
    ...over,
  };
}

function makeHandlers(over: Partial<AgentHandlers> = {}): AgentHandlers {
  const unused = async (): Promise<never> => {
    throw new IpcError('cloud_unreachable', { retryAfterMs: 1500 });
  };
  return {
    'agent.state': async () => makeState(),
    'cloud.standIns': async () => null,
    'merchant.register': unused,
    'merchant.resend': unused,
    'merchant.verify': unused,
    'merchant.signIn': unused,
    'merchant.signOut': async () => ({}),
    'merchant.summary': unused,
    'kiosks.list': unused,
    'radio.joinCode': async () => ({ picture: null }),
    'radio.configure': async () => ({}),
    'radio.rotate': async () => ({}),
    'radio.selfTest': unused,
    'kiosks.create': unused,
    'kiosks.newCode': unused,
    'kiosk.enrol': async () => makeState(),
    'sale.open': unused,
    'sale.cancel': unused,
    'sale.front': unused,
    'sale.putAway': unused,
    'till.setMostOpen': unused,
    'merchant.setLimits': unused,
    'delivery.submit': unused,
    'refund.open': unused,
    'refund.cancel': unused,
    'refund.submit': unused,
    'refund.list': unused,
    'refund.receipt': unused,
    'payment.receipt': unused,
    'activity.list': async () => ({ items: [], nextCursor: null }),
    'manager.setPin': unused,
    'limits.get': unused,
    'limits.set': unused,
    'sale.override': unused,
    'settlement.now': async () => ({}),
    ...over,
  };
}

let folder: string;
let socketPath: string;
const servers: AgentServer[] = [];
const clients: AgentClient[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiki-ipc-'));
  socketPath = agentEndpoint(folder).socketPath;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function serve(over: Partial<ServeAgentOptions> = {}): Promise<AgentServer> {
  const server = await serveAgent(socketPath, {
    token: TOKEN,
    version: '1.0.0',
    handlers: makeHandlers(),
    ...over,
  });
  servers.push(server);
  return server;
}
function open(over: Partial<ConnectAgentOptions> = {}): AgentClient {
  const client = connectAgent({ socketPath, token: TOKEN, maxBackoffMs: 200, ...over });
  clients.push(client);
  return client;
}
async function codeOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof IpcError ? error.code : 'no IpcError';
}

/** Writes raw bytes and collects everything until the peer ends the connection, says `wanted` or falls silent. */
function raw(
  chunks: (string | Buffer)[],
  { wanted, quietMs = 20_000 }: { wanted?: string; quietMs?: number } = {},
): Promise<{ received: string; ended: boolean }> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => chunks.forEach((chunk) => socket.write(chunk)));
    let received = '';
    const settle = (ended: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ received, ended });
    };
    const timer = setTimeout(() => settle(false), quietMs);
    socket.on('data', (data) => {
      received += data.toString();
      if (wanted !== undefined && received.includes(wanted)) settle(false);
    });
    socket.on('close', () => settle(true));
    socket.on('error', () => undefined);
  });
}
const frame = (body: unknown): string => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};
const request = (id: number, method: string, params: unknown): string =>
  frame({ jsonrpc: '2.0', id, method, params });
const hello = (over: object = {}): string =>
  request(1, 'agent.hello', { protocolVersion: AGENT_PROTOCOL_VERSION, token: TOKEN, ...over });

describe('a client with the token', () => {
  it('calls, receives typed results and pushed states, the newest at once', async () => {
    const server = await serve();
    const client = open();
    await client.whenConnected(20_000);
    expect(await client.call('activity.list', { cursor: null, limit: 10 })).toEqual({
      items: [],
      nextCursor: null,
    });
    const seen: string[] = [];
    client.onState((state) => seen.push(state.cloud.state));
    await expect.poll(() => seen).toEqual(['offline']);
    server.publish(makeState({ cloud: { state: 'online', since: NOW, lastContactAt: NOW } }));
    await expect.poll(() => seen.at(-1)).toBe('online');
    const late: string[] = [];
    const unsubscribe = client.onState((state) => late.push(state.cloud.state));
    expect(late).toEqual(['online']);
    unsubscribe();
    server.publish(makeState());
    await expect.poll(() => seen.at(-1)).toBe('offline');
    expect(late).toEqual(['online']);
  });

  it('serves several clients at once', async () => {
    const server = await serve();
    const seen: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      const client = open();
      await client.whenConnected(20_000);
      client.onState((state) => {
        if (state.today.count === 7) seen.push(index);
      });
    }
    server.publish(makeState({ today: { count: 7, sumMinor: '70', refundedMinor: '0' } }));
    await expect.poll(() => seen.toSorted((left, right) => left - right)).toEqual([0, 1, 2]);
  });

  it('receives an error with its code and its waiting time', async () => {
    await serve();
    const client = open();
    await client.whenConnected(20_000);
    const error = await client.call('merchant.summary', {}).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'cloud_unreachable', retryAfterMs: 1500 });
  });

  it('sees internal_error, and nothing else, when a handler throws or answers against its contract', async () => {
    const problems: string[] = [];
    const handlers = makeHandlers({
      'merchant.signOut': async () => {
        throw new Error('secret detail');
      },
      'activity.list': async () => JSON.parse('{"items":"no"}'),
    });
    await serve({ handlers, onError: (_error, during) => problems.push(during) });
    const client = open();
    await client.whenConnected(20_000);
    const error = await client.call('merchant.signOut', {}).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'internal_error', message: 'internal_error' });
    expect(await codeOf(client.call('activity.list', { cursor: null, limit: 1 }))).toBe('internal_error');
    expect(problems).toEqual(['merchant.signOut', 'activity.list']);
  });

  it('refuses its own invalid parameters before they leave', async () => {
    await serve();
    const client = open();
    await client.whenConnected(20_000);
    expect(await codeOf(client.call('activity.list', { cursor: null, limit: 0 }))).toBe('call_invalid');
  });
});

describe('a client that may not speak', () => {
  it('is refused and disconnected for a wrong token', async () => {
    await serve();
    const client = open({ token: 'wrong' });
    const lost: string[] = [];
    client.onLost((reason) => lost.push(reason));
    await expect.poll(() => lost).toEqual(['not_permitted']);
    // It goes on asking, since the next agent may know the token: however long one waits, this is the answer.
    expect(await codeOf(client.whenConnected(300))).toBe('not_permitted');
    expect(client.connected).toBe(false);
    const answer = await raw([hello({ token: 'b-token-of-the-test' })]);
    expect(answer.received).toContain('not_permitted');
    expect(answer.ended).toBe(true);
  });

  it('is refused for another protocol version', async () => {
    await serve();
    const answer = await raw([hello({ protocolVersion: AGENT_PROTOCOL_VERSION + 1 })]);
    expect(answer.received).toContain('agent_version_mismatch');
    expect(answer.ended).toBe(true);
  });

  it('reaches no handler before hello', async () => {
    const open = vi.fn(async () => ({ items: [], nextCursor: null }));
    await serve({ handlers: makeHandlers({ 'activity.list': open }) });
    const answer = await raw([request(1, 'activity.list', { cursor: null, limit: 1 })]);
    expect(answer.received).toContain('not_permitted');
    expect(answer.ended).toBe(true);
    expect(open).not.toHaveBeenCalled();
  });

  it('is disconnected when it says nothing', async () => {
    await serve({ helloTimeoutMs: 60 });
    expect((await raw([])).ended).toBe(true);
  });
});

describe('hostile frames', () => {
  it.each([
    ['an announced message above the limit', [`Content-Length: ${MAX_MESSAGE_BYTES + 1}\r\n\r\n{`]],
    ['an absurd length', ['Content-Length: 99999999999999999999\r\n\r\n']],
    ['a negative length', ['Content-Length: -5\r\n\r\n']],
    ['no length', ['Content-Type: x\r\n\r\n{}']],
    ['an endless header', [`X: ${'a'.repeat(4000)}`]],
    ['binary noise', [Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 89) % 256))]],
    ['a body that is no JSON', [frame('{"jsonrpc":')]],
  ])('end the connection: %s', async (_name, chunks) => {
    await serve();
    expect((await raw(chunks)).ended).toBe(true);
  });

  it.each([
    ['an unknown method', 'agent.shutdown', {}],
    ['a name of the prototype', '__proto__', {}],
    ['another name of the prototype', 'constructor', {}],
    ['parameters of the wrong shape', 'sale.open', { saleId: 'x', amountMinor: '-1' }],
    ['parameters that are a list', 'activity.list', [1, 2, 3]],
    ['no parameters', 'sale.open', undefined],
  ])('are answered with call_invalid: %s', async (_name, method, params) => {
    await serve();
    const answer = await raw([hello(), request(2, method, params)], { wanted: 'call_invalid' });
    expect(answer.received).toContain('call_invalid');
  });

  it('split into single bytes are put together', async () => {
    await serve();
    const letters = [...hello()].map((letter) => Buffer.from(letter));
    const answer = await raw(letters, { wanted: `"protocolVersion":${AGENT_PROTOCOL_VERSION}` });
    expect(answer.received).toContain(`"protocolVersion":${AGENT_PROTOCOL_VERSION}`);
  });

  it('never disturb another client', async () => {
    await serve();
    const client = open();
    await client.whenConnected(20_000);
    for (let round = 0; round < 20; round += 1) await raw([Buffer.alloc(500, round)], { quietMs: 200 });
    expect(await client.call('merchant.signOut', {})).toEqual({});
  });
});

describe('the socket file', () => {
  it('has mode 0600', async () => {
    await serve();
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  });

  it('of a killed agent is replaced, of a living one is not', async () => {
    const first = await serve();
    await expect(serve()).rejects.toThrow('already listens');
    await first.close();
    // A killed process leaves its file behind: a server closed by its handle only imitates that with a bare file.
    const { createServer } = await import('node:net');
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(socketPath, resolve));
    const { link } = await import('node:fs/promises');
    await link(socketPath, join(folder, 'kept'));
    await new Promise((resolve) => dead.close(resolve));
    await link(join(folder, 'kept'), socketPath);
    await serve();
    const client = open();
    await client.whenConnected(20_000);
  });

  it('is not taken from a path that holds something else', async () => {
    await writeFile(socketPath, 'precious');
    await expect(serve()).rejects.toThrow('not a socket');
  });

  it('names the problem when its path is too long for the system', async () => {
    socketPath = join(folder, 'x'.repeat(120));
    await expect(serve()).rejects.toThrow('shorter data folder');
  });
});

describe('a lost agent', () => {
  it('is told once, and the client finds the next one with a new token', async () => {
    let token = TOKEN;
    const first = await serve({ token });
    const client = open({ token: async () => token });
    const lost: string[] = [];
    client.onLost((reason) => lost.push(reason));
    await client.whenConnected(20_000);
    servers.splice(0);
    await first.close();
    await expect.poll(() => lost).toEqual(['agent_unavailable']);
    expect(await codeOf(client.call('merchant.signOut', {}))).toBe('agent_unavailable');
    token = 'another-token';
    await serve({
      token,
      handlers: makeHandlers({ 'agent.state': async () => makeState({ version: '2.0.0' }) }),
    });
    await client.whenConnected(3_000);
    const seen: string[] = [];
    client.onState((state) => seen.push(state.version));
    await expect.poll(() => seen).toEqual(['2.0.0']);
    expect(lost).toHaveLength(1);
  });

  it('rejects the calls that were in flight', async () => {
    const server = await serve({
      handlers: makeHandlers({ 'merchant.signOut': () => new Promise(() => undefined) }),
    });
    const client = open();
    await client.whenConnected(20_000);
    const call = codeOf(client.call('merchant.signOut', {}));
    await client.call('activity.list', { cursor: null, limit: 1 });
    servers.splice(0);
    await server.close();
    expect(await call).toBe('agent_unavailable');
  });

  it('is noticed when it hangs with its socket open', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer((socket) =>
      socket.once('data', () =>
        socket.write(
          frame({ jsonrpc: '2.0', id: 0, result: { protocolVersion: AGENT_PROTOCOL_VERSION, version: '1' } }),
        ),
      ),
    );
    await new Promise<void>((resolve) => silent.listen(socketPath, resolve));
    const client = open({ heartbeatMs: 80 });
    const lost: string[] = [];
    await client.whenConnected(20_000);
    client.onLost((reason) => lost.push(reason));
    await expect.poll(() => lost, { timeout: 20_000 }).toHaveLength(1);
    client.close();
    silent.close();
  });

  it('that never was is told too', async () => {
    const client = open();
    const lost: string[] = [];
    client.onLost((reason) => lost.push(reason));
    await expect.poll(() => lost).toEqual(['agent_unavailable']);
  });
});
