// Builds the small program with which a radio is unplugged and plugged in: iproute2 and iw have no word for that.

import { execFile } from 'node:child_process';
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

export const RADIO_TOOL = join(import.meta.dirname, '..', 'build', 'lab', 'hwsim_radio');
const source = join(import.meta.dirname, 'hwsim_radio.cc');

export async function buildRadioTool(): Promise<void> {
  const built = await stat(RADIO_TOOL).catch(() => undefined);
  if (built !== undefined && built.mtimeMs > (await stat(source)).mtimeMs) return;
  await mkdir(dirname(RADIO_TOOL), { recursive: true });
  const temporary = `${RADIO_TOOL}-${String(process.pid)}`;
  await promisify(execFile)('g++', [
    '-std=c++17',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    source,
    '-o',
    temporary,
  ]);
  await rename(temporary, RADIO_TOOL);
}
