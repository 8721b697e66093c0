/**
 * `node short-of-memory.ts ADDON`: one call of OpenSSL after the other fails, as it would where memory is short, in a verifier that
 * was just opened and in one that has worked. Prints what was said of good and bad signatures.
 */
import process from 'node:process';
import { loadSignatureAddon, packChecks, verifyByAddon } from '../adapters/verify-many.ts';
import { goodCheck, withBit } from './signature-mutations.ts';

export interface ShortCounts {
  readonly failures: number;
  /** In the words of `join`, or of the error, each once. */
  readonly said: readonly string[];
  /** What the same verifier said afterwards. */
  readonly saidAfter: readonly string[];
}

const [, , file = ''] = process.argv;
const failAt = (call: number) => {
  process.env['TIKI_FAILS_AT'] = String(call);
};
failAt(0);
const addon = loadSignatureAddon(file);
if (typeof addon === 'string') throw new Error(`the addon ${addon}`);
const tried = addon;
const [good, other] = [goodCheck(), goodCheck()];
const packed = packChecks([
  good,
  withBit(good, 'signature', 300),
  { ...other, signature: new Uint8Array(64) },
  other,
]);

interface Tried {
  readonly said: string;
  readonly saidAfter: string;
  readonly hasFailed: boolean;
}

function failOnce(call: number, { remembered, isUsed }: { remembered: number; isUsed: boolean }): Tried {
  const verify = verifyByAddon(tried, remembered);
  if (isUsed) verify(packed);
  failAt(call);
  let said: string;
  try {
    said = verify(packed).join();
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  const hasFailed = process.env['TIKI_FAILS_AT'] === '0';
  failAt(0);
  return { said, saidAfter: verify(packed).join(), hasFailed };
}

const said = new Set<string>();
const saidAfter = new Set<string>();
let failures = 0;
for (const remembered of [0, 8])
  for (const isUsed of [false, true])
    for (let call = 1; ; call += 1) {
      const one = failOnce(call, { remembered, isUsed });
      said.add(one.said);
      saidAfter.add(one.saidAfter);
      if (!one.hasFailed) break;
      failures += 1;
    }
const counts: ShortCounts = { failures, said: [...said], saidAfter: [...saidAfter] };
console.log(JSON.stringify(counts));
