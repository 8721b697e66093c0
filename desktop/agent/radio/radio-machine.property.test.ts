/** The machine and the network together, over a radio and a system in memory, under every order of events. */
import { setImmediate as turn } from 'node:timers/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { pino } from 'pino';
import { afterAll, expect } from 'vitest';
import type { RadioSettings } from '../../ipc/index.ts';
import { FakeSystem } from '../test/fake-system.ts';
import { GroupNetwork } from './group-network.ts';
import { type Effect, initialState, type Input, type MachineState, reduce } from './radio-machine.ts';

const ON: RadioSettings = { isOn: true, mode: 'wifi_direct', rotationHours: 12 };
const folder = mkdtempSync(join(tmpdir(), 'tiki-radio-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const events = [
  'settle',
  'settle',
  'succeed',
  'succeed',
  'succeed',
  'fail',
  'group_removed',
  'supplicant_lost',
  'supplicant_back',
  'dnsmasq_dies',
  'programs_fail',
  'programs_work',
  'time',
  'much_time',
  'new_day',
  'rotate',
  'request_opens',
  'request_ends',
  'joined',
  'left',
  'switched_off',
  'switched_on',
  'other_mode',
] as const;
type Event = (typeof events)[number];

/** A radio that answers late, in order, and sometimes badly; its groups are interfaces of the system. */
class World {
  readonly system = new FakeSystem();
  readonly network: GroupNetwork;
  state: MachineState = initialState(ON);
  nowMs = 0;
  day = 1;
  group: string | null = null;
  #count = 0;
  readonly #pending: Effect[] = [];

  constructor() {
    this.network = new GroupNetwork({
      programs: this.system,
      folder,
      port: () => 7070,
      listen: this.system.listen,
      log: pino({ level: 'silent' }),
      onServing: (interfaceName) => this.tell({ type: 'serving', interfaceName }),
      onFault: (interfaceName, fault) => this.tell({ type: 'network_fault', interfaceName, fault }),
      onLease: () => undefined,
    });
  }

  tell(input: Input): void {
    const { state, effects } = reduce(this.state, input, { atMs: this.nowMs, day: String(this.day) });
    this.state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    if (effect.type === 'network') this.network.want(effect.interfaceName);
    else if (effect.type === 'begin_shift')
      this.tell({ type: 'shift_began', beganAtMs: this.nowMs, day: String(this.day) });
    else this.#pending.push(effect);
  }

  /** What the radio was asked first, done or not. */
  answer(isWell: boolean): void {
    const effect = this.#pending.shift();
    switch (effect?.type) {
      case 'probe':
        return this.tell({
          type: 'probed',
          probe: isWell
            ? { state: 'ready', interfaceName: 'wlan0', p2pDeviceAddress: '02:00:00:00:00:00' }
            : { state: 'blocked_by_rfkill', code: 'rfkill_soft', interfaceName: 'wlan0' },
        });
      case 'open':
        return this.tell(
          isWell ? { type: 'opened' } : { type: 'open_failed', fault: 'supplicant_unreachable' },
        );
      case 'host':
        return isWell ? this.#host() : this.tell({ type: 'host_failed', fault: 'group_not_formed' });
      case 'leave':
        this.endGroup();
        return this.tell(isWell ? { type: 'left' } : { type: 'leave_failed' });
      case 'close':
        return this.endGroup();
      case 'network':
      case 'begin_shift':
      case 'look_for':
      case 'send_away':
      case undefined:
        return;
    }
  }

  #host(): void {
    this.endGroup();
    // The kernel gives a name again as soon as it is free.
    this.#count += 1;
    this.group = `p2p-wlan0-${String(this.#count % 2)}`;
    this.system.interfaces.add(this.group);
    this.tell({
      type: 'hosted',
      group: { interfaceName: this.group, ssid: 'DIRECT-ab-x', frequencyMhz: 2437 },
    });
  }

  /** The interface goes with the group, and the news of it comes after. */
  endGroup(): void {
    const { group } = this;
    if (group === null) return;
    this.group = null;
    this.system.removeInterface(group);
    this.tell({ type: 'group_removed', interfaceName: group });
  }

  async happen(event: Event): Promise<void> {
    switch (event) {
      case 'settle':
        return this.settled();
      case 'succeed':
        return this.answer(true);
      case 'fail':
        return this.answer(false);
      case 'group_removed':
        return this.endGroup();
      case 'supplicant_lost': {
        if (this.group !== null) this.system.removeInterface(this.group);
        this.group = null;
        return this.tell({ type: 'supplicant_lost' });
      }
      case 'supplicant_back':
        return this.tell({ type: 'supplicant_back' });
      case 'dnsmasq_dies':
        for (const one of this.system.dnsmasqs) one.end();
        return;
      case 'programs_fail':
        this.system.failing.set('dnsmasq', 'program_failed');
        return;
      case 'programs_work':
        this.system.failing.clear();
        return;
      case 'time':
      case 'much_time':
        this.nowMs += event === 'time' ? 9_000 : 3_600_000 * 5;
        return this.tell({ type: 'time' });
      case 'new_day':
        this.day += 1;
        return this.tell({ type: 'time' });
      case 'rotate':
        return this.tell({ type: 'rotate' });
      case 'request_opens':
      case 'request_ends':
        return this.tell({ type: 'requests', isOpen: event === 'request_opens' });
      case 'joined':
        return this.tell({ type: 'client_joined', address: 'a' });
      case 'left':
        return this.tell({ type: 'client_left', address: 'a' });
      case 'switched_off':
      case 'switched_on':
      case 'other_mode':
        return this.tell({
          type: 'settings',
          hasShop: true,
          settings: {
            ...ON,
            isOn: event !== 'switched_off',
            mode: event === 'other_mode' ? 'access_point' : 'wifi_direct',
          },
        });
    }
  }

  async settled(): Promise<void> {
    await turn();
    await this.network.settled();
    await turn();
  }

  /** From now on everything goes well, for as long as it needs. */
  async calmDown(): Promise<void> {
    this.system.failing.clear();
    for (let round = 0; round < 40; round += 1) {
      this.answer(true);
      await this.settled();
      if (this.#pending.length === 0) {
        this.nowMs += 9_000;
        this.tell({ type: 'time' });
      }
    }
  }

  #checkPieces(interfaceName: string): void {
    const { dnsmasqs, addresses, walls } = this.system;
    expect(dnsmasqs.size).toBe(0);
    expect([...addresses]).toEqual([interfaceName]);
    expect(walls).toBe(interfaceName);
    expect(interfaceName).toBe(this.group);
  }

  check(): void {
    const { phase } = this.state;
    const serving = this.system.serving();
    const expected = phase.kind === 'up' && phase.network === 'serving' ? phase.group.interfaceName : null;
    // One whose dnsmasq died goes on for the phones that have an address, until it is made anew; it is nobody else's.
    const isBroken = phase.kind === 'up' && phase.network === 'broken';
    if (isBroken && serving !== null) return this.#checkPieces(phase.group.interfaceName);
    // One that was never finished is not there at all.
    expect(serving).toBe(expected);
    expect(expected === null || expected === this.group).toBe(true);
  }
}

test.prop([fc.array(fc.constantFrom(...events), { minLength: 1, maxLength: 60 })], { numRuns: 300 })(
  'R15 R16 no sequence of events leaves the wrong dnsmasq, walls, address or listener behind',
  async (sequence) => {
    const world = new World();
    world.tell({ type: 'settings', settings: ON, hasShop: true });
    for (const event of sequence) {
      await world.happen(event);
      if (event === 'settle') world.check();
    }
    await world.settled();
    world.check();
    await world.calmDown();
    world.check();
    // Whatever happened before, a radio that is wanted and works serves in the end.
    if (world.state.settings.isOn) expect(world.system.serving()).toBe(world.group);
    world.tell({ type: 'settings', settings: { ...ON, isOn: false }, hasShop: true });
    await world.settled();
    expect(world.system.serving()).toBe(null);
  },
);
