// The contract of an open radio, in the field's terms. Kept by the real one (supplicant-radio.ts) and by the fake.

import type { ServiceInstance, ServiceType } from './dns-sd.ts';
import type { HardwareAddress, Peer } from './supplicant-events.ts';

export type FoundService = ServiceInstance & {
  /** Of the device that offers it, to join by. */
  readonly address: HardwareAddress;
};

export type Group = {
  /** The network interface that the group lives on, such as p2p-wlan0-0. */
  readonly interfaceName: string;
  /** access_point: a plain network, hosted without Wi-Fi Direct. */
  readonly role: 'group_owner' | 'client' | 'access_point';
  /** For people and for the WIFI: code; what strangers may have put into it is made safe to show. */
  readonly ssid: string;
  readonly frequencyMhz: number | undefined;
  readonly isPersistent: boolean;
};

export type Credentials = {
  readonly ssid: string;
  /** WPA2. Never to be logged, and shown as a code only. */
  readonly passphrase: string;
};

export type RadioEvent =
  | { readonly type: 'peer_found'; readonly peer: Peer }
  | { readonly type: 'peer_lost'; readonly address: HardwareAddress }
  | { readonly type: 'find_stopped' }
  | { readonly type: 'group_started'; readonly group: Group }
  | { readonly type: 'group_removed'; readonly interfaceName: string; readonly reason: string }
  | { readonly type: 'client_joined'; readonly address: HardwareAddress }
  | { readonly type: 'client_left'; readonly address: HardwareAddress }
  | { readonly type: 'wrong_passphrase'; readonly address: HardwareAddress | undefined }
  /** The supplicant went away, or came back: groups of before are gone, and peers are to be found anew. */
  | { readonly type: 'supplicant_lost' }
  | { readonly type: 'supplicant_back' };

export type StoredGroup = {
  /** The supplicant's number for it; good until it is forgotten. */
  readonly id: number;
  readonly ssid: string;
};

export type CallOptions = {
  readonly signal?: AbortSignal;
};

export type HostOptions = CallOptions & {
  /** Kept by the supplicant, to be hosted again with the same name and passphrase. */
  readonly isPersistent?: boolean;
  /** Hosts this one again; what else is asked for besides the frequency is as it was. */
  readonly storedGroupId?: number;
  readonly frequencyMhz?: number;
  /** Follows `DIRECT-xy` in the group's name. */
  readonly ssidPostfix?: string;
  /** The whole name, such as DIRECT-ab-Till1, so that phones know it again; needs a passphrase as well. */
  readonly ssid?: string;
  /** 16 to 63 printable ASCII characters. Without it the supplicant makes one up. */
  readonly passphrase?: string;
  /** How long the group may take to start. Default 15,000. */
  readonly timeoutMs?: number;
};

export type AccessPointOptions = CallOptions & {
  /** 1 to 32 bytes. */
  readonly ssid: string;
  /** 16 to 63 printable ASCII characters; WPA2 with CCMP, nothing older. */
  readonly passphrase: string;
  /** Default 2437. */
  readonly frequencyMhz?: number;
  /** Where to host it. Default: the network interface of this radio, such as wlan0 for p2p-dev-wlan0. */
  readonly interfaceName?: string;
  /** How long it may take to start. Default 15,000. */
  readonly timeoutMs?: number;
};

export interface Radio {
  readonly interfaceName: string;

  /** Looks for peers for so many seconds (1 to 3600; default 120); they come as events and in `peers()`. */
  find(options?: CallOptions & { readonly seconds?: number }): Promise<void>;
  stopFinding(): Promise<void>;
  /** Those found and not lost since the radio was opened. */
  peers(): readonly Peer[];

  /** Becomes the owner of a group of its own. Rejects with group_not_formed, timed_out, aborted, supplicant_…. */
  host(options?: HostOptions): Promise<Group>;
  /**
   * Hosts a plain WPA2 network without Wi-Fi Direct, for radios and phones that stumble over it. What is said of a
   * hosted group (credentials, clients, events, leave) holds for it as well. Rejects as host() does.
   */
  hostAccessPoint(options: AccessPointOptions): Promise<Group>;
  /** What a phone that knows no Wi-Fi Direct needs to join the hosted group as an ordinary network. */
  credentials(): Promise<Credentials>;
  /** Lets one device that knows this PIN in, for 120 seconds. Returns the PIN, which is new each time. */
  invitePin(): Promise<string>;
  /** Those in the hosted group now. */
  clients(): readonly HardwareAddress[];
  /** Sends a client away; knowing the passphrase it may come back. Rejects with client_unknown. */
  removeClient(
    address: HardwareAddress,
    options?: { readonly by?: 'deauthentication' | 'disassociation' },
  ): Promise<void>;
  /** Joins the group of a peer that showed its PIN. Rejects with group_not_formed, wrong_passphrase, timed_out, aborted. */
  join(
    address: HardwareAddress,
    pin: string,
    options?: CallOptions & { readonly timeoutMs?: number },
  ): Promise<Group>;
  /** Those that were hosted or joined as persistent. */
  storedGroups(): Promise<readonly StoredGroup[]>;
  /** After it nobody can come back with the old passphrase. Rejects with group_unknown. */
  forgetStoredGroup(id: number): Promise<void>;

  /** Answers devices that ask for this kind of service, without a connection, until withdrawn or closed. */
  advertise(service: ServiceInstance, attributes?: Readonly<{ [key: string]: string }>): Promise<void>;
  withdraw(service: ServiceInstance): Promise<void>;
  /** Asks everybody near until the signal or the `break` ends it; each instance of each device comes once. */
  services(type: ServiceType, options?: CallOptions): AsyncIterableIterator<FoundService>;

  /** Leaves or ends the group. Resolves when it is gone; at once when there is none. */
  leave(): Promise<void>;
  /** The group that this radio is in. */
  group(): Group | undefined;

  /** Everything from now on, for any number of readers. */
  events(options?: CallOptions): AsyncIterableIterator<RadioEvent>;
  /** Ends searches and the group, and lets go of the supplicant. */
  close(): Promise<void>;
}
