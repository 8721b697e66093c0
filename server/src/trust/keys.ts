/**
 * The root key, the issuer key and the issuer key to come: the secrets that every kiosk and phone of an installation
 * hangs on. The next key is certified long before it signs, so that a rotation surprises nobody who is offline: to
 * rotate, put the next key's file in the place of the issuer key's and start again.
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
  readonly issuer: IssuerKey & { readonly sign: SyncSigner };
  /** Certified and published; signs nothing yet. Null where the operator names the issuer key and no next one. */
  readonly nextIssuer: IssuerKey | null;
}

export interface IssuerKey {
  readonly publicKey: Uint8Array;
  readonly keyId: Uint8Array;
}

export interface TrustKeyFiles {
  /** Keys are made in `keys/` inside it when no file is named. */
  readonly dataDir: string;
  readonly rootKeyFile?: string | undefined;
  readonly issuerKeyFile?: string | undefined;
  readonly nextIssuerKeyFile?: string | undefined;
}

/** Which files the environment names (TIKI_ROOT_KEY_FILE, TIKI_ISSUER_KEY_FILE, TIKI_NEXT_ISSUER_KEY_FILE). */
export function trustKeyFiles(
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>,
): TrustKeyFiles {
  return {
    dataDir,
    rootKeyFile: environment['TIKI_ROOT_KEY_FILE'] || undefined,
    issuerKeyFile: environment['TIKI_ISSUER_KEY_FILE'] || undefined,
    nextIssuerKeyFile: environment['TIKI_NEXT_ISSUER_KEY_FILE'] || undefined,
  };
}

/**
 * Reads the keys; makes those whose file is not named and not there yet.
 * @throws Error in a sentence when a file is unreadable, no key, or open to other users.
 */
export function loadTrustKeys(files: TrustKeyFiles): TrustKeys {
  const read = (file: string | undefined, name: string) =>
    loadPrivateKey(file === undefined ? own(files.dataDir, name) : named(file));
  const root = read(files.rootKeyFile, 'root-key.pem');
  const issuer = read(files.issuerKeyFile, 'issuer-key.pem');
  // Servers that share a named key would each make a next one of their own: then there is none but a named one.
  const hasNext = files.nextIssuerKeyFile !== undefined || files.issuerKeyFile === undefined;
  return {
    rootPublicKey: root.publicKey,
    signAsRoot: root.sign,
    issuer: { ...identify(issuer.publicKey), sign: issuer.sign },
    nextIssuer: hasNext ? identify(read(files.nextIssuerKeyFile, 'next-issuer-key.pem').publicKey) : null,
  };
}

function identify(publicKey: Uint8Array): IssuerKey {
  return { publicKey, keyId: must(keyIdOf(publicKey)) };
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
