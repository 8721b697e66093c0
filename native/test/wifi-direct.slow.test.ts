// The contract over Debian's real wpa_supplicant, without a radio: its `none`
// driver serves the whole control interface on the loopback device.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'vitest';
import { loadAddon } from '../src/addon.ts';
import { createWifiDirect } from '../src/wifi-direct.ts';
import { type Arranged, describeWifiDirectContract } from './contract.ts';

const program = ['/sbin/wpa_supplicant', '/usr/sbin/wpa_supplicant'].find((path) => existsSync(path));

function reasonToSkip(): string | undefined {
  const addon = loadAddon();
  if (typeof addon === 'string') return `${addon}: this needs Linux, g++ and npm ci`;
  if (program === undefined) return 'wpa_supplicant is missing: node scripts/system-packages.ts radio';
  // It opens a packet socket on the device, which is for root (or CAP_NET_RAW) alone.
  if (process.getuid?.() !== 0) return 'a real wpa_supplicant needs root: run the tests as root';
  if (spawnSync(program, ['-v'], { stdio: 'ignore' }).status !== 0)
    return 'wpa_supplicant does not start here';
  return undefined;
}

async function arrangeSupplicant(): Promise<Arranged> {
  const folder = await mkdtemp(join(tmpdir(), 'supplicant-'));
  const controlFolder = join(folder, 'control');
  const configuration = join(folder, 'supplicant.conf');
  await writeFile(configuration, `ctrl_interface=${controlFolder}\n`);
  const child = spawn(program ?? '', ['-Dnone', '-i', 'lo', '-c', configuration], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  for (let waitedMs = 0; !existsSync(join(controlFolder, 'lo')) && waitedMs < 5_000; waitedMs += 20)
    await sleep(20);
  return {
    wifi: createWifiDirect({ controlFolder, clientFolder: folder }),
    expected: { state: 'no_p2p_radio', code: 'driver_without_p2p', interfaceName: 'lo' },
    async cleanUp() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function arrangeKilledSupplicant(): Promise<Arranged> {
  const running = await arrangeSupplicant();
  await running.cleanUp?.();
  return { wifi: running.wifi, expected: { state: 'no_supplicant', code: 'control_socket_missing' } };
}

const reason = reasonToSkip();
if (reason === undefined) {
  describeWifiDirectContract('the addon over a real wpa_supplicant', {
    no_p2p_radio: arrangeSupplicant,
    no_supplicant: arrangeKilledSupplicant,
  });
} else {
  test('the addon over a real wpa_supplicant', ({ skip }) => skip(reason));
}
