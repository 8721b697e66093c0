// One long-lived child of a running stack: started with its log in a file, waited
// for until it is ready, stopped politely and then for certain. Never restarts
// anything by itself: what must come back after a crash is somebody's decision.

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { pinnedToolsEnvironment, repositoryRoot } from '../run-command.ts';

export type ProcessPlan = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  /** Resolves true once the process does its work; asked again and again until then. */
  readonly isReady: () => Promise<boolean>;
  readonly readyTimeoutMs?: number;
};

export class ProcessFailed extends Error {
  readonly code: 'process_exited' | 'process_not_ready';
  constructor(code: ProcessFailed['code'], message: string) {
    super(message);
    this.name = 'ProcessFailed';
    this.code = code;
  }
}

const keptLines = 40;
const politeStopMs = 15_000;

export class ManagedProcess {
  readonly plan: ProcessPlan;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  readonly #exited: Promise<void>;
  #stopping = false;

  private constructor(plan: ProcessPlan) {
    this.plan = plan;
    mkdirSync(dirname(plan.logFile), { recursive: true });
    const log = createWriteStream(plan.logFile, { flags: 'a' });
    // A group of its own: a Ctrl-C in the terminal reaches the stack, which stops its parts in order.
    this.#child = spawn(plan.command, [...plan.args], {
      cwd: repositoryRoot,
      env: pinnedToolsEnvironment({ ...process.env, ...plan.env }),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    const keep = (chunk: Buffer): void => {
      log.write(chunk);
      this.#lastLines.push(
        ...chunk
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== ''),
      );
      this.#lastLines.splice(0, Math.max(0, this.#lastLines.length - keptLines));
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#lastLines.push(error.message);
        resolve();
      });
      this.#child.once('close', () => {
        log.end();
        resolve();
      });
    });
  }

  /** Starts, and returns at once: whoever stops everything must be able to stop what is not ready yet. */
  static spawn(plan: ProcessPlan): ManagedProcess {
    return new ManagedProcess(plan);
  }

  /** Waits until it does its work. Rejects with the last lines of its log when it ends or never gets there. */
  async whenReady(): Promise<void> {
    const deadline = performance.now() + (this.plan.readyTimeoutMs ?? 60_000);
    for (;;) {
      if (!this.isRunning)
        throw new ProcessFailed('process_exited', this.#failure('ended before it was ready'));
      if (await this.plan.isReady()) return;
      if (performance.now() > deadline) {
        await this.stop();
        throw new ProcessFailed('process_not_ready', this.#failure('did not become ready in time'));
      }
      await delay(50);
    }
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  /** Resolves when the process has ended, for whatever reason. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  get wasStopped(): boolean {
    return this.#stopping;
  }

  /** The newest lines that it wrote. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** SIGTERM to the process alone, so that it can close its own children; SIGKILL to the group after a while. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (!this.isRunning) return;
    this.#child.kill('SIGTERM');
    const ended = await Promise.race([
      this.#exited.then(() => true),
      delay(politeStopMs, false, { ref: false }),
    ]);
    if (!ended) await this.kill();
  }

  /** What a power cut does to a program: no clean-up, at once, children included. */
  async kill(): Promise<void> {
    this.#stopping = true;
    if (!this.isRunning || this.#child.pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? this.#child.pid : -this.#child.pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'ESRCH') throw error;
    }
    await this.#exited;
  }

  #failure(what: string): string {
    const log = this.#lastLines
      .slice(-12)
      .map((line) => `    ${line}`)
      .join('\n');
    return `${this.plan.name} ${what}.\n${log}\n  The whole log: ${this.plan.logFile}`;
  }
}
