// One wpa_supplicant over one software radio, in a network namespace of its own.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export class Supplicant {
  readonly name: string;
  readonly radio: number;
  readonly folder: string;
  #child: ChildProcess | undefined;
  #rfkillNumber = 0;

  constructor(name: string, radio: number) {
    this.name = name;
    this.radio = radio;
    this.folder = join('/run', name);
  }

  /** Makes the namespace and moves the radio into it. */
  async prepare(): Promise<void> {
    // In another namespace the kernel does not show it any more.
    this.#rfkillNumber = await rfkillNumberOf(`phy${String(this.radio)}`);
    await mkdir(this.clientFolder, { recursive: true });
    execFileSync('ip', ['netns', 'add', this.name]);
    this.exec('ip', 'link', 'set', 'lo', 'up');
    execFileSync('iw', ['phy', `phy${String(this.radio)}`, 'set', 'netns', 'name', this.name]);
    await writeFile(
      join(this.folder, 'supplicant.conf'),
      [`ctrl_interface=${this.controlFolder}`, 'update_config=1', 'country=SG', ''].join('\n'),
    );
  }

  get controlFolder(): string {
    return join(this.folder, 'control');
  }

  get clientFolder(): string {
    return join(this.folder, 'client');
  }

  /** Drivers with a device of its own for Wi-Fi Direct speak of it there. */
  get p2pInterfaceName(): string {
    const own = readdirSync(this.controlFolder).find((name) => name.startsWith('p2p-dev-'));
    return own ?? this.interfaceName;
  }

  get interfaceName(): string {
    return `wlan${String(this.radio)}`;
  }

  /** Runs a program in the namespace and gives what it printed. */
  exec(program: string, ...args: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, program, ...args], { encoding: 'utf8' });
  }

  /** Whether a program in the namespace ended well. */
  tryExec(program: string, ...args: readonly string[]): boolean {
    return spawnSync('ip', ['netns', 'exec', this.name, program, ...args], { stdio: 'ignore' }).status === 0;
  }

  /** As with the key on a laptop, or `rfkill block wlan`. */
  async switchRadio(to: 'on' | 'off'): Promise<void> {
    // struct rfkill_event: number, type (0 all), operation (2 change), soft, hard.
    const event = Buffer.from([0, 0, 0, 0, 0, 2, to === 'off' ? 1 : 0, 0]);
    event.writeUInt32LE(this.#rfkillNumber);
    await writeFile('/dev/rfkill', event);
  }

  async start(): Promise<void> {
    const log = await open(join('/run/log', `${this.name}.log`), 'a');
    const args = ['netns', 'exec', this.name, 'wpa_supplicant', '-Dnl80211', '-i', this.interfaceName];
    this.#child = spawn('ip', [...args, '-c', join(this.folder, 'supplicant.conf'), '-d'], {
      stdio: ['ignore', log.fd, log.fd],
    });
    for (let waited = 0; !existsSync(join(this.controlFolder, this.interfaceName)); waited += 50) {
      if (waited > 20_000) throw new Error(`the supplicant of ${this.name} does not start`);
      await sleep(50);
    }
    await log.close();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
    this.#child = undefined;
  }
}

async function rfkillNumberOf(phy: string): Promise<number> {
  const folder = '/sys/class/rfkill';
  for (const name of await readdir(folder)) {
    // Those that moved to another namespace before are listed, and cannot be read.
    const radio = await readFile(join(folder, name, 'name'), 'utf8').catch(() => '');
    if (radio.trim() === phy) return Number(name.replace('rfkill', ''));
  }
  throw new Error(`${phy} has no switch`);
}
