/**
 * Looks at everything that a phone needs to pay over the radio, from the supplicant to the page that answers. Reads and
 * asks only; changes nothing. Each check names what was found, so that a person knows what to do next.
 */
import { readFile } from 'node:fs/promises';
import { Resolver } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { RADIO_CHECKS, type RadioCheck } from '../../ipc/index.ts';
import { KIOSK_ADDRESS, KIOSK_NAMES } from './address-plan.ts';
import { TABLE } from './firewall.ts';
import type { Probe } from './look-for-radio.ts';
import { managedInterfaces } from './network-manager.ts';
import { type Program, ProgramError, type Programs } from './run-program.ts';

export interface Subject {
  readonly probe: Probe;
  readonly mode: 'wifi_direct' | 'access_point';
  /** The interface of the group, while one is hosted. */
  readonly group: string | null;
  readonly port: number;
  readonly programs: Programs;
  /** What the radio says by itself, for the case that no group stands. */
  readonly code: string | null;
}

type Outcome = Pick<RadioCheck, 'outcome' | 'code'>;

const PASSED: Outcome = { outcome: 'passed', code: null };
const NOT_TRIED: Outcome = { outcome: 'not_tried', code: null };
const ANSWER_TIMEOUT_MS = 3_000;
/** Of CapEff in /proc/self/status. */
const CAP_NET_ADMIN = 1n << 12n;

export async function testRadio(subject: Subject): Promise<readonly RadioCheck[]> {
  const outcomes: { readonly [Name in RadioCheck['name']]: () => Outcome | Promise<Outcome> } = {
    hardware: () => checkHardware(subject.probe),
    supplicant: () => checkSupplicant(subject.probe),
    radio: () => checkCapability(subject),
    switch: () => checkSwitch(subject.probe),
    programs: () => checkPrograms(subject.programs),
    permission: checkPermission,
    network_manager: () => checkNetworkManager(subject),
    group: () => checkGroup(subject),
    firewall: () => ifHosted(subject, checkFirewall),
    address: () => ifHosted(subject, checkAddress),
    dns: () => ifHosted(subject, checkNames),
    listener: () => ifHosted(subject, checkListener),
  };
  const checks: RadioCheck[] = [];
  for (const name of RADIO_CHECKS) checks.push({ name, ...(await outcomes[name]()) });
  return checks;
}

function failed(code: string): Outcome {
  return { outcome: 'failed', code };
}

function ifHosted(
  subject: Subject,
  check: (subject: Subject) => Outcome | Promise<Outcome>,
): Outcome | Promise<Outcome> {
  return subject.group === null ? NOT_TRIED : check(subject);
}

/** Nothing after it can be in order without it, and nothing that a person starts or installs helps. */
function checkHardware(probe: Probe): Outcome {
  return probe.state === 'no_radio' ? failed(probe.code) : PASSED;
}

function checkSupplicant(probe: Probe): Outcome {
  if (probe.state === 'no_radio') return NOT_TRIED;
  return probe.state === 'no_supplicant' || probe.state === 'unsupported_platform'
    ? failed(probe.code)
    : PASSED;
}

/** A plain network needs no Wi-Fi Direct. */
function checkCapability({ probe, mode }: Subject): Outcome {
  if (probe.state === 'no_radio' || probe.state === 'no_supplicant') return NOT_TRIED;
  if (probe.state === 'unsupported_platform') return NOT_TRIED;
  return probe.state === 'no_p2p_radio' && mode === 'wifi_direct' ? failed(probe.code) : PASSED;
}

function checkSwitch(probe: Probe): Outcome {
  if (probe.state === 'blocked_by_rfkill') return failed(probe.code);
  return probe.state === 'ready' ? PASSED : NOT_TRIED;
}

async function checkPrograms(programs: Programs): Promise<Outcome> {
  const versions: readonly [Program, string][] = [
    ['ip', '-V'],
    ['nft', '--version'],
    ['dnsmasq', '--version'],
  ];
  for (const [program, question] of versions) {
    try {
      await programs.run(program, [question]);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      return failed(`${program}_${error.code}`);
    }
  }
  return PASSED;
}

async function checkPermission(): Promise<Outcome> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (digits === undefined) return NOT_TRIED;
  return (BigInt(`0x${digits}`) & CAP_NET_ADMIN) === 0n ? failed('cap_net_admin_missing') : PASSED;
}

/** One that manages the radio takes it away again sooner or later. */
async function checkNetworkManager({ probe, group }: Subject): Promise<Outcome> {
  if (probe.state !== 'ready') return NOT_TRIED;
  const own = [group, probe.interfaceName, probe.interfaceName.replace(/^p2p-dev-/, '')];
  const managed = await managedInterfaces();
  return managed.some((name) => own.includes(name)) ? failed('network_manager_manages_radio') : PASSED;
}

function checkGroup({ probe, group, code }: Subject): Outcome {
  if (probe.state === 'no_radio') return NOT_TRIED;
  return group === null ? failed(code ?? 'group_not_hosted') : PASSED;
}

async function checkFirewall({ programs, group }: Subject): Promise<Outcome> {
  try {
    const rules = await programs.run('nft', ['list', 'table', 'inet', TABLE]);
    return group !== null && rules.includes(`"${group}"`) ? PASSED : failed('firewall_for_another_interface');
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return failed(`firewall_${error.code}`);
  }
}

function checkAddress({ group }: Subject): Outcome {
  const own = networkInterfaces()[group ?? ''] ?? [];
  return own.some(({ address }) => address === KIOSK_ADDRESS) ? PASSED : failed('address_missing');
}

async function checkNames(): Promise<Outcome> {
  const resolver = new Resolver({ timeout: ANSWER_TIMEOUT_MS, tries: 1 });
  resolver.setServers([KIOSK_ADDRESS]);
  try {
    const [address] = await resolver.resolve4(KIOSK_NAMES[0]);
    return address === KIOSK_ADDRESS ? PASSED : failed('dns_answers_wrongly');
  } catch {
    return failed('dns_silent');
  }
}

/** Any answer is one: a kiosk that sells nothing at the moment says so. */
async function checkListener({ port }: Subject): Promise<Outcome> {
  try {
    await fetch(`http://${KIOSK_ADDRESS}:${port}/v1/hello`, {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    return PASSED;
  } catch {
    return failed('listener_silent');
  }
}
