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

export async function startScriptedSupplicant(
  socketPath: string,
  script: Script,
): Promise<{ readonly stop: () => Promise<void> }> {
  await compile();
  const child = spawn(program, [socketPath], { stdio: ['pipe', 'pipe', 'inherit'] });
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
  return {
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
