/** What goes to the threads that verify signatures and comes back: packed, so that a thousand checks are one message. */
import { z } from 'zod';

export interface SignatureCheck {
  readonly publicKey: Uint8Array;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Asked {
  readonly id: number;
  readonly packed: ArrayBuffer;
}

export interface Answered {
  readonly id: number;
  /** In the order of the checks. */
  readonly verdicts: readonly boolean[];
}

const Settings = z.object({ rememberedKeys: z.int().min(0) });
export type ThreadSettings = z.output<typeof Settings>;

export function readSettings(workerData: unknown): ThreadSettings {
  return Settings.parse(workerData);
}

const LENGTHS_BYTES = 12;

/** Each check as three lengths and three strings of bytes, one after the other. */
export function packChecks(checks: readonly SignatureCheck[]): ArrayBuffer {
  const total = checks.reduce(
    (sum, { publicKey, data, signature }) =>
      sum + LENGTHS_BYTES + publicKey.length + data.length + signature.length,
    0,
  );
  const packed = new ArrayBuffer(total);
  const bytes = new Uint8Array(packed);
  const view = new DataView(packed);
  let at = 0;
  for (const { publicKey, data, signature } of checks) {
    for (const [index, part] of [publicKey, data, signature].entries())
      view.setUint32(at + 4 * index, part.length);
    at += LENGTHS_BYTES;
    for (const part of [publicKey, data, signature]) {
      bytes.set(part, at);
      at += part.length;
    }
  }
  return packed;
}

export function unpackChecks(packed: ArrayBuffer): readonly SignatureCheck[] {
  const view = new DataView(packed);
  const checks: SignatureCheck[] = [];
  let at = 0;
  const take = (length: number): Uint8Array => {
    const part = new Uint8Array(packed, at, length);
    at += length;
    return part;
  };
  while (at < packed.byteLength) {
    const lengths = [view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8)] as const;
    at += LENGTHS_BYTES;
    checks.push({ publicKey: take(lengths[0]), data: take(lengths[1]), signature: take(lengths[2]) });
  }
  return checks;
}
