// Radios without radios, for tests and demonstrations: machines and phones in one fake air. The package's own radio runs
// over a fake supplicant, so that test/contract.ts holds for it as for the real one; nothing here knows a clock or the
// system.

import type { ControlAddon } from './addon.ts';
import { FakeAir, type JoinOutcome } from './fake-air.ts';
import { FakePhone } from './fake-phone.ts';
import { FakeSupplicant } from './fake-supplicant.ts';
import type { RadioState, WifiDirect } from './radio-state.ts';
import type { Radio } from './radio.ts';
import type { HardwareAddress } from './supplicant-events.ts';
import { openRadio, type OpenRadioOptions } from './supplicant-radio.ts';
import { abortable } from './wait-for.ts';

export interface FakeWifiDirect extends WifiDirect {
  /** From now on probe() answers this. */
  setRadio(state: RadioState): void;
}

export const fakeReadyRadio: RadioState = {
  state: 'ready',
  interfaceName: 'wlan0',
  p2pDeviceAddress: '02:00:00:00:00:00',
};

export function createFakeWifiDirect(initial: RadioState = fakeReadyRadio): FakeWifiDirect {
  let radio = initial;
  return {
    probe: async ({ signal } = {}) => await abortable(signal, async () => radio),
    setRadio(state) {
      radio = state;
    },
  };
}

/** A machine with a radio and a supplicant. */
export interface FakeMachine extends WifiDirect {
  readonly interfaceName: string;
  readonly deviceAddress: HardwareAddress;
  /** As the package's openRadio; the interface is this machine's unless said otherwise. */
  openRadio(
    options: Omit<OpenRadioOptions, 'interfaceName' | 'load'> & { readonly interfaceName?: string },
  ): Promise<Radio>;
  /** What `load` of openRadio takes, for whoever opens radios by itself. */
  load(): ControlAddon;
  /** Ends the supplicant without a word; it forgets everything. */
  killSupplicant(): void;
  startSupplicant(): void;
  /** As the key on a laptop, or `rfkill block wlan`. */
  blockRadio(): void;
  unblockRadio(): void;
}

/** A phone that knows nothing of Wi-Fi Direct. */
export interface FakeCustomerPhone {
  readonly address: HardwareAddress;
  readonly isJoined: boolean;
  /** Joins by name and passphrase; from then on it comes back by itself, as phones do. */
  join(ssid: string, passphrase: string): Promise<JoinOutcome>;
  /** Leaves and forgets. */
  leave(): void;
  /** Out of reach. */
  walkAway(): void;
  comeNear(): void;
}

export interface FakeWorld {
  addMachine(options?: { readonly interfaceName?: string }): FakeMachine;
  addPhone(): FakeCustomerPhone;
}

/** Everybody in one world hears each other. `now` is in milliseconds; PINs end by it. */
export function createFakeWorld({ now = Date.now }: { readonly now?: () => number } = {}): FakeWorld {
  const air = new FakeAir();
  return {
    addMachine: ({ interfaceName = 'wlan0' } = {}) => machineIn(air, interfaceName, now),
    addPhone: () => new FakePhone(air),
  };
}

function machineIn(air: FakeAir, interfaceName: string, now: () => number): FakeMachine {
  const supplicant = new FakeSupplicant({ air, interfaceName, now });
  const load = (): ControlAddon => supplicant.addon;
  const state = async (): Promise<RadioState> => {
    if (!supplicant.isRunning) return { state: 'no_supplicant', code: 'control_socket_missing' };
    if (supplicant.isBlocked) return { state: 'blocked_by_rfkill', code: 'rfkill_soft', interfaceName };
    return { state: 'ready', interfaceName, p2pDeviceAddress: supplicant.deviceAddress };
  };
  return {
    interfaceName,
    deviceAddress: supplicant.deviceAddress,
    openRadio: async (options) => await openRadio({ interfaceName, ...options, load }),
    load,
    probe: async ({ signal } = {}) => await abortable(signal, state),
    killSupplicant: () => supplicant.kill(),
    startSupplicant: () => supplicant.start(),
    blockRadio: () => supplicant.block(),
    unblockRadio: () => supplicant.unblock(),
  };
}
