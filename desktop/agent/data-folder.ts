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
import Database from 'better-sqlite3';
import { generateKeyPair } from '@tikiwallet/protocol/node';
import { agentEndpoint } from '../ipc/transport.ts';

/** Another living agent holds the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
  constructor(folder: string, pid: string) {
    super(
      `The data folder ${folder} is in use by another agent (process ${pid || 'unknown'}); stop it or set TIKI_KIOSK_DATA to another folder.`,
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
  const freeLock = takeLock(folder);
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
      freeLock();
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

/**
 * Holds the folder until this process ends, however it ends: the system frees a lock on a file with its process, and
 * no order of events between two starts can give it to both. Who holds it is written beside it, for the message only.
 * @throws FolderInUse
 */
function takeLock(folder: string): () => void {
  const lock = new Database(join(folder, 'agent.lock.sqlite'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (hasCode(error, 'SQLITE_BUSY')) throw new FolderInUse(folder, holderOf(folder));
    throw error;
  }
  const holder = join(folder, 'agent.lock');
  writePrivately(holder, String(process.pid));
  return () => {
    rmSync(holder, { force: true });
    lock.close();
  };
}

/** Empty while it is only just starting. */
function holderOf(folder: string): string {
  try {
    return readFileSync(join(folder, 'agent.lock'), 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
