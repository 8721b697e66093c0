/**
 * The real agent as a child process, and a cloud that enrols it over HTTP: for tests that kill processes. The cloud
 * settles nothing unless told to.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromBase64Url } from '@tikiwallet/protocol';
import { EnrolBody } from '@tikiwallet/server/contract';
import { type AgentClient, connectAgent } from '../../ipc/agent-client.ts';
import { agentEndpoint } from '../../ipc/transport.ts';
import { TestIssuer } from './world.ts';

const SUSPENDED = [403, { 'content-type': 'application/problem+json' }] as const;
const NO_TRUST = JSON.stringify({
  type: 'urn:tikiwallet:problem:kiosk_suspended',
  title: 'The merchant has suspended this till.',
  status: 403,
  code: 'kiosk_suspended',
});

export class EnrollingCloud {
  readonly issuer = new TestIssuer(Math.floor(Date.now() / 1000));
  /** Its merchant has stopped the till: it gets no trust. */
  suspends = false;
  readonly #server: Server;
  #enrolment = '';

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const url = request.url ?? '';
        if (this.suspends && url.startsWith('/v1/kiosk/trust-bundle')) {
          response.writeHead(...SUSPENDED).end(NO_TRUST);
          return;
        }
        const answer = this.#answer(url, Buffer.concat(chunks).toString());
        response.writeHead(answer === null ? 503 : 200, { 'content-type': 'application/json' });
        response.end(answer ?? '{}');
      });
    });
  }

  async listen(host = '127.0.0.1'): Promise<string> {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    return `http://${host}:${address.port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(url: string, body: string): string | null {
    if (url === '/healthz') return JSON.stringify({ status: 'ok' });
    if (url !== '/v1/kiosks/enrol') return null;
    const keys = EnrolBody.parse(JSON.parse(body));
    const publicKeys = {
      signing: fromBase64Url(keys.signingPublicKey),
      sealing: fromBase64Url(keys.sealingPublicKey),
    };
    this.#enrolment ||= JSON.stringify(this.issuer.enrolment(publicKeys));
    return this.#enrolment;
  }
}

export interface Launch {
  /** In place of the agent's own entry. */
  readonly program?: string;
  /** Words in front of Node's. */
  readonly around?: readonly string[];
  readonly workingFolder?: string;
}

export class AgentProcess {
  readonly client: AgentClient;
  readonly #folder: string;
  readonly #apiUrl: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #launch: Launch;
  #child: ChildProcess | null = null;
  output = '';

  constructor(
    folder: string,
    apiUrl: string,
    env: Readonly<Record<string, string>> = {},
    launch: Launch = {},
  ) {
    this.#launch = launch;
    this.#folder = folder;
    this.#apiUrl = apiUrl;
    this.#env = env;
    const { socketPath, tokenPath } = agentEndpoint(folder);
    this.client = connectAgent({
      socketPath,
      token: async () => readFileSync(tokenPath, 'utf8'),
      maxBackoffMs: 100,
    });
  }

  /** @returns milliseconds until it answered its socket as ready to sell or to be enrolled. */
  async start(): Promise<number> {
    const began = performance.now();
    const { program = join(import.meta.dirname, '..', 'main.ts'), around = [], workingFolder } = this.#launch;
    const [command, ...args] = [...around, process.execPath, program];
    const child = spawn(command, args, {
      ...(workingFolder === undefined ? {} : { cwd: workingFolder }),
      env: {
        ...process.env,
        TIKI_KIOSK_DATA: this.#folder,
        TIKI_API_URL: this.#apiUrl,
        TIKI_LISTEN_PORT: '0',
        LOG_LEVEL: 'info',
        ...this.#env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    for (;;) {
      await this.client.whenConnected(60_000);
      const state = await this.client.call('agent.state', {}).catch(() => null);
      if (state !== null && state.phase !== 'starting') return performance.now() - began;
      // The client may not have noticed yet that its last agent is gone.
      await sleep(10);
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the agent ended: ${this.output}`);
    }
  }

  /** Resolves once it has ended by itself. */
  async ended(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await once(child, 'exit');
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** For one that lives on. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  kill(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null)
      return Promise.resolve(child?.exitCode ?? null);
    return new Promise((resolve) => {
      child.once('exit', (code) => resolve(code));
      child.kill(signal);
    });
  }

  async end(): Promise<void> {
    this.client.close();
    await this.kill('SIGKILL');
  }
}
