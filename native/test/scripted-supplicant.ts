// Compiles (once) and runs test/scripted_supplicant.cc.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { testProgram } from './compile.ts';

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
  const program = await testProgram('scripted_supplicant');
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
