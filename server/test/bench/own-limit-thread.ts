/** One core verifying signatures and nothing else, by the way the product's threads go. */
import { parentPort, workerData } from 'node:worker_threads';
import type { PackedChecks } from '@tikiwallet/protocol/verify-many';
import { type ThreadSettings, verifyMany } from '../../src/trust/signature-checks.ts';

export interface OwnLimit {
  readonly settings: ThreadSettings;
  readonly packed: readonly PackedChecks[];
}

const { settings, packed }: OwnLimit = workerData;
const verify = verifyMany(settings);

parentPort?.on('message', () => {
  for (const checks of packed) if (verify(checks).includes(0)) throw new Error('a signature does not verify');
  parentPort?.postMessage('done');
});
