// The package's one public door (beside ./fake).

export { type RadioState, type WifiDirect, WifiDirectError } from './radio-state.ts';
export { createWifiDirect, type WifiDirectOptions } from './wifi-direct.ts';
