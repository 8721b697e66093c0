/**
 * Keeps an agent running while the app runs: adopts one that already answers, starts one otherwise, starts it again
 * when it dies. Owns the child process; never talks to it except by signals, and never touches its data.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';

const FIRST_BACKOFF_MS = 300;
const MAX_BACKOFF_MS = 10_000;
/** An agent that lived this long had not failed to start: the next death is a new story. */
const STEADY_MS = 30_000;
/** It finishes what it acknowledged long before; its store survives a kill at any moment anyway. */
const STOP_TIMEOUT_MS = 8_000;

export interface AgentProcessOptions {
  command: string;
  entry: string;
  env: NodeJS.ProcessEnv;
  socketPath: string;
  log: (line: string) => void;
}

export interface AgentProcess {
  /** Makes sure that something answers at the socket or is being started. Safe to call at any time. */
  ensure(): Promise<void>;
  /** Ends our own child and waits for it, at most a few seconds; an adopted agent is left alone. */
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
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let backoffMs = FIRST_BACKOFF_MS;
  let stopping = false;
  let ensuring: Promise<void> | undefined;

  const start = (): void => {
    const startedAt = performance.now();
    const running = spawn(options.command, [options.entry], {
      env: options.env,
      stdio: ['ignore', 'inherit', 'inherit'],
      windowsHide: true,
    });
    child = running;
    const ended = (why: string): void => {
      if (child !== running) return;
      child = undefined;
      if (stopping) return;
      backoffMs = nextBackoff(backoffMs, performance.now() - startedAt);
      options.log(`the agent ended (${why}); starting it again in ${backoffMs} ms`);
      timer = setTimeout(() => {
        timer = undefined;
        void ensure();
      }, backoffMs);
    };
    running.once('error', (error) => ended(error.message));
    running.once('exit', (code, signal) => ended(signal ?? `code ${code}`));
  };

  const look = async (): Promise<void> => {
    if (stopping || child !== undefined || (await answersAt(options.socketPath))) return;
    if (!stopping && child === undefined) start();
  };
  const ensure = (): Promise<void> => {
    // A pending restart keeps its distance, however often it is asked for.
    if (timer !== undefined) return Promise.resolve();
    ensuring ??= look().finally(() => {
      ensuring = undefined;
    });
    return ensuring;
  };

  return {
    ensure,
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await ensuring;
      const running = child;
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.kill('SIGTERM');
      const killer = setTimeout(() => running.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(killer);
    },
  };
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
