/**
 * Keeps an agent running while the app runs: adopts one that is there, starts one otherwise, starts it again when it dies
 * or hangs. Owns the processes that this app started, in this run or in one that crashed; a stranger's agent is used and
 * left alone. Never talks to an agent except by signals, and never touches its data.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { AgentRecord } from './agent-record.ts';

const FIRST_BACKOFF_MS = 300;
const MAX_BACKOFF_MS = 10_000;
/** An agent that lived this long had not failed to start: the next death is a new story. */
const STEADY_MS = 30_000;
/** It finishes what it acknowledged long before; its store survives a kill at any moment anyway. */
const STOP_TIMEOUT_MS = 8_000;
/** Three heartbeats of the link: a busy disk is not a hung program. */
const HUNG_AFTER_MS = 10_000;
/** Opening a large journal on a slow card takes longer than answering. */
const START_TIMEOUT_MS = 45_000;
/** One that hangs hears nothing; one that only speaks another version's language ends in order. */
const HUNG_GRACE_MS = 2_000;
const WATCH_ORPHAN_MS = 250;

export interface AgentProcessOptions {
  command: string;
  entry: string;
  env: NodeJS.ProcessEnv;
  socketPath: string;
  record: AgentRecord;
  log: (line: string) => void;
  /** For tests, which have no minutes to wait. */
  hungAfterMs?: number;
}

export interface AgentProcess {
  /** Nobody answers: makes sure that something will. Safe to call at any time, and meant to be called again and again. */
  ensure(): Promise<void>;
  /** An agent answers: what was silent before is forgiven. */
  answered(): void;
  /** Ends our own agent and waits for it, at most a few seconds; a stranger's is left alone. */
  stop(): Promise<void>;
}

/** Doubles up to the bound; pure, so that its law can be tested. */
export function nextBackoff(previousMs: number, livedMs: number): number {
  return livedMs >= STEADY_MS ? FIRST_BACKOFF_MS : Math.min(previousMs * 2, MAX_BACKOFF_MS);
}

/** What the agent inherits: everything but the variables that would turn it, or its children, into something else. */
export function agentEnvironment(env: NodeJS.ProcessEnv, dataFolder: string): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) => !name.startsWith('ELECTRON_') && name !== 'NODE_OPTIONS',
  );
  return { ...Object.fromEntries(kept), TIKI_KIOSK_DATA: dataFolder };
}

export function superviseAgent(options: AgentProcessOptions): AgentProcess {
  return new Supervisor(options);
}

/** A process of ours: a child, or the child of a run that crashed. */
interface OwnAgent {
  readonly startedAt: number;
  readonly ended: Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

class Supervisor implements AgentProcess {
  readonly #options: AgentProcessOptions;
  readonly #hungAfterMs: number;
  #own: OwnAgent | undefined;
  #hasAnswered = false;
  #silentSince: number | undefined;
  #isEnding = false;
  #timer: NodeJS.Timeout | undefined;
  #backoffMs = FIRST_BACKOFF_MS;
  #isStopping = false;
  #ensuring: Promise<void> | undefined;

  constructor(options: AgentProcessOptions) {
    this.#options = options;
    this.#hungAfterMs = options.hungAfterMs ?? HUNG_AFTER_MS;
  }

  ensure(): Promise<void> {
    // A pending restart keeps its distance, however often it is asked for.
    if (this.#timer !== undefined) return Promise.resolve();
    this.#ensuring ??= this.#look().finally(() => {
      this.#ensuring = undefined;
    });
    return this.#ensuring;
  }

  answered(): void {
    this.#hasAnswered = true;
    this.#silentSince = undefined;
    // One that this app started before it crashed is found here when it answers faster than anybody looks for it.
    if (this.#own === undefined && !this.#isStopping) this.#adopt();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await this.#ensuring;
    if (this.#own !== undefined) await end(this.#own, STOP_TIMEOUT_MS);
    this.#options.record.forget();
  }

  async #look(): Promise<void> {
    if (this.#isStopping) return;
    if (this.#own !== undefined) return this.#judge(this.#own);
    if (this.#adopt() || (await answersAt(this.#options.socketPath))) return;
    if (!this.#isStopping && this.#own === undefined) this.#start();
  }

  /** It lives, and nobody answers. */
  #judge(own: OwnAgent): void {
    const now = performance.now();
    this.#silentSince ??= now;
    const patienceMs = this.#hasAnswered
      ? this.#hungAfterMs
      : Math.max(this.#hungAfterMs, this.#startTimeoutMs);
    if (this.#isEnding || now - this.#silentSince < patienceMs) return;
    this.#isEnding = true;
    this.#options.log('the agent lives but does not answer; ending it to start another');
    void end(own, HUNG_GRACE_MS);
  }

  get #startTimeoutMs(): number {
    return this.#options.hungAfterMs ?? START_TIMEOUT_MS;
  }

  #adopt(): boolean {
    const pid = this.#options.record.recall();
    if (pid === undefined) return false;
    this.#options.log(`the agent of an earlier run is still there (process ${pid}); it is this app's again`);
    this.#take(orphan(pid, () => this.#options.record.recall() === pid));
    return true;
  }

  #start(): void {
    const { command, entry, env } = this.#options;
    const child = spawn(command, [entry], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      windowsHide: true,
    });
    this.#remember(child.pid);
    this.#take({
      startedAt: performance.now(),
      ended: new Promise((resolve) => {
        child.once('error', (error) => resolve(error.message));
        child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
      }),
      kill: (signal) => void child.kill(signal),
    });
  }

  #remember(pid: number | undefined): void {
    try {
      if (pid !== undefined) this.#options.record.remember(pid);
    } catch (error) {
      // On a full disk too the shop sells; only an orphan would be a stranger then.
      this.#options.log(`the agent's process could not be noted: ${String(error)}`);
    }
  }

  #take(own: OwnAgent): void {
    this.#own = own;
    this.#silentSince = undefined;
    this.#hasAnswered = false;
    this.#isEnding = false;
    void own.ended.then((why) => this.#ended(own, why));
  }

  #ended(own: OwnAgent, why: string): void {
    if (this.#own !== own) return;
    this.#own = undefined;
    if (this.#isStopping) return;
    this.#backoffMs = nextBackoff(this.#backoffMs, performance.now() - own.startedAt);
    this.#options.log(`the agent ended (${why}); starting it again in ${this.#backoffMs} ms`);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.ensure();
    }, this.#backoffMs);
  }
}

/** Asks, and after a while does not ask any more. */
async function end(own: OwnAgent, graceMs: number): Promise<void> {
  own.kill('SIGTERM');
  const killer = setTimeout(() => own.kill('SIGKILL'), graceMs);
  await own.ended;
  clearTimeout(killer);
}

/** Nobody's child any more: the system says nothing when it ends, so it is looked at. */
function orphan(pid: number, isAlive: () => boolean): OwnAgent {
  const ended = new Promise<string>((resolve) => {
    const watch = setInterval(() => {
      if (isAlive()) return;
      clearInterval(watch);
      resolve('it was an orphan');
    }, WATCH_ORPHAN_MS);
  });
  const kill = (signal: NodeJS.Signals): void => {
    // Asked again at the last moment: an id may have passed on to a stranger's process.
    if (!isAlive()) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      // It ended between the look and the signal, which is what was wanted.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  };
  return { startedAt: performance.now(), ended, kill };
}

/** Whether anybody accepts connections there; who it is, `agent.hello` finds out. */
function answersAt(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath);
    const settle = (alive: boolean): void => {
      probe.destroy();
      resolve(alive);
    };
    probe.once('connect', () => settle(true));
    probe.once('error', () => settle(false));
    probe.setTimeout(1_000, () => settle(false));
  });
}
