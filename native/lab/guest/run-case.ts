// One case from its start to its result: bounded in time, and with what the programs said when it fails.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CaseFailure, type CaseResult, type Figure, withoutSecrets } from '../report.ts';
import type { LabCase, Stage } from './stage.ts';

export const LOG_FOLDER = '/run/log';
const CASE_TIMEOUT_MS = 150_000;
const LINES = 16;
/** Of the supplicants' thousands of lines, those that say what happened. */
const TELLING =
  /CTRL-EVENT|P2P-|AP-|WPS-|State: |rfkill|handshake|deauth|disassoc|denied|DHCP|"level":(?:40|50|60)|rror/;

export async function runCase({ name, timeoutMs, run }: LabCase, stage: Stage): Promise<CaseResult> {
  const startedAt = performance.now();
  const figures: Figure[] = [];
  const begun = await logLengths();
  let step = 'begin';
  const course = {
    step: (what: string): void => void (step = what),
    figure: (what: string, ms: number): void => void figures.push({ what, ms: Math.round(ms) }),
  };
  const limitMs = timeoutMs ?? CASE_TIMEOUT_MS;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not over after ${String(limitMs)} ms`)), limitMs);
  let failure: CaseFailure | undefined;
  try {
    const running = run(stage, course);
    // Given up, it may still fail in its own time; the reset before the next case makes it.
    running.catch(() => undefined);
    await Promise.race([running, late.promise]);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    failure = { step, error: withoutSecrets(what), logs: await newLines(begun) };
  } finally {
    clearTimeout(timer);
  }
  return { name, durationMs: Math.round(performance.now() - startedAt), figures, failure };
}

async function logLengths(): Promise<ReadonlyMap<string, number>> {
  const lengths = new Map<string, number>();
  for (const file of await readdir(LOG_FOLDER)) lengths.set(file, (await stat(join(LOG_FOLDER, file))).size);
  return lengths;
}

async function newLines(begun: ReadonlyMap<string, number>): Promise<CaseFailure['logs']> {
  const logs: { of: string; lines: string[] }[] = [];
  for (const file of (await readdir(LOG_FOLDER)).toSorted()) {
    const text = (await readFile(join(LOG_FOLDER, file))).subarray(begun.get(file) ?? 0).toString();
    const telling = text.split('\n').filter((line) => TELLING.test(line));
    if (telling.length === 0) continue;
    const lines = telling.slice(-LINES).map((line) => withoutSecrets(line).slice(0, 240));
    logs.push({ of: file.replace(/\.log$/, ''), lines });
  }
  return logs;
}
