// The kiosk's real window before an agent in memory, which can be in any state at once: for what is about the screens and
// not about the money. The agent is exchanged under the open window, as when a real one is started again.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { CDPSession, ElectronApplication, Locator, Page } from 'playwright-core';
import { type Display, withDisplay } from '../../scripts/display.ts';
import { findElectron, sandboxFlags } from '../../scripts/electron-runtime.ts';
import { pinnedToolsEnvironment, repositoryRoot, track } from '../../scripts/run-command.ts';
import { definedEnvironment, launchElectron } from './launch-electron.ts';

export type FakeTillOptions = {
  readonly size?: string;
  readonly mode?: 'kiosk' | 'desktop';
};

type AgentProcess = ChildProcessByStdio<Writable, Readable, null>;

export class FakeTill {
  readonly page: Page;
  readonly #app: ElectronApplication;
  readonly #display: Display;
  readonly #folder: string;
  #agent: AgentProcess | undefined;
  #finger: CDPSession | undefined;

  private constructor(app: ElectronApplication, page: Page, display: Display, folder: string) {
    this.#app = app;
    this.page = page;
    this.#display = display;
    this.#folder = folder;
  }

  static async open(options: FakeTillOptions = {}): Promise<FakeTill> {
    const folder = await mkdtemp(join(tmpdir(), 'tiki-till-'));
    const display = await withDisplay({ say: () => undefined });
    try {
      const electron = await findElectron({ say: () => undefined });
      const app = await launchElectron({
        executablePath: electron.executablePath,
        args: [
          join(repositoryRoot, 'desktop'),
          ...sandboxFlags(),
          '--lang=en-US',
          '--force-device-scale-factor=1',
        ],
        env: {
          ...definedEnvironment(),
          ...display.env,
          TIKI_KIOSK_DATA: folder,
          TIKI_AGENT_SOCKET: join(folder, 'agent.sock'),
          TIKI_WINDOW: options.mode ?? 'desktop',
          TIKI_WINDOW_SIZE: options.size ?? '1280x800',
        },
      });
      return new FakeTill(app, await app.firstWindow(), display, folder);
    } catch (error) {
      await display.stop();
      throw error;
    }
  }

  /** Another agent in another state, behind the same window. Resolves when it can be reached. */
  async become(scenario: string): Promise<void> {
    const agent = this.#agent ?? this.#spawnAgent(scenario);
    const isServing = new Promise<void>((resolve, reject) => {
      const fail = (code: number | null): void => {
        reject(new Error(`the fake agent ended with code ${String(code)}`));
      };
      agent.once('exit', fail);
      agent.stdout.once('data', () => {
        agent.off('exit', fail);
        resolve();
      });
    });
    if (this.#agent === undefined) this.#agent = agent;
    else this.control(`become ${scenario}`);
    await isServing;
    // Where a screen was left is not where the next scenario begins.
    await this.page.reload();
  }

  #spawnAgent(scenario: string): AgentProcess {
    const script = join(repositoryRoot, 'desktop', 'ipc', 'serve-fake-agent.ts');
    const agent = spawn('node', [script, this.#folder, scenario], {
      env: pinnedToolsEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    track(agent);
    return agent;
  }

  /** The agent ends, as in a crash. */
  async loseAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined || agent.exitCode !== null) return;
    const ended = new Promise((resolve) => agent.once('exit', resolve));
    agent.stdin.end('quit\n');
    await ended;
  }

  /** A hand at the controls of the agent: one line as in desktop/ipc/serve-fake-agent.ts. */
  control(line: string): void {
    this.#agent?.stdin.write(`${line}\n`);
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** A finger on the middle of it: no mouse is involved, as on a touch screen. */
  async touch(target: Locator): Promise<void> {
    await target.scrollIntoViewIfNeeded();
    const box = await target.boundingBox();
    if (box === null) throw new Error('there is nothing to touch');
    this.#finger ??= await this.page.context().newCDPSession(this.page);
    const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await this.#finger.send('Emulation.setTouchEmulationEnabled', { enabled: true });
    await this.#finger.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point] });
    await this.#finger.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  }

  async close(): Promise<void> {
    await this.#app.close();
    await this.loseAgent();
    await this.#display.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
