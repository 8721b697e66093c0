/** A thread that says of signatures whether they are good: nothing else reaches it, and nothing else leaves it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Answered, type Asked, readSettings, verifyMany } from './signature-checks.ts';

const verify = verifyMany(readSettings(workerData));

parentPort?.on('message', ({ id, packed }: Asked) => {
  const verdicts = verify(packed);
  const answer: Answered = { id, verdicts };
  parentPort?.postMessage(answer, [verdicts.buffer]);
});
