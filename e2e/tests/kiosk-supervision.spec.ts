// The window and a real agent, which hangs or outlives a crash of the window. Signals go to processes of this test alone:
// their ids come from the window and from the data folder that the test made.

import { expect, test } from '@playwright/test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { ElectronApplication } from 'playwright-core';
import { type Display, withDisplay } from '../../scripts/display.ts';
import { findElectron, sandboxFlags } from '../../scripts/electron-runtime.ts';
import { repositoryRoot } from '../../scripts/run-command.ts';
import { definedEnvironment, launchElectron } from '../story/launch-electron.ts';

let folder: string;
let display: Display;

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiki-agent-'));
  display = await withDisplay({ say: () => undefined });
});

test.afterAll(async () => {
  await display?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('an agent that hangs is replaced, and the screen says so meanwhile', async () => {
  const data = join(folder, 'hung');
  const app = await openWindow(data);
  try {
    const page = await app.firstWindow();
    await expect(page.getByTestId('screen-welcome')).toBeVisible();
    const hung = await agentOf(data);
    process.kill(hung, 'SIGSTOP');
    await expect(page.getByTestId('screen-lost')).toBeVisible();
    await expect(page.getByTestId('screen-welcome')).toBeVisible({ timeout: 40_000 });
    expect(await agentOf(data)).not.toBe(hung);
    expect(isAlive(hung)).toBe(false);
  } finally {
    await app.close();
  }
});

test('an agent outlives a crash of the window, is found again, and ends with the next one', async () => {
  const data = join(folder, 'orphan');
  const crashed = await openWindow(data);
  await expect((await crashed.firstWindow()).getByTestId('screen-welcome')).toBeVisible();
  const agent = await agentOf(data);
  const gone = new Promise((resolve) => crashed.process().once('exit', resolve));
  crashed.process().kill('SIGKILL');
  await gone;
  expect(isAlive(agent)).toBe(true);

  const next = await openWindow(data);
  await expect((await next.firstWindow()).getByTestId('screen-welcome')).toBeVisible();
  expect(await agentOf(data)).toBe(agent);
  await next.close();
  await expect.poll(() => isAlive(agent)).toBe(false);
});

async function openWindow(data: string): Promise<ElectronApplication> {
  const electron = await findElectron({ say: () => undefined });
  return launchElectron({
    executablePath: electron.executablePath,
    args: [join(repositoryRoot, 'desktop'), ...sandboxFlags(), '--lang=en-US'],
    env: {
      ...definedEnvironment(),
      ...display.env,
      TIKI_KIOSK_DATA: data,
      TIKI_LISTEN_PORT: '0',
      TIKI_API_URL: 'http://127.0.0.1:9',
    },
  });
}

/** The process that holds the data folder. */
async function agentOf(data: string): Promise<number> {
  const pid = Number(await readFile(join(data, 'agent.lock'), 'utf8'));
  expect(pid).toBeGreaterThan(1);
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH: it is gone.
    return false;
  }
}
