import { describe, expect, test, vi } from 'vitest';
import { createFakeWorld, type FakeMachine } from '../fake.ts';
import { wifiCode } from '../wifi-code.ts';
import { type CliSystem, runCli } from './run.ts';

type Run = {
  readonly ended: Promise<number>;
  readonly press: () => void;
  readonly text: () => string;
  readonly complaints: () => string;
  /** With --json. */
  readonly sayings: () => readonly { readonly type: string; readonly [key: string]: unknown }[];
};

function start(machine: FakeMachine, args: readonly string[], overrides: Partial<CliSystem> = {}): Run {
  const ctrlC = new AbortController();
  let out = '';
  let err = '';
  const ended = runCli(args, {
    out: (text) => (out += text),
    err: (text) => (err += text),
    readFile: async () => 'sixteen letters!\n',
    probe: async () => machine.probe(),
    readMachineFacts: async () => ({ radios: [], interfaces: [] }),
    openRadio: async ({ load: _, ...options }) => machine.openRadio(options),
    signal: ctrlC.signal,
    ...overrides,
  });
  const lines = (): readonly string[] => out.split('\n').filter((line) => line !== '');
  return {
    ended,
    press: () => ctrlC.abort(),
    text: () => out,
    complaints: () => err,
    sayings: () => lines().map((line) => JSON.parse(line)),
  };
}

const said = async (run: Run, type: string): Promise<{ readonly [key: string]: unknown }> =>
  await vi.waitFor(() => {
    const saying = run.sayings().find((one) => one.type === type);
    if (saying === undefined) throw new Error(`no ${type} in ${run.text()}`);
    return saying;
  }, 15_000);

describe('wifi-direct', () => {
  test('host says who comes and goes, and Ctrl-C leaves nothing behind', async () => {
    const world = createFakeWorld();
    const machine = world.addMachine();
    const run = start(machine, ['host', '--json', '--show-passphrase', '--ssid-postfix=-Shop']);
    const { ssid, passphrase } = await said(run, 'credentials');
    const phone = world.addPhone();
    await phone.join(String(ssid), String(passphrase));
    await said(run, 'client_joined');
    phone.leave();
    await said(run, 'client_left');
    run.press();
    expect(await run.ended).toBe(0);
    expect(await phone.join(String(ssid), String(passphrase))).toBe('not_found');
    await using radio = await machine.openRadio({ deviceName: 'after' });
    expect(await radio.storedGroups()).toEqual([]);
  });

  test('R14 host shows the passphrase only when it is asked to, as text or as a code', async () => {
    for (const [flags, isText] of [
      [[], false],
      [['--qr'], false],
      [['--show-passphrase'], true],
    ] as const) {
      const run = start(createFakeWorld().addMachine(), ['host', '--passphrase-file', '-', ...flags]);
      await expect.poll(() => run.text()).toMatch(/--qr shows|█|▄|Passphrase/);
      expect(run.text().includes('sixteen letters!')).toBe(isText);
      run.press();
      await run.ended;
      expect(run.complaints()).toBe('');
    }
  });

  test('host offers a plain access point, with a passphrase that no other process can read', async () => {
    const world = createFakeWorld();
    const args = ['host', '--access-point', '--ssid', 'Shop', '--passphrase-file', 'secret', '--json'];
    const run = start(world.addMachine(), args);
    await said(run, 'group_started');
    expect(await world.addPhone().join('Shop', 'sixteen letters!')).toBe('joined');
    run.press();
    expect(await run.ended).toBe(0);
  });

  test('join finds a host by name, stays, and leaves with Ctrl-C', async () => {
    const world = createFakeWorld();
    const hosting = start(world.addMachine(), ['host', '--name', 'Till 1', '--pin', '--json']);
    const { pin } = await said(hosting, 'pin');
    const joining = start(world.addMachine(), ['join', 'Till 1', '--pin', String(pin), '--json']);
    await said(joining, 'group_started');
    await said(hosting, 'client_joined');
    joining.press();
    expect(await joining.ended).toBe(0);
    await said(hosting, 'client_left');
    hosting.press();
    expect(await hosting.ended).toBe(0);
  });

  test('a group that ends by itself is told, with another exit code', async () => {
    const machine = createFakeWorld().addMachine();
    const run = start(machine, ['host', '--json']);
    await said(run, 'group_started');
    machine.killSupplicant();
    expect(await run.ended).toBe(1);
    await said(run, 'supplicant_lost');
  });

  test('find and services show who is near and what is offered', async () => {
    const world = createFakeWorld();
    const hosting = start(world.addMachine(), [
      'host',
      '--name',
      'Till 1',
      '--advertise',
      '_tikipay._tcp=Till=1',
      '--json',
    ]);
    await said(hosting, 'group_started');
    const other = world.addMachine();
    const finding = start(other, ['find', '--seconds', '1']);
    expect(await finding.ended).toBe(0);
    expect(finding.text()).toMatch(/-42 dBm {2}computer +hosts +Till 1\n/);
    const looking = start(other, ['services', '_tikipay._tcp', '--seconds', '1', '--json']);
    expect(await said(looking, 'service')).toMatchObject({ instance: 'Till=1' });
    looking.press();
    expect(await looking.ended).toBe(0);
    hosting.press();
    await hosting.ended;
  });

  test('status says the state, and its exit code says whether it is good', async () => {
    const machine = createFakeWorld().addMachine();
    const ready = start(machine, ['status']);
    expect(await ready.ended).toBe(0);
    expect(ready.text()).toContain('ready on wlan0');
    machine.blockRadio();
    const blocked = start(machine, ['status', '--json']);
    expect(await blocked.ended).toBe(3);
    expect(blocked.sayings()[0]).toMatchObject({ state: 'blocked_by_rfkill', code: 'rfkill_soft' });
  });

  test('what did not work is told by code and with what to do next', async () => {
    const machine = createFakeWorld().addMachine();
    machine.killSupplicant();
    const run = start(machine, ['find', '--json']);
    expect(await run.ended).toBe(3);
    expect(run.sayings()[0]).toMatchObject({ type: 'error', code: 'supplicant_unreachable' });
    expect(run.complaints()).toContain('Start wpa_supplicant');
  });

  test.each([
    [['join', 'Till 1'], 'pin_invalid'],
    [['join', '--pin', '12345670'], 'address_invalid'],
    [['join', '02:00:00:00:00:01', '--pin', '12345678'], 'pin_invalid'],
    [['host', '--frequency', 'x'], 'frequency_invalid'],
    [['host', '--access-point', '--ssid', 'Shop'], 'passphrase_invalid'],
    [['host', '--advertise', 'http'], 'service_invalid'],
    [['services', 'http'], 'service_invalid'],
    [['services', '--upnp', 'a b'], 'service_invalid'],
  ])('%j is refused as %s', async (args, code) => {
    const run = start(createFakeWorld().addMachine(), args);
    expect(await run.ended).toBe(1);
    expect(run.complaints()).toContain(`(${code})`);
  });

  test.each([[['dance']], [['find', 'x']], [['find', '--pin', '1']], [['find', '--seconds', '0']]])(
    '%j makes no sense, and says how it would',
    async (args) => {
      const run = start(createFakeWorld().addMachine(), args);
      expect(await run.ended).toBe(2);
      expect(run.complaints()).toContain('wifi-direct status');
    },
  );
});

test('what has a meaning in the code is escaped there', () => {
  expect(wifiCode({ ssid: 'a;b', passphrase: String.raw`1"2,3:4\5` })).toBe(
    String.raw`WIFI:T:WPA;S:a\;b;P:1\"2\,3\:4\\5;;`,
  );
});
