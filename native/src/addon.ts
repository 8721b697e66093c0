// The door to the C++ side: loads the addon if it was built and gives its one
// function a type. C++ moves bytes; everything in src/ understands them.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

export type ControlRequest = {
  /** The supplicant's control socket, such as /run/wpa_supplicant/wlan0. */
  readonly socketPath: string;
  /** Where this end's socket file goes; the supplicant must be able to reach it. */
  readonly clientFolder: string;
  /** One line. */
  readonly command: string;
  /** From 1 to 10000. */
  readonly timeoutMs: number;
};

export type EventSubscription = {
  readonly socketPath: string;
  readonly clientFolder: string;
  /** For ATTACH and for each sign of life; from 1 to 10000. */
  readonly timeoutMs: number;
  /** How long silence is taken for peace before the supplicant is asked whether it lives; from 1 to 10000. */
  readonly pingIntervalMs: number;
};

export type EventMessage =
  | { readonly type: 'attached' }
  /** One datagram, such as `<3>P2P-FIND-STOPPED `. */
  | { readonly type: 'event'; readonly bytes: Uint8Array }
  /** Events are lost, at least so many: more came than were taken, one was too long, or the supplicant sent none for a while. */
  | { readonly type: 'dropped'; readonly count: number }
  /** The last message, unless the subscription was closed before. */
  | {
      readonly type: 'ended';
      readonly code: ControlErrorCode;
      readonly message: string;
      readonly errno?: number;
    };

export type ControlAddon = {
  /** Listens on a socket of its own, on a thread of its own; the listener must not throw. Returns what ends it. */
  readonly listen: (subscription: EventSubscription, listener: (message: EventMessage) => void) => () => void;
  /** Sends one command and resolves with the reply's bytes; rejects with an error whose code is a ControlErrorCode. */
  readonly request: (request: ControlRequest) => Promise<Uint8Array>;
};

export type NetlinkRequest = {
  readonly protocol: 'route' | 'generic';
  /** One message with its header. */
  readonly message: Uint8Array;
  /** From 1 to 10000. */
  readonly timeoutMs: number;
};

/** Asking the kernel, beside asking the supplicant. */
export type NativeAddon = ControlAddon & {
  /** Resolves with the datagrams of the whole answer; rejects as `request` does. */
  readonly netlink: (request: NetlinkRequest) => Promise<readonly Uint8Array[]>;
};

export type AddonMissing = 'platform_not_linux' | 'addon_missing';

const controlErrorCodes = [
  'hostile_input',
  'path_too_long',
  'client_socket_failed',
  'no_socket',
  'connection_refused',
  'permission_denied',
  'timed_out',
  'reply_too_long',
  'attach_refused',
  'system_error',
] as const;

export type ControlErrorCode = (typeof controlErrorCodes)[number];

/** The code of an error from `request`; undefined for an error of another origin. */
export function controlErrorCode(error: unknown): ControlErrorCode | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return controlErrorCodes.find((code) => code === error.code);
}

const packageFolder = join(import.meta.dirname, '..');

/** Where the addon may be: prebuilt for this kind of machine, or built on it. */
function addonPaths(folder: string): readonly string[] {
  return [
    join(folder, 'prebuilds', `${process.platform}-${process.arch}`, 'node-wifi-direct.glibc.node'),
    join(folder, 'build', 'Release', 'wifi_direct.node'),
  ];
}

/** Platform and folder are this machine's and this package's unless somebody tries others. */
export function loadAddon({
  platform = process.platform,
  folder = packageFolder,
}: {
  readonly platform?: string;
  readonly folder?: string;
} = {}): NativeAddon | AddonMissing {
  if (platform !== 'linux') return 'platform_not_linux';
  for (const path of addonPaths(folder)) {
    const addon = existsSync(path) ? tryToLoad(path) : undefined;
    if (isNativeAddon(addon)) return addon;
  }
  return 'addon_missing';
}

/** A prebuilt one does not load where the C library is another or older; the built one does. */
function tryToLoad(path: string): unknown {
  try {
    return createRequire(import.meta.url)(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_FAILED') return undefined;
    throw error;
  }
}

function isNativeAddon(value: unknown): value is NativeAddon {
  if (typeof value !== 'object' || value === null) return false;
  if (!('request' in value) || !('listen' in value) || !('netlink' in value)) return false;
  return [value.request, value.listen, value.netlink].every((one) => typeof one === 'function');
}
