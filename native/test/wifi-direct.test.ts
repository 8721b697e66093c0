// The contract over the fake and over the real addon with a scripted supplicant,
// and what the addon's side must withstand beyond the contract.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../src/addon.ts';
import { createFakeWifiDirect } from '../src/fake.ts';
import type { RadioState } from '../src/radio-state.ts';
import { createWifiDirect } from '../src/wifi-direct.ts';
import { type Arranged, describeWifiDirectContract } from './probe-contract.ts';
import { type Script, startScriptedSupplicant } from './scripted-supplicant.ts';

const ready: RadioState = { state: 'ready', interfaceName: 'wlan0', p2pDeviceAddress: '02:00:00:00:01:00' };
const blocked: RadioState = { state: 'blocked_by_rfkill', code: 'rfkill_soft', interfaceName: 'wlan0' };
const withoutP2p: RadioState = { state: 'no_p2p_radio', code: 'driver_without_p2p', interfaceName: 'wlan0' };
const gone: RadioState = { state: 'no_supplicant', code: 'control_socket_missing' };
const foreign: RadioState = { state: 'unsupported_platform', code: 'platform_not_linux' };

const capable: Script = {
  PING: ['PONG\n'],
  DRIVER_FLAGS: ['0000000000000C60:\nAP\nP2P_CONCURRENT\nP2P_CAPABLE\n'],
  STATUS: ['wpa_state=DISCONNECTED\np2p_device_address=02:00:00:00:01:00\naddress=02:00:00:00:00:00\n'],
};

const fakeIn = (expected: RadioState) => async () => ({ wifi: createFakeWifiDirect(expected), expected });

describeWifiDirectContract('the fake', {
  ready: fakeIn(ready),
  blocked_by_rfkill: fakeIn(blocked),
  no_p2p_radio: fakeIn(withoutP2p),
  no_supplicant: fakeIn(gone),
  unsupported_platform: fakeIn(foreign),
});

const missing = typeof loadAddon() === 'string' ? loadAddon() : undefined;
const compilerThere = spawnSync(process.env['CXX'] ?? 'g++', ['--version'], { stdio: 'ignore' }).status === 0;

if (missing === undefined || (missing === 'addon_missing' && compilerThere)) {
  describeAddon();
} else {
  test('the addon', ({ skip }) => {
    skip(
      missing === 'addon_missing'
        ? 'no C++ compiler: install g++ and run npm ci'
        : 'Wi-Fi Direct is for Linux',
    );
  });
}

type Machine = {
  readonly scripts?: Readonly<Record<string, Script>>;
  readonly rfkill?: RfkillFiles;
  /** How long silence is waited out; whoever answers may take its time. */
  readonly timeoutMs?: number;
};
type RfkillFiles = { readonly soft: string; readonly hard: string };

/** A machine with one scripted supplicant for each interface, and a /sys of its own. */
async function arrangeMachine(
  { scripts = {}, rfkill, timeoutMs = 10_000 }: Machine,
  expected: RadioState,
): Promise<Arranged & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'wifi-'));
  const controlFolder = join(folder, 'control');
  const clientFolder = join(folder, 'client');
  await mkdir(clientFolder);
  if (Object.keys(scripts).length > 0) await mkdir(controlFolder);
  const supplicants = await Promise.all(
    Object.entries(scripts).map(([name, script]) =>
      startScriptedSupplicant(join(controlFolder, name), script),
    ),
  );
  const files = { ...rfkill, type: 'wlan', name: 'phy0' };
  const switchFolder = join(folder, 'sys', 'class', 'rfkill', 'rfkill0');
  await mkdir(switchFolder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(switchFolder, name), `${text}\n`);
  const wifi = createWifiDirect({
    controlFolder,
    clientFolder,
    timeoutMs,
    sysFolder: join(folder, 'sys'),
  });
  const cleanUp = async (): Promise<void> => {
    await Promise.all(supplicants.map(({ stop }) => stop()));
    await rm(folder, { recursive: true, force: true });
  };
  return { wifi, expected, cleanUp, folder };
}

function describeAddon(): void {
  describeWifiDirectContract('the addon over a scripted supplicant', {
    ready: () => arrangeMachine({ scripts: { wlan0: capable }, rfkill: { soft: '0', hard: '0' } }, ready),
    blocked_by_rfkill: () =>
      arrangeMachine({ scripts: { wlan0: capable }, rfkill: { soft: '1', hard: '0' } }, blocked),
    no_p2p_radio: () =>
      arrangeMachine(
        { scripts: { wlan0: { ...capable, DRIVER_FLAGS: ['0000000000000040:\nAP\n'] } } },
        withoutP2p,
      ),
    no_supplicant: () => arrangeMachine({}, gone),
  });

  describe('probe', () => {
    const probeOnce = async (machine: Machine): Promise<RadioState> => {
      const { wifi, cleanUp } = await arrangeMachine(machine, gone);
      try {
        return await wifi.probe();
      } finally {
        await cleanUp?.();
      }
    };

    test('tells a supplicant that does not answer from one that is not there', async () => {
      const state = await probeOnce({ scripts: { wlan0: { PING: [] } }, timeoutMs: 300 });
      expect(state).toEqual({ state: 'no_supplicant', code: 'supplicant_silent' });
    });

    test('does not take another program for a supplicant', async () => {
      const expected = { state: 'no_supplicant', code: 'supplicant_not_understood' };
      expect(await probeOnce({ scripts: { wlan0: { PING: ['HELLO'] } } })).toEqual(expected);
      expect(await probeOnce({ scripts: { wlan0: { PING: ['PONG\n'], DRIVER_FLAGS: ['@long'] } } })).toEqual(
        expected,
      );
    });

    test('does not take an event for the reply', async () => {
      const event = '<3>CTRL-EVENT-SCAN-STARTED ';
      const state = await probeOnce({ scripts: { wlan0: { ...capable, PING: [event, 'PONG\n'] } } });
      expect(state).toEqual(ready);
    });

    test('says that P2P is off when the driver could', async () => {
      const state = await probeOnce({
        scripts: { wlan0: { ...capable, STATUS: ['wpa_state=DISCONNECTED\n'] } },
      });
      expect(state).toEqual({ state: 'no_p2p_radio', code: 'p2p_not_active', interfaceName: 'wlan0' });
    });

    test('names the hard switch when there is one', async () => {
      const state = await probeOnce({ scripts: { wlan0: capable }, rfkill: { soft: '1', hard: '1' } });
      expect(state).toEqual({ ...blocked, code: 'rfkill_hard' });
    });

    test('chooses the interface that can do the most', async () => {
      const state = await probeOnce({ scripts: { eth9: { PING: [] }, wlan0: capable }, timeoutMs: 1_000 });
      expect(state).toEqual(ready);
    });

    test('leaves no socket file behind', async () => {
      const { wifi, folder, cleanUp } = await arrangeMachine({ scripts: { wlan0: capable } }, ready);
      await wifi.probe();
      expect(await readdir(join(folder, 'client'))).toEqual([]);
      await cleanUp?.();
    });

    test('says that the addon is missing', async () => {
      expect(await createWifiDirect({ load: () => 'addon_missing' }).probe()).toEqual({
        state: 'unsupported_platform',
        code: 'addon_missing',
      });
    });

    test.each(['../../etc/passwd', 'wlan0\nQUIT', 'wlan0\0', '', '-i', 'x'.repeat(40)])(
      'refuses %j as the name of an interface',
      (interfaceName) => {
        expect(() => createWifiDirect({ interfaceName })).toThrow(
          expect.objectContaining({ code: 'interface_name_invalid' }),
        );
      },
    );
  });

  test('the build that runs during npm ci does nothing when nothing changed', { timeout: 240_000 }, () => {
    const script = join(import.meta.dirname, '..', 'scripts', 'build-addon.mjs');
    const build = (): string => spawnSync(process.execPath, [script], { encoding: 'utf8' }).stdout;
    build();
    expect(build()).toBe('node-wifi-direct: the addon is up to date\n');
  });
}
