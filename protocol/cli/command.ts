/**
 * What the commands share: their shape, and reading what they are given. A command answers its text and exit code
 * and touches nothing else, so that a test can hold it.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  attempt,
  decodeDoubleSpendProof,
  decodeJournalFile,
  decompressPoint,
  fromBase64Url,
  fromHex,
} from '../src/index.ts';

export interface Outcome {
  /** 0 it holds, 1 it does not, 2 it could not be read. */
  readonly exitCode: 0 | 1 | 2;
  readonly text: string;
}

export interface Command {
  readonly synopsis: string;
  readonly purpose: string;
  run(args: readonly string[]): Outcome;
}

export interface GivenArguments {
  readonly file: string;
  readonly root: string | undefined;
}

/** One file and perhaps `--root KEY`; null for anything else. */
export function readArguments(args: readonly string[]): GivenArguments | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { root: { type: 'string' } },
      allowPositionals: true,
    });
    const [file, ...more] = positionals;
    return file === undefined || more.length > 0 ? null : { file, root: values.root };
  } catch (error) {
    // parseArgs says with a TypeError that an option is not one of ours.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

/** @param maxBytes Above this the file is not looked at. */
export function readInput(path: string, maxBytes: number): Read<Uint8Array> {
  if (!existsSync(path)) return { ok: false, why: `There is no file ${path}.` };
  try {
    const { size } = statSync(path);
    if (size > maxBytes) return { ok: false, why: `${path} has ${size} bytes; ${maxBytes} are the most.` };
    return { ok: true, value: new Uint8Array(readFileSync(path)) };
  } catch (error) {
    return {
      ok: false,
      why: `${path} cannot be read: ${error instanceof Error ? error.message : 'unknown'}`,
    };
  }
}

/** Which command a file is for, when it is not this one's; empty for a file that is none of ours. */
export function hintFor(bytes: Uint8Array): string {
  if (attempt(() => decodeDoubleSpendProof(bytes)).ok)
    return ' It is a proof of double spend: see verify-fork.';
  if (attempt(() => decodeJournalFile(bytes)).ok) return ' It is a journal: see verify-journal.';
  const isHex = /^[0-9a-f\s]+$/i.test(new TextDecoder().decode(bytes.subarray(0, 256)));
  return isHex && bytes.length > 0 ? ' It holds hex digits: the file must hold the bytes themselves.' : '';
}

const MAX_KEY_FILE_BYTES = 4_096;

/** A 33-byte compressed point as base64url, as hex, or as a file with one of these in it. */
export function readRootKey(text: string): Read<Uint8Array> {
  const given = text.trim();
  const direct = keyOf(given);
  if (direct !== null) return { ok: true, value: direct };
  if (existsSync(given)) {
    const file = readInput(given, MAX_KEY_FILE_BYTES);
    if (!file.ok) return file;
    const inside = keyOf(new TextDecoder().decode(file.value).trim());
    if (inside !== null) return { ok: true, value: inside };
  }
  return {
    ok: false,
    why: `${text} is no public key: 33 bytes in base64url or hex, or a file that holds them (GET /v1/trust names it).`,
  };
}

function keyOf(text: string): Uint8Array | null {
  const read = attempt(() => {
    const key = /^[0-9a-fA-F]{66}$/.test(text) ? fromHex(text.toLowerCase()) : fromBase64Url(text);
    decompressPoint(key);
    return key;
  });
  return read.ok ? read.value : null;
}
