/**
 * One dnsmasq as a child: started, waited for until it serves, read, and ended for certain. Owns the process and its
 * number on disk, by which one that outlived a killed agent is found; says when it ends by itself, and starts no other.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { dnsmasqArguments, type Lease, LeaseReader } from './dnsmasq.ts';
import { programError, type ProgramError, type Programs, type RunningProgram } from './run-program.ts';

export interface DnsmasqOptions {
  readonly programs: Programs;
  /** For its leases and its process number. */
  readonly folder: string;
  readonly interfaceName: string;
  readonly onLease: (lease: Lease) => void;
  /** It ended and nobody had asked it to. */
  readonly onEnded: () => void;
}

const READY = /^dnsmasq-dhcp\[\d{1,10}\]: DHCP, sockets bound exclusively to interface /;
const START_TIMEOUT_MS = 5_000;
const STOP_TIMEOUT_MS = 2_000;
/** Enough to say why it did not start. */
const REMEMBERED_LINES = 5;

export class DnsmasqChild {
  readonly #options: DnsmasqOptions;
  readonly #child: RunningProgram;
  readonly #ended: Promise<void>;
  readonly #lastLines: string[] = [];
  #state: 'starting' | 'serving' | 'ending' = 'starting';

  private constructor(options: DnsmasqOptions) {
    this.#options = options;
    this.#child = options.programs.start(
      'dnsmasq',
      dnsmasqArguments({ interfaceName: options.interfaceName, leaseFile: leaseFileIn(options.folder) }),
    );
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', () => resolve());
      this.#child.once('exit', () => resolve());
    });
  }

  /** Resolves when it serves. @throws ProgramError */
  static async start(options: DnsmasqOptions): Promise<DnsmasqChild> {
    const child = new DnsmasqChild(options);
    try {
      child.#writeNumber();
    } catch (error) {
      // One that the next start could not find must not outlive this one either.
      await child.stop();
      throw error;
    }
    await child.#untilServing();
    return child;
  }

  async stop(): Promise<void> {
    this.#state = 'ending';
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.kill('SIGTERM');
    await this.#ended;
    clearTimeout(kill);
    for (const file of [pidFileIn(this.#options.folder), leaseFileIn(this.#options.folder)])
      rmSync(file, { force: true });
  }

  #writeNumber(): void {
    const { pid } = this.#child;
    if (pid !== undefined) writeFileSync(pidFileIn(this.#options.folder), String(pid), { mode: 0o600 });
  }

  async #untilServing(): Promise<void> {
    const outcome = await new Promise<'serving' | Error>((resolve) => {
      this.#readLines(() => resolve('serving'));
      this.#child.once('error', (error) => resolve(programError('dnsmasq', error, '')));
      this.#child.once('exit', () => resolve(this.#whyItEnded()));
      setTimeout(() => resolve(this.#whyItEnded()), START_TIMEOUT_MS).unref();
    });
    if (outcome !== 'serving') {
      await this.stop();
      throw outcome;
    }
    this.#state = 'serving';
    void this.#ended.then(() => {
      if (this.#state === 'serving') this.#options.onEnded();
    });
  }

  #readLines(onReady: () => void): void {
    const { stderr, stdout } = this.#child;
    stdout?.resume();
    if (stderr === null) return;
    const leases = new LeaseReader();
    createInterface({ input: stderr }).on('line', (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > REMEMBERED_LINES) this.#lastLines.shift();
      if (READY.test(line)) onReady();
      const lease = leases.read(line);
      if (lease !== null) this.#options.onLease(lease);
    });
  }

  #whyItEnded(): ProgramError {
    const text =
      this.#lastLines.find((line) => /^dnsmasq(?:\[\d{1,10}\])?: failed/.test(line)) ??
      this.#lastLines.at(-1);
    return programError('dnsmasq', new Error('it does not serve'), text ?? '');
  }
}

/** Ends a dnsmasq that an agent left behind when it was killed. Returns whether there was one. */
export function endLeftDnsmasq(folder: string): boolean {
  const pidFile = pidFileIn(folder);
  const pid = Number(readOr(pidFile, ''));
  rmSync(pidFile, { force: true });
  // Numbers of processes are used again: only one that was started with our own file of leases is ours.
  const isOurs =
    Number.isInteger(pid) && pid > 1 && readOr(`/proc/${pid}/cmdline`, '').includes(leaseFileIn(folder));
  if (!isOurs) return false;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
  return true;
}

function leaseFileIn(folder: string): string {
  return join(folder, 'leases');
}

function pidFileIn(folder: string): string {
  return join(folder, 'dnsmasq.pid');
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fallback;
  }
}
