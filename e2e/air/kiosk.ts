// The shop's side: the real agent as its own process in the kiosk's network, over the kiosk's supplicant. It is told what
// a cashier would tap, and killed as a power cut would.

import assert from 'node:assert/strict';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { type AgentClient, connectAgent } from '../../desktop/ipc/agent-client.ts';
import type { AgentState, RadioMode, RadioState, Sale } from '../../desktop/ipc/index.ts';
import { agentEndpoint } from '../../desktop/ipc/transport.ts';
import { LOG_FOLDER } from '../../native/lab/guest/run-case.ts';
import type { Supplicant } from '../../native/lab/guest/supplicant.ts';
import { until } from '../../native/lab/guest/until.ts';
import { type JoinCode, scanJoinCode } from './join-code.ts';

const program = join(import.meta.dirname, '..', '..', 'desktop', 'agent', 'main.ts');
const FOLDER = '/run/shop';
export const PORT = 7070;
export const KIOSK_ADDRESS = '192.168.49.1';
export const KIOSK_ORIGIN = `http://${KIOSK_ADDRESS}:${String(PORT)}`;
export const AGENT_LOG = join(LOG_FOLDER, 'agent.log');
/** Node starts slowly where every instruction is emulated. */
const START_TIMEOUT_MS = 90_000;

export class Kiosk {
  readonly supplicant: Supplicant;
  readonly #apiUrl: string;
  readonly #agent: AgentClient;
  #child: ChildProcess | undefined;

  constructor(supplicant: Supplicant, apiUrl: string) {
    this.supplicant = supplicant;
    this.#apiUrl = apiUrl;
    const { socketPath, tokenPath } = agentEndpoint(FOLDER);
    this.#agent = connectAgent({
      socketPath,
      token: () => Promise.resolve(readFileSync(tokenPath, 'utf8')),
      maxBackoffMs: 200,
      heartbeatMs: 15_000,
    });
  }

  /** Resolves when it answers; `isReady` waits for its phase. */
  async start(): Promise<void> {
    await mkdir(FOLDER, { recursive: true });
    const log = openSync(AGENT_LOG, 'a');
    const env = {
      ...process.env,
      TIKI_KIOSK_DATA: FOLDER,
      TIKI_API_URL: this.#apiUrl,
      TIKI_LISTEN_PORT: String(PORT),
      TIKI_RADIO: 'on',
      TIKI_RADIO_CONTROL: this.supplicant.controlFolder,
      TIKI_RADIO_FREQUENCY_MHZ: '2412',
      LOG_LEVEL: 'debug',
    };
    const options: SpawnOptions = { stdio: ['ignore', log, log], env };
    try {
      this.#child = await this.supplicant.network.startNode([program], options, async () => {
        await this.#agent.whenConnected(START_TIMEOUT_MS);
        await this.seen('it has started', ({ phase }) => phase !== 'starting');
      });
    } finally {
      closeSync(log);
    }
  }

  async enrol(): Promise<void> {
    await this.#agent.call('kiosk.enrol', { code: 'abcd-efgh' });
    await this.seen('it is enrolled', ({ phase }) => phase === 'ready');
  }

  /** Resolves with the first state that is so, the present one included. */
  async seen(
    what: string,
    isSo: (state: AgentState) => boolean,
    timeoutMs = START_TIMEOUT_MS,
  ): Promise<AgentState> {
    const { promise, resolve, reject } = Promise.withResolvers<AgentState>();
    let newest: AgentState | undefined;
    const stop = this.#agent.onState((state) => {
      newest = state;
      if (isSo(state)) resolve(state);
    });
    const timer = setTimeout(() => {
      const radio = JSON.stringify(newest?.radio ?? null);
      reject(
        new Error(
          `not within ${String(timeoutMs)} ms: ${what}; phase ${String(newest?.phase)}, radio ${radio}`,
        ),
      );
    }, timeoutMs);
    return await promise.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }

  async radioIs(wanted: RadioState, timeoutMs?: number): Promise<AgentState> {
    return await this.seen(`the radio is ${wanted}`, ({ radio }) => radio.state === wanted, timeoutMs);
  }

  /** What a phone's camera reads from the screen once people can join. */
  async joinCode(): Promise<JoinCode> {
    await this.seen('there is a code to join by', ({ radio }) => radio.joinCodeId !== null);
    const { picture } = await this.#agent.call('radio.joinCode', {});
    assert.ok(picture !== null, 'no picture to join by');
    return await scanJoinCode(picture);
  }

  async rotate(): Promise<JoinCode> {
    const before = (await this.state()).radio.joinCodeId;
    await this.#agent.call('radio.rotate', {});
    await this.seen('there is another code to join by', ({ radio }) => {
      return radio.joinCodeId !== null && radio.joinCodeId !== before;
    });
    return await this.joinCode();
  }

  /** Another kind of network, by its own code. */
  async hostAs(mode: RadioMode): Promise<JoinCode> {
    const { settings, joinCodeId } = (await this.state()).radio;
    await this.#agent.call('radio.configure', { ...settings, mode });
    await this.seen(`it hosts as ${mode}`, ({ radio }) => {
      return radio.state === 'up' && radio.settings.mode === mode && radio.joinCodeId !== joinCodeId;
    });
    return await this.joinCode();
  }

  async state(): Promise<AgentState> {
    return await this.#agent.call('agent.state', {});
  }

  async charge(amountMinor: bigint): Promise<Sale> {
    // What a failed case left on the screen must not fail the next one.
    await this.cancelOpenSale();
    return await this.#agent.call('sale.open', { saleId: randomUUID(), amountMinor: amountMinor.toString() });
  }

  async cancelOpenSale(): Promise<void> {
    const { sale } = await this.state();
    if (sale?.state === 'open') await this.#agent.call('sale.cancel', { saleId: sale.saleId });
  }

  /** Held before the kiosk's camera. */
  async scan(text: string) {
    return await this.#agent.call('delivery.submit', { text });
  }

  /** Hashes of all payments, newest first. */
  async payments(): Promise<readonly string[]> {
    const hashes: string[] = [];
    for (let cursor: string | null = null; ; ) {
      const page: { items: readonly { paymentHash: string }[]; nextCursor: string | null } =
        await this.#agent.call('activity.list', { cursor, limit: 100 });
      hashes.push(...page.items.map(({ paymentHash }) => paymentHash));
      if (page.nextCursor === null) return hashes;
      cursor = page.nextCursor;
    }
  }

  /** `kill -9`: nothing of it says goodbye. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
    // The client may not have noticed yet, and a call to a dead agent would look like its answer.
    await until('the line to the agent is down', () => !this.#agent.connected);
  }
}
