/** A thread that says of signatures whether they are good: nothing else reaches it, and nothing else leaves it. */
import { parentPort, workerData } from 'node:worker_threads';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { type Answered, type Asked, readSettings, unpackChecks } from './signature-checks.ts';

const { rememberedKeys } = readSettings(workerData);
const remembering = rememberedKeys === 0 ? null : nodeCrypto(rememberedKeys);

parentPort?.on('message', ({ id, packed }: Asked) => {
  // Who remembers nothing still imports a key once a message: certificates have their issuer's in common.
  const primitives = remembering ?? nodeCrypto();
  const verdicts = unpackChecks(packed).map(({ publicKey, data, signature }) =>
    primitives.verify(publicKey, data, signature),
  );
  const answer: Answered = { id, verdicts };
  parentPort?.postMessage(answer);
});
