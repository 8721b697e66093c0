/** A thread that says of signatures whether they are good: nothing else reaches it, and nothing else leaves it. */
import { parentPort, workerData } from 'node:worker_threads';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { type Answered, type Asked, readSettings, unpackChecks } from './signature-checks.ts';

const { rememberedKeys } = readSettings(workerData);
const primitives = nodeCrypto(rememberedKeys);

parentPort?.on('message', ({ id, packed }: Asked) => {
  const verdicts = unpackChecks(packed).map(({ publicKey, data, signature }) =>
    primitives.verify(publicKey, data, signature),
  );
  const answer: Answered = { id, verdicts };
  parentPort?.postMessage(answer);
});
