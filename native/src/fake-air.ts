// The air between fake radios: who hears whom, and the networks that phones join. Nothing here moves by a clock: whatever
// changes is heard by everybody at the next turn of the event loop.

import type { HardwareAddress } from './supplicant-events.ts';

/** Somebody in a hosted network. */
export type Member = {
  readonly address: HardwareAddress;
  /** Its address as a Wi-Fi Direct device, if it is one. */
  readonly deviceAddress?: HardwareAddress;
  /** The network sends it away or ends. */
  readonly onRemoved: () => void;
};

export type JoinOutcome = 'joined' | 'wrong_passphrase' | 'not_found';

/** A network that a device hosts. */
export type HostedNetwork = {
  readonly ssid: string;
  join(passphrase: string, member: Member): JoinOutcome;
  leave(address: HardwareAddress): void;
};

export type AirDevice = {
  /** What it hosts now, while its radio is on. */
  network(): HostedNetwork | undefined;
  /** Something changed in the air: look around. */
  settle(): void;
};

export class FakeAir {
  readonly #devices = new Set<AirDevice>();
  #isSettling = false;
  #addresses = 0;

  add(device: AirDevice): void {
    this.#devices.add(device);
  }

  devices(): readonly AirDevice[] {
    return [...this.#devices];
  }

  network(ssid: string): HostedNetwork | undefined {
    for (const device of this.#devices) {
      const network = device.network();
      if (network?.ssid === ssid) return network;
    }
    return undefined;
  }

  /** Every device looks around once, soon. */
  changed(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    setImmediate(() => {
      this.#isSettling = false;
      for (const device of this.#devices) device.settle();
    });
  }

  newAddress(): HardwareAddress {
    this.#addresses += 1;
    const digits = this.#addresses.toString(16).padStart(4, '0');
    return `02:fa:4e:00:${digits.slice(0, 2)}:${digits.slice(2)}`;
  }
}
