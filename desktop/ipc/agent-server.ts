/**
 * The agent's end of the local socket, derived from `agentCalls`: who may connect, what may be called, what leaves.
 * Owns the socket file and the proof of who speaks (`agent.hello`); never what a call does.
 */
import { timingSafeEqual } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import {
  createMessageConnection,
  type MessageConnection,
  NullLogger,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type { z } from 'zod';
import { AGENT_PROTOCOL_VERSION, agentCalls, type AgentCalls, AgentState } from './agent-contract.ts';
import { type AgentHandlers, callTable, type ServedCall } from './agent-handlers.ts';
import { IpcError } from './errors.ts';
import { assertSocketPathFits, MAX_MESSAGE_BYTES, MessageSizeGuard, toWireError } from './transport.ts';

export type { AgentHandlers } from './agent-handlers.ts';

export interface ServeAgentOptions {
  /** What clients read from the 0600 token file. */
  token: string;
  /** The agent's version, for the answer to `agent.hello`. */
  version: string;
  handlers: AgentHandlers;
  /** Programmer's errors and broken answers end here (clients see `internal_error`); wire it to the log. */
  onError?: (error: unknown, during: string) => void;
  maxMessageBytes?: number;
  maxConnections?: number;
  /** A connection that has not proved itself by then is closed. */
  helloTimeoutMs?: number;
}

export interface AgentServer {
  /** Sends the whole state to every client that said hello, and to later ones when they do. */
  publish(state: AgentState): void;
  /** Ends every connection and removes the socket file. */
  close(): Promise<void>;
}

/** Listens on `socketPath` (0600). Refuses when another agent answers there, removes the file when none does. */
export async function serveAgent(socketPath: string, options: ServeAgentOptions): Promise<AgentServer> {
  const clients = new Set<Client>();
  let newest: AgentState | undefined;
  const onError = options.onError ?? (() => undefined);

  const welcome = async (client: Client): Promise<void> => {
    // A published state wins over the one asked for here: it may be newer by the time the handler answers.
    const state = newest ?? (await options.handlers['agent.state']({}));
    client.send(newest ?? AgentState.parse(state));
  };
  const server = createServer((socket) => {
    const client = new Client(socket, options, {
      onHello: () => void welcome(client).catch((error: unknown) => onError(error, 'agent.state')),
      onClose: () => clients.delete(client),
      onError,
    });
    clients.add(client);
  });
  server.maxConnections = options.maxConnections ?? 16;
  await removeStaleSocket(socketPath);
  await listen(server, socketPath);

  return {
    publish(state) {
      newest = AgentState.parse(state);
      for (const client of clients) client.send(newest);
    },
    async close() {
      for (const client of clients) client.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface ClientEvents {
  onHello(): void;
  onClose(): void;
  onError(error: unknown, during: string): void;
}

/** One connection: silent until it has said hello, gone if it says it wrongly. */
class Client {
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  readonly #options: ServeAgentOptions;
  readonly #events: ClientEvents;
  readonly #helloTimer: NodeJS.Timeout;
  #greeted = false;

  constructor(socket: Socket, options: ServeAgentOptions, events: ClientEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#events = events;
    const guard = new MessageSizeGuard(options.maxMessageBytes ?? MAX_MESSAGE_BYTES);
    // A broken frame leaves no place to resume from: the connection ends, the others never notice.
    guard.on('error', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
    this.#connection = createMessageConnection(
      new StreamMessageReader(socket.pipe(guard)),
      new StreamMessageWriter(socket),
      NullLogger,
    );
    this.#connection.onError(() => socket.destroy());
    this.#connection.onRequest((method, params) => this.#answer(method, params));
    this.#connection.listen();
    this.#helloTimer = setTimeout(() => socket.destroy(), options.helloTimeoutMs ?? 5_000);
    this.#helloTimer.unref();
  }

  send(state: AgentState): void {
    if (!this.#greeted || this.#socket.destroyed) return;
    this.#connection.sendNotification('agent.stateChanged', state).catch(() => this.#socket.destroy());
  }

  end(): void {
    this.#socket.destroy();
  }

  #closed(): void {
    clearTimeout(this.#helloTimer);
    this.#connection.dispose();
    this.#events.onClose();
  }

  async #answer(method: string, params: unknown): Promise<unknown> {
    try {
      if (method === 'agent.hello') return this.#hello(params);
      if (!this.#greeted) throw this.#refuse(new IpcError('not_permitted'));
      if (!isServedCall(method)) throw new IpcError('call_invalid');
      return await this.#serve(method, params);
    } catch (error) {
      if (!(error instanceof IpcError)) this.#events.onError(error, method);
      return toWireError(error);
    }
  }

  async #serve<N extends ServedCall>(name: N, params: unknown): Promise<unknown> {
    const call = callTable[name];
    const checked = call.params.safeParse(params);
    if (!checked.success) throw new IpcError('call_invalid', { cause: checked.error });
    return call.result.parse(await this.#options.handlers[name](checked.data));
  }

  #hello(params: unknown): z.output<AgentCalls['agent.hello']['result']> {
    const hello = agentCalls['agent.hello'].params.safeParse(params);
    if (!hello.success) throw this.#refuse(new IpcError('call_invalid'));
    if (!sameToken(hello.data.token, this.#options.token)) throw this.#refuse(new IpcError('not_permitted'));
    if (hello.data.protocolVersion !== AGENT_PROTOCOL_VERSION)
      throw this.#refuse(new IpcError('agent_version_mismatch'));
    clearTimeout(this.#helloTimer);
    if (!this.#greeted) {
      this.#greeted = true;
      setImmediate(() => this.#events.onHello());
    }
    return { protocolVersion: AGENT_PROTOCOL_VERSION, version: this.#options.version };
  }

  /** The refusal is sent first, then the connection ends: a client that may not speak gets no second guess on it. */
  #refuse(error: IpcError): IpcError {
    setTimeout(() => this.#socket.destroy(), 50).unref();
    return error;
  }
}

function isServedCall(name: string): name is ServedCall {
  return Object.hasOwn(agentCalls, name) && name !== 'agent.hello';
}

function sameToken(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  return right.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}

/** A socket file outlives a killed agent. Anything else at that path is somebody's and stays. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  if (process.platform === 'win32') return;
  assertSocketPathFits(socketPath);
  const stat = await lstat(socketPath).catch(() => undefined);
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new Error(`${socketPath} exists and is not a socket`);
  if (await answers(socketPath)) throw new Error(`another agent already listens on ${socketPath}`);
  await rm(socketPath, { force: true });
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath);
    const settle = (alive: boolean) => {
      probe.destroy();
      resolve(alive);
    };
    probe.once('connect', () => settle(true));
    probe.once('error', () => settle(false));
  });
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The file is made while `listen` runs, so the mask leaves no moment at which another user could open it.
    const mask = isMainThread && process.platform !== 'win32' ? process.umask(0o177) : undefined;
    server.listen(socketPath, () => {
      server.off('error', reject);
      if (process.platform !== 'win32') chmodSync(socketPath, 0o600);
      resolve();
    });
    if (mask !== undefined) process.umask(mask);
  });
}
