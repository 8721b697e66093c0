/**
 * What the radio should do next, as a pure function: what happened and what is known, to what is to be done. Owns every
 * rule of hosting (retry, rebuild, rotate, who is stuck) and no clock, no process and no radio. Nothing in here can
 * reach a payment; the worst that it decides is that phones pay by code or over the shop's network.
 */
import type { NetworkFault } from './group-network.ts';
import type { Probe } from './look-for-radio.ts';
import type { RadioSettings } from '../../ipc/index.ts';

export type Phase =
  /** Nobody wants a group, or there is no shop to host one for. */
  | { readonly kind: 'off' }
  /** The machine is asked for a radio that can. */
  | { readonly kind: 'looking' }
  | { readonly kind: 'opening' }
  | { readonly kind: 'hosting' }
  | { readonly kind: 'up'; readonly group: HostedGroup; readonly network: 'building' | 'serving' | 'broken' }
  | { readonly kind: 'leaving' }
  /** The supplicant went away under an open radio. */
  | { readonly kind: 'lost'; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly untilMs: number };

export interface HostedGroup {
  readonly interfaceName: string;
  readonly ssid: string;
  readonly frequencyMhz: number | undefined;
}

export interface Phone {
  readonly joinedAtMs: number;
  /** It has an address, by lease or otherwise. */
  readonly isSettled: boolean;
  readonly isLookedFor: boolean;
  /** Nothing more is tried for it. */
  readonly isGivenUp: boolean;
  readonly name: string;
}

/** Why hosting does not work at the moment, for people; the radio's own states are in `probe`. */
export type RadioFault =
  | 'group_not_formed'
  | 'supplicant_unreachable'
  | 'radio_failed'
  /** By another agent of this machine. */
  | 'radio_taken'
  | NetworkFault;

export interface MachineState {
  readonly settings: RadioSettings;
  readonly hasShop: boolean;
  readonly phase: Phase;
  readonly probe: Probe | null;
  readonly isOpen: boolean;
  readonly fault: RadioFault | null;
  /** In a row; the wait grows with them. */
  readonly failures: number;
  readonly networkFailures: number;
  readonly phones: ReadonlyMap<string, Phone>;
  /** Phones for which the group was rebuilt once: never twice in a shift. */
  readonly rebuiltFor: ReadonlySet<string>;
  readonly shift: { readonly beganAtMs: number; readonly day: string } | null;
  readonly rotationAsked: boolean;
  /** Since when a rotation waits for a quiet moment. */
  readonly rotationDueSinceMs: number | null;
  /** Since when no payment request is open; null while one is. */
  readonly quietSinceMs: number | null;
  readonly probeAtMs: number | null;
  readonly networkRetryAtMs: number | null;
}

export type Input =
  | { readonly type: 'settings'; readonly settings: RadioSettings; readonly hasShop: boolean }
  | { readonly type: 'probed'; readonly probe: Probe }
  | { readonly type: 'opened' }
  | { readonly type: 'open_failed'; readonly fault: RadioFault }
  | { readonly type: 'hosted'; readonly group: HostedGroup }
  | { readonly type: 'host_failed'; readonly fault: RadioFault }
  | { readonly type: 'left' }
  | { readonly type: 'leave_failed' }
  | { readonly type: 'group_removed'; readonly interfaceName: string }
  | { readonly type: 'supplicant_lost' }
  | { readonly type: 'supplicant_back' }
  | { readonly type: 'client_joined'; readonly address: string }
  | { readonly type: 'client_left'; readonly address: string }
  | { readonly type: 'phone_settled'; readonly address: string; readonly name?: string }
  | { readonly type: 'serving'; readonly interfaceName: string }
  | { readonly type: 'network_fault'; readonly interfaceName: string; readonly fault: NetworkFault }
  | { readonly type: 'shift_began'; readonly beganAtMs: number; readonly day: string }
  | { readonly type: 'requests'; readonly isOpen: boolean }
  | { readonly type: 'rotate' }
  | { readonly type: 'rebuild' }
  | { readonly type: 'time' };

export interface Now {
  /** Monotonic. */
  readonly atMs: number;
  /** Of the shop, such as 2026-11-30: a new one begins with a new passphrase. */
  readonly day: string;
}

export type Effect =
  | { readonly type: 'probe' }
  | { readonly type: 'open'; readonly interfaceName: string }
  | { readonly type: 'close' }
  /** With the credentials of the shift, in the mode of the settings. */
  | { readonly type: 'host' }
  | { readonly type: 'leave' }
  | { readonly type: 'begin_shift' }
  | { readonly type: 'network'; readonly interfaceName: string | null }
  | { readonly type: 'look_for'; readonly addresses: readonly string[] }
  | { readonly type: 'send_away'; readonly address: string };

export interface Step {
  readonly state: MachineState;
  readonly effects: readonly Effect[];
}

/** A stick that is plugged in later is noticed within this time. */
const PROBE_IDLE_MS = 30_000;
/** Somebody is at the switch, or the supplicant is starting: look again soon. */
const PROBE_SOON_MS = 3_000;
const LOST_LOOK_MS = 2_000;
/** An open radio that has not come back by itself is opened anew. R12 allows 10 s in all. */
const LOST_PATIENCE_MS = 3_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 8_000;
/** So many failures in a row, and the radio itself is opened anew. */
const FAILURES_BEFORE_CLOSING = 3;
/** A phone that joined and has no address after this time is stuck. */
export const STUCK_MS = 30_000;
/** A little before that it is looked for in the kernel's table, where phones with an address of their own are. */
const LOOK_MS = 25_000;
/** In one shift. */
const MOST_REBUILDS_FOR_PHONES = 5;
/** After the last request the phone still fetches its receipt. */
const QUIET_MS = 10_000;
/** A till that is never quiet rotates all the same: whoever is cut off joins again, or pays by code. */
const ROTATION_PATIENCE_MS = 60 * 60_000;
const HOUR_MS = 3_600_000;

export function initialState(settings: RadioSettings): MachineState {
  return {
    settings,
    hasShop: false,
    phase: { kind: 'off' },
    probe: null,
    isOpen: false,
    fault: null,
    failures: 0,
    networkFailures: 0,
    phones: new Map(),
    rebuiltFor: new Set(),
    shift: null,
    rotationAsked: false,
    rotationDueSinceMs: null,
    quietSinceMs: Number.NEGATIVE_INFINITY,
    probeAtMs: 0,
    networkRetryAtMs: null,
  };
}

export function isWanted({ settings, hasShop }: MachineState): boolean {
  return settings.isOn && hasShop;
}

/** The interface to host on; a plain network needs no Wi-Fi Direct. */
export function usableInterface({ probe, settings }: MachineState): string | null {
  const isPlain = settings.mode === 'access_point';
  if (probe?.state === 'ready' || (probe?.state === 'no_p2p_radio' && isPlain)) return probe.interfaceName;
  return null;
}

export function backoffMs(failures: number): number {
  return Math.min(FIRST_BACKOFF_MS * 2 ** Math.max(0, failures - 1), MAX_BACKOFF_MS);
}

export function reduce(state: MachineState, input: Input, now: Now): Step {
  switch (input.type) {
    case 'settings':
      return onSettings(state, input);
    case 'probed':
      return onProbed(state, input.probe, now);
    case 'opened':
      return state.phase.kind === 'opening'
        ? host({ ...state, isOpen: true }, now)
        : to({ ...state, isOpen: true });
    case 'open_failed':
      return state.phase.kind === 'opening'
        ? failed({ ...state, isOpen: false }, input.fault, now)
        : to(state);
    case 'hosted':
      return onHosted(state, input.group, now);
    case 'host_failed':
      return state.phase.kind === 'hosting' ? failed(state, input.fault, now) : to(state);
    case 'left':
      return state.phase.kind === 'leaving' ? host(state, now) : to(state);
    case 'leave_failed':
      return state.phase.kind === 'leaving' ? lookAnew(closed(state)) : to(state);
    case 'group_removed':
      return onGroupRemoved(state, input.interfaceName);
    case 'supplicant_lost':
      return onSupplicantLost(state, now);
    case 'supplicant_back':
      return state.phase.kind === 'lost' ? host(state, now) : to(state);
    case 'client_joined':
    case 'client_left':
    case 'phone_settled':
      return onPhone(state, input, now);
    case 'serving':
    case 'network_fault':
      return onNetwork(state, input, now);
    case 'shift_began': {
      const { beganAtMs, day } = input;
      const began = { shift: { beganAtMs, day }, rotationAsked: false, rotationDueSinceMs: null };
      return to({ ...state, ...began, rebuiltFor: new Set() });
    }
    case 'requests':
      return onRequests(state, input.isOpen, now);
    case 'rotate':
      return rotateIfDue({ ...state, rotationAsked: true }, now);
    case 'rebuild':
      return rebuild(state);
    case 'time':
      return onTime(state, now);
  }
}

/** When the machine wants to be told the time again; null: not before something happens. */
export function wakeAtMs(state: MachineState): number | null {
  const { phase } = state;
  const times: number[] = [];
  if (phase.kind === 'waiting') times.push(phase.untilMs);
  if (state.probeAtMs !== null) times.push(state.probeAtMs);
  if (state.networkRetryAtMs !== null) times.push(state.networkRetryAtMs);
  if (phase.kind === 'up') {
    if (phase.network === 'serving') {
      for (const phone of state.phones.values()) {
        if (!phone.isSettled && !phone.isGivenUp)
          times.push(phone.joinedAtMs + (phone.isLookedFor ? STUCK_MS : LOOK_MS));
      }
    }
    const rotation = rotationAtMs(state);
    if (rotation !== null) times.push(rotation);
  }
  return times.length === 0 ? null : Math.min(...times);
}

function to(state: MachineState, ...effects: readonly Effect[]): Step {
  return { state, effects };
}

function onSettings(state: MachineState, { settings, hasShop }: Input & { type: 'settings' }): Step {
  const before = state.settings;
  const next = { ...state, settings, hasShop };
  if (!isWanted(next)) {
    if (state.phase.kind === 'off') return to(next);
    return to({ ...closed(next).state, phase: { kind: 'off' } }, ...closed(next).effects, { type: 'probe' });
  }
  if (state.phase.kind === 'off') return lookAnew(to({ ...next, failures: 0, fault: null }));
  // Another way of hosting begins with another group.
  if (before.mode !== settings.mode) return lookAnew(closed({ ...next, failures: 0, fault: null }));
  return to(next);
}

/** Everything that was built is taken down and the radio let go of. */
function closed(state: MachineState): Step {
  const down = { ...withoutGroup(state), isOpen: false };
  return to(down, { type: 'network', interfaceName: null }, { type: 'close' });
}

function withoutGroup(state: MachineState): MachineState {
  return { ...state, phones: new Map(), networkRetryAtMs: null };
}

function lookAnew({ state, effects }: Step): Step {
  return to({ ...state, phase: { kind: 'looking' }, probeAtMs: null }, ...effects, { type: 'probe' });
}

function onProbed(state: MachineState, probe: Probe, now: Now): Step {
  const next = { ...state, probe, probeAtMs: now.atMs + probeAgainMs(probe) };
  const interfaceName = usableInterface(next);
  switch (state.phase.kind) {
    case 'off':
      return to(next);
    case 'looking':
      if (interfaceName === null) return to(next);
      if (state.isOpen) return host(next, now);
      return to({ ...next, phase: { kind: 'opening' }, probeAtMs: null }, { type: 'open', interfaceName });
    case 'lost': {
      const isPatient = now.atMs - state.phase.sinceMs < LOST_PATIENCE_MS;
      if (interfaceName === null || isPatient) return to({ ...next, probeAtMs: now.atMs + LOST_LOOK_MS });
      return lookAnew(closed(next));
    }
    case 'up':
      // Not every driver says that its group is gone when it is switched off.
      if (probe.state === 'blocked_by_rfkill') return lookAnew(closed(next));
      return to({ ...next, probeAtMs: now.atMs + PROBE_IDLE_MS });
    case 'opening':
    case 'hosting':
    case 'leaving':
    case 'waiting':
      return to({ ...next, probeAtMs: null });
  }
}

function probeAgainMs(probe: Probe): number {
  // What a person is about to switch on, start or plug in.
  const isSoon =
    probe.state === 'blocked_by_rfkill' || probe.state === 'no_supplicant' || probe.state === 'no_radio';
  return isSoon ? PROBE_SOON_MS : PROBE_IDLE_MS;
}

function host(state: MachineState, now: Now): Step {
  const next: MachineState = { ...withoutGroup(state), phase: { kind: 'hosting' }, probeAtMs: null };
  if (state.shift === null || isShiftOver(state, now))
    return to(next, { type: 'begin_shift' }, { type: 'host' });
  return to(next, { type: 'host' });
}

function failed(state: MachineState, fault: RadioFault, now: Now): Step {
  const failures = state.failures + 1;
  const next: MachineState = { ...state, fault, failures };
  const waiting: Phase = { kind: 'waiting', untilMs: now.atMs + backoffMs(failures) };
  const isHopeless = fault === 'supplicant_unreachable' || failures % FAILURES_BEFORE_CLOSING === 0;
  if (!isHopeless || !next.isOpen) return to({ ...next, phase: waiting });
  const { state: down, effects } = closed(next);
  return to({ ...down, phase: waiting }, ...effects);
}

function onHosted(state: MachineState, group: HostedGroup, now: Now): Step {
  // It came after its time: what is not wanted any more is being closed already.
  if (state.phase.kind !== 'hosting') return to(state);
  const { interfaceName } = group;
  const next: MachineState = {
    ...withoutGroup(state),
    phase: { kind: 'up', group, network: 'building' },
    networkFailures: 0,
    probeAtMs: now.atMs + PROBE_IDLE_MS,
  };
  return to(next, { type: 'network', interfaceName });
}

function onGroupRemoved(state: MachineState, interfaceName: string): Step {
  const { phase } = state;
  if (phase.kind !== 'up' || phase.group.interfaceName !== interfaceName) return to(state);
  return lookAnew(to(withoutGroup(state), { type: 'network', interfaceName: null }));
}

function onSupplicantLost(state: MachineState, now: Now): Step {
  // Whoever is opening or looking finds out by itself; without a radio in hand there is nothing to lose.
  if (!state.isOpen || state.phase.kind === 'off') return to(state);
  return to(
    {
      ...withoutGroup(state),
      phase: { kind: 'lost', sinceMs: now.atMs },
      fault: 'supplicant_unreachable',
      probeAtMs: now.atMs + LOST_LOOK_MS,
    },
    { type: 'network', interfaceName: null },
  );
}

type PhoneInput = Input & { type: 'client_joined' | 'client_left' | 'phone_settled' };

function onPhone(state: MachineState, input: PhoneInput, now: Now): Step {
  if (state.phase.kind !== 'up') return to(state);
  const phones = new Map(state.phones);
  const known = phones.get(input.address);
  switch (input.type) {
    case 'client_joined':
      phones.set(input.address, {
        joinedAtMs: now.atMs,
        isSettled: false,
        isLookedFor: false,
        isGivenUp: false,
        name: known?.name ?? '',
      });
      break;
    case 'client_left':
      phones.delete(input.address);
      break;
    case 'phone_settled':
      if (known === undefined) return to(state);
      phones.set(input.address, { ...known, isSettled: true, name: input.name ?? known.name });
      break;
  }
  return to({ ...state, phones });
}

function onNetwork(
  state: MachineState,
  input: Input & { type: 'serving' | 'network_fault' },
  now: Now,
): Step {
  const { phase } = state;
  if (phase.kind !== 'up' || phase.group.interfaceName !== input.interfaceName) return to(state);
  if (input.type === 'serving') {
    const serving: MachineState = {
      ...state,
      phase: { ...phase, network: 'serving' },
      fault: null,
      failures: 0,
    };
    return rotateIfDue({ ...serving, networkRetryAtMs: null }, now);
  }
  const networkFailures = state.networkFailures + 1;
  return to({
    ...state,
    phase: { ...phase, network: 'broken' },
    fault: input.fault,
    networkFailures,
    networkRetryAtMs: now.atMs + backoffMs(networkFailures),
  });
}

function onRequests(state: MachineState, isOpen: boolean, now: Now): Step {
  if (isOpen) return to({ ...state, quietSinceMs: null });
  const quietSinceMs = state.quietSinceMs ?? now.atMs;
  return rotateIfDue({ ...state, quietSinceMs }, now);
}

function onTime(state: MachineState, now: Now): Step {
  const { phase } = state;
  if (phase.kind === 'waiting' && now.atMs >= phase.untilMs) return lookAnew(to(state));
  if (state.probeAtMs === null || now.atMs < state.probeAtMs) return onTimeWhileUp(state, now);
  const { state: next, effects } = onTimeWhileUp({ ...state, probeAtMs: null }, now);
  return to(next, { type: 'probe' }, ...effects);
}

function onTimeWhileUp(state: MachineState, now: Now): Step {
  const { phase } = state;
  if (phase.kind !== 'up') return to(state);
  if (state.networkRetryAtMs === null || now.atMs < state.networkRetryAtMs) {
    const rotated = rotateIfDue(state, now);
    return rotated.effects.length > 0 ? rotated : lookAfterPhones(rotated.state, now);
  }
  const { interfaceName } = phase.group;
  const again: MachineState = { ...state, networkRetryAtMs: null, phase: { ...phase, network: 'building' } };
  // Walls that cannot be put up around this group may be put up around the next.
  if (state.networkFailures % FAILURES_BEFORE_CLOSING === 0) return rebuild(again);
  return to(again, { type: 'network', interfaceName });
}

/** A join that leads nowhere: first the phone is looked for, then it is sent away, or the whole group rebuilt. */
function lookAfterPhones(state: MachineState, now: Now): Step {
  if (state.phase.kind !== 'up' || state.phase.network !== 'serving') return to(state);
  const waiting = [...state.phones].filter(([, { isSettled, isGivenUp }]) => !isSettled && !isGivenUp);
  const stuck = waiting.filter(([, { joinedAtMs }]) => now.atMs - joinedAtMs >= STUCK_MS);
  if (stuck.length === 0) return lookFor(state, waiting, now);
  const addresses = stuck.map(([address]) => address);
  const isAnybodySettled = [...state.phones.values()].some(({ isSettled }) => isSettled);
  // A device has as many addresses as it likes: whoever knows the passphrase must not keep the group coming and going.
  const isTired = state.rebuiltFor.size >= MOST_REBUILDS_FOR_PHONES;
  const isNew = !isTired && addresses.some((address) => !state.rebuiltFor.has(address));
  if (!isAnybodySettled && isNew) {
    const rebuiltFor = new Set([...state.rebuiltFor, ...addresses]);
    return rebuild({ ...state, rebuiltFor });
  }
  // Others pay here: only the one that is stuck is asked to come again.
  const phones = new Map(state.phones);
  for (const [address, phone] of stuck) phones.set(address, { ...phone, isGivenUp: true });
  return to({ ...state, phones }, ...addresses.map((address): Effect => ({ type: 'send_away', address })));
}

function lookFor(state: MachineState, waiting: readonly (readonly [string, Phone])[], now: Now): Step {
  const missed = waiting.filter(
    ([, { isLookedFor, joinedAtMs }]) => !isLookedFor && now.atMs - joinedAtMs >= LOOK_MS,
  );
  if (missed.length === 0) return to(state);
  const phones = new Map(state.phones);
  for (const [address, phone] of missed) phones.set(address, { ...phone, isLookedFor: true });
  return to({ ...state, phones }, { type: 'look_for', addresses: missed.map(([address]) => address) });
}

function rebuild(state: MachineState): Step {
  if (state.phase.kind !== 'up') return to(state);
  return to(
    { ...withoutGroup(state), phase: { kind: 'leaving' } },
    { type: 'network', interfaceName: null },
    { type: 'leave' },
  );
}

function rotateIfDue(state: MachineState, now: Now): Step {
  if (state.phase.kind !== 'up' || !isShiftOver(state, now)) return to(state);
  const rotationDueSinceMs = state.rotationDueSinceMs ?? now.atMs;
  const isQuiet = state.quietSinceMs !== null && now.atMs - state.quietSinceMs >= QUIET_MS;
  const isOverdue = now.atMs - rotationDueSinceMs >= ROTATION_PATIENCE_MS;
  if (!isQuiet && !isOverdue) return to({ ...state, rotationDueSinceMs });
  const { state: leaving, effects } = rebuild(state);
  return to(leaving, ...effects.slice(0, 1), { type: 'begin_shift' }, ...effects.slice(1));
}

function isShiftOver({ shift, settings, rotationAsked }: MachineState, now: Now): boolean {
  if (shift === null || rotationAsked) return true;
  return shift.day !== now.day || now.atMs - shift.beganAtMs >= settings.rotationHours * HOUR_MS;
}

/** While a request is open its end is told, unless that takes too long. */
function rotationAtMs(state: MachineState): number | null {
  const { shift, settings, rotationAsked, rotationDueSinceMs, quietSinceMs } = state;
  if (shift === null) return null;
  if (quietSinceMs === null)
    return rotationDueSinceMs === null ? null : rotationDueSinceMs + ROTATION_PATIENCE_MS;
  const dueMs = rotationAsked ? Number.NEGATIVE_INFINITY : shift.beganAtMs + settings.rotationHours * HOUR_MS;
  return Math.max(dueMs, quietSinceMs + QUIET_MS);
}
