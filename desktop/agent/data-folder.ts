/**
 * The agent's folder: made private, held by one process, and the place of its keys and of the token that its own
 * clients show. Owns those files; never the database, and never removes a key.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { generateKeyPair } from '@tikiwallet/protocol/node';
import { agentEndpoint } from '../ipc/transport.ts';

/** Another living agent holds the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
  constructor(folder: string, pid: number) {
    super(
      `The data folder ${folder} is in use by another agent (process ${pid}); stop it or set TIKI_KIOSK_DATA to another folder.`,
    );
  }
}

export interface DataFolder {
  readonly databasePath: string;
  readonly socketPath: string;
  /** PKCS#8 PEM; signs requests, receipts and batches. */
  readonly signingKeyPem: string;
  /** PKCS#8 PEM; opens what phones seal. */
  readonly sealingKeyPem: string;
  /** New with each start; whoever can read the 0600 file may talk to the agent. */
  readonly token: string;
  release(): void;
}

/** @throws FolderInUse */
export function openDataFolder(folder: string): DataFolder {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const lockPath = join(folder, 'agent.lock');
  takeLock(lockPath, folder);
  const { socketPath, tokenPath } = agentEndpoint(folder);
  const token = randomBytes(32).toString('base64url');
  writePrivately(tokenPath, token);
  return {
    databasePath: join(folder, 'kiosk.sqlite'),
    socketPath,
    signingKeyPem: readOrMakeKey(join(folder, 'signing-key.pem')),
    sealingKeyPem: readOrMakeKey(join(folder, 'sealing-key.pem')),
    token,
    release() {
      rmSync(tokenPath, { force: true });
      rmSync(lockPath, { force: true });
    },
  };
}

function readOrMakeKey(path: string): string {
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const { privateKeyPem } = generateKeyPair();
  writePrivately(path, privateKeyPem);
  return privateKeyPem;
}

/** Complete on disk or not there at all: a key that is half written would lock the shop out of its own money. */
function writePrivately(path: string, content: string): void {
  const draft = `${path}.${process.pid}.new`;
  rmSync(draft, { force: true });
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function takeLock(path: string, folder: string): void {
  const mine = `${process.pid} ${startTimeOf(process.pid) ?? '-'}`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if (!hasCode(error, 'EEXIST') || attempt >= 3) throw error;
    }
    const holder = livingHolder(path);
    if (holder !== null) throw new FolderInUse(folder, holder);
    rmSync(path, { force: true });
  }
}

/** Null when whoever wrote the lock is gone, however it went. */
function livingHolder(path: string): number | null {
  const [pidText = '', started = '-'] = readFileSync(path, 'utf8').split(' ');
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  if (!isAlive(pid)) return null;
  const startedNow = startTimeOf(pid);
  // A pid is given out again after a reboot; the start time tells the old holder from the stranger.
  return startedNow === null || started === '-' || startedNow === started ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/** In clock ticks since boot; null where the kernel does not tell. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
