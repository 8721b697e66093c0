/**
 * The other end of the agent's socket, derived from `agentCalls`: typed calls, the newest state, and an honest word
 * when the agent is gone. Owns reconnecting; never repeats a call by itself, because only its caller knows whether that is safe.
 */
import { lstat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import {
  createMessageConnection,
  type MessageConnection,
  NullLogger,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import {
  AGENT_PROTOCOL_VERSION,
  type AgentCallName,
  type AgentParams,
  type AgentResult,
  AgentState,
} from './agent-contract.ts';
import { callTable } from './agent-handlers.ts';
import { IpcError, type IpcErrorCode } from './errors.ts';
import { fromWireError, MAX_MESSAGE_BYTES, MessageSizeGuard } from './transport.ts';

export interface ConnectAgentOptions {
  socketPath: string;
  /** The token, or how to read it: a restarted agent may have written a new one. */
  token: string | (() => Promise<string>);
  /** Longest wait between two attempts to connect, which cost next to nothing; the first is a tenth of a second. */
  maxBackoffMs?: number;
  /** A call that takes longer is given up with `agent_unavailable`; its effect is then unknown. */
  callTimeoutMs?: number;
  /** How often a silent connection is asked whether it lives; an unanswered question counts as a lost agent. */
  heartbeatMs?: number;
}

export interface AgentClient {
  /** Rejects with an {@link IpcError}; `agent_unavailable` at once while there is no connection. */
  call<N extends AgentCallName>(name: N, params: AgentParams<N>): Promise<AgentResult<N>>;
  /** The same for a call that came from elsewhere: nothing about `params` is known until it is checked here. */
  relay(name: AgentCallName, params: unknown): Promise<unknown>;
  /** Every new state, the newest one at once; returns the unsubscribe. */
  onState(listener: (state: AgentState) => void): () => void;
  /** The agent is gone (once per loss, and once when it cannot be found at the start); returns the unsubscribe. */
  onLost(listener: (reason: IpcErrorCode) => void): () => void;
  readonly connected: boolean;
  /** Resolves when a connection has said hello; rejects with the last reason after `timeoutMs`. */
  whenConnected(timeoutMs: number): Promise<void>;
  close(): void;
}

/** Starts connecting and keeps at it until `close()`. */
export function connectAgent(options: ConnectAgentOptions): AgentClient {
  return new ReconnectingClient(options);
}

const FIRST_BACKOFF_MS = 100;

class ReconnectingClient implements AgentClient {
  readonly #options: Required<ConnectAgentOptions>;
  readonly #stateListeners = new Set<(state: AgentState) => void>();
  readonly #lostListeners = new Set<(reason: IpcErrorCode) => void>();
  readonly #connectedListeners = new Set<() => void>();
  #link: Link | undefined;
  #newest: AgentState | undefined;
  #lostReason: IpcErrorCode = 'agent_unavailable';
  #toldLost = false;
  #backoffMs = FIRST_BACKOFF_MS;
  #retryTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ConnectAgentOptions) {
    this.#options = { maxBackoffMs: 500, callTimeoutMs: 60_000, heartbeatMs: 3_000, ...options };
    void this.#connect();
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  async call<N extends AgentCallName>(name: N, params: AgentParams<N>): Promise<AgentResult<N>> {
    if (this.#link === undefined) throw new IpcError(this.#lostReason);
    return this.#link.call(name, params, this.#options.callTimeoutMs);
  }

  async relay(name: AgentCallName, params: unknown): Promise<unknown> {
    if (this.#link === undefined) throw new IpcError(this.#lostReason);
    return this.#link.call(name, params, this.#options.callTimeoutMs);
  }

  onState(listener: (state: AgentState) => void): () => void {
    this.#stateListeners.add(listener);
    if (this.#newest !== undefined && this.#link !== undefined) listener(this.#newest);
    return () => this.#stateListeners.delete(listener);
  }

  onLost(listener: (reason: IpcErrorCode) => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  whenConnected(timeoutMs: number): Promise<void> {
    if (this.connected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        clearTimeout(timer);
        this.#connectedListeners.delete(connected);
        done();
      };
      const connected = () => settle(resolve);
      const timer = setTimeout(() => settle(() => reject(new IpcError(this.#lostReason))), timeoutMs);
      this.#connectedListeners.add(connected);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#link?.end();
    this.#link = undefined;
  }

  async #connect(): Promise<void> {
    try {
      const link = await Link.open(this.#options, {
        onState: (state) => this.#received(state),
        onClose: (ended) => this.#dropped(ended),
      });
      if (this.#closed) return link.end();
      this.#link = link;
      this.#backoffMs = FIRST_BACKOFF_MS;
      this.#toldLost = false;
      for (const listener of [...this.#connectedListeners]) listener();
      // It may have ended between its hello and this line.
      if (link.ended) this.#dropped(link);
    } catch (error) {
      this.#failed(fromWireError(error).code);
    }
  }

  #received(state: AgentState): void {
    this.#newest = state;
    for (const listener of [...this.#stateListeners]) listener(state);
  }

  #dropped(link: Link): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#newest = undefined;
    this.#failed('agent_unavailable');
  }

  #failed(reason: IpcErrorCode): void {
    if (this.#closed) return;
    this.#lostReason = reason;
    if (!this.#toldLost) {
      this.#toldLost = true;
      for (const listener of [...this.#lostListeners]) listener(reason);
    }
    this.#retryTimer = setTimeout(() => void this.#connect(), this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, this.#options.maxBackoffMs);
  }
}

interface LinkEvents {
  onState(state: AgentState): void;
  onClose(link: Link): void;
}

/** One connection that has said hello. */
class Link {
  readonly #socket: Socket;
  readonly #connection: MessageConnection;
  #heartbeat: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket;
    const guard = new MessageSizeGuard(MAX_MESSAGE_BYTES);
    guard.on('error', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed(events));
    this.#connection = createMessageConnection(
      new StreamMessageReader(socket.pipe(guard)),
      new StreamMessageWriter(socket),
      NullLogger,
    );
    this.#connection.onError(() => socket.destroy());
    this.#connection.onNotification('agent.stateChanged', (value: unknown) => {
      const state = AgentState.safeParse(value);
      // An agent that breaks its contract is no agent: better "lost" on the screen than a wrong amount.
      if (state.success) events.onState(state.data);
      else socket.destroy();
    });
    this.#connection.listen();
  }

  static async open(options: Required<ConnectAgentOptions>, events: LinkEvents): Promise<Link> {
    const token = typeof options.token === 'string' ? options.token : await options.token();
    await verifyOwner(options.socketPath);
    const link = new Link(await dial(options.socketPath), events);
    const hello = { protocolVersion: AGENT_PROTOCOL_VERSION, token: token.trim() };
    try {
      const answer = await link.call('agent.hello', hello, options.heartbeatMs);
      if (answer.protocolVersion !== AGENT_PROTOCOL_VERSION) throw new IpcError('agent_version_mismatch');
    } catch (error) {
      link.end();
      throw error;
    }
    // Asking again is the cheapest call there is, and an agent whose event loop hangs answers none.
    link.#heartbeat = setInterval(() => {
      link.call('agent.hello', hello, options.heartbeatMs).catch(() => link.end());
    }, options.heartbeatMs);
    return link;
  }

  get ended(): boolean {
    return this.#socket.destroyed;
  }

  async call<N extends AgentCallName>(name: N, params: unknown, timeoutMs: number): Promise<AgentResult<N>> {
    const checked = callTable[name].params.safeParse(params);
    if (!checked.success) throw new IpcError('call_invalid', { cause: checked.error });
    const answer = await this.#send(name, checked.data, timeoutMs);
    const result = callTable[name].result.safeParse(answer);
    if (!result.success) throw new IpcError('internal_error', { cause: result.error });
    return result.data;
  }

  async #send(name: AgentCallName, params: unknown, timeoutMs: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new IpcError('agent_unavailable')), timeoutMs);
    });
    try {
      return await Promise.race([this.#connection.sendRequest<unknown>(name, params), timeout]);
    } catch (error) {
      throw fromWireError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    this.#socket.destroy();
  }

  #closed(events: LinkEvents): void {
    clearInterval(this.#heartbeat);
    // Disposing rejects every call still in flight.
    this.#connection.dispose();
    events.onClose(this);
  }
}

function dial(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** The token goes only to a socket that this user or root made: anybody may name a file in a careless folder. */
async function verifyOwner(socketPath: string): Promise<void> {
  if (process.platform === 'win32' || process.getuid === undefined) return;
  const stat = await lstat(socketPath);
  if (stat.uid !== process.getuid() && stat.uid !== 0)
    throw new IpcError('agent_unavailable', { cause: 'socket belongs to another user' });
}
