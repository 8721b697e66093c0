// One network namespace, and programs in it.

import { type ChildProcess, execFile, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class Network {
  readonly #prefix: readonly string[];

  private constructor(prefix: readonly string[]) {
    this.#prefix = prefix;
  }

  /** The one that this program runs in. */
  static own(): Network {
    return new Network([]);
  }

  static named(name: string): Network {
    return new Network(['ip', 'netns', 'exec', name]);
  }

  /** Runs a program to its end and gives what it printed; rejects, with what it complained of, when it fails. */
  async exec(program: string, ...args: readonly string[]): Promise<string> {
    const [command = program, ...rest] = [...this.#prefix, program, ...args];
    return (await run(command, rest)).stdout;
  }

  /** Whether a program ended well. */
  async tryExec(program: string, ...args: readonly string[]): Promise<boolean> {
    return await this.exec(program, ...args).then(
      () => true,
      () => false,
    );
  }

  /** The child is the program itself: `ip netns exec` becomes it. */
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const [command = program, ...rest] = [...this.#prefix, program, ...args];
    return spawn(command, rest, options);
  }

  /**
   * Starts a Node program and resolves when `isReady` has. V8 itself dies now and then while it starts under emulation
   * (about once in a hundred times, in its own checks): then it is started once more, and that is said.
   */
  async startNode(
    args: readonly string[],
    options: SpawnOptions,
    isReady: (child: ChildProcess) => Promise<unknown>,
  ): Promise<ChildProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const child = this.spawn(process.execPath, args, options);
      const ended = once(child, 'exit').then(([code, signal]) => {
        throw new ProgramEnded(args[0] ?? '', String(signal ?? code));
      });
      try {
        await Promise.race([ended, isReady(child)]);
        return child;
      } catch (error) {
        if (!(error instanceof ProgramEnded) || !EMULATION.includes(error.how) || attempt > 1) throw error;
        console.log(`lab: ${error.message} while it started; it is started again`);
      }
    }
  }
}

/** How V8 ends when it finds itself broken, and how a processor ends it. */
const EMULATION = ['SIGTRAP', 'SIGSEGV', 'SIGILL'];

class ProgramEnded extends Error {
  readonly how: string;

  constructor(program: string, how: string) {
    super(`${program} ended with ${how}`);
    this.how = how;
  }
}
