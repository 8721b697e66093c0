/** What stands between this machine and a group: what the supplicant says, and whether the kernel knows a radio at all. */
import { type MachineFacts, type RadioState, type WifiDirect, WifiDirectError } from 'node-wifi-direct';

/** `no_radio`: nothing to start or to set up; this machine has no Wi-Fi. */
export type Probe = RadioState | { readonly state: 'no_radio'; readonly code: 'no_wifi_radio' };

export const NO_RADIO: Probe = { state: 'no_radio', code: 'no_wifi_radio' };

/** Of the machine itself, supplicant or not. */
export type ReadFacts = () => Promise<Pick<MachineFacts, 'radios'>>;

export async function lookForRadio(wifi: WifiDirect, readFacts: ReadFacts): Promise<Probe> {
  const probe = await wifi.probe();
  return probe.state === 'no_supplicant' && (await hasNoRadio(readFacts)) ? NO_RADIO : probe;
}

/** A kernel that cannot be asked leaves it at what the supplicant says. */
async function hasNoRadio(readFacts: ReadFacts): Promise<boolean> {
  try {
    return (await readFacts()).radios.length === 0;
  } catch (error) {
    if (error instanceof WifiDirectError) return false;
    throw error;
  }
}
