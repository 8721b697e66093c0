// One wpa_supplicant over one software radio, in a network namespace of its own.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAddon } from '../../src/addon.ts';
import { RADIO_TOOL } from '../radio-tool.ts';
import { Network } from './network.ts';
import { LOG_FOLDER } from './run-case.ts';
import { until } from './until.ts';

const internet = Network.own();

export class Supplicant {
  readonly name: string;
  readonly radio: number;
  readonly folder: string;
  readonly network: Network;
  #child: ChildProcess | undefined;
  /** As the kernel calls it; another after it was pulled out. */
  radioName: string;
  #isPlugged = true;
  #rfkillNumber = 0;

  constructor(name: string, radio: number) {
    this.name = name;
    this.radio = radio;
    this.folder = join('/run', name);
    this.network = Network.named(name);
    this.radioName = `phy${String(radio)}`;
  }

  /** Makes the namespace and moves the radio into it. */
  async prepare(): Promise<void> {
    await mkdir(this.clientFolder, { recursive: true });
    await internet.exec('ip', 'netns', 'add', this.name);
    await this.exec('ip', 'link', 'set', 'lo', 'up');
    await this.#moveRadio();
    await writeFile(
      join(this.folder, 'supplicant.conf'),
      [`ctrl_interface=${this.controlFolder}`, 'update_config=1', 'country=SG', ''].join('\n'),
    );
  }

  async #moveRadio(): Promise<void> {
    // In another namespace the kernel does not show it any more.
    this.#rfkillNumber = await rfkillNumberOf(this.radioName);
    await internet.exec('iw', 'phy', this.radioName, 'set', 'netns', 'name', this.name);
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
  async exec(program: string, ...args: readonly string[]): Promise<string> {
    return await this.network.exec(program, ...args);
  }

  /** Whether a program in the namespace ended well. */
  async tryExec(program: string, ...args: readonly string[]): Promise<boolean> {
    return await this.network.tryExec(program, ...args);
  }

  async canReach(address: string): Promise<boolean> {
    return await this.tryExec('ping', '-c', '2', '-i', '0.3', '-W', '2', address);
  }

  /** As with the key on a laptop, or `rfkill block wlan`. */
  async switchRadio(to: 'on' | 'off'): Promise<void> {
    // struct rfkill_event: number, type (0 all), operation (2 change), soft, hard.
    const event = Buffer.from([0, 0, 0, 0, 0, 2, to === 'off' ? 1 : 0, 0]);
    event.writeUInt32LE(this.#rfkillNumber);
    await writeFile('/dev/rfkill', event);
  }

  /** As when the dongle is pulled out. */
  async unplugRadio(): Promise<void> {
    await this.exec(RADIO_TOOL, 'remove', this.radioName);
    this.#isPlugged = false;
  }

  /** The dongle again; to the kernel it is another radio, on an interface of the same name. */
  async plugInRadio(): Promise<void> {
    // Names such as phy7 are the kernel's to give.
    this.radioName = `${this.name}-radio`;
    await internet.exec(RADIO_TOOL, 'add', this.radioName);
    const [made = ''] = await readdir(join('/sys/class/ieee80211', this.radioName, 'device', 'net'));
    if (made !== this.interfaceName)
      await internet.exec('ip', 'link', 'set', made, 'name', this.interfaceName);
    await this.#moveRadio();
    this.#isPlugged = true;
  }

  /** As at the beginning, whatever was done to it. */
  async restore(): Promise<void> {
    await this.kill();
    if (!this.#isPlugged) await this.plugInRadio();
    await this.switchRadio('on');
    await this.start();
  }

  async start(): Promise<void> {
    const log = await open(this.#logPath, 'a');
    const args = ['-Dnl80211', '-i', this.interfaceName, '-c', join(this.folder, 'supplicant.conf'), '-d'];
    this.#child = this.network.spawn('wpa_supplicant', args, { stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    // One that was killed has left its socket behind: only an answer tells.
    await until(`the supplicant of ${this.name} answers`, async () => {
      return (await this.ask('PING').catch(() => '')) === 'PONG';
    });
  }

  /** What the supplicant will write into its log from now on; resolves when `line` was written. */
  async logs(line: RegExp, timeoutMs: number): Promise<void> {
    const begun = (await stat(this.#logPath)).size;
    await until(
      `the supplicant of ${this.name} logs ${String(line)}`,
      async () => line.test((await readFile(this.#logPath)).subarray(begun).toString()),
      timeoutMs,
    );
  }

  get #logPath(): string {
    return join(LOG_FOLDER, `${this.name}.log`);
  }

  /** Says one line to the supplicant, as of this interface, and gives its reply. */
  async ask(command: string, interfaceName = this.interfaceName): Promise<string> {
    const addon = loadAddon();
    if (typeof addon === 'string') throw new Error(addon);
    const socketPath = join(this.controlFolder, interfaceName);
    const { clientFolder } = this;
    const reply = await addon.request({ socketPath, clientFolder, command, timeoutMs: 5_000 });
    const text = new TextDecoder().decode(reply).trimEnd();
    if (text.startsWith('FAIL')) throw new Error(`${this.name} refused ${command.split(' ')[0] ?? ''}`);
    return text;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
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
