/**
 * The root key and the issuer key: the two secrets that every kiosk and phone of an installation hangs on.
 *
 * Owns: the PEM files, made once with mode 0600. Never: puts a private key anywhere else, logs one, or replaces one
 * that cannot be read - a new root would strand every kiosk and phone in the field.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { keyIdOf, type SyncSigner } from '@tikiwallet/protocol';
import { generateKeyPair, loadPrivateKey } from '@tikiwallet/protocol/node';
import { must } from './protocol-run.ts';

export interface TrustKeys {
  readonly rootPublicKey: Uint8Array;
  readonly signAsRoot: SyncSigner;
  readonly issuerPublicKey: Uint8Array;
  readonly issuerKeyId: Uint8Array;
  readonly signAsIssuer: SyncSigner;
}

export interface TrustKeyFiles {
  /** Keys are made in `keys/` inside it when no file is named. */
  readonly dataDir: string;
  readonly rootKeyFile?: string | undefined;
  readonly issuerKeyFile?: string | undefined;
}

/** Which files the environment names (TIKI_ROOT_KEY_FILE, TIKI_ISSUER_KEY_FILE). */
export function trustKeyFiles(
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>,
): TrustKeyFiles {
  return {
    dataDir,
    rootKeyFile: environment['TIKI_ROOT_KEY_FILE'] || undefined,
    issuerKeyFile: environment['TIKI_ISSUER_KEY_FILE'] || undefined,
  };
}

/**
 * Reads both keys; makes those whose file is not named and not there yet.
 * @throws Error in a sentence when a file is unreadable, no key, or open to other users.
 */
export function loadTrustKeys(files: TrustKeyFiles): TrustKeys {
  const root = loadPrivateKey(
    files.rootKeyFile === undefined ? own(files.dataDir, 'root-key.pem') : named(files.rootKeyFile),
  );
  const issuer = loadPrivateKey(
    files.issuerKeyFile === undefined ? own(files.dataDir, 'issuer-key.pem') : named(files.issuerKeyFile),
  );
  return {
    rootPublicKey: root.publicKey,
    signAsRoot: root.sign,
    issuerPublicKey: issuer.publicKey,
    issuerKeyId: must(keyIdOf(issuer.publicKey)),
    signAsIssuer: issuer.sign,
  };
}

/** A file of the operator's: modes are theirs (a mounted secret is often readable by a group). */
function named(path: string): string {
  if (!existsSync(path)) throw new Error(`The key file ${path} does not exist.`);
  return readFileSync(path, 'utf8');
}

function own(dataDir: string, name: string): string {
  const folder = join(dataDir, 'keys');
  const path = join(folder, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(path)) makeKeyFile(path);
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
    throw new Error(
      `Other users may read the key file ${path}: set its mode to 0600 and consider whether it was read.`,
    );
  }
  return readFileSync(path, 'utf8');
}

/** Whole or not at all, and never over an existing file: of two processes that start together one key wins. */
function makeKeyFile(path: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, generateKeyPair().privateKeyPem);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(draft);
  }
}
