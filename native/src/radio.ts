// The contract of an open radio, in the field's terms. test/contract.ts holds the real one (over wpa_supplicant) and the
// fake to it.

import type { ServiceInstance, ServiceType } from './dns-sd.ts';
import type { HardwareAddress, PeerSighting } from './supplicant-events.ts';
import type { UpnpSearchTarget, UpnpServiceName } from './upnp.ts';

export type Peer = PeerSighting & {
  /** How strong it was heard last, such as -52; undefined until the supplicant has told. */
  readonly signalDbm: number | undefined;
};

export type FoundService = ServiceInstance & {
  /** Of the device that offers it, to join by. */
  readonly address: HardwareAddress;
};

export type FoundUpnpService = {
  /** Made safe to show. */
  readonly name: string;
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
  /** The same peer, heard stronger or weaker. */
  | { readonly type: 'peer_updated'; readonly peer: Peer }
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
  /** Rejects with the code `aborted`; searches, hosting and joining that were begun are taken back. */
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

export type JoinMethod =
  | { readonly by: 'pin'; readonly pin: string }
  /** A group that was joined before with `isPersistent`; no PIN is needed again. */
  | { readonly by: 'stored_group'; readonly storedGroupId: number }
  /** Always refused, with the code push_button_refused. */
  | { readonly by: 'push_button' };

export type JoinOptions = CallOptions & {
  /** Kept by the supplicant, to be joined again without a PIN. */
  readonly isPersistent?: boolean;
  /** Default 60,000. */
  readonly timeoutMs?: number;
};

export type ServiceAttributes = Readonly<{ [key: string]: string }>;

export interface Radio extends AsyncDisposable {
  readonly interfaceName: string;

  /** Looks for peers for so many seconds (1 to 3600; default 120), or until the signal; they come as events and in `peers()`. */
  find(options?: CallOptions & { readonly seconds?: number }): Promise<void>;
  /** Answers those who look, without looking, for so many seconds (1 to 3600; default 120), or until the signal. */
  listen(options?: CallOptions & { readonly seconds?: number }): Promise<void>;
  stopFinding(options?: CallOptions): Promise<void>;
  /** Those found and not lost since the radio was opened. */
  peers(): readonly Peer[];

  /** Becomes the owner of a group of its own. Rejects with group_not_formed, already_in_group, timed_out, aborted, supplicant_…. */
  host(options?: HostOptions): Promise<Group>;
  /**
   * Hosts a plain WPA2 network without Wi-Fi Direct, for radios and phones that stumble over it. What is said of a
   * hosted group (credentials, clients, events, leave) holds for it as well. Rejects as host() does.
   */
  hostAccessPoint(options: AccessPointOptions): Promise<Group>;
  /** What a phone that knows no Wi-Fi Direct needs to join the hosted group as an ordinary network. */
  credentials(options?: CallOptions): Promise<Credentials>;
  /** Lets one device that knows this PIN in, for 120 seconds. Returns the PIN, which is new each time. */
  invitePin(options?: CallOptions): Promise<string>;
  /** Those in the hosted group now. */
  clients(): readonly HardwareAddress[];
  /** Sends a client away; knowing the passphrase it may come back. Rejects with client_unknown. */
  removeClient(
    address: HardwareAddress,
    options?: CallOptions & { readonly by?: 'deauthentication' | 'disassociation' },
  ): Promise<void>;
  /**
   * Joins the group of a peer by the PIN that it showed, or as before. Rejects with group_not_formed, already_in_group,
   * timed_out, aborted, push_button_refused.
   */
  join(address: HardwareAddress, method: string | JoinMethod, options?: JoinOptions): Promise<Group>;
  /** Those that were hosted or joined as persistent. */
  storedGroups(options?: CallOptions): Promise<readonly StoredGroup[]>;
  /** After it nobody can come back with the old passphrase. Rejects with group_unknown. */
  forgetStoredGroup(id: number, options?: CallOptions): Promise<void>;

  /** Answers devices that ask for this kind of service (DNS-SD), without a connection, until withdrawn or closed. */
  advertise(service: ServiceInstance, attributes?: ServiceAttributes, options?: CallOptions): Promise<void>;
  withdraw(service: ServiceInstance, options?: CallOptions): Promise<void>;
  /** Asks everybody near until the signal or the `break` ends it; each instance of each device comes once. */
  services(type: ServiceType, options?: CallOptions): AsyncIterableIterator<FoundService>;
  /** The same for UPnP: `uuid:…::urn:schemas-upnp-org:device:…:1` and the like. */
  advertiseUpnp(name: UpnpServiceName, options?: CallOptions): Promise<void>;
  withdrawUpnp(name: UpnpServiceName, options?: CallOptions): Promise<void>;
  upnpServices(target?: UpnpSearchTarget, options?: CallOptions): AsyncIterableIterator<FoundUpnpService>;

  /** Leaves or ends the group. Resolves when it is gone; at once when there is none. */
  leave(options?: CallOptions): Promise<void>;
  /** The group that this radio is in. */
  group(): Group | undefined;

  /** Everything from now on, for any number of readers. */
  events(options?: CallOptions): AsyncIterableIterator<RadioEvent>;
  /** One kind of event, to a listener; returns what ends it. */
  on<Type extends RadioEvent['type']>(
    type: Type,
    listener: (event: RadioEvent & { readonly type: Type }) => void,
  ): () => void;
  /** Ends searches and the group, and lets go of the supplicant. `await using` does it by itself. */
  close(): Promise<void>;
}
