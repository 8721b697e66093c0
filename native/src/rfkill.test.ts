import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRfkillBlock } from './rfkill.ts';

let sys: string;
beforeEach(async () => (sys = await mkdtemp(join(tmpdir(), 'sys-'))));
afterEach(() => rm(sys, { recursive: true, force: true }));

async function put(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(sys, path)), { recursive: true });
    await writeFile(join(sys, path), `${text}\n`);
  }
}

const radioSwitch = (number: number, name: string, soft: string, hard: string, type = 'wlan') => ({
  [`class/rfkill/rfkill${String(number)}/name`]: name,
  [`class/rfkill/rfkill${String(number)}/type`]: type,
  [`class/rfkill/rfkill${String(number)}/soft`]: soft,
  [`class/rfkill/rfkill${String(number)}/hard`]: hard,
});

test('nothing is blocked on a machine without switches', async () => {
  expect(await readRfkillBlock(sys, 'wlan0')).toBeUndefined();
});

test('only the switch of the interface counts', async () => {
  await put({
    'class/net/wlan0/phy80211/name': 'phy0',
    ...radioSwitch(0, 'phy0', '0', '0'),
    ...radioSwitch(1, 'phy1', '1', '1'),
  });
  expect(await readRfkillBlock(sys, 'wlan0')).toBeUndefined();
});

test('a blocked Bluetooth radio does not count', async () => {
  await put(radioSwitch(0, 'hci0', '1', '0', 'bluetooth'));
  expect(await readRfkillBlock(sys, 'wlan0')).toBeUndefined();
});

test('a switch on the machine is named before the one in software', async () => {
  await put({ ...radioSwitch(0, 'phy0', '1', '0'), ...radioSwitch(1, 'phy1', '0', '1') });
  expect(await readRfkillBlock(sys, 'wlan0')).toBe('rfkill_hard');
});
