// A machine with software radios, made for one run: QEMU without disks or network, the host's file system as its
// (read-only) root, so that the checkout and everything installed are simply there.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabUnavailable, prepareKernel } from './kernel.ts';
import { type MachinePlan, PLAN_FILE } from './machine-plan.ts';
import { buildRadioTool } from './radio-tool.ts';

export type MachineRun = {
  /** An absolute path; Node runs it as root inside. */
  readonly program: string;
  readonly repository: string;
  readonly radios: number;
  readonly timeoutMs: number;
  readonly plan: MachinePlan;
  /** What the program prints, as it comes. */
  readonly onOutput: (text: string) => void;
};

export type MachineResult = {
  /** The program's exit code; undefined when it never got that far. */
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly console: string;
  /** Logs that the program left behind; the caller removes it. */
  readonly folder: string;
  readonly timedOut: boolean;
};

const POLL_MS = 200;

/** Rejects with LabUnavailable when there is no such machine to be had. */
export async function runInMachine(options: MachineRun): Promise<MachineResult> {
  const kernel = await prepareKernel();
  await buildRadioTool();
  const runs = join(import.meta.dirname, '..', 'build', 'lab');
  await mkdir(runs, { recursive: true });
  const folder = await mkdtemp(join(runs, 'run-'));
  try {
    await copyFile(join(import.meta.dirname, 'guest.sh'), join(folder, 'guest.sh'));
    const settings = [
      `RADIOS=${String(options.radios)}`,
      `REPOSITORY='${options.repository}'`,
      `PROGRAM='${options.program}'`,
    ];
    await writeFile(join(folder, 'settings'), `${settings.join('\n')}\n`);
    await writeFile(join(folder, PLAN_FILE), JSON.stringify(options.plan));
    const timedOut = await boot(kernel, folder, options);
    const exitCode = Number.parseInt(await readText(join(folder, 'exit-code')), 10);
    return {
      exitCode: Number.isNaN(exitCode) ? undefined : exitCode,
      stderr: await readText(join(folder, 'stderr')),
      console: await readText(join(folder, 'console')),
      folder,
      timedOut,
    };
  } finally {
    await rm(kernel.initramfsPath, { force: true });
  }
}

async function boot(
  kernel: { readonly kernelPath: string; readonly initramfsPath: string },
  folder: string,
  { timeoutMs, onOutput }: MachineRun,
): Promise<boolean> {
  const share = 'security_model=none,multidevs=remap';
  const args = [
    // Software emulation: it is everywhere, and where there is more, it may be there and fail. A processor without AVX
    // and protection keys: what QEMU emulates of them is young, and V8 and the C library use all that they find.
    ...['-accel', 'tcg,thread=multi', '-cpu', 'Westmere', '-smp', '2', '-m', '2048'],
    ...['-nographic', '-no-reboot', '-nic', 'none', '-monitor', 'none'],
    ...['-serial', `file:${join(folder, 'console')}`],
    ...['-kernel', kernel.kernelPath, '-initrd', kernel.initramfsPath],
    ...['-append', 'console=ttyS0 quiet loglevel=3 panic=-1'],
    ...['-virtfs', `local,path=/,mount_tag=host,readonly=on,${share}`],
    ...['-virtfs', `local,path=${folder},mount_tag=lab,${share}`],
  ];
  const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  let isOver = false;
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
    isOver = true;
  });
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) failure = new Error(`QEMU ended with ${String(code)}: ${said}`);
    isOver = true;
  });
  // A lab that outlives the one who asked for it would run until somebody wonders about the fan.
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  const startedAt = performance.now();
  let shown = 0;
  let timedOut = false;
  for (let isLast = false; !isLast; ) {
    isLast = isOver;
    const text = await readText(join(folder, 'stdout'));
    if (text.length > shown) onOutput(text.slice(shown));
    shown = text.length;
    if (!isLast) await sleep(POLL_MS);
    if (!isOver && performance.now() - startedAt > timeoutMs) {
      timedOut = true;
      stop();
    }
  }
  process.removeListener('exit', stop);
  if (failure !== undefined) throw new LabUnavailable('machine_failed', failure.message);
  return timedOut;
}

async function readText(path: string): Promise<string> {
  return existsSync(path) ? await readFile(path, 'utf8') : '';
}
