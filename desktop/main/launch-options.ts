/**
 * What the start of the app depends on, read once from the environment and the packaging. Owns the meaning of the
 * `TIKI_*` variables of the window; never reads them later, and never touches Electron.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type WindowMode = 'kiosk' | 'desktop';

export interface LaunchOptions {
  mode: WindowMode;
  /** Where the agent keeps its database, its socket and its token. */
  dataFolder: string;
  /** Chromium's own folder; beside the data when that was named, so that each shop's data has one window. */
  profileFolder: string | undefined;
  /** Attach to this socket and start no agent (the service of a kiosk owns it). */
  attachTo: { socketPath: string; tokenPath: string } | undefined;
  /** How to start the agent. */
  agent: { command: string; entry: string };
  /** The window's size in desktop mode. */
  size: { width: number; height: number };
  /** Developer tools, never in a packaged app. */
  developerTools: boolean;
}

export interface LaunchSurroundings {
  env: Readonly<Record<string, string | undefined>>;
  isPackaged: boolean;
  userData: string;
  /** The folder of desktop/package.json. */
  appFolder: string;
  resourcesFolder: string;
  platform: NodeJS.Platform;
  exists?: (path: string) => boolean;
}

const DEFAULT_SIZE = { width: 1280, height: 800 };

export function readLaunchOptions(around: LaunchSurroundings): LaunchOptions {
  const { env } = around;
  const named = filled(env['TIKI_KIOSK_DATA']);
  const socketPath = filled(env['TIKI_AGENT_SOCKET']);
  return {
    mode: env['TIKI_WINDOW'] === 'kiosk' ? 'kiosk' : 'desktop',
    dataFolder: named ?? join(around.userData, 'kiosk'),
    profileFolder: named === undefined ? undefined : join(named, 'window'),
    attachTo:
      socketPath === undefined
        ? undefined
        : {
            socketPath,
            tokenPath: filled(env['TIKI_AGENT_TOKEN_FILE']) ?? join(dirname(socketPath), 'agent.token'),
          },
    agent: { command: nodeCommand(around), entry: agentEntry(around) },
    size: parseSize(env['TIKI_WINDOW_SIZE']) ?? DEFAULT_SIZE,
    developerTools: !around.isPackaged && env['TIKI_DEVTOOLS'] === '1',
  };
}

function agentEntry(around: LaunchSurroundings): string {
  const named = filled(around.env['TIKI_AGENT_ENTRY']);
  if (around.isPackaged) return join(around.resourcesFolder, 'agent', 'agent.js');
  return named ?? join(around.appFolder, 'agent', 'main.ts');
}

/** Packaged: the Node that was packed with it. Otherwise the one that the workspace pins, which npm's own may not be. */
function nodeCommand(around: LaunchSurroundings): string {
  const exists = around.exists ?? existsSync;
  const named = filled(around.env['TIKI_NODE_BIN']);
  if (named !== undefined && !around.isPackaged) return named;
  const program = around.platform === 'win32' ? 'node.exe' : 'node';
  if (around.isPackaged) return join(around.resourcesFolder, 'node', program);
  const pinned = join(around.appFolder, '..', 'node_modules', '.bin', program);
  if (exists(pinned)) return pinned;
  return filled(around.env['npm_node_execpath']) ?? program;
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}

/** `1024x600`; anything else, or a size no screen has, is ignored. */
function parseSize(text: string | undefined): { width: number; height: number } | undefined {
  const parts = /^([0-9]{3,4})x([0-9]{3,4})$/.exec(text ?? '');
  if (parts === null) return undefined;
  return { width: Number(parts[1]), height: Number(parts[2]) };
}
