// The contract over Debian's real wpa_supplicant, without a radio: its `none`
// driver serves the whole control interface on the loopback device.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { loadAddon } from '../src/addon.ts';
import { openRadio } from '../src/supplicant-radio.ts';
import { createWifiDirect } from '../src/wifi-direct.ts';
import { type ContractLaw, type ContractWorld, type Need, radioContract, runLaw } from './contract.ts';
import { type Arranged, describeWifiDirectContract } from './probe-contract.ts';

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

type Running = {
  readonly controlFolder: string;
  readonly clientFolder: string;
  readonly start: () => Promise<void>;
  readonly stop: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  readonly cleanUp: () => Promise<void>;
};

async function startSupplicant(): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'supplicant-'));
  const controlFolder = join(folder, 'control');
  const configuration = join(folder, 'supplicant.conf');
  await writeFile(configuration, `ctrl_interface=${controlFolder}\n`);
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    // A killed one leaves its socket behind, which the next one must have replaced before anybody is let on.
    await rm(join(controlFolder, 'lo'), { force: true });
    child = spawn(program ?? '', ['-Dnone', '-i', 'lo', '-c', configuration], { stdio: 'ignore' });
    for (let waitedMs = 0; !existsSync(join(controlFolder, 'lo')) && waitedMs < 5_000; waitedMs += 20)
      await sleep(20);
  };
  const stop = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    child = undefined;
  };
  await start();
  const cleanUp = async (): Promise<void> => {
    await stop('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  return { controlFolder, clientFolder: folder, start, stop, cleanUp };
}

async function arrangeSupplicant(): Promise<Arranged> {
  const { controlFolder, clientFolder, cleanUp } = await startSupplicant();
  return {
    wifi: createWifiDirect({ controlFolder, clientFolder }),
    expected: { state: 'no_p2p_radio', code: 'driver_without_p2p', interfaceName: 'lo' },
    cleanUp,
  };
}

function worldOf({ controlFolder, clientFolder, start, stop }: Running): ContractWorld {
  const notHere = async (): Promise<never> => {
    throw new Error('there is no radio here');
  };
  return {
    open: (who, settings = {}) =>
      openRadio({
        interfaceName: 'lo',
        deviceName: who,
        controlFolder,
        clientFolder,
        settings,
        pingIntervalMs: 200,
      }),
    phone: () => ({ knows: notHere, forget: notHere }),
    killSupplicant: () => stop('SIGKILL'),
    startSupplicant: start,
    switchRadio: notHere,
    patienceMs: 10_000,
  };
}

/** Why a law cannot be tried over a supplicant that has no radio. */
function reasonToSkipLaw({ needs }: ContractLaw): string | undefined {
  const lacking: Readonly<Partial<Record<Need, string>>> = {
    radio: 'there is no radio here: npm run test:radio has some',
    phone: 'there is no phone here: npm run test:radio has some',
    switch: 'there is nothing to switch off here: npm run test:radio has it',
  };
  return needs.map((need) => lacking[need]).find((why) => why !== undefined);
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
  describe('an open radio over a real wpa_supplicant:', () => {
    test.for(radioContract)('$name', async (law, { skip }) => {
      const why = reasonToSkipLaw(law);
      if (why !== undefined) skip(why);
      const running = await startSupplicant();
      try {
        await runLaw(law, worldOf(running));
      } finally {
        await running.cleanUp();
      }
    });
  });
} else {
  test('the addon over a real wpa_supplicant', ({ skip }) => skip(reason));
}
