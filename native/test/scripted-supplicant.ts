// Compiles (once) and runs test/scripted_supplicant.cc.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const source = join(import.meta.dirname, 'scripted_supplicant.cc');
const folder = join(import.meta.dirname, '..', 'build', 'test');
const program = join(folder, 'scripted_supplicant');

/** Command to the datagrams that answer it; none is silence. */
export type Script = Readonly<Record<string, readonly string[]>>;

export type ScriptedSupplicant = {
  /** Sends an event to everyone who is attached, as often as asked. */
  readonly tell: (event: string, times?: number) => void;
  /** Resolves once so many have attached since the start. */
  readonly attached: (count: number) => Promise<void>;
  /** Ends as a supplicant does that is told to. */
  readonly stop: () => Promise<void>;
  /** Ends without a word. */
  readonly kill: () => Promise<void>;
};

export async function startScriptedSupplicant(
  socketPath: string,
  script: Script,
  { stormSeed }: { readonly stormSeed?: number } = {},
): Promise<ScriptedSupplicant> {
  await compile();
  const storm = stormSeed === undefined ? [] : [String(stormSeed)];
  const child = spawn(program, [socketPath, ...storm], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = Object.entries(script).map(([command, replies]) =>
    [command, ...replies.map((reply) => reply.replaceAll('\n', '\\n'))].join('\t'),
  );
  child.stdin.write(`${lines.join('\n')}\n\n`);
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => {
      throw new Error(`the scripted supplicant cannot listen on ${socketPath}`);
    }),
  ]);
  let attachedCount = 0;
  const waiting = new Set<() => void>();
  child.stdout.on('data', (text: Buffer) => {
    attachedCount += text.toString().split('attached').length - 1;
    for (const wake of waiting) wake();
  });
  return {
    tell(event, times = 1) {
      child.stdin.write(`${String(times)}\t${event.replaceAll('\n', '\\n')}\n`);
    },
    async attached(count) {
      while (attachedCount < count) {
        await new Promise<void>((resolve) => waiting.add(resolve));
        waiting.clear();
      }
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

async function compile(): Promise<void> {
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return;
  await mkdir(folder, { recursive: true });
  const temporary = `${program}.${String(process.pid)}`;
  await promisify(execFile)(process.env['CXX'] ?? 'g++', ['-std=c++17', '-O1', '-o', temporary, source]);
  await rename(temporary, program);
}
