// The whole product on one machine, as real processes: the stand-ins of Stripe and
// Twilio, the cloud with its embedded PostgreSQL, and a kiosk's agent. Knows how each
// is started, when it is ready and in which order they stop; `npm start`, the demo and
// the end-to-end tests are written on top of it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type AgentClient, connectAgent } from '@tikiwallet/desktop/agent-client';
import { readFile } from 'node:fs/promises';
import { repositoryRoot } from '../run-command.ts';
import { ManagedProcess } from './managed-process.ts';
import type { PortName } from './ports.ts';

export type StackOptions = {
  /** Everything that the processes keep: databases, keys, logs. */
  readonly dataFolder: string;
  readonly ports: Readonly<Record<PortName, number>>;
  /** Where the agent finds the cloud, when not at the server itself. */
  readonly agentApiUrl?: string;
  /** Runs the agent elsewhere than on this machine's loopback: in a network of its own. */
  readonly agentPlace?: {
    /** Put before the agent's command. */
    readonly inside: readonly string[];
    readonly host: string;
    readonly port: number;
  };
  /** Further variables for the processes. */
  readonly env?: Readonly<Record<string, string>>;
};

export class Stack {
  readonly options: StackOptions;
  #standIns: ManagedProcess | undefined;
  #server: ManagedProcess | undefined;
  #agent: ManagedProcess | undefined;

  constructor(options: StackOptions) {
    this.options = options;
  }

  /** Where customers open the wallet. `localhost` is a secure context, so camera and keys work without TLS. */
  get walletUrl(): string {
    return `http://localhost:${String(this.options.ports.server)}`;
  }

  get smsInboxUrl(): string {
    return `http://localhost:${String(this.options.ports.sms)}/`;
  }

  get kioskUrl(): string {
    return `http://127.0.0.1:${String(this.options.ports.kiosk)}`;
  }

  get kioskFolder(): string {
    return join(this.options.dataFolder, 'kiosk');
  }

  get agentSocket(): string {
    return join(this.kioskFolder, 'agent.sock');
  }

  get server(): ManagedProcess | undefined {
    return this.#server;
  }

  get agent(): ManagedProcess | undefined {
    return this.#agent;
  }

  get standIns(): ManagedProcess | undefined {
    return this.#standIns;
  }

  /** How another command reaches the same database. */
  get serverEnvironment(): Record<string, string> {
    const { ports, dataFolder, env } = this.options;
    return {
      TIKI_DATA_DIR: join(dataFolder, 'server'),
      TIKI_STANDIN_DATA_DIR: join(dataFolder, 'stand-ins'),
      STRIPE_STANDIN_PORT: String(ports.stripe),
      TWILIO_STANDIN_PORT: String(ports.sms),
      PUBLIC_ORIGIN: this.walletUrl,
      STRIPE_WEBHOOK_TARGET: `${this.walletUrl}/v1/stripe/webhook`,
      ...env,
    };
  }

  async startStandIns(): Promise<void> {
    const { ports } = this.options;
    this.#standIns = ManagedProcess.spawn({
      name: 'stand-ins',
      command: 'node',
      args: ['server/src/stand-ins.ts'],
      env: this.serverEnvironment,
      logFile: this.#logFile('stand-ins'),
      isReady: async () =>
        (await answers(`http://127.0.0.1:${String(ports.stripe)}/`)) && (await answers(this.smsInboxUrl)),
    });
    await this.#standIns.whenReady();
  }

  async startServer(): Promise<void> {
    const { ports } = this.options;
    this.#server = ManagedProcess.spawn({
      name: 'server',
      command: 'node',
      args: ['server/src/main.ts'],
      env: {
        ...this.serverEnvironment,
        PORT: String(ports.server),
        TIKI_KIOSK_ORIGINS: `http://192.168.49.1:7070,${this.kioskUrl}`,
      },
      logFile: this.#logFile('server'),
      isReady: async () => await answersOk(`${this.walletUrl}/readyz`),
      readyTimeoutMs: 120_000,
    });
    await this.#server.whenReady();
  }

  /** @param env Further variables for this run of the agent alone. */
  async startAgent(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const { ports, agentPlace } = this.options;
    const [command, ...args] = [...(agentPlace?.inside ?? []), 'node', 'desktop/agent/main.ts'];
    this.#agent = ManagedProcess.spawn({
      name: 'till agent',
      command,
      args,
      env: {
        ...this.options.env,
        ...env,
        TIKI_KIOSK_DATA: this.kioskFolder,
        TIKI_API_URL: this.options.agentApiUrl ?? this.walletUrl,
        TIKI_LISTEN_HOST: agentPlace?.host ?? '127.0.0.1',
        TIKI_LISTEN_PORT: String(agentPlace?.port ?? ports.kiosk),
      },
      logFile: this.#logFile('agent'),
      isReady: async () => await this.#agentAnswers(),
    });
    await this.#agent.whenReady();
  }

  /** A connection to the agent's local socket, as the window has one. The caller closes it. */
  connectAgent(): AgentClient {
    const tokenFile = join(this.kioskFolder, 'agent.token');
    return connectAgent({
      socketPath: this.agentSocket,
      token: async () => (await readFile(tokenFile, 'utf8')).trim(),
    });
  }

  /** What the kiosk's window needs to attach to this stack's agent. */
  get windowEnvironment(): Record<string, string> {
    return { TIKI_KIOSK_DATA: this.kioskFolder, TIKI_AGENT_SOCKET: this.agentSocket };
  }

  async stopServer(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async killServer(): Promise<void> {
    await this.#server?.kill();
    this.#server = undefined;
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.stop();
    this.#agent = undefined;
  }

  /** SIGKILL: the kiosk loses its power. */
  async killAgent(): Promise<void> {
    await this.#agent?.kill();
    this.#agent = undefined;
  }

  /** Everything, those that depend on others first. */
  async stop(): Promise<void> {
    await this.stopAgent();
    await this.stopServer();
    await this.#standIns?.stop();
    this.#standIns = undefined;
  }

  #logFile(name: string): string {
    return join(this.options.dataFolder, 'logs', `${name}.log`);
  }

  async #agentAnswers(): Promise<boolean> {
    if (!existsSync(this.agentSocket)) return false;
    const client = this.connectAgent();
    try {
      await client.whenConnected(2_000);
      const { phase } = await client.call('agent.state', {});
      return phase !== 'starting';
    } catch {
      // Not yet: a socket of an earlier run, or an agent that still opens its database.
      return false;
    } finally {
      client.close();
    }
  }
}

/** Any answer at all means that somebody listens. */
async function answers(url: string): Promise<boolean> {
  return (await statusOf(url)) !== undefined;
}

async function answersOk(url: string): Promise<boolean> {
  return (await statusOf(url)) === 200;
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    // Nobody listens there yet.
    return undefined;
  }
}

/** The folder in which `npm start` keeps its data. */
export function defaultDataFolder(): string {
  const named = process.env['TIKI_DATA'];
  return named === undefined || named === '' ? join(repositoryRoot, '.data') : named;
}
