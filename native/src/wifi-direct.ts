// Wi-Fi Direct through the machine's own wpa_supplicant: finds its control
// sockets, asks, and says in the field's terms what the radio can do.

import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AddonMissing, type ControlAddon, controlErrorCode, loadAddon } from './addon.ts';
import { WifiDirectError } from './errors.ts';
import type { RadioState, WifiDirect } from './radio-state.ts';
import { readRfkillBlock } from './rfkill.ts';
import { parseDriverFlags, parseKeyValues, parseP2pDeviceAddress } from './supplicant-replies.ts';
import { abortable } from './wait-for.ts';

export type WifiDirectOptions = {
  /** The folder with the supplicant's control sockets. Default /run/wpa_supplicant. */
  readonly controlFolder?: string;
  /** Ask about this interface only, such as wlan0. Default: whichever answers best. */
  readonly interfaceName?: string;
  /** Where this end's socket files go. Default: the system's folder for temporary files. */
  readonly clientFolder?: string;
  /** For each question, from 1 to 10000. Default 1000. */
  readonly timeoutMs?: number;
  /** Where the kernel shows its devices. Default /sys. */
  readonly sysFolder?: string;
  readonly load?: () => ControlAddon | AddonMissing;
};

type Ask = (interfaceName: string, command: string) => Promise<string>;

/** A name that is one file in the control folder and nothing else. */
const interfaceNamePattern = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}$/;

/** From the least to the most that can be told about a machine with several interfaces. */
const worthOrder: readonly RadioState['state'][] = [
  'unsupported_platform',
  'no_supplicant',
  'no_p2p_radio',
  'blocked_by_rfkill',
  'ready',
];

/** Throws WifiDirectError when an option could never be right. */
export function createWifiDirect(options: WifiDirectOptions = {}): WifiDirect {
  const { interfaceName } = options;
  if (interfaceName !== undefined && !interfaceNamePattern.test(interfaceName)) {
    throw new WifiDirectError('interface_name_invalid', 'The name of a network interface is expected.');
  }
  const controlFolder = options.controlFolder ?? '/run/wpa_supplicant';
  const clientFolder = options.clientFolder ?? tmpdir();
  if (/[\0\r\n]/.test(controlFolder + clientFolder)) {
    throw new WifiDirectError('path_invalid', 'A path must not contain NUL or a line break.');
  }
  const load = options.load ?? loadAddon;
  return {
    probe: async ({ signal } = {}) => await abortable(signal, probeOnce),
  };
  async function probeOnce(): Promise<RadioState> {
    const addon = load();
    if (typeof addon === 'string') return { state: 'unsupported_platform', code: addon };
    const ask = askThrough(addon, controlFolder, clientFolder, options.timeoutMs ?? 1_000);
    const names = interfaceName === undefined ? await listInterfaces(controlFolder) : [interfaceName];
    if ('state' in names) return names;
    const states: RadioState[] = [];
    for (const name of names) states.push(await probeInterface(name, ask, options.sysFolder ?? '/sys'));
    return best(states);
  }
}

function askThrough(
  addon: ControlAddon,
  controlFolder: string,
  clientFolder: string,
  timeoutMs: number,
): Ask {
  const decoder = new TextDecoder();
  return async (interfaceName, command) => {
    const socketPath = join(controlFolder, interfaceName);
    return decoder.decode(await addon.request({ socketPath, clientFolder, command, timeoutMs }));
  };
}

/** The interfaces that a supplicant serves, or why that cannot be told. */
async function listInterfaces(controlFolder: string): Promise<readonly string[] | RadioState> {
  try {
    const entries = await readdir(controlFolder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isSocket() && entry.name !== 'global' && interfaceNamePattern.test(entry.name))
      .map(({ name }) => name)
      .toSorted();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EACCES') return { state: 'no_supplicant', code: 'permission_denied' };
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { state: 'no_supplicant', code: 'control_socket_missing' };
    throw error;
  }
}

async function probeInterface(interfaceName: string, ask: Ask, sysFolder: string): Promise<RadioState> {
  try {
    if ((await ask(interfaceName, 'PING')).trim() !== 'PONG') {
      return { state: 'no_supplicant', code: 'supplicant_not_understood' };
    }
    const flags = parseDriverFlags(await ask(interfaceName, 'DRIVER_FLAGS'));
    if (flags === undefined) return { state: 'no_supplicant', code: 'supplicant_not_understood' };
    if (!flags.has('P2P_CAPABLE'))
      return { state: 'no_p2p_radio', code: 'driver_without_p2p', interfaceName };
    // A blocked radio also shows P2P as off, and the block is what somebody can do something about.
    const block = await readRfkillBlock(sysFolder, interfaceName);
    if (block !== undefined) return { state: 'blocked_by_rfkill', code: block, interfaceName };
    const p2pDeviceAddress = parseP2pDeviceAddress(parseKeyValues(await ask(interfaceName, 'STATUS')));
    if (p2pDeviceAddress === undefined)
      return { state: 'no_p2p_radio', code: 'p2p_not_active', interfaceName };
    return { state: 'ready', interfaceName, p2pDeviceAddress };
  } catch (error) {
    return stateOf(error);
  }
}

function stateOf(error: unknown): RadioState {
  const code = controlErrorCode(error);
  switch (code) {
    case undefined:
    // Either would be a fault of this package or of its options, and not a state of the radio.
    case 'hostile_input':
    case 'path_too_long':
    case 'client_socket_failed':
      throw error;
    case 'no_socket':
      return { state: 'no_supplicant', code: 'control_socket_missing' };
    case 'connection_refused':
    case 'system_error':
      return { state: 'no_supplicant', code: 'control_socket_refused' };
    case 'permission_denied':
      return { state: 'no_supplicant', code: 'permission_denied' };
    case 'timed_out':
      return { state: 'no_supplicant', code: 'supplicant_silent' };
    case 'attach_refused':
    case 'reply_too_long':
      return { state: 'no_supplicant', code: 'supplicant_not_understood' };
  }
}

function best(states: readonly RadioState[]): RadioState {
  const none: RadioState = { state: 'no_supplicant', code: 'control_socket_missing' };
  return states.reduce(
    (chosen, one) => (worthOrder.indexOf(one.state) > worthOrder.indexOf(chosen.state) ? one : chosen),
    states[0] ?? none,
  );
}
