/**
 * Which interfaces NetworkManager holds, read from the files that it keeps for everybody. Asks no daemon and changes
 * nothing: what to do about it is a file that this repository ships and a person installs.
 */
import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

const DEVICES = '/run/NetworkManager/devices';

/** Empty where it does not run. */
export async function managedInterfaces(devices: string = DEVICES): Promise<readonly string[]> {
  const held: string[] = [];
  for (const index of await readdir(devices).catch(() => [])) {
    const text = await readFile(join(devices, index), 'utf8').catch(() => '');
    // `managed=unmanaged` is written for those that a rule keeps out of its hands.
    if (/^\[device\]/m.test(text) && /^managed=(true|managed)$/m.test(text)) held.push(await nameOf(index));
  }
  return held.filter((name) => name !== '');
}

/** Its files are named by the kernel's number of the interface. */
async function nameOf(index: string): Promise<string> {
  for (const name of Object.keys(networkInterfaces())) {
    const number = await readFile(`/sys/class/net/${name}/ifindex`, 'utf8').catch(() => '');
    if (number.trim() === index) return name;
  }
  return '';
}
