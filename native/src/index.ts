// The package's one public door (beside ./fake).

export { WifiDirectError, type WifiDirectErrorCode, wifiDirectRemedies } from './errors.ts';
export type { RadioState, WifiDirect } from './radio-state.ts';
export type { ServiceInstance, ServiceType } from './dns-sd.ts';
export type {
  AccessPointOptions,
  CallOptions,
  Credentials,
  FoundService,
  FoundUpnpService,
  Group,
  HostOptions,
  JoinMethod,
  JoinOptions,
  Peer,
  Radio,
  RadioEvent,
  ServiceAttributes,
  StoredGroup,
} from './radio.ts';
export type { DeviceCategory, HardwareAddress } from './supplicant-events.ts';
export { openRadio, type OpenRadioOptions } from './supplicant-radio.ts';
export { defaultRadioSettings, type RadioSettings } from './supplicant-settings.ts';
export type { UpnpSearchTarget, UpnpServiceName } from './upnp.ts';
export { wifiCode } from './wifi-code.ts';
export { createWifiDirect, type WifiDirectOptions } from './wifi-direct.ts';
export {
  type MachineFacts,
  type MachineFactsOptions,
  type RadioFacts,
  readMachineFacts,
} from './machine-facts.ts';
export type { InterfaceAddress, InterfaceFacts } from './route-netlink.ts';
