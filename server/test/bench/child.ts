/** A server of a measurement in a process of its own: it says its port on its first line, and ends with its input. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Child {
  readonly pid: number;
  readonly port: number;
  end(): Promise<void>;
}

export async function startChild(script: string, setup: unknown): Promise<Child> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), JSON.stringify(setup)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) {
    return {
      pid: child.pid ?? 0,
      port: Number(line),
      end: async () => {
        const exited = once(child, 'exit');
        child.stdin.end();
        if (child.exitCode === null) await exited;
      },
    };
  }
  throw new Error(`${script} ended before it listened`);
}
