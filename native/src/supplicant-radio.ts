// A radio over a real wpa_supplicant: one link to it, and who is near. Groups and services have files of their own.

import { tmpdir } from 'node:os';
import { type AddonMissing, type ControlAddon, loadAddon } from './addon.ts';
import type { ServiceInstance, ServiceType } from './dns-sd.ts';
import { WifiDirectError } from './errors.ts';
import { RadioEmitter } from './radio-emitter.ts';
import { EventQueue } from './event-queue.ts';
import type {
  AccessPointOptions,
  CallOptions,
  Credentials,
  FoundService,
  FoundUpnpService,
  Group,
  HostOptions,
  JoinMethod,
  JoinOptions,
  Peer,
  Radio,
  RadioEvent,
  ServiceAttributes,
  StoredGroup,
} from './radio.ts';
import {
  checkedDeviceName,
  checkedInterfaceName,
  checkedNetworkId,
  checkedSeconds,
} from './supplicant-commands.ts';
import type { HardwareAddress, PeerSighting, SupplicantEvent } from './supplicant-events.ts';
import { SupplicantGroups } from './supplicant-groups.ts';
import { type LinkState, SupplicantLink } from './supplicant-link.ts';
import { parseSignalDbm, parseStoredGroups } from './supplicant-replies.ts';
import { eachOnce, SupplicantServices } from './supplicant-services.ts';
import { checkedSettings, type RadioSettings, settingCommands } from './supplicant-settings.ts';
import type { UpnpSearchTarget, UpnpServiceName } from './upnp.ts';
import { abortable, waitFor } from './wait-for.ts';

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
  /**
   * Before it hosts, ends groups that are there already, such as those of a program that was killed. Default false:
   * whoever shares a supplicant with others must not.
   */
  readonly endsOldGroups?: boolean;
  readonly load?: () => ControlAddon | AddonMissing;
  readonly signal?: AbortSignal;
};

/** More than a supplicant itself keeps. */
const MOST_PEERS = 1_000;

/**
 * Attaches to the supplicant of an interface. Rejects with WifiDirectError: unsupported_platform when the addon is not
 * there, supplicant_unreachable when nobody answers within five seconds, aborted, and the *_invalid codes for options.
 */
export async function openRadio(options: OpenRadioOptions): Promise<Radio> {
  const addon = (options.load ?? loadAddon)();
  if (typeof addon === 'string')
    throw new WifiDirectError('unsupported_platform', `No Wi-Fi Direct here: ${addon}.`);
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
  readonly #settings: RadioSettings;
  readonly #queue = new EventQueue<RadioEvent>();
  readonly #emitter = new RadioEmitter();
  readonly #peers = new Map<HardwareAddress, Peer>();
  /** Peers whose strength is still to be asked for. */
  readonly #unmeasured = new Set<HardwareAddress>();
  #isMeasuring = false;
  readonly #link: SupplicantLink;
  readonly #services: SupplicantServices;
  readonly #groups: SupplicantGroups;
  #forgetSearch: () => void = () => undefined;
  /** What the supplicant that runs now was told of this radio's settings, or is being told. */
  #settingUp: Promise<void> | undefined;
  #isUp = false;
  #wasUp = false;
  #isClosed = false;

  constructor(addon: ControlAddon, options: OpenRadioOptions, settings: RadioSettings) {
    this.#addon = addon;
    this.#options = options;
    this.#settings = settings;
    this.interfaceName = options.interfaceName;
    this.#link = this.#linkTo(options.interfaceName, (state) => this.#onLinkState(state));
    this.#services = new SupplicantServices((command) => this.#link.ask(command));
    this.#groups = new SupplicantGroups({
      interfaceName: options.interfaceName,
      settings,
      link: this.#link,
      openLink: (name, onState) => this.#linkTo(name, onState),
      say: (event) => this.#say(event),
      read: () => this.#queue.read(),
    });
  }

  async ready(signal: AbortSignal | undefined): Promise<void> {
    await waitFor(
      this.#queue.read(),
      (event) => (event.type === 'supplicant_back' ? { value: true } : undefined),
      {
        timeoutMs: Math.max(5_000, this.#options.timeoutMs ?? 0),
        signal,
        start: async () => (this.#wasUp ? { value: true } : undefined),
      },
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
    await abortable(signal, () => this.#setUp());
    await this.#endOldGroups(signal);
  }

  async find({ seconds = 120, signal }: CallOptions & { readonly seconds?: number } = {}): Promise<void> {
    await this.#search(`P2P_FIND ${String(checkedSeconds(seconds))}`, signal);
  }

  async listen({ seconds = 120, signal }: CallOptions & { readonly seconds?: number } = {}): Promise<void> {
    await this.#search(`P2P_LISTEN ${String(checkedSeconds(seconds))}`, signal);
  }

  async stopFinding({ signal }: CallOptions = {}): Promise<void> {
    await abortable(signal, () => this.#link.ask('P2P_STOP_FIND'));
  }

  peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  async host(options: HostOptions = {}): Promise<Group> {
    await abortable(options.signal, () => this.#setUp());
    await this.#endOldGroups(options.signal);
    return await this.#groups.host(options);
  }

  async hostAccessPoint(options: AccessPointOptions): Promise<Group> {
    await abortable(options.signal, () => this.#setUp());
    await this.#endOldGroups(options.signal);
    return await this.#groups.hostAccessPoint(options);
  }

  async join(
    address: HardwareAddress,
    method: string | JoinMethod,
    options: JoinOptions = {},
  ): Promise<Group> {
    return await this.#groups.join(address, method, options);
  }

  async credentials({ signal }: CallOptions = {}): Promise<Credentials> {
    return await abortable(signal, () => this.#groups.credentials());
  }

  async invitePin({ signal }: CallOptions = {}): Promise<string> {
    return await abortable(signal, () => this.#groups.invitePin());
  }

  clients(): readonly HardwareAddress[] {
    return this.#groups.clients;
  }

  async removeClient(
    address: HardwareAddress,
    {
      by = 'deauthentication',
      signal,
    }: CallOptions & { readonly by?: 'deauthentication' | 'disassociation' } = {},
  ): Promise<void> {
    await abortable(signal, () => this.#groups.removeClient(address, by));
  }

  group(): Group | undefined {
    return this.#groups.group;
  }

  async storedGroups({ signal }: CallOptions = {}): Promise<readonly StoredGroup[]> {
    return parseStoredGroups(await abortable(signal, () => this.#link.ask('LIST_NETWORKS')));
  }

  async forgetStoredGroup(id: number, { signal }: CallOptions = {}): Promise<void> {
    const known = await this.storedGroups({ ...(signal === undefined ? {} : { signal }) });
    if (!known.some((group) => group.id === id))
      throw new WifiDirectError('group_unknown', 'No such stored group.');
    await abortable(signal, () => this.#link.ask(`REMOVE_NETWORK ${String(checkedNetworkId(id))}`));
    await this.#link.ask('SAVE_CONFIG').catch(ignoreRefusal);
  }

  async advertise(
    service: ServiceInstance,
    attributes?: ServiceAttributes,
    { signal }: CallOptions = {},
  ): Promise<void> {
    await abortable(signal, () => this.#services.advertise(service, attributes));
  }

  async withdraw(service: ServiceInstance, { signal }: CallOptions = {}): Promise<void> {
    await abortable(signal, () => this.#services.withdraw(service));
  }

  services(type: ServiceType, { signal }: CallOptions = {}): AsyncIterableIterator<FoundService> {
    return eachOnce(this.#services.find(type, signal), ({ address, instance }) => `${address} ${instance}`);
  }

  async advertiseUpnp(name: UpnpServiceName, { signal }: CallOptions = {}): Promise<void> {
    await abortable(signal, () => this.#services.advertiseUpnp(name));
  }

  async withdrawUpnp(name: UpnpServiceName, { signal }: CallOptions = {}): Promise<void> {
    await abortable(signal, () => this.#services.withdrawUpnp(name));
  }

  upnpServices(
    target: UpnpSearchTarget = 'ssdp:all',
    { signal }: CallOptions = {},
  ): AsyncIterableIterator<FoundUpnpService> {
    return eachOnce(this.#services.findUpnp(target, signal), ({ address, name }) => `${address} ${name}`);
  }

  async leave({ signal }: CallOptions = {}): Promise<void> {
    await this.#groups.leave(signal);
  }

  events({ signal }: CallOptions = {}): AsyncIterableIterator<RadioEvent> {
    return this.#queue.read(signal);
  }

  on<Type extends RadioEvent['type']>(
    type: Type,
    listener: (event: RadioEvent & { readonly type: Type }) => void,
  ): () => void {
    return this.#emitter.on<Type>(type, listener);
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
    this.#groups.forget();
    this.#link.close();
    this.#queue.close();
    this.#emitter.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #search(command: string, signal: AbortSignal | undefined): Promise<void> {
    await abortable(signal, () => this.#link.ask(command));
    const stop = (): void => {
      if (!this.#isClosed) void this.stopFinding().catch(ignoreRefusal);
    };
    // A signal that outlives many searches must not hold on to them all.
    this.#forgetSearch();
    this.#forgetSearch = () => signal?.removeEventListener('abort', stop);
    signal?.addEventListener('abort', stop, { once: true });
    // It may have come while the supplicant answered.
    if (signal?.aborted === true) stop();
  }

  /** A supplicant that was silent for a while still has the group that was given up for lost. */
  async #endOldGroups(signal: AbortSignal | undefined): Promise<void> {
    if (this.#options.endsOldGroups !== true || this.group() !== undefined) return;
    await abortable(signal, () => this.#link.ask('P2P_GROUP_REMOVE *')).catch(ignoreRefusal);
  }

  async #restore(): Promise<void> {
    await this.#setUp();
    await this.#services.offerAgain();
  }

  /**
   * Once for each supplicant. Whoever hosts waits for it: one that started anew would let those in the group talk to each
   * other until it is told.
   */
  async #setUp(): Promise<void> {
    const settingUp = (this.#settingUp ??= this.#configure());
    try {
      await settingUp;
    } catch (error) {
      if (this.#settingUp === settingUp) this.#settingUp = undefined;
      throw error;
    }
  }

  async #configure(): Promise<void> {
    for (const { command, isNeeded } of settingCommands(this.#options.deviceName, this.#settings)) {
      await this.#link.ask(command).catch((error: unknown) => {
        if (isNeeded) throw error;
        ignoreRefusal(error);
      });
    }
  }

  #linkTo(interfaceName: string, onState: (state: LinkState) => void): SupplicantLink {
    const { controlFolder = '/run/wpa_supplicant', clientFolder = tmpdir() } = this.#options;
    const { timeoutMs = 2_000, pingIntervalMs = 2_000 } = this.#options;
    return new SupplicantLink(
      { addon: this.#addon, controlFolder, clientFolder, interfaceName, timeoutMs, pingIntervalMs },
      { onEvent: (event) => this.#onEvent(event, interfaceName), onState },
    );
  }

  #say(event: RadioEvent): void {
    this.#queue.push(event);
    this.#emitter.emit(event);
  }

  #onLinkState(state: LinkState): void {
    switch (state.state) {
      case 'connecting':
        return;
      case 'up':
        // Said again when events were lost: nothing ended, but somebody may have come or gone.
        if (this.#isUp) {
          this.#groups.countAgain();
          return;
        }
        this.#isUp = true;
        this.#settingUp = undefined;
        if (this.#wasUp) void this.#restore().catch(ignoreRefusal);
        this.#wasUp = true;
        this.#say({ type: 'supplicant_back' });
        return;
      case 'down':
        // Each attempt that fails says so as well; it is lost once.
        if (!this.#isUp) return;
        this.#isUp = false;
        this.#groups.forget();
        this.#peers.clear();
        this.#unmeasured.clear();
        this.#say({ type: 'supplicant_lost' });
    }
  }

  #onEvent(event: SupplicantEvent, from: string): void {
    switch (event.type) {
      case 'peer_found':
        this.#onPeerFound(event.peer);
        return;
      case 'peer_lost':
        if (this.#peers.delete(event.address)) this.#say(event);
        return;
      case 'wrong_passphrase':
      case 'find_stopped':
        this.#say(event);
        return;
      case 'service_response':
        this.#services.onResponse(event);
        return;
      default:
        this.#groups.onEvent(event, from);
    }
  }

  #onPeerFound(sighting: PeerSighting): void {
    // Somebody who makes up devices must not fill the memory.
    if (this.#peers.size >= MOST_PEERS && !this.#peers.has(sighting.address)) return;
    const peer: Peer = { ...sighting, signalDbm: this.#peers.get(sighting.address)?.signalDbm };
    this.#peers.set(peer.address, peer);
    this.#say({ type: 'peer_found', peer });
    this.#unmeasured.add(peer.address);
    void this.#measureAll().catch(ignoreRefusal);
  }

  /**
   * The event does not say how strong the peer was heard. One question after the other: each holds one of the few threads
   * on which Node reads files and resolves names, and anybody nearby can be many peers.
   */
  async #measureAll(): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    try {
      for (let next = first(this.#unmeasured); next !== undefined; next = first(this.#unmeasured)) {
        this.#unmeasured.delete(next);
        if (this.#peers.has(next)) await this.#measure(next).catch(ignoreRefusal);
      }
    } finally {
      this.#isMeasuring = false;
    }
  }

  async #measure(address: HardwareAddress): Promise<void> {
    const signalDbm = parseSignalDbm(await this.#link.ask(`P2P_PEER ${address}`));
    const peer = this.#peers.get(address);
    if (peer === undefined || signalDbm === undefined || peer.signalDbm === signalDbm) return;
    const measured = { ...peer, signalDbm };
    this.#peers.set(address, measured);
    this.#say({ type: 'peer_updated', peer: measured });
  }
}

function first<Value>(values: ReadonlySet<Value>): Value | undefined {
  const [value] = values;
  return value;
}

/** On the way out a refusal means that there was nothing to end; anything else is a fault and must be seen. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof WifiDirectError)) throw error;
}
