// Gives a window somewhere to open: the display that is there, or a virtual one
// (Xvfb) that this module owns and stops. Nothing happens outside Linux.

import { spawn } from 'node:child_process';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { track } from './run-command.ts';
import { findProgram } from './system-packages.ts';

export type Display = {
  /** What a child needs in its environment to open windows there. */
  readonly env: Readonly<Record<string, string>>;
  /** True when nobody can see it. */
  readonly virtual: boolean;
  readonly stop: () => Promise<void>;
};

export type DisplayOptions = {
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly say?: (line: string) => void;
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

export class DisplayUnavailable extends Error {
  readonly code: 'xvfb_missing' | 'xvfb_did_not_start';

  constructor(code: DisplayUnavailable['code'], message: string) {
    super(message);
    this.name = 'DisplayUnavailable';
    this.code = code;
  }
}

const startTimeoutMs = 15_000;

/** Resolves with the machine's display when it has one, else starts a virtual one and says so. */
export async function withDisplay(options: DisplayOptions = {}): Promise<Display> {
  const environment = options.environment ?? process.env;
  const existing = environment['DISPLAY'];
  if (process.platform !== 'linux') return { env: {}, virtual: false, stop: async () => {} };
  if (existing !== undefined && existing !== '') {
    return { env: { DISPLAY: existing }, virtual: false, stop: async () => {} };
  }
  const size = `${String(options.widthPx ?? 1280)}x${String(options.heightPx ?? 800)}`;
  const display = await startXvfb(size);
  (options.say ?? console.log)(
    `No display on this machine: windows open on a virtual one (Xvfb ${display.name}, ${size}).`,
  );
  return { env: { DISPLAY: display.name }, virtual: true, stop: display.stop };
}

async function startXvfb(size: string): Promise<{ name: string; stop: () => Promise<void> }> {
  const program = findProgram('Xvfb');
  if (program === undefined) {
    throw new DisplayUnavailable(
      'xvfb_missing',
      'There is no display and Xvfb is not installed (Debian package xvfb).',
    );
  }
  // -displayfd lets the server choose a free number and report it once it accepts clients,
  // so there is neither a race for a number nor a wait of a guessed length.
  const child = spawn(
    program,
    ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp', '-noreset'],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  track(child);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
  const number = await firstLine(child.stdio[3] as Readable, exited);
  if (number === undefined) {
    await stop();
    throw new DisplayUnavailable('xvfb_did_not_start', `Xvfb did not start: ${complaint.trim()}`);
  }
  // It must not keep a script alive that has nothing else to do; track() ends it on a signal.
  process.once('exit', () => child.kill('SIGTERM'));
  return { name: `:${number}`, stop };
}

/** The first line of the stream, or undefined when the process ends or takes too long. */
function firstLine(stream: Readable, ended: Promise<void>): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const timer = setTimeout(() => resolve(undefined), startTimeoutMs);
    const done = (line: string | undefined): void => {
      clearTimeout(timer);
      resolve(line);
    };
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const end = text.indexOf('\n');
      if (end >= 0) done(text.slice(0, end).trim());
    });
    void ended.then(() => done(undefined));
  });
}
