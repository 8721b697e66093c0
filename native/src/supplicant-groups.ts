// The one group that a radio is in: hosting, joining, its clients, its end. What a call resolves with is what an event
// said, never what was asked for.

import { randomInt } from 'node:crypto';
import { WifiDirectError } from './errors.ts';
import { GroupClients } from './group-clients.ts';
import type { AccessPointOptions, Group, HostOptions, JoinMethod, JoinOptions, RadioEvent } from './radio.ts';
import {
  checkDigitOf,
  checkedAddress,
  checkedInterfaceName,
  checkedSsidPostfix,
  groupAddCommand,
  joinCommand,
  networkInterfaceOf,
} from './supplicant-commands.ts';
import type { HardwareAddress, SupplicantEvent } from './supplicant-events.ts';
import type { LinkState, SupplicantLink } from './supplicant-link.ts';
import { accessPointSettings, addNetwork, ownGroupSettings } from './supplicant-networks.ts';
import { parseKeyValues, parseP2pDeviceAddress } from './supplicant-replies.ts';
import type { RadioSettings } from './supplicant-settings.ts';
import { displayName } from './supplicant-text.ts';
import { waitFor } from './wait-for.ts';

const PIN_SECONDS = 120;

/** Long enough for a radio to begin or to fail. */
const LATE_GROUP_MS = 3_000;

/** Tells a supplicant one line of an attempt, by default that of the radio itself. */
type Send = (line: string, link?: SupplicantLink) => Promise<string>;

/** A network that this radio described to the supplicant, to be taken back when it is over. */
type OwnNetwork = {
  readonly id: number;
  readonly link: SupplicantLink;
  /** Of an access point, whose supplicant does not tell it again. */
  readonly passphrase?: string;
};

export type GroupsOptions = {
  readonly interfaceName: string;
  readonly settings: RadioSettings;
  readonly link: SupplicantLink;
  readonly openLink: (interfaceName: string, onState: (state: LinkState) => void) => SupplicantLink;
  readonly say: (event: RadioEvent) => void;
  readonly read: () => AsyncIterableIterator<RadioEvent>;
};

export class SupplicantGroups {
  readonly #options: GroupsOptions;
  readonly #link: SupplicantLink;
  readonly #clients: GroupClients;
  /** To the group's own interface, where there is one: who joins and leaves is told there. */
  #groupLink: SupplicantLink | undefined;
  #group: Group | undefined;
  #own: OwnNetwork | undefined;
  /** The access point that has been asked for and is not up yet. */
  #expected: Group | undefined;
  #isForming = false;
  #giveUpLink: () => void = () => undefined;

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#clients = new GroupClients(options.say);
  }

  get group(): Group | undefined {
    return this.#group;
  }

  get clients(): readonly HardwareAddress[] {
    return this.#clients.all;
  }

  async host({ timeoutMs = 15_000, signal, ...options }: HostOptions): Promise<Group> {
    const { ssid, ssidPostfix, passphrase, storedGroupId, ...group } = options;
    checkedSsidPostfix(ssidPostfix ?? '');
    const command = groupAddCommand({ ...group, persistentId: storedGroupId });
    if (passphrase !== undefined && storedGroupId !== undefined)
      throw new WifiDirectError('passphrase_invalid', 'A stored group keeps its own passphrase.');
    if (passphrase === undefined && ssid !== undefined)
      throw new WifiDirectError('passphrase_invalid', 'A group with a name of its own needs a passphrase.');
    // So that what could never be right is refused before anything is asked.
    if (passphrase !== undefined) ownGroupSettings({ ssid, ssidPostfix, passphrase }, '');
    return await this.#form('group_owner', timeoutMs, signal, async (send) => {
      if (passphrase === undefined) {
        await send(`SET p2p_ssid_postfix ${ssidPostfix ?? ''}`);
        await send(command);
        return;
      }
      const address = parseP2pDeviceAddress(parseKeyValues(await send('STATUS')));
      if (address === undefined) throw new WifiDirectError('supplicant_refused', 'Wi-Fi Direct is off.');
      const settings = ownGroupSettings({ ssid, ssidPostfix, passphrase }, address);
      const id = await addNetwork(send, settings);
      this.#own = { id, link: this.#link };
      await send(groupAddCommand({ ...group, persistentId: id }));
      // Only what was asked for is kept beyond the group's end.
      if (options.isPersistent === true) this.#own = undefined;
    });
  }

  async join(
    address: HardwareAddress,
    method: string | JoinMethod,
    { timeoutMs = 60_000, signal, isPersistent = false }: JoinOptions,
  ): Promise<Group> {
    const how: JoinMethod = typeof method === 'string' ? { by: 'pin', pin: method } : method;
    const command = joinCommand({ address, method: how, isPersistent });
    return await this.#form('client', timeoutMs, signal, async (send) => {
      await send(command);
    });
  }

  async hostAccessPoint({ timeoutMs = 15_000, signal, ...options }: AccessPointOptions): Promise<Group> {
    const { clientInactivitySeconds, clientsMayTalk } = this.#options.settings;
    const settings = accessPointSettings({ ...options, clientInactivitySeconds });
    const interfaceName = checkedInterfaceName(
      options.interfaceName ?? networkInterfaceOf(this.#options.interfaceName),
    );
    const { ssid, frequencyMhz } = options;
    return await this.#form('access_point', timeoutMs, signal, async (send) => {
      this.#expected = { interfaceName, role: 'access_point', ssid, frequencyMhz, isPersistent: false };
      const link = await this.#linkToHost(interfaceName);
      await send(`SET ap_isolate ${clientsMayTalk ? '0' : '1'}`, link);
      const id = await addNetwork((line) => send(line, link), settings);
      this.#own = { id, link, passphrase: options.passphrase };
      await send(`SELECT_NETWORK ${String(id)}`, link);
    });
  }

  async credentials(): Promise<{ readonly ssid: string; readonly passphrase: string }> {
    const { ssid } = this.#hosted();
    return { ssid, passphrase: this.#own?.passphrase ?? (await this.#askGroup('P2P_GET_PASSPHRASE')) };
  }

  async invitePin(): Promise<string> {
    if (this.#hosted().role === 'access_point')
      throw new WifiDirectError('group_unknown', 'A plain access point knows no PINs.');
    const digits = String(randomInt(10_000_000)).padStart(7, '0');
    const pin = `${digits}${String(checkDigitOf(digits))}`;
    await this.#askGroup(`WPS_PIN any ${pin} ${String(PIN_SECONDS)}`);
    return pin;
  }

  async removeClient(address: HardwareAddress, by: 'deauthentication' | 'disassociation'): Promise<void> {
    this.#hosted();
    const known = checkedAddress(address);
    if (!this.#clients.has(known)) throw new WifiDirectError('client_unknown', 'No such client is here.');
    await this.#askGroup(`${by === 'deauthentication' ? 'DEAUTHENTICATE' : 'DISASSOCIATE'} ${known}`);
  }

  async leave(signal?: AbortSignal): Promise<void> {
    const group = this.#group;
    if (group === undefined) return;
    if (group.role === 'access_point') {
      await this.#endAccessPoint();
      return;
    }
    await waitFor(this.#options.read(), isTheEnd, {
      timeoutMs: 10_000,
      signal,
      start: async () => {
        await this.#link.ask(`P2P_GROUP_REMOVE ${group.interfaceName}`).catch((error: unknown) => {
          // It may have ended by itself between the look and the word.
          if (this.#group !== undefined) throw error;
        });
        return this.#group === undefined ? { value: true } : undefined;
      },
    });
    await this.#takeBack();
  }

  /** The supplicant went away, and all that it knew with it. */
  forget(): void {
    this.#group = undefined;
    this.#own = undefined;
    this.#dropGroupLink();
    this.#clients.clear();
  }

  /** Events were lost. */
  countAgain(): void {
    if (this.#group !== undefined && this.#group.role !== 'client')
      void this.#clients.count((command) => this.#askGroup(command)).catch(ignoreRefusal);
  }

  /** Takes what concerns groups; `from` is the interface that it was said on. */
  onEvent(event: SupplicantEvent, from: string): void {
    switch (event.type) {
      case 'group_started':
        this.#onGroupStarted(event);
        return;
      case 'group_removed':
        // Not that of another group, such as one that was ended to make room for ours.
        if (this.#group?.interfaceName !== event.interfaceName) return;
        void this.#takeBack();
        this.#onGroupGone(event.interfaceName, event.reason);
        return;
      case 'access_point_enabled':
        if (from === this.#expected?.interfaceName) this.#onAccessPoint(this.#expected);
        return;
      case 'access_point_disabled':
      case 'interface_disabled':
        if (this.#group?.role === 'access_point' && from === this.#group.interfaceName)
          this.#onAccessPointGone(from);
        return;
      case 'station_joined':
        if (this.#group !== undefined) this.#clients.joined(event.address);
        return;
      case 'station_left':
        this.#clients.left(event.address);
        return;
      case 'group_formation_failed':
      case 'negotiation_failed':
      case 'provisioning_failed':
        if (this.#isForming)
          this.#options.say({ type: 'group_removed', interfaceName: '', reason: 'FORMATION_FAILED' });
        return;
      default:
    }
  }

  async #form(
    role: Group['role'],
    timeoutMs: number,
    signal: AbortSignal | undefined,
    start: (send: Send) => Promise<void>,
  ): Promise<Group> {
    if (this.#group !== undefined || this.#isForming)
      throw new WifiDirectError('already_in_group', 'This radio is in a group already, or about to be.');
    this.#isForming = true;
    let isOver = false;
    let begun: Promise<void> | undefined;
    const send: Send = async (line, link = this.#link) => {
      // What was given up goes no further; what it described is taken back.
      if (isOver && !line.startsWith('REMOVE_NETWORK'))
        throw new WifiDirectError('aborted', 'It was given up.');
      return await link.ask(line);
    };
    try {
      return await waitFor(this.#options.read(), (event) => formed(event, role), {
        timeoutMs,
        signal,
        start: async () => {
          begun = start(send);
          await begun;
          return undefined;
        },
      });
    } catch (error) {
      isOver = true;
      await this.#giveUp(role, begun, signal?.aborted === true);
      throw error;
    } finally {
      this.#expected = undefined;
      this.#isForming = false;
    }
  }

  /** An attempt that was given up must not become a group later on. */
  async #giveUp(role: Group['role'], begun: Promise<void> | undefined, mayComeYet: boolean): Promise<void> {
    if (role === 'access_point') {
      this.#expected = undefined;
      this.#giveUpLink();
      // A word that is on its way is heard by the supplicant in any case.
      await begun?.catch(ignoreRefusal);
      await this.#endAccessPoint();
      return;
    }
    const wasAsked = await begun?.then(
      () => true,
      () => false,
    );
    if (this.#link.state.state === 'up') {
      await this.#link.ask('P2P_CANCEL').catch(ignoreRefusal);
      if (mayComeYet && wasAsked === true && role === 'group_owner') await this.#awaitLateGroup();
      await this.leave().catch(ignoreRefusal);
    }
    await this.#takeBack();
  }

  /** The supplicant said that it will host, and knows no word by which to take that back before it does. */
  async #awaitLateGroup(): Promise<void> {
    const isDecided = ({ type }: RadioEvent): { readonly value: true } | undefined =>
      type === 'group_started' || type === 'group_removed' || type === 'supplicant_lost'
        ? { value: true }
        : undefined;
    await waitFor(this.#options.read(), isDecided, {
      timeoutMs: LATE_GROUP_MS,
      signal: undefined,
      start: async () => (this.#group === undefined ? undefined : { value: true }),
    }).catch(ignoreRefusal);
  }

  /** The supplicant forgets the network that was described for this group only. */
  async #takeBack(): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    if (own !== undefined) await own.link.ask(`REMOVE_NETWORK ${String(own.id)}`).catch(ignoreRefusal);
  }

  async #endAccessPoint(): Promise<void> {
    await this.#takeBack();
    this.#onGroupGone(this.#group?.interfaceName ?? '', 'REQUESTED');
    this.#dropGroupLink();
  }

  /** The link to the interface that an access point is hosted on, once it answers. */
  async #linkToHost(interfaceName: string): Promise<SupplicantLink> {
    if (interfaceName === this.#options.interfaceName) return this.#link;
    this.#dropGroupLink();
    const { promise, resolve, reject } = Promise.withResolvers<SupplicantLink>();
    this.#giveUpLink = () => reject(new WifiDirectError('aborted', 'It was given up.'));
    const link = this.#options.openLink(interfaceName, (state) => {
      if (state.state === 'up') {
        resolve(link);
        // Said again when events were lost.
        this.countAgain();
      }
      if (state.state !== 'down') return;
      reject(
        new WifiDirectError('supplicant_unreachable', `No supplicant for ${interfaceName}: ${state.code}.`),
      );
      this.#onGroupGone(interfaceName, 'UNAVAILABLE');
    });
    this.#groupLink = link;
    return await promise;
  }

  #dropGroupLink(): void {
    this.#groupLink?.close();
    this.#groupLink = undefined;
  }

  #hosted(): Group {
    if (this.#group === undefined || this.#group.role === 'client')
      throw new WifiDirectError('group_unknown', 'This radio hosts no group.');
    return this.#group;
  }

  async #askGroup(command: string): Promise<string> {
    return await (this.#groupLink ?? this.#link).ask(command);
  }

  #onGroupStarted(event: SupplicantEvent & { readonly type: 'group_started' }): void {
    // The same start is told on the group's interface as well.
    if (this.#group?.interfaceName === event.interfaceName) return;
    const { interfaceName, role, frequencyMhz, isPersistent } = event;
    this.#clients.clear();
    const group = { interfaceName, role, ssid: displayName(event.ssid), frequencyMhz, isPersistent };
    this.#group = group;
    if (interfaceName !== this.#options.interfaceName) {
      this.#dropGroupLink();
      this.#groupLink = this.#options.openLink(interfaceName, (link) => {
        if (link.state === 'up') this.countAgain();
        // Its end may have been among events that were lost; then this is the only sign of it.
        if (link.state === 'down' && (link.code === 'no_socket' || link.code === 'connection_refused'))
          void this.#onGroupSilent(group).catch(ignoreRefusal);
      });
    }
    this.#options.say({ type: 'group_started', group });
  }

  /** Nobody answers for the group any more: it is gone, unless the whole supplicant is. */
  async #onGroupSilent(group: Group): Promise<void> {
    await this.#link.ask('PING');
    // Who answered may be the next supplicant, and host another group on an interface of the same name.
    if (this.#group !== group) return;
    void this.#takeBack();
    this.#onGroupGone(group.interfaceName, 'UNAVAILABLE');
  }

  #onAccessPoint(group: Group): void {
    if (this.#group !== undefined) return;
    this.#clients.clear();
    this.#group = group;
    this.#options.say({ type: 'group_started', group });
  }

  #onAccessPointGone(interfaceName: string): void {
    // Taken back already: it was this radio that ended it.
    const reason = this.#own === undefined ? 'REQUESTED' : 'UNAVAILABLE';
    // First, since the link that it is said on ends with the group.
    void this.#takeBack();
    this.#onGroupGone(interfaceName, reason);
  }

  #onGroupGone(interfaceName: string, reason: string): void {
    if (this.#group?.interfaceName !== interfaceName) return;
    this.#group = undefined;
    this.#dropGroupLink();
    this.#clients.clear();
    this.#options.say({ type: 'group_removed', interfaceName, reason });
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

function isTheEnd({ type }: RadioEvent): { readonly value: true } | undefined {
  return type === 'group_removed' || type === 'supplicant_lost' ? { value: true } : undefined;
}

/** On the way out a refusal means that there was nothing to end; anything else is a fault and must be seen. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof WifiDirectError)) throw error;
}
