// A network that a fake supplicant hosts: its passphrase, its PINs, its members.

import type { HostedNetwork, JoinOutcome, Member } from './fake-air.ts';
import type { HardwareAddress } from './supplicant-events.ts';

export type FakeNetworkOptions = {
  readonly kind: 'group' | 'access_point';
  readonly interfaceName: string;
  readonly ssid: string;
  readonly passphrase: string;
  readonly frequencyMhz: number;
  readonly isPersistent: boolean;
  /** Tells those who listen on the network's interface. */
  readonly say: (event: string) => void;
};

export class FakeNetwork implements HostedNetwork {
  readonly options: FakeNetworkOptions;
  readonly #members = new Map<HardwareAddress, Member>();
  readonly #pins = new Map<string, number>();

  constructor(options: FakeNetworkOptions) {
    this.options = options;
  }

  get ssid(): string {
    return this.options.ssid;
  }

  get members(): readonly HardwareAddress[] {
    return [...this.#members.keys()];
  }

  join(passphrase: string, member: Member): JoinOutcome {
    if (passphrase !== this.options.passphrase) {
      this.options.say(`AP-STA-POSSIBLE-PSK-MISMATCH ${member.address}`);
      return 'wrong_passphrase';
    }
    this.#members.set(member.address, member);
    const device = member.deviceAddress === undefined ? '' : ` p2p_dev_addr=${member.deviceAddress}`;
    this.options.say(`AP-STA-CONNECTED ${member.address}${device}`);
    return 'joined';
  }

  leave(address: HardwareAddress): void {
    if (this.#members.delete(address)) this.options.say(`AP-STA-DISCONNECTED ${address}`);
  }

  remove(address: HardwareAddress): boolean {
    const member = this.#members.get(address);
    if (member === undefined) return false;
    this.leave(address);
    member.onRemoved();
    return true;
  }

  end(): void {
    const members = [...this.#members.values()];
    this.#members.clear();
    for (const { onRemoved } of members) onRemoved();
  }

  allowPin(pin: string, untilMs: number): void {
    this.#pins.set(pin, untilMs);
  }

  /** A PIN lets one in, once, in its time. */
  takePin(pin: string, nowMs: number): boolean {
    const untilMs = this.#pins.get(pin);
    this.#pins.delete(pin);
    return untilMs !== undefined && nowMs <= untilMs;
  }
}
