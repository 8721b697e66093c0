// Runs one program to its end and says how it went. Every script starts its
// children through here, so that an interrupted script leaves none behind.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import process from 'node:process';
import { delimiter, join } from 'node:path';

export const repositoryRoot: string = join(import.meta.dirname, '..');

export type CommandResult = {
  /** The exit code; 128 + n when a signal ended it; 127 when it could not be started. */
  readonly code: number;
  /** Standard output and error in the order of arrival (empty when shown on the terminal). */
  readonly output: string;
  /** Standard output alone (empty when shown on the terminal). */
  readonly stdout: string;
  readonly durationMs: number;
};

export type CommandOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** 'capture' keeps the output for the result, 'show' lets it through to the terminal. */
  readonly output?: 'capture' | 'show';
  readonly timeoutMs?: number;
};

const running = new Set<ChildProcess>();
let signalsWatched = false;

/** The environment in which `node`, `tsc`, `vitest` are the ones that this repository pins. */
export function pinnedToolsEnvironment(base: Readonly<Record<string, string | undefined>> = process.env) {
  const bin = join(repositoryRoot, 'node_modules', '.bin');
  const inherited = base['PATH'] ?? '';
  const path = inherited.split(delimiter).includes(bin) ? inherited : bin + delimiter + inherited;
  return { ...base, PATH: path };
}

/** Never rejects: a program that cannot be started is a result with code 127. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const startedAt = performance.now();
  const capture = options.output !== 'show';
  // A group of its own, so that stopping it also stops what it started.
  const child = spawn(command, [...args], {
    cwd: options.cwd ?? repositoryRoot,
    env: pinnedToolsEnvironment(options.env),
    stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
    detached: process.platform !== 'win32',
  });
  track(child);
  return new Promise((resolve) => {
    const all: Buffer[] = [];
    const out: Buffer[] = [];
    let timedOut = false;
    child.stdout?.on('data', (chunk: Buffer) => {
      all.push(chunk);
      out.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => all.push(chunk));
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            stopTree(child, 'SIGKILL');
          }, options.timeoutMs);
    const finish = (code: number, note: string): void => {
      clearTimeout(timer);
      running.delete(child);
      resolve({
        code,
        output: Buffer.concat(all).toString('utf8') + note,
        stdout: Buffer.concat(out).toString('utf8'),
        durationMs: performance.now() - startedAt,
      });
    };
    child.once('error', (error) => finish(127, `${command}: ${error.message}\n`));
    child.once('close', (code, signal) => {
      const note = timedOut ? `\n${command}: stopped after ${String(options.timeoutMs)} ms\n` : '';
      finish(code ?? 128 + (signal === null ? 0 : constants.signals[signal]), note);
    });
  });
}

/** For a script that stops its children in an order of its own: the signals are its business from now on. */
export function leaveSignalsToCaller(): void {
  signalsWatched = true;
}

/** Makes an interrupted script take this child (and what it started) with it. */
export function track(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
  if (signalsWatched) return;
  signalsWatched = true;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      for (const one of running) stopTree(one, 'SIGTERM');
      // Whoever ignores a polite request for this long is ended.
      setTimeout(() => {
        for (const one of running) stopTree(one, 'SIGKILL');
        process.exit(128 + constants.signals[signal]);
      }, 2_000);
      const leaveWhenAlone = setInterval(() => {
        if (running.size > 0) return;
        clearInterval(leaveWhenAlone);
        process.exit(128 + constants.signals[signal]);
      }, 50);
    });
  }
}

/** Signals the child's whole process group where it leads one, else the child alone. */
function stopTree(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: it leads no group (Windows, or not detached), or it is gone already.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') child.kill(signal);
    else throw error;
  }
}
