// The package's one public door (beside ./fake).

export { WifiDirectError, type WifiDirectErrorCode } from './errors.ts';
export type { RadioState, WifiDirect } from './radio-state.ts';
export type { ServiceInstance, ServiceType } from './dns-sd.ts';
export type {
  AccessPointOptions,
  Credentials,
  FoundService,
  Group,
  HostOptions,
  Radio,
  RadioEvent,
  StoredGroup,
} from './radio.ts';
export type { HardwareAddress, Peer } from './supplicant-events.ts';
export { openRadio, type OpenRadioOptions } from './supplicant-radio.ts';
export { defaultRadioSettings, type RadioSettings } from './supplicant-settings.ts';
export { createWifiDirect, type WifiDirectOptions } from './wifi-direct.ts';
