/** What goes to the threads that verify signatures and comes back: packed, so that a thousand checks are one message. */
import {
  loadSignatureAddon,
  type NoAddon,
  type PackedChecks,
  type VerifyMany,
  verifyByAddon,
  verifyByNodeCrypto,
} from '@tikiwallet/protocol/verify-many';
import { z } from 'zod';

export interface Asked {
  readonly id: number;
  readonly packed: PackedChecks;
}

export interface Answered {
  readonly id: number;
  /** A 1 or a 0 for each check, in their order. */
  readonly verdicts: Uint8Array<ArrayBuffer>;
}

const Way = z.enum(['addon', 'node_crypto']);
/** How signatures are verified: both ways say the same. */
export type SignatureWay = z.output<typeof Way>;

const Settings = z.object({ rememberedKeys: z.int().min(0), way: Way });
export type ThreadSettings = z.output<typeof Settings>;

export function readSettings(workerData: unknown): ThreadSettings {
  return Settings.parse(workerData);
}

/** By node:crypto where the addon is not. */
export function verifyMany({ rememberedKeys, way }: ThreadSettings): VerifyMany {
  const addon = way === 'addon' ? loadSignatureAddon() : null;
  return addon === null || typeof addon === 'string'
    ? verifyByNodeCrypto(rememberedKeys)
    : verifyByAddon(addon, rememberedKeys);
}

export interface ChosenWay {
  readonly way: SignatureWay;
  /** Why it is not the addon. */
  readonly because: NoAddon | 'is switched off' | null;
}

/** The addon where it can be and is wanted. */
export function chooseWay(isWanted: boolean): ChosenWay {
  if (!isWanted) return { way: 'node_crypto', because: 'is switched off' };
  const addon = loadSignatureAddon();
  return typeof addon === 'string' ? { way: 'node_crypto', because: addon } : { way: 'addon', because: null };
}
