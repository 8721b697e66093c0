// What this machine has, asked from the kernel itself: no supplicant is needed, no permission, and nothing is changed.

import {
  type AddonMissing,
  type ControlErrorCode,
  controlErrorCode,
  loadAddon,
  type NativeAddon,
} from './addon.ts';
import { WifiDirectError } from './errors.ts';
import { errnoOf, parseMessages } from './netlink.ts';
import {
  familyQuestion,
  interfacesQuestion,
  parseFamily,
  parseRadios,
  radiosQuestion,
  type WiphyFacts,
} from './nl80211.ts';
import { readRfkillBlockOfRadio, type RfkillBlock } from './rfkill.ts';
import { addressesQuestion, type InterfaceFacts, linksQuestion, parseInterfaces } from './route-netlink.ts';
import { abortable } from './wait-for.ts';

export type RadioFacts = WiphyFacts & {
  /** What holds it off, if anything does. */
  readonly block: RfkillBlock | undefined;
};

export type MachineFacts = {
  readonly radios: readonly RadioFacts[];
  readonly interfaces: readonly InterfaceFacts[];
};

export type MachineFactsOptions = {
  /** For each question, from 1 to 10000. Default 2000. */
  readonly timeoutMs?: number;
  /** Where the kernel shows its devices. Default /sys. */
  readonly sysFolder?: string;
  readonly load?: () => NativeAddon | AddonMissing;
  readonly signal?: AbortSignal;
};

/**
 * Radios and network interfaces of this machine (in this network namespace). A machine without Wi-Fi has no radios.
 * Rejects with WifiDirectError: unsupported_platform, timed_out, aborted.
 */
export async function readMachineFacts(options: MachineFactsOptions = {}): Promise<MachineFacts> {
  const addon = (options.load ?? loadAddon)();
  if (typeof addon === 'string')
    throw new WifiDirectError('unsupported_platform', `The kernel cannot be asked here: ${addon}.`);
  const ask: Ask = (protocol, message) => askKernel(addon, protocol, message, options.timeoutMs ?? 2_000);
  return await abortable(options.signal, async () => {
    const radios = await readRadios(ask);
    const blocked = radios.map(async (radio) => ({
      ...radio,
      block: await readRfkillBlockOfRadio(options.sysFolder ?? '/sys', radio.name),
    }));
    const links = await ask('route', linksQuestion());
    const addresses = await ask('route', addressesQuestion());
    return { radios: await Promise.all(blocked), interfaces: parseInterfaces(links, addresses) };
  });
}

type Ask = (protocol: 'route' | 'generic', message: Uint8Array) => Promise<readonly Uint8Array[]>;

async function readRadios(ask: Ask): Promise<readonly WiphyFacts[]> {
  const family = parseFamily(await ask('generic', familyQuestion()));
  if (family === undefined) return [];
  return parseRadios(
    await ask('generic', radiosQuestion(family)),
    await ask('generic', interfacesQuestion(family)),
  );
}

async function askKernel(
  addon: NativeAddon,
  protocol: 'route' | 'generic',
  message: Uint8Array,
  timeoutMs: number,
): Promise<readonly Uint8Array[]> {
  try {
    const datagrams = await addon.netlink({ protocol, message, timeoutMs });
    // A kernel without Wi-Fi answers "no such family", which is an empty answer.
    const isRefused = datagrams.flatMap(parseMessages).some((one) => (errnoOf(one) ?? 0) !== 0);
    return isRefused ? [] : datagrams;
  } catch (error) {
    const code: ControlErrorCode | undefined = controlErrorCode(error);
    if (code === 'timed_out') throw new WifiDirectError('timed_out', 'The kernel did not answer in time.');
    // A kernel that knows no such protocol at all, or a sandbox that forbids it.
    if (code === 'system_error' || code === 'permission_denied') return [];
    throw error;
  }
}
