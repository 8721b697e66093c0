/**
 * The name and passphrase of the kiosk's network for one shift. Owns how they are made and where they wait for a restart
 * of the agent: a file for this user's eyes only, beside the kiosk's keys, so that phones come back by themselves.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { WifiCredentials } from './wifi-code.ts';

export interface Shift extends WifiCredentials {
  readonly beganAtMs: number;
}

/** R14. Without look-alikes: somebody may have to read it aloud; 20 of 55 characters are 115 bits. */
const PASSPHRASE_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';
const PASSPHRASE_LENGTH = 20;
const SUFFIX_LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz0123456789';
/** 32 bytes less `DIRECT-xy-`. */
const MAX_NAME = 22;

export type Draw = (belowExclusive: number) => number;

export function newShift(shopName: string, nowMs: number, draw: Draw = randomInt): Shift {
  return {
    ssid: `DIRECT-${pick(SUFFIX_LETTERS, 2, draw)}-${shortShopName(shopName)}`,
    passphrase: pick(PASSPHRASE_LETTERS, PASSPHRASE_LENGTH, draw),
    beganAtMs: nowMs,
  };
}

/** What of a shop's name every phone can show in a list; a name in another script becomes the product's. */
export function shortShopName(shopName: string): string {
  const plain = shopName
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, MAX_NAME)
    .replace(/-+$/, '');
  return plain === '' ? 'TikiPay' : plain;
}

const Stored = z.object({
  ssid: z.string().regex(/^DIRECT-[A-Za-z0-9]{2}-[A-Za-z0-9-]{1,22}$/),
  passphrase: z.string().regex(/^[A-Za-z0-9]{16,63}$/),
  beganAtMs: z.number(),
});

/** Undefined when there is none, or none that can be used. */
export function readShift(path: string): Shift | undefined {
  try {
    const parsed = Stored.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** @throws the system's error */
export function writeShift(path: string, shift: Shift): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, JSON.stringify(shift), { mode: 0o600, flag: 'wx' });
  renameSync(draft, path);
}

function pick(letters: string, length: number, draw: Draw): string {
  return Array.from({ length }, () => letters[draw(letters.length)] ?? '').join('');
}
