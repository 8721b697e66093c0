// A radio without a radio, for tests and demonstrations: the same contract as the
// real one (test/contract.ts runs over both), in whatever state it is put.

import type { RadioState, WifiDirect } from './radio-state.ts';

export interface FakeWifiDirect extends WifiDirect {
  /** From now on probe() answers this. */
  setRadio(state: RadioState): void;
}

export const fakeReadyRadio: RadioState = {
  state: 'ready',
  interfaceName: 'wlan0',
  p2pDeviceAddress: '02:00:00:00:00:00',
};

export function createFakeWifiDirect(initial: RadioState = fakeReadyRadio): FakeWifiDirect {
  let radio = initial;
  return {
    probe: async () => radio,
    setRadio(state) {
      radio = state;
    },
  };
}
