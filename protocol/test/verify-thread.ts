/** A thread that verifies what it is sent and answers with its verdicts, by an addon of its own. */
import { parentPort } from 'node:worker_threads';
import { loadSignatureAddon, type PackedChecks, verifyByAddon } from '../adapters/verify-many.ts';

const addon = loadSignatureAddon();
if (typeof addon === 'string') throw new Error(`the addon ${addon}`);
const verify = verifyByAddon(addon, 8);
parentPort?.on('message', (packed: PackedChecks) => parentPort?.postMessage(verify(packed)));
