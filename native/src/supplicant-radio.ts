// A radio over a real wpa_supplicant. The supplicant's events are the truth: what a call resolves with is what an event
// said, never what was asked for.

import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { type ControlAddon, loadAddon } from './addon.ts';
import { WifiDirectError } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import type { ServiceInstance, ServiceType } from './dns-sd.ts';
import type {
  AccessPointOptions,
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
  checkedAddress,
  checkedDeviceName,
  checkedInterfaceName,
  checkedNetworkId,
  checkedSsidPostfix,
  findCommand,
  groupAddCommand,
  joinCommand,
  networkInterfaceOf,
} from './supplicant-commands.ts';
import type { HardwareAddress, Peer, SupplicantEvent } from './supplicant-events.ts';
import { SupplicantLink, type LinkState } from './supplicant-link.ts';
import { accessPointSettings, addNetwork, ownGroupSettings } from './supplicant-networks.ts';
import {
  parseKeyValues,
  parseP2pDeviceAddress,
  parseStation,
  parseStoredGroups,
} from './supplicant-replies.ts';
import { SupplicantServices } from './supplicant-services.ts';
import { checkedSettings, type RadioSettings, settingCommands } from './supplicant-settings.ts';
import { displayName } from './supplicant-text.ts';
import { waitFor } from './wait-for.ts';

export type OpenRadioOptions = {
  /** Such as wlan0; `probe()` of createWifiDirect finds the one that can do Wi-Fi Direct. */
  readonly interfaceName: string;
  /** How this device is called in other devices' lists: 1 to 32 bytes. */
  readonly deviceName: string;
  /** What differs from `defaultRadioSettings`. */
  readonly settings?: Partial<RadioSettings>;
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
/** More than any radio serves; a list that does not end is a fault of the other side. */
const MOST_STATIONS = 256;

/** A network that this radio described to the supplicant, to be taken back when it is over. */
type OwnNetwork = {
  readonly id: number;
  readonly link: SupplicantLink;
  /** Of an access point, whose supplicant does not tell it again. */
  readonly passphrase?: string;
};

/**
 * Attaches to the supplicant of an interface. Rejects with WifiDirectError: supplicant_unreachable when it does not
 * answer within five seconds (or the addon is not there), aborted, and the *_invalid codes for options.
 */
export async function openRadio(options: OpenRadioOptions): Promise<Radio> {
  const addon = (options.load ?? loadAddon)();
  if (typeof addon === 'string')
    throw new WifiDirectError('supplicant_unreachable', `No Wi-Fi Direct here: ${addon}.`);
  checkedDeviceName(options.deviceName);
  checkedInterfaceName(options.interfaceName);
  const radio = new SupplicantRadio(addon, options, checkedSettings(options.settings ?? {}));
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
  #own: OwnNetwork | undefined;
  /** The access point that has been asked for and is not up yet. */
  #expected: Group | undefined;
  readonly #settings: RadioSettings;
  #wasUp = false;
  #isClosed = false;

  constructor(addon: ControlAddon, options: OpenRadioOptions, settings: RadioSettings) {
    this.#addon = addon;
    this.#settings = settings;
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

  async host({ timeoutMs = 15_000, signal, ...options }: HostOptions = {}): Promise<Group> {
    const { ssid, ssidPostfix, passphrase, ...group } = options;
    checkedSsidPostfix(ssidPostfix ?? '');
    const command = (persistentId: number | undefined): string => groupAddCommand({ ...group, persistentId });
    command(options.storedGroupId);
    this.#mustBeFree();
    if (passphrase === undefined) {
      if (ssid !== undefined)
        throw new WifiDirectError('passphrase_invalid', 'A group with a name of its own needs a passphrase.');
      await this.#link.ask(`SET p2p_ssid_postfix ${ssidPostfix ?? ''}`);
      return await this.#form('group_owner', command(options.storedGroupId), timeoutMs, signal);
    }
    if (options.storedGroupId !== undefined)
      throw new WifiDirectError('passphrase_invalid', 'A stored group keeps its own passphrase.');
    const address = parseP2pDeviceAddress(parseKeyValues(await this.#link.ask('STATUS')));
    if (address === undefined) throw new WifiDirectError('supplicant_refused', 'Wi-Fi Direct is off.');
    const ask = (line: string): Promise<string> => this.#link.ask(line);
    const id = await addNetwork(ask, ownGroupSettings({ ssid, ssidPostfix, passphrase }, address));
    // Only what was asked for is kept beyond the group's end.
    if (options.isPersistent !== true) this.#own = { id, link: this.#link };
    try {
      return await this.#form('group_owner', command(id), timeoutMs, signal);
    } catch (error) {
      await this.#link.ask(`REMOVE_NETWORK ${String(id)}`).catch(ignoreRefusal);
      this.#own = undefined;
      throw error;
    }
  }

  async hostAccessPoint({ timeoutMs = 15_000, signal, ...options }: AccessPointOptions): Promise<Group> {
    const { clientInactivitySeconds } = this.#settings;
    const settings = accessPointSettings({ ...options, clientInactivitySeconds });
    const interfaceName = checkedInterfaceName(
      options.interfaceName ?? networkInterfaceOf(this.interfaceName),
    );
    this.#mustBeFree();
    const { ssid, frequencyMhz } = options;
    this.#expected = { interfaceName, role: 'access_point', ssid, frequencyMhz, isPersistent: false };
    try {
      const link = await this.#linkToHost(interfaceName, timeoutMs, signal);
      return await waitFor(this.#queue.read(), (event) => formed(event, 'access_point'), {
        timeoutMs,
        signal,
        start: async () => {
          await link.ask(`SET ap_isolate ${this.#settings.clientsMayTalk ? '0' : '1'}`);
          const id = await addNetwork((line) => link.ask(line), settings);
          this.#own = { id, link, passphrase: options.passphrase };
          await link.ask(`SELECT_NETWORK ${String(id)}`);
          return undefined;
        },
      });
    } catch (error) {
      await this.#endAccessPoint();
      throw error;
    } finally {
      this.#expected = undefined;
    }
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
    const passphrase = this.#own?.passphrase ?? (await this.#askGroup('P2P_GET_PASSPHRASE'));
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

  async removeClient(
    address: HardwareAddress,
    { by = 'deauthentication' }: { readonly by?: 'deauthentication' | 'disassociation' } = {},
  ): Promise<void> {
    this.#hosted();
    const known = checkedAddress(address);
    if (!this.#clients.has(known)) throw new WifiDirectError('client_unknown', 'No such client is here.');
    await this.#askGroup(`${by === 'deauthentication' ? 'DEAUTHENTICATE' : 'DISASSOCIATE'} ${known}`);
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
    if (group.role === 'access_point') {
      await this.#endAccessPoint();
      return;
    }
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
    await this.#takeBack();
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
    this.#dropGroupLink();
    this.#link.close();
    this.#queue.close();
  }

  async #form(
    role: Group['role'],
    command: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Group> {
    this.#mustBeFree();
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
    for (const { command, isNeeded } of settingCommands(this.#options.deviceName, this.#settings)) {
      await this.#link.ask(command).catch((error: unknown) => {
        if (isNeeded) throw error;
        ignoreRefusal(error);
      });
    }
  }

  #mustBeFree(): void {
    if (this.#group !== undefined || this.#expected !== undefined)
      throw new WifiDirectError('group_not_formed', 'This radio is in a group already.');
  }

  /** The supplicant forgets the network that was described for this group only. */
  async #takeBack(): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    if (own === undefined) return;
    await own.link.ask(`REMOVE_NETWORK ${String(own.id)}`).catch(ignoreRefusal);
  }

  async #endAccessPoint(): Promise<void> {
    await this.#takeBack();
    this.#onGroupGone(this.#group?.interfaceName ?? '', 'REQUESTED');
    this.#dropGroupLink();
  }

  /** The link to the interface that an access point is hosted on, once it answers. */
  async #linkToHost(
    interfaceName: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<SupplicantLink> {
    if (interfaceName === this.interfaceName) return this.#link;
    const { promise, resolve, reject } = Promise.withResolvers<SupplicantLink>();
    const giveUp = (code: 'timed_out' | 'aborted', message: string) => (): void =>
      reject(new WifiDirectError(code, message));
    const timer = setTimeout(giveUp('timed_out', `No supplicant serves ${interfaceName}.`), timeoutMs);
    const onAbort = giveUp('aborted', 'It was given up.');
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#dropGroupLink();
    const link = this.#linkTo(interfaceName, (state) => {
      if (state.state === 'up') resolve(link);
      if (state.state !== 'down') return;
      reject(
        new WifiDirectError('supplicant_unreachable', `The supplicant of ${interfaceName}: ${state.code}.`),
      );
      this.#onGroupGone(interfaceName, 'UNAVAILABLE');
    });
    this.#groupLink = link;
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #dropGroupLink(): void {
    this.#groupLink?.close();
    this.#groupLink = undefined;
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
    return new SupplicantLink(settings, {
      onEvent: (event) => this.#onEvent(event, interfaceName),
      onState,
    });
  }

  #hosted(): { readonly group: Group } {
    if (this.#group === undefined || this.#group.role === 'client')
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
    // Gone with the supplicant that knew it.
    this.#own = undefined;
    this.#dropGroupLink();
    this.#peers.clear();
    this.#clients.clear();
  }

  #onGroupGone(interfaceName: string, reason: string): void {
    if (this.#group?.interfaceName !== interfaceName) return;
    this.#group = undefined;
    this.#dropGroupLink();
    this.#clients.clear();
    this.#queue.push({ type: 'group_removed', interfaceName, reason });
  }

  /** Those who came before this radio listened, or while it did not, and those who left meanwhile. */
  async #countClients(interfaceName: string): Promise<void> {
    const here = new Set<HardwareAddress>();
    let reply = await this.#askGroup('STA-FIRST');
    for (let at = 0; at < MOST_STATIONS; at += 1) {
      const station = parseStation(reply);
      if (station === undefined) break;
      if (station.isAuthorized) here.add(station.address);
      reply = await this.#askGroup(`STA-NEXT ${station.address}`);
    }
    if (this.#group?.interfaceName !== interfaceName) return;
    for (const address of this.#clients) if (!here.has(address)) this.#onStationLeft(address);
    for (const address of here) this.#onStationJoined(address);
  }

  #onStationJoined(address: HardwareAddress): void {
    if (this.#group === undefined || this.#clients.has(address)) return;
    this.#clients.add(address);
    this.#queue.push({ type: 'client_joined', address });
  }

  #onStationLeft(address: HardwareAddress): void {
    if (this.#clients.delete(address)) this.#queue.push({ type: 'client_left', address });
  }

  #onEvent(event: SupplicantEvent, from: string): void {
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
        this.#onGroupGone(event.interfaceName, event.reason);
        void this.#takeBack();
        return;
      case 'access_point_enabled':
        if (from === this.#expected?.interfaceName) this.#onAccessPoint(this.#expected);
        return;
      case 'access_point_disabled':
      case 'interface_disabled':
        if (this.#group?.role !== 'access_point' || from !== this.#group.interfaceName) return;
        this.#onAccessPointGone(from);
        return;
      case 'station_joined':
        this.#onStationJoined(event.address);
        return;
      case 'station_left':
        this.#onStationLeft(event.address);
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
      this.#dropGroupLink();
      this.#groupLink = this.#linkTo(interfaceName, ({ state }) => {
        if (state === 'up' && role === 'group_owner')
          void this.#countClients(interfaceName).catch(ignoreRefusal);
      });
    }
    this.#queue.push({ type: 'group_started', group: this.#group });
  }

  #onAccessPointGone(interfaceName: string): void {
    // Taken back already: it was this radio that ended it.
    const reason = this.#own === undefined ? 'REQUESTED' : 'UNAVAILABLE';
    // First, since the link that it is said on ends with the group.
    void this.#takeBack();
    this.#onGroupGone(interfaceName, reason);
  }

  #onAccessPoint(group: Group): void {
    if (this.#group !== undefined) return;
    this.#clients.clear();
    this.#group = group;
    this.#queue.push({ type: 'group_started', group });
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
