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

export type ControlAddon = {
  /** Sends one command and resolves with the reply's bytes; rejects with an error whose code is a ControlErrorCode. */
  readonly request: (request: ControlRequest) => Promise<Uint8Array>;
};

const controlErrorCodes = [
  'hostile_input',
  'path_too_long',
  'client_socket_failed',
  'no_socket',
  'connection_refused',
  'permission_denied',
  'timed_out',
  'reply_too_long',
  'system_error',
] as const;

export type ControlErrorCode = (typeof controlErrorCodes)[number];

/** The code of an error from `request`; undefined for an error of another origin. */
export function controlErrorCode(error: unknown): ControlErrorCode | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return controlErrorCodes.find((code) => code === error.code);
}

const addonPath = join(import.meta.dirname, '..', 'build', 'Release', 'wifi_direct.node');

export function loadAddon(): ControlAddon | 'platform_not_linux' | 'addon_missing' {
  if (process.platform !== 'linux') return 'platform_not_linux';
  if (!existsSync(addonPath)) return 'addon_missing';
  const addon: unknown = createRequire(import.meta.url)(addonPath);
  return isControlAddon(addon) ? addon : 'addon_missing';
}

function isControlAddon(value: unknown): value is ControlAddon {
  return (
    typeof value === 'object' && value !== null && 'request' in value && typeof value.request === 'function'
  );
}
