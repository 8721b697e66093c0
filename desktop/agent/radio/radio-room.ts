/**
 * The radio of the shop: hosts the group, makes it a network that phones can pay in, and says how it stands. Carries out
 * what the machine decides, over a real radio and the system's programs. Whatever breaks in here is a state on the
 * screen: nothing of it rejects into the agent, and no payment waits for it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createWifiDirect,
  openRadio,
  readMachineFacts,
  type Radio,
  type RadioEvent,
  type WifiDirect,
  WifiDirectError,
} from 'node-wifi-direct';
import type { RadioCheck, RadioSettings } from '../../ipc/index.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { KIOSK_ADDRESS } from './address-plan.ts';
import { hostingInterfaces } from './firewall.ts';
import { GroupNetwork } from './group-network.ts';
import {
  type Effect,
  type HostedGroup,
  initialState,
  type Input,
  isWanted,
  type MachineState,
  type Now,
  type RadioFault,
  reduce,
  wakeAtMs,
} from './radio-machine.ts';
import { lookForRadio, type Probe, type ReadFacts } from './look-for-radio.ts';
import { readRadioSettings, writeRadioSettings } from './radio-settings.ts';
import { describeRadio, type RadioView } from './radio-view.ts';
import { ProgramError, type Programs, systemPrograms } from './run-program.ts';
import { testRadio } from './self-test.ts';
import { RadioTaken, SoleHost } from './sole-host.ts';
import { newShift, readShift, type Shift, shortShopName, writeShift } from './shift.ts';
import { wifiPicture, type WifiCredentials } from './wifi-code.ts';

export interface RadioConfig {
  /** What holds until a person has set something else. */
  readonly settings: RadioSettings;
  /** Use this interface only. */
  readonly interfaceName: string | undefined;
  readonly frequencyMhz: number | undefined;
  /** The supplicant's sockets. */
  readonly controlFolder: string | undefined;
  /** For this end's sockets; the system's folder for temporary files, when absent. */
  readonly clientFolder: string | undefined;
}

export interface RadioRoomOptions {
  readonly config: RadioConfig;
  /** Of the agent's data; the radio keeps its own files in a folder inside it. */
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the listener for phones. */
  readonly port: () => number;
  readonly listen: (address: string | null) => Promise<void>;
  readonly onChange: () => void;
  readonly programs?: Programs;
  readonly open?: typeof openRadio;
  readonly wifi?: WifiDirect;
  readonly readFacts?: ReadFacts;
  readonly soleHost?: SoleHost;
}

/** Time passes at least so often: a new day is noticed, and a machine that slept. */
const TICK_MS = 60_000;
const MIN_WAIT_MS = 50;
const STOP_TIMEOUT_MS = 4_000;
const SERVICE = '_tikipay._tcp';

export class RadioRoom {
  readonly #options: RadioRoomOptions;
  readonly #folder: string;
  readonly #wifi: WifiDirect;
  readonly #network: GroupNetwork;
  readonly #soleHost: SoleHost;
  #machine: MachineState;
  #shopName: string | null = null;
  #shift: Shift | undefined;
  #radio: Radio | undefined;
  #credentials: WifiCredentials | null = null;
  #joinCodeId = 0;
  readonly #inputs: Input[] = [];
  #isReducing = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** Ends what the radio is doing. */
  #abort = new AbortController();
  /** What the radio is told, one after the other. */
  #radioWork: Promise<void> = Promise.resolve();

  constructor(options: RadioRoomOptions) {
    const { config, dataFolder, programs, port, listen, log } = options;
    this.#options = options;
    this.#folder = join(dataFolder, 'radio');
    this.#soleHost = options.soleHost ?? new SoleHost();
    this.#wifi =
      options.wifi ??
      createWifiDirect({
        ...(config.interfaceName === undefined ? {} : { interfaceName: config.interfaceName }),
        ...supplicantFolders(config),
      });
    this.#machine = initialState(readRadioSettings(this.#settingsFile, config.settings));
    this.#network = new GroupNetwork({
      programs: programs ?? systemPrograms(),
      folder: this.#folder,
      port,
      listen,
      log,
      onServing: (interfaceName) => this.#tell({ type: 'serving', interfaceName }),
      onFault: (interfaceName, fault) => this.#tell({ type: 'network_fault', interfaceName, fault }),
      onLease: ({ hardwareAddress, name }) =>
        this.#tell({ type: 'phone_settled', address: hardwareAddress, ...(name === '' ? {} : { name }) }),
    });
  }

  get view(): RadioView {
    const { phase } = this.#machine;
    const isServing = phase.kind === 'up' && phase.network === 'serving';
    return {
      machine: this.#machine,
      joinCodeId: isServing && this.#credentials !== null ? this.#joinCodeId : null,
    };
  }

  /** The radio is looked at, wanted or not; nobody waits for it. */
  start(): void {
    this.#network.start({ keepsWalls: this.#machine.settings.isOn });
    this.#shift = readShift(this.#shiftFile);
    if (this.#shift !== undefined) this.#beganShift(this.#shift);
    this.#tell({ type: 'time' });
  }

  /** The kiosk became one shop's, or is nobody's yet. */
  setShop(name: string | null): void {
    if (name === this.#shopName) return;
    this.#shopName = name;
    this.#tell({ type: 'settings', settings: this.#machine.settings, hasShop: name !== null });
  }

  /** A payment request or an offer to give back is open: phones are not cut off. */
  noteRequests(isOpen: boolean): void {
    if (isOpen !== (this.#machine.quietSinceMs === null)) this.#tell({ type: 'requests', isOpen });
  }

  /** @throws the system's error when the settings cannot be kept */
  configure(settings: RadioSettings): void {
    writeRadioSettings(this.#settingsFile, settings);
    this.#tell({ type: 'settings', settings, hasShop: this.#shopName !== null });
  }

  rotate(): void {
    this.#tell({ type: 'rotate' });
  }

  /** The picture to join by, and nothing else of the passphrase (R14). */
  joinPicture(): string | null {
    return this.view.joinCodeId === null || this.#credentials === null
      ? null
      : wifiPicture(this.#credentials);
  }

  async stop(): Promise<void> {
    this.#tell({ type: 'settings', settings: this.#machine.settings, hasShop: false });
    this.#isStopped = true;
    clearTimeout(this.#timer);
    // The window gives its agent a few seconds to end, and a supplicant that hangs must not take them all.
    const limit = new Promise<void>((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref());
    await Promise.race([Promise.all([this.#network.settled(), this.#radioWork]), limit]);
  }

  async selfTest(): Promise<readonly RadioCheck[]> {
    const { programs = systemPrograms(), port } = this.#options;
    const { phase, settings } = this.#machine;
    const probe = await this.#look();
    const group = phase.kind === 'up' ? phase.group.interfaceName : null;
    return testRadio({
      probe,
      mode: settings.mode,
      group,
      port: port(),
      programs,
      code: describeRadio(this.view).code,
    });
  }

  get #settingsFile(): string {
    return join(this.#options.dataFolder, 'radio-settings.json');
  }

  get #shiftFile(): string {
    return join(this.#options.dataFolder, 'radio-shift.json');
  }

  #now(): Now {
    const { clock } = this.#options;
    return { atMs: clock.monotonicMs(), day: dayOf(clock.wallMs()) };
  }

  /** One input after the other: an effect that tells something is heard after the effects beside it. */
  #tell(input: Input): void {
    if (this.#isStopped) return;
    this.#inputs.push(input);
    if (this.#isReducing) return;
    this.#isReducing = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#take(next);
    } finally {
      this.#isReducing = false;
    }
    this.#setTimer();
    this.#options.onChange();
  }

  #take(input: Input): void {
    const before = this.#machine;
    const { state, effects } = reduce(before, input, this.#now());
    this.#machine = state;
    if (state.phase.kind !== before.phase.kind || state.fault !== before.fault)
      this.#options.log.info({ phase: state.phase.kind, fault: state.fault, after: input.type }, 'the radio');
    for (const effect of effects) this.#carryOut(effect);
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const at = wakeAtMs(this.#machine);
    const inMs = at === null ? TICK_MS : at - this.#options.clock.monotonicMs();
    this.#timer = setTimeout(
      () => this.#tell({ type: 'time' }),
      Math.min(TICK_MS, Math.max(MIN_WAIT_MS, inMs)),
    );
    this.#timer.unref();
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'probe':
        void this.#probe();
        return;
      case 'open': {
        const { signal } = this.#abort;
        this.#work(() => this.#open(effect.interfaceName, signal));
        return;
      }
      case 'close':
        this.#abort.abort();
        this.#abort = new AbortController();
        this.#credentials = null;
        this.#work(() => this.#close());
        return;
      case 'host': {
        // Of this moment: what is given up before its turn comes must not begin.
        const { signal } = this.#abort;
        this.#work(() => this.#host(signal));
        return;
      }
      case 'leave':
        this.#credentials = null;
        this.#work(() => this.#leave());
        return;
      case 'begin_shift':
        this.#beginShift();
        return;
      case 'network':
        this.#network.want(effect.interfaceName);
        return;
      case 'look_for':
        this.#lookFor(effect.addresses);
        return;
      case 'send_away':
        this.#work(() => this.#sendAway(effect.address));
        return;
    }
  }

  #work(act: () => Promise<void>): void {
    this.#radioWork = this.#radioWork.then(() => this.#quietly('the radio', act));
  }

  #look(): Promise<Probe> {
    return lookForRadio(this.#wifi, this.#options.readFacts ?? readMachineFacts);
  }

  async #probe(): Promise<void> {
    try {
      this.#tell({ type: 'probed', probe: ofTheRadioItself(await this.#look()) });
    } catch (error) {
      // It promises not to reject; a radio that breaks its promise must not take the till with it.
      this.#options.log.error({ err: error }, 'the radio could not be asked');
      this.#tell({ type: 'probed', probe: { state: 'no_supplicant', code: 'supplicant_not_understood' } });
    }
  }

  async #open(interfaceName: string, signal: AbortSignal): Promise<void> {
    const { config, open = openRadio, log } = this.#options;
    if (signal.aborted) return;
    if (this.#radio !== undefined) await this.#close();
    try {
      // Opening ends groups that are there already, and they must not be those of an agent that lives.
      await this.#soleHost.claim();
      const radio = await open({
        interfaceName,
        deviceName: shortShopName(this.#shopName ?? ''),
        ...supplicantFolders(config),
        // Of an agent before this one: nobody knows who was told its passphrase, and two of one name help no phone.
        endsOldGroups: true,
        // A machine that is busy for a moment is not a supplicant that went away; one that did says so at once.
        timeoutMs: 5_000,
        signal,
      });
      this.#radio = radio;
      void this.#listenTo(radio);
      await this.#quietly('forgetting former groups', () => this.#forgetFormer(radio));
      await this.#quietly('advertising', () => this.#advertise(radio));
      // Given up meanwhile: it is closed next, and nobody may take it for open.
      if (!signal.aborted) this.#tell({ type: 'opened' });
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, 'the radio could not be opened');
      this.#tell({ type: 'open_failed', fault: faultOf(error) });
    }
  }

  /** An agent that was killed could not take back what it had described to the supplicant. */
  async #forgetFormer(radio: Radio): Promise<void> {
    const own = new RegExp(`^DIRECT-[A-Za-z0-9]{2}-${shortShopName(this.#shopName ?? '')}$`);
    for (const { id, ssid } of await radio.storedGroups())
      if (own.test(ssid)) await radio.forgetStoredGroup(id);
  }

  /** Answered to devices that speak Wi-Fi Direct themselves; a phone's browser never asks. */
  async #advertise(radio: Radio): Promise<void> {
    const attributes = { v: '1', a: KIOSK_ADDRESS, p: String(this.#options.port()) };
    await radio.advertise({ type: SERVICE, instance: shortShopName(this.#shopName ?? '') }, attributes);
  }

  async #listenTo(radio: Radio): Promise<void> {
    try {
      for await (const event of radio.events()) if (this.#radio === radio) this.#hear(event);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the events of the radio ended');
    }
    // A radio that is not heard any more is opened anew; one that was closed is another matter.
    if (this.#radio === radio) this.#tell({ type: 'supplicant_lost' });
  }

  #hear(event: RadioEvent): void {
    switch (event.type) {
      case 'group_removed':
        return this.#tell({ type: 'group_removed', interfaceName: event.interfaceName });
      case 'client_joined':
      case 'client_left':
        return this.#tell({ type: event.type, address: event.address });
      case 'supplicant_lost':
      case 'supplicant_back':
        return this.#tell({ type: event.type });
      case 'group_started':
      case 'wrong_passphrase':
      case 'peer_found':
      case 'peer_updated':
      case 'peer_lost':
      case 'find_stopped':
        return;
    }
  }

  async #host(signal: AbortSignal): Promise<void> {
    const radio = this.#radio;
    const shift = this.#shift;
    if (signal.aborted) return;
    if (radio === undefined || shift === undefined)
      return this.#tell({ type: 'host_failed', fault: 'radio_failed' });
    try {
      const group = await this.#hostIn(radio, shift, signal);
      const { ssid, passphrase } = await radio.credentials();
      // It may have ended between its start and this line; then nobody is told of its end any more.
      if (radio.group() === undefined) throw new WifiDirectError('group_removed', 'It ended at once.');
      this.#credentials = { ssid, passphrase };
      this.#joinCodeId += 1;
      this.#tell({ type: 'hosted', group });
      // Phones that know the network are faster than this line.
      for (const address of radio.clients()) this.#tell({ type: 'client_joined', address });
    } catch (error) {
      if (signal.aborted) return;
      this.#options.log.warn({ err: error }, 'the group was not formed');
      this.#tell({ type: 'host_failed', fault: faultOf(error) });
    }
  }

  async #hostIn(radio: Radio, shift: Shift, signal: AbortSignal): Promise<HostedGroup> {
    const { frequencyMhz } = this.#options.config;
    const frequency = frequencyMhz === undefined ? {} : { frequencyMhz };
    if (radio.group() !== undefined) await radio.leave();
    const { ssid, passphrase } = shift;
    const network = { ssid, passphrase, ...frequency, signal };
    const { mode } = this.#machine.settings;
    // First the walls: whoever knows the network from before is in as soon as it stands.
    await this.#network.shut(hostingInterfaces(radio.interfaceName, mode));
    return mode === 'access_point' ? await radio.hostAccessPoint(network) : await radio.host(network);
  }

  async #leave(): Promise<void> {
    try {
      await this.#radio?.leave();
      this.#tell({ type: 'left' });
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the group could not be ended');
      this.#tell({ type: 'leave_failed' });
    }
  }

  async #close(): Promise<void> {
    const radio = this.#radio;
    this.#radio = undefined;
    await radio?.close();
    // A supplicant that was lost may still have the group: what is wanted again keeps its walls until then.
    if (isWanted(this.#machine)) return;
    await this.#network.lower();
    await this.#soleHost.release();
  }

  async #sendAway(address: string): Promise<void> {
    const isHere = this.#radio?.clients().includes(address) === true;
    if (isHere) await this.#radio?.removeClient(address);
  }

  #beginShift(): void {
    const shift = newShift(this.#shopName ?? '', this.#options.clock.wallMs());
    this.#shift = shift;
    void this.#quietly('writing the shift down', async () => writeShift(this.#shiftFile, shift));
    this.#beganShift(shift);
  }

  /** The machine counts by the clock that nobody can set; only the day is the wall's. */
  #beganShift({ beganAtMs }: Shift): void {
    const { clock } = this.#options;
    const ageMs = Math.max(0, clock.wallMs() - beganAtMs);
    this.#tell({ type: 'shift_began', beganAtMs: clock.monotonicMs() - ageMs, day: dayOf(beganAtMs) });
  }

  /** Phones whose address came inside the key handshake ask for no lease, but the kernel knows them. */
  #lookFor(addresses: readonly string[]): void {
    const known = readNeighbours();
    for (const address of addresses) if (known.has(address)) this.#tell({ type: 'phone_settled', address });
  }

  async #quietly(what: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#options.log.warn({ err: error, what }, 'something about the radio failed');
    }
  }
}

function supplicantFolders({ controlFolder, clientFolder }: RadioConfig): {
  readonly controlFolder?: string;
  readonly clientFolder?: string;
} {
  return {
    ...(controlFolder === undefined ? {} : { controlFolder }),
    ...(clientFolder === undefined ? {} : { clientFolder }),
  };
}

/** A group that somebody left hosted answers as well; the radio is the interface that it stands on. */
function ofTheRadioItself(probe: Probe): Probe {
  if (probe.state !== 'ready') return probe;
  const parent = /^p2p-(?!dev-)(.+)-\d+$/.exec(probe.interfaceName)?.[1];
  return parent === undefined ? probe : { ...probe, interfaceName: parent };
}

function faultOf(error: unknown): RadioFault {
  if (error instanceof RadioTaken) return 'radio_taken';
  if (error instanceof ProgramError) return `firewall_${error.code}`;
  if (!(error instanceof WifiDirectError)) return 'radio_failed';
  return error.code === 'supplicant_unreachable' ? 'supplicant_unreachable' : 'group_not_formed';
}

/** The shop's own day. */
function dayOf(wallMs: number): string {
  const date = new Date(wallMs);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

function readNeighbours(): ReadonlySet<string> {
  try {
    const lines = readFileSync('/proc/net/arp', 'utf8').split('\n').slice(1);
    // Columns: address, type, flags (0x2: complete), hardware address, mask, device.
    const complete = lines.map((line) => line.trim().split(/\s+/)).filter(([, , flags]) => flags === '0x2');
    return new Set(complete.map(([, , , hardwareAddress = '']) => hardwareAddress.toLowerCase()));
  } catch {
    return new Set();
  }
}
