/** How the radio stands, in the words of the contract. Pure; says what is, and decides nothing. */
import type { Radio, RadioState } from '../../ipc/index.ts';
import { type MachineState, type RadioFault, usableInterface } from './radio-machine.ts';

export interface RadioView {
  readonly machine: MachineState;
  /** Changes whenever the picture to join by does; null while nobody can join. */
  readonly joinCodeId: number | null;
}

/** So many failures of one kind in a row are no passing trouble any more. */
const PATIENCE = 3;
/** A line on a screen holds no more. */
const MAX_NAMES = 8;

export function describeRadio({ machine, joinCodeId }: RadioView): Radio {
  const { phase, phones } = machine;
  const names = [...phones.values()].map(({ name }) => name).filter((name) => name !== '');
  return {
    state: stateOf(machine),
    code: codeOf(machine),
    settings: machine.settings,
    network:
      phase.kind === 'up'
        ? {
            ssid: phase.group.ssid,
            interfaceName: phase.group.interfaceName,
            frequencyMhz: phase.group.frequencyMhz ?? null,
          }
        : null,
    joinCodeId,
    phones: { count: phones.size, names: names.slice(0, MAX_NAMES) },
  };
}

export function stateOf(machine: MachineState): RadioState {
  const { phase, fault, failures } = machine;
  switch (phase.kind) {
    case 'off':
      return probedState(machine) ?? 'checking';
    case 'looking':
      return notReady(machine) ?? (machine.probe === null ? 'checking' : beginning(machine));
    case 'opening':
    case 'hosting':
      return beginning(machine);
    case 'up':
      if (phase.network === 'serving') return 'up';
      return phase.network === 'building' && fault === null
        ? 'starting'
        : faultState(fault, machine.networkFailures);
    case 'leaving':
      return 'rebuilding';
    case 'lost':
      return notReady(machine) ?? 'rebuilding';
    case 'waiting':
      return faultState(fault, failures);
  }
}

function beginning({ fault, failures, networkFailures }: MachineState): RadioState {
  return fault === null ? 'starting' : faultState(fault, Math.max(failures, networkFailures));
}

function faultState(fault: RadioFault | null, failures: number): RadioState {
  if (fault === null) return 'rebuilding';
  if (fault.endsWith('_program_missing')) return 'program_missing';
  if (fault.endsWith('_not_permitted')) return 'not_permitted';
  if (fault.endsWith('_port_taken')) return 'port_taken';
  if (fault === 'radio_taken') return 'radio_busy';
  if (failures < PATIENCE) return 'rebuilding';
  return fault === 'group_not_formed' ? 'radio_busy' : 'failing';
}

function probedState(machine: MachineState): RadioState | null {
  const { probe } = machine;
  if (probe === null) return null;
  if (usableInterface(machine) !== null) return 'ready';
  if (probe.state === 'no_supplicant' && probe.code === 'permission_denied') return 'not_permitted';
  return probe.state;
}

function notReady(machine: MachineState): RadioState | null {
  const state = probedState(machine);
  return state === 'ready' ? null : state;
}

function codeOf(machine: MachineState): string | null {
  const { probe, fault, phase } = machine;
  if (probe !== null && probe.state !== 'ready' && usableInterface(machine) === null) return probe.code;
  return phase.kind === 'off' ? null : fault;
}
