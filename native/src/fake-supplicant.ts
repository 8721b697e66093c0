// A wpa_supplicant that is none: takes the same commands and says the same events as the real one, over a fake air. The
// package's own radio runs over it unchanged, so that what it does with either is the same.

import { randomInt } from 'node:crypto';
import type { ControlAddon, ControlErrorCode, EventMessage } from './addon.ts';
import type { AirDevice, FakeAir } from './fake-air.ts';
import { FakeNetwork } from './fake-network.ts';
import { FakeServices } from './fake-services.ts';
import { networkInterfaceOf } from './supplicant-commands.ts';
import type { HardwareAddress } from './supplicant-events.ts';
import { newGroupName } from './supplicant-networks.ts';

export type FakeSupplicantOptions = {
  readonly air: FakeAir;
  readonly interfaceName: string;
  readonly now: () => number;
};

type Listener = (message: EventMessage) => void;
type Command = (rest: string, interfaceName: string) => string;
type Described = Map<string, string>;
/** A group that this device is in as a client. */
type Membership = {
  readonly interfaceName: string;
  readonly address: HardwareAddress;
  readonly network: FakeNetwork;
};

const OK = 'OK\n';
const FAIL = 'FAIL\n';
const SIGNAL_DBM = -42;
const DEFAULT_FREQUENCY_MHZ = 2_412;

export class FakeSupplicant implements AirDevice {
  readonly deviceAddress: HardwareAddress;
  readonly #options: FakeSupplicantOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  #settings = new Map<string, string>();
  #networks = new Map<number, Described>();
  #services = new FakeServices();
  #hosted: FakeNetwork | undefined;
  #membership: Membership | undefined;
  /** Until when it looks or listens, and what it has seen meanwhile. */
  #search: { readonly kind: 'find' | 'listen'; readonly timer: NodeJS.Timeout } | undefined;
  #seen = new Map<HardwareAddress, string>();
  #questions = new Map<string, { readonly words: string; readonly told: Map<HardwareAddress, string> }>();
  #count = 0;
  #isRunning = true;
  #isBlocked = false;

  constructor(options: FakeSupplicantOptions) {
    this.#options = options;
    this.deviceAddress = options.air.newAddress();
    options.air.add(this);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  readonly addon: ControlAddon = {
    request: async ({ socketPath, command }) => {
      const interfaceName = socketPath.split('/').at(-1) ?? '';
      if (!this.#serves(interfaceName)) throw controlError('no_socket');
      return Buffer.from(this.#answer(command, interfaceName));
    },
    listen: ({ socketPath }, listener) => {
      const interfaceName = socketPath.split('/').at(-1) ?? '';
      let isOver = false;
      const say: Listener = (message) => {
        setImmediate(() => {
          if (isOver) return;
          if (message.type === 'ended') isOver = true;
          listener(message);
        });
      };
      if (this.#serves(interfaceName)) {
        this.#listeners.set(interfaceName, (this.#listeners.get(interfaceName) ?? new Set()).add(say));
        say({ type: 'attached' });
      } else {
        say({ type: 'ended', code: 'no_socket', message: 'nobody listens' });
      }
      return () => {
        isOver = true;
        this.#listeners.get(interfaceName)?.delete(say);
      };
    },
  };

  /** As kill -9 does: no word to anybody, and everything that was not saved is forgotten. */
  kill(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#endSearch();
    this.#endHosting();
    this.#endMembership();
    const listeners = [...this.#listeners.values()].flatMap((all) => [...all]);
    this.#listeners.clear();
    for (const say of listeners) say({ type: 'ended', code: 'connection_refused', message: 'it is gone' });
    this.#settings = new Map();
    this.#networks = new Map();
    this.#services = new FakeServices();
    this.#questions = new Map();
    this.#seen = new Map();
    this.#options.air.changed();
  }

  start(): void {
    this.#isRunning = true;
    this.#options.air.changed();
  }

  block(): void {
    this.#isBlocked = true;
    this.#endSearch();
    this.#endGroup('UNAVAILABLE');
    this.#say(this.#networkInterface(), 'INTERFACE-DISABLED ');
    this.#options.air.changed();
  }

  unblock(): void {
    this.#isBlocked = false;
    this.#say(this.#networkInterface(), 'INTERFACE-ENABLED ');
    this.#options.air.changed();
  }

  network(): FakeNetwork | undefined {
    return this.#isHeard() ? this.#hosted : undefined;
  }

  settle(): void {
    if (!this.#isHeard() || this.#search?.kind !== 'find') return;
    const others = this.#others();
    for (const address of this.#seen.keys()) {
      if (others.some(({ deviceAddress }) => deviceAddress === address)) continue;
      this.#seen.delete(address);
      this.#say(this.#options.interfaceName, `P2P-DEVICE-LOST p2p_dev_addr=${address}`);
    }
    for (const other of others) this.#look(other);
  }

  /** How others see it. */
  describe(): string {
    const name = (this.#settings.get('device_name') ?? '').replaceAll(/\p{Cc}/gu, '_');
    const group = this.#hosted?.options.kind === 'group' ? '0x2b' : '0x0';
    const fixed = 'pri_dev_type=1-0050F204-1';
    return `p2p_dev_addr=${this.deviceAddress} ${fixed} name='${name}' config_methods=0x108 dev_capab=0x25 group_capab=${group} new=1`;
  }

  answerService(question: string): string {
    return this.#services.answer(question);
  }

  #look(other: FakeSupplicant): void {
    const sight = other.describe();
    if (this.#seen.get(other.deviceAddress) !== sight) {
      this.#seen.set(other.deviceAddress, sight);
      this.#say(this.#options.interfaceName, `P2P-DEVICE-FOUND ${other.deviceAddress} ${sight}`);
    }
    for (const { words, told } of this.#questions.values()) {
      const answer = other.answerService(words);
      if (told.get(other.deviceAddress) === answer) continue;
      told.set(other.deviceAddress, answer);
      this.#say(this.#options.interfaceName, `P2P-SERV-DISC-RESP ${other.deviceAddress} 1 ${answer}`);
    }
  }

  /** Those who can be found: they host a group, look around, or listen. */
  #others(): readonly FakeSupplicant[] {
    return this.#options.air
      .devices()
      .filter((one) => one instanceof FakeSupplicant)
      .filter((one) => one !== this && one.#isHeard() && one.#isDiscoverable());
  }

  #isDiscoverable(): boolean {
    return this.#hosted?.options.kind === 'group' || this.#search !== undefined;
  }

  #isHeard(): boolean {
    return this.#isRunning && !this.#isBlocked;
  }

  #networkInterface(): string {
    return networkInterfaceOf(this.#options.interfaceName);
  }

  #groupInterface(): string {
    return `p2p-${this.#networkInterface()}-0`;
  }

  #serves(interfaceName: string): boolean {
    if (!this.#isRunning) return false;
    const own = [this.#options.interfaceName, this.#networkInterface()];
    return own.includes(interfaceName) || (interfaceName === this.#groupInterface() && this.#isInGroup());
  }

  #isInGroup(): boolean {
    return this.#hosted?.options.kind === 'group' || this.#membership !== undefined;
  }

  #say(interfaceName: string, event: string): void {
    for (const say of this.#listeners.get(interfaceName) ?? [])
      say({ type: 'event', bytes: Buffer.from(`<3>${event}`) });
  }

  #answer(line: string, interfaceName: string): string {
    const space = line.indexOf(' ');
    const name = space === -1 ? line : line.slice(0, space);
    const rest = space === -1 ? '' : line.slice(space + 1);
    const command = this.#commands.get(name);
    return command === undefined ? 'UNKNOWN COMMAND\n' : command(rest, interfaceName);
  }

  readonly #commands: ReadonlyMap<string, Command> = new Map<string, Command>([
    ['PING', () => 'PONG\n'],
    ['STATUS', () => `wpa_state=DISCONNECTED\np2p_device_address=${this.deviceAddress}\n`],
    ['DRIVER_FLAGS', () => '0000000000000C60:\nAP\nP2P_CONCURRENT\nP2P_CAPABLE\n'],
    ['SET', (rest) => this.#set(rest)],
    ['P2P_FIND', (rest) => this.#startSearch('find', rest)],
    ['P2P_LISTEN', (rest) => this.#startSearch('listen', rest)],
    ['P2P_STOP_FIND', () => this.#stopSearch()],
    ['P2P_PEER', (rest) => this.#peer(rest)],
    ['P2P_GROUP_ADD', (rest) => this.#groupAdd(rest)],
    ['P2P_GROUP_REMOVE', (rest) => this.#groupRemove(rest)],
    ['P2P_CONNECT', (rest) => this.#connect(rest)],
    ['P2P_CANCEL', () => FAIL],
    ['P2P_GET_PASSPHRASE', () => this.#hosted?.options.passphrase ?? FAIL],
    ['WPS_PIN', (rest) => this.#allowPin(rest)],
    ['ADD_NETWORK', () => this.#addNetwork()],
    ['SET_NETWORK', (rest) => this.#setNetwork(rest)],
    ['SELECT_NETWORK', (rest, interfaceName) => this.#hostAccessPoint(Number(rest), interfaceName)],
    ['REMOVE_NETWORK', (rest) => this.#removeNetwork(Number(rest))],
    ['LIST_NETWORKS', () => this.#listNetworks()],
    ['SAVE_CONFIG', () => OK],
    ['STA-FIRST', () => this.#station(0)],
    ['STA-NEXT', (rest) => this.#stationAfter(rest)],
    ['DEAUTHENTICATE', (rest) => (this.#hosted?.remove(rest) === true ? OK : FAIL)],
    ['DISASSOCIATE', (rest) => (this.#hosted?.remove(rest) === true ? OK : FAIL)],
    ['P2P_SERVICE_ADD', (rest) => this.#changed(this.#services.add(rest))],
    ['P2P_SERVICE_DEL', (rest) => this.#changed(this.#services.remove(rest))],
    ['P2P_SERV_DISC_REQ', (rest) => this.#ask(rest)],
    ['P2P_SERV_DISC_CANCEL_REQ', (rest) => (this.#questions.delete(rest) ? OK : FAIL)],
  ]);

  #changed(isDone: boolean): string {
    this.#options.air.changed();
    return isDone ? OK : FAIL;
  }

  #set(rest: string): string {
    const space = rest.indexOf(' ');
    if (space === -1) return FAIL;
    this.#settings.set(rest.slice(0, space), rest.slice(space + 1));
    return this.#changed(true);
  }

  #startSearch(kind: 'find' | 'listen', seconds: string): string {
    if (this.#isBlocked) return FAIL;
    clearTimeout(this.#search?.timer);
    // What was seen before is told again, as a new search of the real one does.
    this.#seen.clear();
    const timer = setTimeout(() => this.#stopSearch(), Number(seconds === '' ? '120' : seconds) * 1_000);
    timer.unref();
    this.#search = { kind, timer };
    return this.#changed(true);
  }

  #stopSearch(): string {
    if (this.#search?.kind === 'find') this.#say(this.#options.interfaceName, 'P2P-FIND-STOPPED ');
    this.#endSearch();
    return OK;
  }

  #endSearch(): void {
    clearTimeout(this.#search?.timer);
    this.#search = undefined;
  }

  #peer(address: string): string {
    if (!this.#seen.has(address)) return FAIL;
    return `${address}\npri_dev_type=1-0050F204-1\nlevel=${String(SIGNAL_DBM)}\n`;
  }

  #groupAdd(rest: string): string {
    if (this.#isBlocked || this.#hosted !== undefined || this.#membership !== undefined) return FAIL;
    const id = /(?:^| )persistent=(\d+)/.exec(rest)?.[1];
    const frequencyMhz = Number(/freq=(\d+)/.exec(rest)?.[1] ?? DEFAULT_FREQUENCY_MHZ);
    if (id === undefined) return this.#hostNewGroup(/(?:^| )persistent(?: |$)/.test(rest), frequencyMhz);
    const stored = this.#networks.get(Number(id));
    if (stored?.get('disabled') !== '2') return FAIL;
    const ssid = stored.get('ssid') ?? '';
    const passphrase = stored.get('psk') ?? '';
    if (stored.get('mode') === '3')
      return this.#hostGroup({ ssid, passphrase, frequencyMhz, isPersistent: true });
    setImmediate(() => this.#joinByPassphrase(ssid, passphrase));
    return OK;
  }

  #hostNewGroup(isPersistent: boolean, frequencyMhz: number): string {
    const length = Number(this.#settings.get('p2p_passphrase_len') ?? '8');
    const passphrase = Array.from({ length }, () => randomInt(36).toString(36)).join('');
    const ssid = newGroupName(this.#settings.get('p2p_ssid_postfix') ?? '');
    if (isPersistent) this.#store('3', ssid, passphrase);
    return this.#hostGroup({ ssid, passphrase, frequencyMhz, isPersistent });
  }

  #hostGroup(group: {
    readonly ssid: string;
    readonly passphrase: string;
    readonly frequencyMhz: number;
    readonly isPersistent: boolean;
  }): string {
    const interfaceName = this.#groupInterface();
    const say = (event: string): void => this.#say(interfaceName, event);
    this.#hosted = new FakeNetwork({ ...group, kind: 'group', interfaceName, say });
    const words = [
      `P2P-GROUP-STARTED ${interfaceName} GO ssid="${escaped(group.ssid)}" freq=${String(group.frequencyMhz)}`,
      `passphrase="${escaped(group.passphrase)}" go_dev_addr=${this.deviceAddress}`,
    ];
    const end = group.isPersistent ? ' [PERSISTENT]' : '';
    this.#say(this.#options.interfaceName, `${words.join(' ')}${end}`);
    return this.#changed(true);
  }

  #hostAccessPoint(id: number, interfaceName: string): string {
    const described = this.#networks.get(id);
    if (described?.get('mode') !== '2' || this.#isBlocked || this.#hosted !== undefined) return FAIL;
    this.#hosted = new FakeNetwork({
      kind: 'access_point',
      interfaceName,
      ssid: described.get('ssid') ?? '',
      passphrase: described.get('psk') ?? '',
      frequencyMhz: Number(described.get('frequency')),
      isPersistent: false,
      say: (event) => this.#say(interfaceName, event),
    });
    described.set('current', '1');
    this.#say(interfaceName, 'AP-ENABLED ');
    return this.#changed(true);
  }

  #groupRemove(interfaceName: string): string {
    if (!['*', this.#groupInterface()].includes(interfaceName) || !this.#isInGroup()) return FAIL;
    this.#endGroup('REQUESTED');
    return this.#changed(true);
  }

  #endGroup(reason: string): void {
    const interfaceName = this.#groupInterface();
    if (this.#hosted?.options.kind === 'group')
      this.#say(this.#options.interfaceName, `P2P-GROUP-REMOVED ${interfaceName} GO reason=${reason}`);
    if (this.#membership !== undefined)
      this.#say(this.#options.interfaceName, `P2P-GROUP-REMOVED ${interfaceName} client reason=${reason}`);
    this.#endHosting();
    this.#endMembership();
  }

  #endHosting(): void {
    const hosted = this.#hosted;
    this.#hosted = undefined;
    hosted?.end();
  }

  #endMembership(): void {
    const membership = this.#membership;
    this.#membership = undefined;
    membership?.network.leave(membership.address);
  }

  #allowPin(rest: string): string {
    const [, pin, seconds] = /^any (\d{8}) (\d+)$/.exec(rest) ?? [];
    if (pin === undefined || this.#hosted?.options.kind !== 'group') return FAIL;
    this.#hosted.allowPin(pin, this.#options.now() + Number(seconds) * 1_000);
    return OK;
  }

  #connect(rest: string): string {
    const [address, pin = '', ...words] = rest.split(' ');
    if (this.#isBlocked || !words.includes('join')) return FAIL;
    setImmediate(() => {
      const host = this.#others().find(({ deviceAddress }) => deviceAddress === address);
      // Nobody there: the real one goes on looking as well.
      if (host?.network() === undefined) return;
      this.#joinByPin(host.network(), pin, words.includes('persistent'));
    });
    return OK;
  }

  #joinByPin(network: FakeNetwork | undefined, pin: string, isPersistent: boolean): void {
    if (network?.takePin(pin, this.#options.now()) !== true) {
      this.#say(this.#options.interfaceName, 'P2P-GROUP-FORMATION-FAILURE ');
      return;
    }
    const { ssid, passphrase } = network.options;
    if (isPersistent && network.options.isPersistent) this.#store('0', ssid, passphrase);
    this.#become(network, isPersistent);
  }

  #joinByPassphrase(ssid: string, passphrase: string): void {
    for (const other of this.#others()) {
      const network = other.network();
      if (network?.ssid !== ssid || network.options.passphrase !== passphrase) continue;
      this.#become(network, true);
      return;
    }
  }

  #become(network: FakeNetwork, isPersistent: boolean): void {
    const { ssid, passphrase, frequencyMhz } = network.options;
    const interfaceName = this.#groupInterface();
    const address = this.#options.air.newAddress();
    network.join(passphrase, {
      address,
      deviceAddress: this.deviceAddress,
      onRemoved: () => this.#endGroup('GO_ENDING_SESSION'),
    });
    this.#membership = { interfaceName, address, network };
    const end = isPersistent ? ' [PERSISTENT]' : '';
    const words = `ssid="${escaped(ssid)}" freq=${String(frequencyMhz)} go_dev_addr=${this.deviceAddress}`;
    this.#say(this.#options.interfaceName, `P2P-GROUP-STARTED ${interfaceName} client ${words}${end}`);
    this.#options.air.changed();
  }

  #store(mode: '0' | '3', ssid: string, passphrase: string): void {
    const id = Number(this.#addNetwork());
    this.#networks.set(id, new Map(Object.entries({ mode, ssid, psk: passphrase, disabled: '2' })));
  }

  #addNetwork(): string {
    const id = Math.max(-1, ...this.#networks.keys()) + 1;
    this.#networks.set(id, new Map());
    return `${String(id)}\n`;
  }

  #setNetwork(rest: string): string {
    const [, id, key, value] = /^(\d+) (\w+) (.+)$/s.exec(rest) ?? [];
    const described = this.#networks.get(Number(id));
    if (described === undefined || key === undefined || value === undefined) return FAIL;
    if (key === 'ssid') described.set(key, Buffer.from(value, 'hex').toString());
    else described.set(key, key === 'psk' ? value.slice(1, value.lastIndexOf('"')) : value);
    return OK;
  }

  #removeNetwork(id: number): string {
    const described = this.#networks.get(id);
    if (described === undefined) return FAIL;
    this.#networks.delete(id);
    if (described.get('current') === '1' && this.#hosted?.options.kind === 'access_point') {
      const { interfaceName } = this.#hosted.options;
      this.#endHosting();
      this.#say(interfaceName, 'AP-DISABLED ');
    }
    return this.#changed(true);
  }

  #listNetworks(): string {
    const lines = [...this.#networks].map(([id, described]) => {
      const flags = described.get('disabled') === '2' ? '[DISABLED][P2P-PERSISTENT]' : '[DISABLED]';
      return `${String(id)}\t${escaped(described.get('ssid') ?? '')}\tany\t${flags}\n`;
    });
    return `network id / ssid / bssid / flags\n${lines.join('')}`;
  }

  /** Nothing at the end of the list, as the real one: it refuses only what is not on it. */
  #station(at: number): string {
    if (this.#hosted === undefined) return FAIL;
    const address = this.#hosted.members[at];
    return address === undefined ? '' : `${address}\nflags=[AUTH][ASSOC][AUTHORIZED]\n`;
  }

  #stationAfter(address: HardwareAddress): string {
    const at = this.#hosted?.members.indexOf(address) ?? -1;
    return at === -1 ? FAIL : this.#station(at + 1);
  }

  #ask(rest: string): string {
    const space = rest.indexOf(' ');
    this.#count += 1;
    const id = (0x1000 + this.#count).toString(16);
    this.#questions.set(id, { words: rest.slice(space + 1), told: new Map() });
    this.#options.air.changed();
    return `${id}\n`;
  }
}

/** As the supplicant writes names in its events. */
function escaped(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCodePoint(byte)}`;
      return byte >= 0x20 && byte < 0x7f
        ? String.fromCodePoint(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

function controlError(code: ControlErrorCode): Error {
  return Object.assign(new Error(`the fake supplicant: ${code}`), { code });
}
