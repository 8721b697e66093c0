// Is the radio of an interface switched off? Reads the kernel's own files, which
// anybody may read, and changes none.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type RfkillBlock = 'rfkill_soft' | 'rfkill_hard';

/**
 * The switch that holds the interface's radio off, if any. Switches of other radios do not count; where
 * it cannot be told which radio is meant, every Wi-Fi switch does.
 */
export async function readRfkillBlock(
  sysFolder: string,
  interfaceName: string,
): Promise<RfkillBlock | undefined> {
  const radio = await readText(join(sysFolder, 'class', 'net', interfaceName, 'phy80211', 'name'));
  return await readRfkillBlockOfRadio(sysFolder, radio);
}

/** The same by the radio's name, such as phy0; without it, every Wi-Fi switch counts. */
export async function readRfkillBlockOfRadio(
  sysFolder: string,
  radio: string | undefined,
): Promise<RfkillBlock | undefined> {
  const folder = join(sysFolder, 'class', 'rfkill');
  let soft = false;
  for (const name of await listFolder(folder)) {
    const read = (file: string): Promise<string | undefined> => readText(join(folder, name, file));
    if ((await read('type')) !== 'wlan') continue;
    if (radio !== undefined && (await read('name')) !== radio) continue;
    if ((await read('hard')) === '1') return 'rfkill_hard';
    if ((await read('soft')) === '1') soft = true;
  }
  return soft ? 'rfkill_soft' : undefined;
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** A radio may be pulled out between two reads: the kernel then says that there is no such device. */
function isAbsent(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENODEV';
}
