/**
 * The system's programs that the radio needs (`ip`, `nft`, `dnsmasq`), run with a time limit and a plain environment.
 * Owns how they are run; never passes a secret to one, since arguments are for every process to read.
 */
import { execFile, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export type Program = 'ip' | 'nft' | 'dnsmasq';

export type ProgramFault = 'program_missing' | 'not_permitted' | 'program_failed';

/** What a program would not do; `message` is what it said, for the log. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code: ProgramFault;
  readonly program: Program;

  constructor(program: Program, code: ProgramFault, message: string) {
    super(`${program}: ${message}`);
    this.program = program;
    this.code = code;
  }
}

/** What is needed of a child that stays. */
export interface RunningProgram {
  readonly pid?: number | undefined;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  kill(signal: NodeJS.Signals): boolean;
  once(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'exit', listener: () => void): unknown;
}

export interface Programs {
  /** What it printed. `input` goes to its standard input. @throws ProgramError */
  run(program: Program, args: readonly string[], input?: string): Promise<string>;
  /** For a program that stays; its output is a pipe. */
  start(program: Program, args: readonly string[]): RunningProgram;
}

const TIMEOUT_MS = 10_000;
/** Where Debian has them; a user's own PATH often lacks the folders of the administrator. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;

export function systemPrograms(): Programs {
  return {
    run: (program, args, input) =>
      new Promise((resolve, reject) => {
        const child = execFile(
          program,
          [...args],
          { env: ENVIRONMENT, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 1_000_000 },
          (error, stdout, stderr) => {
            if (error === null) resolve(stdout);
            else reject(programError(program, error, stderr));
          },
        );
        // A program that is not there, or that ends before it has read everything, says so above.
        child.stdin?.on('error', () => undefined);
        child.stdin?.end(input ?? '');
      }),
    start: (program, args) =>
      spawn(program, [...args], { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] }),
  };
}

export function programError(program: Program, error: Error, said: string): ProgramError {
  const isMissing = 'code' in error && error.code === 'ENOENT';
  if (isMissing) return new ProgramError(program, 'program_missing', 'it is not installed');
  const text = said.trim().split('\n')[0] ?? '';
  const isRefused = /operation not permitted|permission denied/i.test(said);
  return new ProgramError(program, isRefused ? 'not_permitted' : 'program_failed', text || error.message);
}
