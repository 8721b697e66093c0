// A whole shop for one test: temporary folder, free ports, processes that end with it.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentClient } from '@tikiwallet/desktop/agent-client';
import type { AgentState, Sale } from '@tikiwallet/desktop/ipc';
import { CloudClient, type Person } from '../../scripts/stack/cloud-client.ts';
import { freePorts } from '../../scripts/stack/ports.ts';
import { Stack } from '../../scripts/stack/stack.ts';
import { RecordingProxy } from './recording-proxy.ts';
import { KIOSK_ADDRESS, type SeparateNetworks } from './separate-networks.ts';

export const merchant: Person = {
  role: 'merchant',
  phone: '+6581230001',
  username: 'sari',
  password: 'warung-on-the-corner',
  businessName: 'Warung Sari',
};

/** A customer whose number ends in `n`. */
export function customer(n: number): Person {
  return {
    role: 'customer',
    phone: `+65812400${String(n).padStart(2, '0')}`,
    username: `ayu${String(n)}`,
    password: 'rice-and-coconut-milk',
  };
}

export class Shop {
  readonly stack: Stack;
  /** Between the kiosk and the cloud. */
  readonly line: RecordingProxy;
  readonly #folder: string;

  private constructor(stack: Stack, line: RecordingProxy, folder: string) {
    this.stack = stack;
    this.line = line;
    this.#folder = folder;
  }

  /** Cloud and stand-ins up; no kiosk yet. */
  static async open(env: Readonly<Record<string, string>> = {}, networks?: SeparateNetworks): Promise<Shop> {
    const folder = await mkdtemp(join(tmpdir(), 'tiki-e2e-'));
    // The embedded PostgreSQL runs as a user of its own when this runs as root, and must get through.
    await chmod(folder, 0o755);
    const ports = await freePorts();
    const line = await RecordingProxy.start({ port: 0, target: ports.server });
    const stack = new Stack({
      dataFolder: folder,
      ports,
      agentApiUrl: line.url,
      ...(networks === undefined ? {} : { agentPlace: await placeIn(networks, line) }),
      // Tests register more people in a minute from one address than a shop sees in a day.
      env: { NODE_ENV: 'test', TIKI_RATE_LIMIT_FACTOR: '1000', ...env },
    });
    const shop = new Shop(stack, line, folder);
    try {
      await Promise.all([stack.startStandIns(), stack.startServer()]);
    } catch (error) {
      await shop.close();
      throw error;
    }
    return shop;
  }

  /** A second shop, with a kiosk and a line of its own, under the cloud of `first`; close it before `first`. */
  static async beside(first: Shop): Promise<Shop> {
    const folder = await mkdtemp(join(tmpdir(), 'tiki-e2e-'));
    const { kiosk } = await freePorts();
    const line = await RecordingProxy.start({ port: 0, target: first.line.target });
    const { ports, env } = first.stack.options;
    const options = { dataFolder: folder, ports: { ...ports, kiosk }, agentApiUrl: line.url };
    return new Shop(new Stack(env === undefined ? options : { ...options, env }), line, folder);
  }

  get folder(): string {
    return this.#folder;
  }

  /** Starts the agent and enrols it for `owner`, all through the agent's own calls. */
  async openKiosk(owner: Person = merchant): Promise<void> {
    await new CloudClient(this.stack).signInOrRegister(owner);
    await this.stack.startAgent();
    await this.withAgent(async (agent) => {
      await agent.call('merchant.signIn', { phone: owner.phone, password: owner.password });
      const kiosk = await agent.call('kiosks.create', { idempotencyKey: randomUUID(), name: 'Counter' });
      await agent.call('kiosk.enrol', { code: kiosk.enrolment?.code ?? '' });
      await agent.call('merchant.signOut', {});
    });
  }

  async withAgent<T>(use: (agent: AgentClient) => Promise<T>): Promise<T> {
    const agent = this.stack.connectAgent();
    try {
      await agent.whenConnected(60_000);
      return await use(agent);
    } finally {
      agent.close();
    }
  }

  async state(): Promise<AgentState> {
    return await this.withAgent(async (agent) => await agent.call('agent.state', {}));
  }

  async charge(amountMinor: bigint): Promise<Sale> {
    return await this.withAgent(
      async (agent) =>
        await agent.call('sale.open', { saleId: randomUUID(), amountMinor: amountMinor.toString() }),
    );
  }

  async close(): Promise<void> {
    await this.stack.stop();
    await this.line.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The kiosk in the shop's own network, with a line to the cloud at the address that the agent is told. */
async function placeIn(networks: SeparateNetworks, line: RecordingProxy) {
  await networks.openLine(Number(new URL(line.url).port));
  const { hostname, port } = new URL(KIOSK_ADDRESS);
  return { inside: networks.inside('shop'), host: hostname, port: Number(port) };
}
