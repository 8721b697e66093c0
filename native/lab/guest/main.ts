// Runs inside the lab's machine: every case after the other, on one stage, and says how each went.

import process from 'node:process';
import { RESULT_MARK } from '../report.ts';
import { contractCases } from './cases/contract.ts';
import { groupCases } from './cases/group.ts';
import { hostingCases } from './cases/hosting.ts';
import { phoneCases } from './cases/phones.ts';
import { troubleCases } from './cases/trouble.ts';
import { setStage } from './stage.ts';

const stage = await setStage();
for (const { name, run } of [
  ...groupCases,
  ...hostingCases,
  ...phoneCases,
  ...troubleCases,
  ...contractCases,
]) {
  const startedAt = performance.now();
  let failure: string | undefined;
  try {
    await run(stage);
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const durationMs = Math.round(performance.now() - startedAt);
  console.log(`${RESULT_MARK}${JSON.stringify({ name, durationMs, failure })}`);
}
for (const one of [stage.kiosk, ...stage.phones]) await one.kill();
process.exit(0);
