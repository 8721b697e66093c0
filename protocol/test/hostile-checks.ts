/**
 * `node --expose-gc hostile-checks.ts ADDON ROUNDS`: edges and random changes through an addon, packed well and badly, its
 * verdicts held against node:crypto's; then verifiers opened and let go. Prints what it counted.
 */
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import {
  loadSignatureAddon,
  packChecks,
  type SignatureCheck,
  verifyByAddon,
  verifyByNodeCrypto,
} from '../adapters/verify-many.ts';
import { craftedChecks } from './crafted-signatures.ts';
import { edgesOf, goodCheck, withBit } from './signature-mutations.ts';

export interface HostileCounts {
  readonly disagreements: number;
  /** Verifiers, of a thousand remembered keys each. */
  readonly opened: number;
  readonly grownBytes: number;
}

const [, , file = '', rounds = '0'] = process.argv;
const addon = loadSignatureAddon(file);
if (typeof addon === 'string') throw new Error(`the addon ${addon}`);
const tried = addon;
const raw = addon.open(4);
const ways = [verifyByAddon(addon, 0), verifyByAddon(addon, 4)];
const oracle = verifyByNodeCrypto(16);
const random = (below: number) => Math.floor(Math.random() * below);
let disagreements = 0;

function compare(checks: readonly SignatureCheck[]): void {
  const packed = packChecks(checks);
  const expected = oracle(packed).join();
  for (const verify of ways) if (verify(packed).join() !== expected) disagreements += 1;
}

for (const length of [0, 1, 55, 56, 64, 5_000]) compare(edgesOf(goodCheck(length)));
const crafted = craftedChecks(new Uint8Array(40));
compare([...crafted.good, ...crafted.bad]);
const good = goodCheck();
const parts = ['publicKey', 'data', 'signature'] as const;
for (let round = 0; round < Number(rounds); round += 1) {
  const changed = withBit(good, parts[random(3)] ?? 'data', random(2_048));
  if (round % 10 === 0) compare([good, changed]);
  // Exactly as long as what is in it, so that a byte past the end is somebody else's.
  const { bytes } = packChecks([changed, good]);
  const cut = bytes.slice(0, random(bytes.length + 1));
  const lying = bytes.with(random(24), random(256));
  for (const hostile of [cut, lying, crypto.getRandomValues(new Uint8Array(random(100)))])
    raw(hostile, new Uint8Array(random(4)));
}

async function openAndLetGo(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    verifyByAddon(tried, 1_000)(packChecks([good]));
    if (time % 50 === 0) {
      globalThis.gc?.();
      await setImmediate();
    }
  }
  globalThis.gc?.();
  await setImmediate();
}

const OPENED = 1_000;
// The first ones fill what an allocator keeps for the next.
await openAndLetGo(OPENED);
const before = process.memoryUsage.rss();
await openAndLetGo(OPENED);
const counts: HostileCounts = {
  disagreements,
  opened: OPENED,
  grownBytes: process.memoryUsage.rss() - before,
};
console.log(JSON.stringify(counts));
