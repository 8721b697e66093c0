// Runs inside the lab's machine: the cases that the plan asks for, one after the other on one stage, and says how each
// went.

import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { type MachinePlan, PLAN_FILE } from '../machine-plan.ts';
import { RESULT_MARK } from '../report.ts';
import { commandLineCases } from './cases/command-line.ts';
import { contractCases } from './cases/contract.ts';
import { groupCases } from './cases/group.ts';
import { hostingCases } from './cases/hosting.ts';
import { phoneCases } from './cases/phones.ts';
import { troubleCases } from './cases/trouble.ts';
import { runCase } from './run-case.ts';
import { type LabCase, setStage } from './stage.ts';

async function main(): Promise<number> {
  // Written by the host for this very run.
  const plan: MachinePlan = JSON.parse(await readFile(`/run/lab/${PLAN_FILE}`, 'utf8'));
  const all: LabCase[] = [
    ...groupCases,
    ...hostingCases,
    ...phoneCases,
    ...troubleCases,
    ...contractCases,
    ...commandLineCases,
  ];
  for (const path of plan.modules) all.push(...(await casesOf(path)));
  const chosen = all.filter(
    ({ name }) => plan.only.length === 0 || plan.only.some((words) => name.includes(words)),
  );
  if (chosen.length === 0) {
    console.log(`No case has that in its name. The cases are:\n${all.map(({ name }) => name).join('\n')}`);
    return 2;
  }
  const stage = await setStage();
  for (const one of chosen) {
    const result = await runCase(one, stage);
    console.log(RESULT_MARK + JSON.stringify(result));
    // What a failed case left behind must not fail the next one.
    if (result.failure !== undefined) await stage.reset();
  }
  await stage.end();
  return 0;
}

async function casesOf(path: string): Promise<readonly LabCase[]> {
  const module: { readonly cases: readonly LabCase[] } = await import(path);
  return module.cases;
}

// What a failed case left running may fail in its own time; it must not take the other cases with it.
process.on('unhandledRejection', (error) => console.error('left behind:', error));
process.exit(await main());
