// Starts an Electron under Playwright. A busy machine sometimes takes too long to open the debugger's door, or the
// runtime stumbles over its own start: that says nothing about the product, so it gets another chance, and says what it stumbled over.

import process from 'node:process';
import { _electron, type ElectronApplication } from 'playwright-core';

export type ElectronLaunch = {
  readonly executablePath: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
};

const launchTimeoutMs = 60_000;
const windowTimeoutMs = 60_000;
const attempts = 2;

/** Resolves when the first window is open. Rejects with the last attempt's error. */
export async function launchElectron(launch: ElectronLaunch): Promise<ElectronApplication> {
  let failure: unknown;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      return await attemptLaunch(launch);
    } catch (error) {
      failure = error;
      const why = error instanceof Error ? error.message.split('\n', 1)[0] : '';
      console.warn(
        `Electron did not start (attempt ${String(attempt)} of ${String(attempts)}): ${why ?? ''}`,
      );
    }
  }
  throw failure;
}

async function attemptLaunch(launch: ElectronLaunch): Promise<ElectronApplication> {
  const app = await _electron.launch({
    executablePath: launch.executablePath,
    args: [...launch.args],
    env: { ...launch.env },
    timeout: launchTimeoutMs,
  });
  try {
    await app.firstWindow({ timeout: windowTimeoutMs });
    return app;
  } catch (error) {
    // A half-started one would keep the lock of its data folder and spoil the next attempt.
    app.process().kill('SIGKILL');
    throw error;
  }
}

/** This process's environment as Playwright wants it: without holes. */
export function definedEnvironment(): Record<string, string> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) defined[name] = value;
  return defined;
}
