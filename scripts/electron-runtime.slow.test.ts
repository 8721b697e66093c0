// A real Electron starts a small application here, so that a change to how the
// runtime is found, unpacked or patched shows before the end-to-end tests.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Display, withDisplay } from './display.ts';
import { type ElectronRuntime, findElectron, sandboxFlags } from './electron-runtime.ts';
import { runCommand } from './run-command.ts';

const application = `
import { app, BrowserWindow, protocol } from 'electron';
const readyBeforeEntry = app.isReady();
protocol.registerSchemesAsPrivileged([{ scheme: 'probe', privileges: { standard: true } }]);
app.whenReady().then(async () => {
  const window = new BrowserWindow({ show: true, webPreferences: { sandbox: true } });
  await window.loadURL('data:text/html,<title>shown</title>');
  const facts = {
    name: app.getName(), version: app.getVersion(), path: app.getAppPath(), packaged: app.isPackaged,
    electron: process.versions.electron, title: window.getTitle(), readyBeforeEntry,
  };
  process.stdout.write('FACTS ' + JSON.stringify(facts) + '\\n');
  app.exit(0);
});
`;

describe('the Electron runtime', () => {
  let folder: string;
  let display: Display;
  let runtime: ElectronRuntime;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'electron-'));
    await writeFile(
      join(folder, 'package.json'),
      '{ "name": "probe", "version": "1.2.3", "type": "module", "main": "main.js" }',
    );
    await writeFile(join(folder, 'main.js'), application);
    display = await withDisplay();
    runtime = await findElectron();
  });

  afterAll(async () => {
    await display.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('loads the application on its command line, before it is ready, as a development run', async () => {
    const result = await runCommand(runtime.executablePath, [folder, ...sandboxFlags()], {
      env: { ...process.env, ...display.env },
      timeoutMs: 60_000,
    });
    const facts = /^FACTS (.*)$/m.exec(result.stdout)?.[1];
    expect(facts, result.output).toBeDefined();
    expect(JSON.parse(facts ?? '{}')).toEqual({
      name: 'probe',
      version: '1.2.3',
      path: folder,
      packaged: false,
      electron: runtime.version,
      title: 'shown',
      readyBeforeEntry: false,
    });
  });

  test('lets a debugger in, which is how Playwright drives it', async () => {
    const result = await runCommand(runtime.executablePath, ['--inspect=0', folder, ...sandboxFlags()], {
      env: { ...process.env, ...display.env },
      timeoutMs: 60_000,
    });
    expect(result.output).toContain('Debugger listening on ws://127.0.0.1:');
  });

  test('ends with an error when the application cannot be loaded', async () => {
    const result = await runCommand(runtime.executablePath, [join(folder, 'gone'), ...sandboxFlags()], {
      env: { ...process.env, ...display.env },
      timeoutMs: 60_000,
    });
    expect(result.code).not.toBe(0);
  });
});
