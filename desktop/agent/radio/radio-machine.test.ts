import { describe, expect, test } from 'vitest';
import type { RadioSettings } from '../../ipc/index.ts';
import {
  backoffMs,
  type Effect,
  initialState,
  type Input,
  type MachineState,
  reduce,
  STUCK_MS,
  wakeAtMs,
} from './radio-machine.ts';
import { stateOf } from './radio-view.ts';

const ON: RadioSettings = { isOn: true, mode: 'wifi_direct', rotationHours: 12 };
const GROUP = { interfaceName: 'p2p-wlan0-0', ssid: 'DIRECT-ab-Sari', frequencyMhz: 2437 };
const READY = { state: 'ready', interfaceName: 'wlan0', p2pDeviceAddress: '02:00:00:00:00:00' } as const;
const HOUR_MS = 3_600_000;

/** Tells the machine one thing after the other and keeps what it asked for. */
class Bench {
  state: MachineState = initialState(ON);
  nowMs = 0;
  day = 'monday';
  effects: Effect[] = [];

  tell(...inputs: readonly Input[]): this {
    for (const input of inputs) {
      const step = reduce(this.state, input, { atMs: this.nowMs, day: this.day });
      this.state = step.state;
      this.effects.push(...step.effects);
      for (const { type } of step.effects)
        if (type === 'begin_shift') this.tell({ type: 'shift_began', beganAtMs: this.nowMs, day: this.day });
    }
    return this;
  }

  /** What it asked for since the last look, by name. */
  asked(): readonly string[] {
    const names = this.effects.map((effect) =>
      effect.type === 'network' ? `network ${effect.interfaceName ?? 'gone'}` : effect.type,
    );
    this.effects = [];
    return names;
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this.tell({ type: 'time' });
  }

  up(): this {
    this.tell({ type: 'settings', settings: this.state.settings, hasShop: true });
    this.tell({ type: 'probed', probe: READY }, { type: 'opened' });
    this.tell({ type: 'hosted', group: GROUP }, { type: 'serving', interfaceName: GROUP.interfaceName });
    this.asked();
    return this;
  }
}

describe('hosting', () => {
  test('begins only for a shop, and goes from looking to serving', () => {
    const bench = new Bench().tell({ type: 'settings', settings: ON, hasShop: false });
    expect(bench.asked()).toEqual([]);
    bench.tell({ type: 'settings', settings: ON, hasShop: true }, { type: 'probed', probe: READY });
    bench.tell({ type: 'opened' }, { type: 'hosted', group: GROUP });
    expect(bench.asked()).toEqual(['probe', 'open', 'begin_shift', 'host', 'network p2p-wlan0-0']);
    expect(stateOf(bench.state)).toBe('starting');
    bench.tell({ type: 'serving', interfaceName: GROUP.interfaceName });
    expect(stateOf(bench.state)).toBe('up');
  });

  test('as a plain network needs no Wi-Fi Direct of the radio; as a group it does', () => {
    const without = { state: 'no_p2p_radio', code: 'driver_without_p2p', interfaceName: 'wlan0' } as const;
    const bench = new Bench().tell({ type: 'settings', settings: ON, hasShop: true });
    bench.tell({ type: 'probed', probe: without });
    expect(stateOf(bench.state)).toBe('no_p2p_radio');
    expect(bench.asked()).toEqual(['probe']);
    const plain = { ...ON, mode: 'access_point' } as const;
    bench.tell({ type: 'settings', settings: plain, hasShop: true }, { type: 'probed', probe: without });
    bench.tell({ type: 'opened' });
    expect(bench.asked().slice(-3)).toEqual(['open', 'begin_shift', 'host']);
    bench.tell({ type: 'hosted', group: GROUP }, { type: 'serving', interfaceName: GROUP.interfaceName });
    expect(stateOf(bench.state)).toBe('up');
    bench.after(30_000).tell({ type: 'probed', probe: without });
    expect(stateOf(bench.state)).toBe('up');
  });

  test('ends with everything taken down when nobody wants it any more', () => {
    const bench = new Bench()
      .up()
      .tell({ type: 'settings', settings: { ...ON, isOn: false }, hasShop: true });
    expect(bench.asked()).toEqual(['network gone', 'close', 'probe']);
    // What was under way when it ended changes nothing.
    bench.tell(
      { type: 'hosted', group: GROUP },
      { type: 'left' },
      { type: 'opened' },
      { type: 'supplicant_back' },
    );
    expect(bench.asked()).toEqual([]);
    expect(bench.state.phase.kind).toBe('off');
  });

  test('in another mode begins with another group', () => {
    const bench = new Bench().up();
    bench.tell({ type: 'settings', settings: { ...ON, mode: 'access_point' }, hasShop: true });
    expect(bench.asked()).toEqual(['network gone', 'close', 'probe']);
    bench.tell({ type: 'probed', probe: READY }, { type: 'opened' });
    expect(bench.asked()).toEqual(['open', 'host']);
  });
});

describe('R18 without a radio that can', () => {
  test.each([
    [{ state: 'blocked_by_rfkill', code: 'rfkill_soft', interfaceName: 'wlan0' }, 'blocked_by_rfkill'],
    [{ state: 'no_p2p_radio', code: 'driver_without_p2p', interfaceName: 'wlan0' }, 'no_p2p_radio'],
    [{ state: 'no_radio', code: 'no_wifi_radio' }, 'no_radio'],
    [{ state: 'no_supplicant', code: 'permission_denied' }, 'not_permitted'],
    [{ state: 'no_supplicant', code: 'control_socket_missing' }, 'no_supplicant'],
    [{ state: 'unsupported_platform', code: 'platform_not_linux' }, 'unsupported_platform'],
  ] as const)('%o is said as %s, looked at again, and nothing is built', (probe, said) => {
    const bench = new Bench().tell(
      { type: 'settings', settings: ON, hasShop: true },
      { type: 'probed', probe },
    );
    expect(bench.asked()).toEqual(['probe']);
    expect(stateOf(bench.state)).toBe(said);
    expect(bench.after(30_000).asked()).toEqual(['probe']);
    bench.tell({ type: 'probed', probe: READY });
    expect(bench.asked()).toEqual(['open']);
  });

  test('a radio that is switched off while it hosts is let go of, and hosts again when it is on', () => {
    const bench = new Bench().up();
    bench.tell({
      type: 'probed',
      probe: { state: 'blocked_by_rfkill', code: 'rfkill_hard', interfaceName: 'wlan0' },
    });
    expect(bench.asked()).toEqual(['network gone', 'close', 'probe']);
    bench.tell({
      type: 'probed',
      probe: { state: 'blocked_by_rfkill', code: 'rfkill_hard', interfaceName: 'wlan0' },
    });
    expect(stateOf(bench.state)).toBe('blocked_by_rfkill');
    expect(bench.after(3_000).asked()).toEqual(['probe']);
  });

  test('a busy channel is tried again with growing waits, then said, and the radio is opened anew', () => {
    const bench = new Bench().tell(
      { type: 'settings', settings: ON, hasShop: true },
      { type: 'probed', probe: READY },
    );
    bench.tell({ type: 'opened' });
    for (let failure = 1; failure <= 3; failure += 1) {
      bench.tell({ type: 'host_failed', fault: 'group_not_formed' });
      if (failure === 3) break;
      expect(stateOf(bench.state)).toBe('rebuilding');
      bench.after(backoffMs(failure)).tell({ type: 'probed', probe: READY });
    }
    expect(stateOf(bench.state)).toBe('radio_busy');
    expect(bench.asked().slice(-2)).toEqual(['network gone', 'close']);
    bench.after(backoffMs(3)).tell({ type: 'probed', probe: READY });
    expect(bench.asked()).toEqual(['probe', 'open']);
  });
});

describe('R12 a supplicant that goes away', () => {
  test('takes the network with it, and hosts with the same credentials the moment it is back', () => {
    const bench = new Bench().up().tell({ type: 'supplicant_lost' });
    expect(bench.asked()).toEqual(['network gone']);
    expect(stateOf(bench.state)).toBe('rebuilding');
    bench.nowMs += 1_500;
    bench.tell({ type: 'supplicant_back' });
    // No shift begins: phones that know the passphrase come back by themselves.
    expect(bench.asked()).toEqual(['host']);
  });

  test('and does not come back by itself is opened anew within 10 s of being there', () => {
    const bench = new Bench().up().tell({ type: 'supplicant_lost' });
    bench.asked();
    bench
      .after(2_000)
      .tell({ type: 'probed', probe: { state: 'no_supplicant', code: 'control_socket_missing' } });
    expect(stateOf(bench.state)).toBe('no_supplicant');
    // It is there again after a minute.
    bench.nowMs += 60_000;
    bench.tell({ type: 'time' }, { type: 'probed', probe: READY });
    expect(bench.asked()).toEqual(['probe', 'probe', 'network gone', 'close', 'probe']);
    bench.tell({ type: 'probed', probe: READY }, { type: 'opened' });
    expect(bench.asked()).toEqual(['open', 'host']);
  });

  test('is tried with exponential backoff, never more than 8 s apart', () => {
    expect([1, 2, 3, 4, 5, 6, 20].map(backoffMs)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });
});

describe('R16 the network follows the group', () => {
  test('is gone when the group is, and is made for the next one', () => {
    const bench = new Bench().up().tell({ type: 'group_removed', interfaceName: GROUP.interfaceName });
    expect(bench.asked()).toEqual(['network gone', 'probe']);
    bench.tell(
      { type: 'probed', probe: READY },
      { type: 'hosted', group: { ...GROUP, interfaceName: 'p2p-wlan0-1' } },
    );
    expect(bench.asked()).toEqual(['host', 'network p2p-wlan0-1']);
    // The end of a group that is not this one.
    bench.tell({ type: 'group_removed', interfaceName: GROUP.interfaceName });
    expect(bench.asked()).toEqual([]);
  });

  test('is built again when dnsmasq dies, and the group with it when that does not help', () => {
    const bench = new Bench().up();
    const fault = {
      type: 'network_fault',
      interfaceName: GROUP.interfaceName,
      fault: 'dnsmasq_ended',
    } as const;
    bench.tell(fault);
    expect(stateOf(bench.state)).toBe('rebuilding');
    expect(bench.after(backoffMs(1)).asked()).toEqual(['network p2p-wlan0-0']);
    bench.tell(fault).after(backoffMs(2)).tell(fault);
    bench.asked();
    expect(bench.after(backoffMs(3)).asked()).toEqual(['network gone', 'leave']);
  });

  test('R18 what it may not build is said as such', () => {
    const bench = new Bench().up();
    const { interfaceName } = GROUP;
    bench.tell({ type: 'network_fault', interfaceName, fault: 'firewall_not_permitted' });
    expect(stateOf(bench.state)).toBe('not_permitted');
    bench.tell({ type: 'network_fault', interfaceName, fault: 'dnsmasq_program_missing' });
    expect(stateOf(bench.state)).toBe('program_missing');
    bench.tell({ type: 'network_fault', interfaceName, fault: 'listener_port_taken' });
    expect(stateOf(bench.state)).toBe('port_taken');
  });
});

describe('R14 a passphrase', () => {
  test('is used for one shift and rotated when no request is open', () => {
    const bench = new Bench().up();
    bench.after(12 * HOUR_MS - 1);
    expect(bench.asked()).not.toContain('begin_shift');
    bench.tell({ type: 'requests', isOpen: true }).after(2);
    expect(bench.asked()).not.toContain('begin_shift');
    bench.tell({ type: 'requests', isOpen: false }).after(5_000);
    expect(bench.asked()).not.toContain('begin_shift');
    // The phone that has just paid has its receipt by now.
    expect(bench.after(5_000).asked().slice(-3)).toEqual(['network gone', 'begin_shift', 'leave']);
    expect(bench.tell({ type: 'left' }).asked()).toEqual(['host']);
  });

  test('is rotated an hour after it should have been, however busy the till is', () => {
    const bench = new Bench().up();
    bench.tell({ type: 'requests', isOpen: true }).after(12 * HOUR_MS);
    bench.after(59 * 60_000);
    expect(bench.asked()).not.toContain('begin_shift');
    expect(bench.after(60_000).asked()).toContain('begin_shift');
    bench.tell(
      { type: 'left' },
      { type: 'hosted', group: GROUP },
      { type: 'serving', interfaceName: GROUP.interfaceName },
    );
    expect(bench.after(60_000).asked()).not.toContain('begin_shift');
  });

  test('is rotated at the end of the day', () => {
    const bench = new Bench().up();
    bench.day = 'tuesday';
    expect(bench.after(60_000).asked()).toContain('begin_shift');
  });

  test('is rotated when a person asks, once', () => {
    const bench = new Bench().up().tell({ type: 'rotate' });
    expect(bench.asked()).toEqual(['network gone', 'begin_shift', 'leave']);
    bench.tell({ type: 'left' }, { type: 'hosted', group: GROUP });
    bench.tell({ type: 'serving', interfaceName: GROUP.interfaceName });
    expect(bench.asked()).toEqual(['host', 'network p2p-wlan0-0']);
  });

  test('of yesterday is not hosted again after a night without power', () => {
    const bench = new Bench().tell({ type: 'shift_began', beganAtMs: -20 * HOUR_MS, day: 'sunday' });
    bench.tell(
      { type: 'settings', settings: ON, hasShop: true },
      { type: 'probed', probe: READY },
      { type: 'opened' },
    );
    expect(bench.asked()).toEqual(['probe', 'open', 'begin_shift', 'host']);
  });
});

describe('a phone that joined and never got an address', () => {
  const join = (address: string): Input => ({ type: 'client_joined', address });

  test('alone makes the group be rebuilt after 30 s, once in a shift', () => {
    const bench = new Bench().up().tell(join('a'));
    expect(bench.after(25_000).asked()).toEqual(['look_for']);
    expect(
      bench
        .after(STUCK_MS - 25_000)
        .asked()
        .slice(-2),
    ).toEqual(['network gone', 'leave']);
    bench.tell({ type: 'left' }, { type: 'hosted', group: GROUP });
    bench.tell({ type: 'serving', interfaceName: GROUP.interfaceName }, join('a'));
    bench.asked();
    bench.after(25_000);
    bench.asked();
    expect(bench.after(5_000).asked().at(-1)).toBe('send_away');
    expect(
      bench
        .after(60_000)
        .asked()
        .filter((name) => name !== 'probe'),
    ).toEqual([]);
  });

  test('that comes under ever new addresses does not keep the group coming and going', () => {
    const bench = new Bench().up();
    let rebuilt = 0;
    for (let round = 0; round < 50; round += 1) {
      bench.tell(join(`stranger ${String(round)}`));
      bench.after(25_000);
      bench.after(5_000);
      if (!bench.asked().includes('leave')) continue;
      rebuilt += 1;
      bench.tell({ type: 'left' }, { type: 'hosted', group: GROUP });
      bench.tell({ type: 'serving', interfaceName: GROUP.interfaceName });
    }
    expect(rebuilt).toBeLessThanOrEqual(5);
    expect(bench.state.phase.kind).toBe('up');
  });

  test('is sent away by itself where others have joined well', () => {
    const bench = new Bench().up().tell(join('a'), join('b'), { type: 'phone_settled', address: 'b' });
    bench.after(25_000);
    bench.asked();
    expect(bench.after(5_000).asked().at(-1)).toBe('send_away');
  });

  test('is left alone when it has an address after all', () => {
    const bench = new Bench().up().tell(join('a')).after(25_000);
    bench.tell({ type: 'phone_settled', address: 'a' });
    bench.asked();
    expect(
      bench
        .after(10_000)
        .asked()
        .filter((name) => name !== 'probe'),
    ).toEqual([]);
  });
});

test('the machine never asks to be woken in the past twice', () => {
  const bench = new Bench().up().tell({ type: 'client_joined', address: 'a' }, { type: 'rotate' });
  for (let round = 0; round < 1_000 && bench.nowMs < 24 * HOUR_MS; round += 1) {
    const at = wakeAtMs(bench.state) ?? bench.nowMs + 60_000;
    bench.after(Math.max(0, at - bench.nowMs));
    for (const effect of bench.effects.splice(0)) {
      if (effect.type === 'probe') bench.tell({ type: 'probed', probe: READY });
      if (effect.type === 'leave') bench.tell({ type: 'left' });
      if (effect.type === 'host') bench.tell({ type: 'hosted', group: GROUP });
      if (effect.type === 'network' && effect.interfaceName !== null)
        bench.tell({ type: 'serving', interfaceName: effect.interfaceName });
    }
    expect(wakeAtMs(bench.state) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(bench.nowMs);
  }
});
