// A customer's phone in the fake air: knows a name and a passphrase, and nothing of Wi-Fi Direct.

import type { AirDevice, FakeAir, HostedNetwork, JoinOutcome } from './fake-air.ts';
import type { HardwareAddress } from './supplicant-events.ts';

export class FakePhone implements AirDevice {
  readonly address: HardwareAddress;
  readonly #air: FakeAir;
  #known: { readonly ssid: string; readonly passphrase: string } | undefined;
  #network: HostedNetwork | undefined;
  #isNear = true;

  constructor(air: FakeAir) {
    this.#air = air;
    this.address = air.newAddress();
    air.add(this);
  }

  get isJoined(): boolean {
    return this.#network !== undefined;
  }

  /** Joins, and comes back by itself from now on. */
  async join(ssid: string, passphrase: string): Promise<JoinOutcome> {
    this.leave();
    this.#known = { ssid, passphrase };
    return this.#tryToJoin();
  }

  /** Leaves and forgets the network. */
  leave(): void {
    this.#known = undefined;
    this.#disconnect();
  }

  /** Out of reach; it comes back by itself once it is near again. */
  walkAway(): void {
    this.#isNear = false;
    this.#disconnect();
  }

  comeNear(): void {
    this.#isNear = true;
    this.#air.changed();
  }

  network(): undefined {
    return undefined;
  }

  settle(): void {
    if (this.#known !== undefined && this.#network === undefined) this.#tryToJoin();
  }

  #tryToJoin(): JoinOutcome {
    if (this.#known === undefined || !this.#isNear) return 'not_found';
    const network = this.#air.network(this.#known.ssid);
    if (network === undefined) return 'not_found';
    const outcome = network.join(this.#known.passphrase, {
      address: this.address,
      onRemoved: () => {
        this.#network = undefined;
        this.#air.changed();
      },
    });
    // A phone asks its owner anew rather than trying the same for ever.
    if (outcome === 'wrong_passphrase') this.#known = undefined;
    if (outcome === 'joined') this.#network = network;
    return outcome;
  }

  #disconnect(): void {
    const network = this.#network;
    this.#network = undefined;
    network?.leave(this.address);
  }
}
