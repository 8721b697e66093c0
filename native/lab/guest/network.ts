// One network namespace, and programs in it.

import { type ChildProcess, execFile, spawn, type SpawnOptions } from 'node:child_process';
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
}
