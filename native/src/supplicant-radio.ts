// A radio over a real wpa_supplicant. The supplicant's events are the truth: what a call resolves with is what an event
// said, never what was asked for.

import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { type ControlAddon, loadAddon } from './addon.ts';
import { WifiDirectError } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import type { ServiceInstance, ServiceType } from './dns-sd.ts';
import type {
  CallOptions,
  Credentials,
  FoundService,
  Group,
  HostOptions,
  Radio,
  RadioEvent,
  StoredGroup,
} from './radio.ts';
import {
  checkDigitOf,
  checkedDeviceName,
  checkedNetworkId,
  checkedSsidPostfix,
  findCommand,
  groupAddCommand,
  joinCommand,
} from './supplicant-commands.ts';
import type { HardwareAddress, Peer, SupplicantEvent } from './supplicant-events.ts';
import { SupplicantLink, type LinkState } from './supplicant-link.ts';
import { parseStoredGroups } from './supplicant-replies.ts';
import { SupplicantServices } from './supplicant-services.ts';
import { displayName } from './supplicant-text.ts';
import { waitFor } from './wait-for.ts';

export type OpenRadioOptions = {
  /** Such as wlan0; `probe()` of createWifiDirect finds the one that can do Wi-Fi Direct. */
  readonly interfaceName: string;
  /** How this device is called in other devices' lists: 1 to 32 bytes. */
  readonly deviceName: string;
  /** The folder with the supplicant's control sockets. Default /run/wpa_supplicant. */
  readonly controlFolder?: string;
  /** Where this end's socket files go. Default: the system's folder for temporary files. */
  readonly clientFolder?: string;
  /** For each command, from 1 to 10000. Default 2000. */
  readonly timeoutMs?: number;
  /** How long silence is taken for peace, from 1 to 10000. Default 2000. */
  readonly pingIntervalMs?: number;
  readonly load?: typeof loadAddon;
  readonly signal?: AbortSignal;
};

const PIN_SECONDS = 120;
const PASSPHRASE_LENGTH = 16;

/**
 * Attaches to the supplicant of an interface. Rejects with WifiDirectError: supplicant_unreachable when it does not
 * answer within five seconds (or the addon is not there), aborted, and the *_invalid codes for options.
 */
export async function openRadio(options: OpenRadioOptions): Promise<Radio> {
  const addon = (options.load ?? loadAddon)();
  if (typeof addon === 'string')
    throw new WifiDirectError('supplicant_unreachable', `No Wi-Fi Direct here: ${addon}.`);
  checkedDeviceName(options.deviceName);
  const radio = new SupplicantRadio(addon, options);
  try {
    await radio.ready(options.signal);
    return radio;
  } catch (error) {
    await radio.close();
    throw error;
  }
}

class SupplicantRadio implements Radio {
  readonly interfaceName: string;
  readonly #addon: ControlAddon;
  readonly #options: OpenRadioOptions;
  readonly #queue = new EventQueue<RadioEvent>();
  readonly #peers = new Map<HardwareAddress, Peer>();
  readonly #clients = new Set<HardwareAddress>();
  readonly #link: SupplicantLink;
  readonly #services: SupplicantServices;
  #groupLink: SupplicantLink | undefined;
  #group: Group | undefined;
  #wasUp = false;
  #isClosed = false;

  constructor(addon: ControlAddon, options: OpenRadioOptions) {
    this.#addon = addon;
    this.#options = options;
    this.interfaceName = options.interfaceName;
    this.#services = new SupplicantServices((command) => this.#link.ask(command));
    this.#link = this.#linkTo(options.interfaceName, (state) => this.#onLinkState(state));
  }

  async ready(signal: AbortSignal | undefined): Promise<void> {
    await waitFor(
      this.#queue.read(),
      (event) => (event.type === 'supplicant_back' ? { value: true } : undefined),
      { timeoutMs: 5_000, signal, start: async () => (this.#wasUp ? { value: true } : undefined) },
    ).catch((error: unknown) => {
      if (error instanceof WifiDirectError && error.code === 'timed_out') {
        const { state } = this.#link;
        const why = state.state === 'down' ? state.code : 'it does not answer';
        throw new WifiDirectError(
          'supplicant_unreachable',
          `The supplicant of ${this.interfaceName}: ${why}.`,
        );
      }
      throw error;
    });
    await this.#configure();
  }

  async find({ seconds = 120 }: CallOptions & { readonly seconds?: number } = {}): Promise<void> {
    await this.#link.ask(findCommand(seconds));
  }

  async stopFinding(): Promise<void> {
    await this.#link.ask('P2P_STOP_FIND');
  }

  peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  async host({
    timeoutMs = 15_000,
    signal,
    ssidPostfix,
    storedGroupId,
    ...group
  }: HostOptions = {}): Promise<Group> {
    const command = groupAddCommand({ ...group, persistentId: storedGroupId });
    await this.#link.ask(`SET p2p_ssid_postfix ${checkedSsidPostfix(ssidPostfix ?? '')}`);
    return await this.#form('group_owner', command, timeoutMs, signal);
  }

  async join(
    address: HardwareAddress,
    pin: string,
    { timeoutMs = 60_000, signal }: CallOptions & { readonly timeoutMs?: number } = {},
  ): Promise<Group> {
    return await this.#form('client', joinCommand(address, pin), timeoutMs, signal);
  }

  async credentials(): Promise<Credentials> {
    const { group } = this.#hosted();
    const passphrase = await this.#askGroup('P2P_GET_PASSPHRASE');
    return { ssid: group.ssid, passphrase };
  }

  async invitePin(): Promise<string> {
    this.#hosted();
    const digits = String(randomInt(10_000_000)).padStart(7, '0');
    const pin = `${digits}${String(checkDigitOf(digits))}`;
    await this.#askGroup(`WPS_PIN any ${pin} ${String(PIN_SECONDS)}`);
    return pin;
  }

  clients(): readonly HardwareAddress[] {
    return [...this.#clients];
  }

  group(): Group | undefined {
    return this.#group;
  }

  async storedGroups(): Promise<readonly StoredGroup[]> {
    return parseStoredGroups(await this.#link.ask('LIST_NETWORKS'));
  }

  async forgetStoredGroup(id: number): Promise<void> {
    const known = await this.storedGroups();
    if (!known.some((group) => group.id === id))
      throw new WifiDirectError('group_unknown', 'No such stored group.');
    await this.#link.ask(`REMOVE_NETWORK ${String(checkedNetworkId(id))}`);
    await this.#link.ask('SAVE_CONFIG').catch(ignoreRefusal);
  }

  async advertise(service: ServiceInstance, attributes?: Readonly<{ [key: string]: string }>): Promise<void> {
    await this.#services.advertise(service, attributes);
  }

  async withdraw(service: ServiceInstance): Promise<void> {
    await this.#services.withdraw(service);
  }

  services(type: ServiceType, { signal }: CallOptions = {}): AsyncIterableIterator<FoundService> {
    return this.#services.find(type, signal);
  }

  async leave(): Promise<void> {
    const group = this.#group;
    if (group === undefined) return;
    await waitFor(
      this.#queue.read(),
      (event) =>
        event.type === 'group_removed' || event.type === 'supplicant_lost' ? { value: true } : undefined,
      {
        timeoutMs: 10_000,
        signal: undefined,
        start: async () => {
          await this.#link.ask(`P2P_GROUP_REMOVE ${group.interfaceName}`).catch((error: unknown) => {
            // It may have ended by itself between the look and the word.
            if (this.#group !== undefined) throw error;
          });
          return this.#group === undefined ? { value: true } : undefined;
        },
      },
    );
  }

  events({ signal }: CallOptions = {}): AsyncIterableIterator<RadioEvent> {
    return this.#queue.read(signal);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    // What cannot be ended any more is gone with the supplicant.
    if (this.#link.state.state === 'up') {
      await this.stopFinding().catch(ignoreRefusal);
      await this.#services.withdrawAll().catch(ignoreRefusal);
      await this.leave().catch(ignoreRefusal);
    }
    this.#isClosed = true;
    this.#services.close();
    this.#groupLink?.close();
    this.#link.close();
    this.#queue.close();
  }

  async #form(
    role: Group['role'],
    command: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Group> {
    if (this.#group !== undefined)
      throw new WifiDirectError('group_not_formed', 'This radio is in a group already.');
    try {
      return await waitFor(this.#queue.read(), (event) => formed(event, role), {
        timeoutMs,
        signal,
        start: async () => {
          await this.#link.ask(command);
          return undefined;
        },
      });
    } catch (error) {
      // An attempt that was given up must not become a group later on.
      if (error instanceof WifiDirectError && (error.code === 'timed_out' || error.code === 'aborted')) {
        await this.#link.ask('P2P_CANCEL').catch(ignoreRefusal);
        await this.leave().catch(ignoreRefusal);
      }
      throw error;
    }
  }

  async #restore(): Promise<void> {
    await this.#configure();
    await this.#services.offerAgain();
  }

  async #configure(): Promise<void> {
    const { deviceName } = this.#options;
    await this.#link.ask(`SET device_name ${deviceName}`);
    // Not by push button: anybody who stands near could be the one who is let in.
    await this.#link.ask('SET config_methods display keypad');
    // Phones of one shop have nothing to say to each other.
    await this.#link.ask('SET p2p_intra_bss 0');
    await this.#link.ask(`SET p2p_passphrase_len ${String(PASSPHRASE_LENGTH)}`);
  }

  #linkTo(interfaceName: string, onState: (state: LinkState) => void): SupplicantLink {
    const { controlFolder = '/run/wpa_supplicant', clientFolder = tmpdir() } = this.#options;
    const { timeoutMs = 2_000, pingIntervalMs = 2_000 } = this.#options;
    const settings = {
      addon: this.#addon,
      controlFolder,
      clientFolder,
      interfaceName,
      timeoutMs,
      pingIntervalMs,
    };
    return new SupplicantLink(settings, { onEvent: (event) => this.#onEvent(event), onState });
  }

  #hosted(): { readonly group: Group } {
    if (this.#group?.role !== 'group_owner')
      throw new WifiDirectError('group_unknown', 'This radio hosts no group.');
    return { group: this.#group };
  }

  async #askGroup(command: string): Promise<string> {
    return await (this.#groupLink ?? this.#link).ask(command);
  }

  #onLinkState(state: LinkState): void {
    if (state.state === 'up') {
      if (this.#wasUp) void this.#restore().catch(ignoreRefusal);
      this.#wasUp = true;
      this.#queue.push({ type: 'supplicant_back' });
      return;
    }
    if (state.state === 'down' && this.#wasUp) {
      this.#forget();
      this.#queue.push({ type: 'supplicant_lost' });
    }
  }

  #forget(): void {
    this.#group = undefined;
    this.#groupLink?.close();
    this.#groupLink = undefined;
    this.#peers.clear();
    this.#clients.clear();
  }

  #onEvent(event: SupplicantEvent): void {
    switch (event.type) {
      case 'peer_found':
        this.#peers.set(event.peer.address, event.peer);
        this.#queue.push(event);
        return;
      case 'peer_lost':
        if (this.#peers.delete(event.address)) this.#queue.push(event);
        return;
      case 'group_started':
        this.#onGroupStarted(event);
        return;
      case 'group_removed':
        if (this.#group?.interfaceName !== event.interfaceName) return;
        this.#group = undefined;
        this.#groupLink?.close();
        this.#groupLink = undefined;
        this.#clients.clear();
        this.#queue.push(event);
        return;
      case 'station_joined':
        if (this.#clients.has(event.address)) return;
        this.#clients.add(event.address);
        this.#queue.push({ type: 'client_joined', address: event.address });
        return;
      case 'station_left':
        if (this.#clients.delete(event.address))
          this.#queue.push({ type: 'client_left', address: event.address });
        return;
      case 'group_formation_failed':
      case 'negotiation_failed':
      case 'provisioning_failed':
        this.#queue.push({ type: 'group_removed', interfaceName: '', reason: 'FORMATION_FAILED' });
        return;
      case 'wrong_passphrase':
      case 'find_stopped':
        this.#queue.push(event);
        return;
      case 'service_response':
        this.#services.onResponse(event);
        return;
      case 'interface_disabled':
      case 'interface_enabled':
      case 'supplicant_ending':
        return;
    }
  }

  #onGroupStarted(event: SupplicantEvent & { readonly type: 'group_started' }): void {
    // The same start is told on the group's interface as well.
    if (this.#group?.interfaceName === event.interfaceName) return;
    const { interfaceName, role, frequencyMhz, isPersistent } = event;
    this.#clients.clear();
    this.#group = { interfaceName, role, ssid: displayName(event.ssid), frequencyMhz, isPersistent };
    // Who joins and leaves is told on the group's own interface, where there is one.
    if (interfaceName !== this.interfaceName) {
      this.#groupLink?.close();
      this.#groupLink = this.#linkTo(interfaceName, () => undefined);
    }
    this.#queue.push({ type: 'group_started', group: this.#group });
  }
}

function formed(event: RadioEvent, role: Group['role']): { readonly value: Group } | undefined {
  if (event.type === 'group_started' && event.group.role === role) return { value: event.group };
  if (event.type === 'group_removed') {
    throw new WifiDirectError('group_not_formed', `The group was not formed: ${event.reason}.`);
  }
  if (event.type === 'supplicant_lost') {
    throw new WifiDirectError('supplicant_unreachable', 'The supplicant went away meanwhile.');
  }
  return undefined;
}

/** On the way out a refusal means that there was nothing to end; anything else is a fault and must be seen. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof WifiDirectError)) throw error;
}
