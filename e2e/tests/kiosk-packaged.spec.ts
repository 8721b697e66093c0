// The packaged kiosk: what a shop would install is packed here and started. The window, the agent's bundle, its Node
// and the fuses are those of the package; nothing of the repository serves them.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from '@playwright/test';
import { type AgentClient, connectAgent } from '@tikiwallet/desktop/agent-client';
import { type PackagedKiosk, noReleaseFile, packageKiosk } from '../../scripts/package.ts';
import { runCommand, track } from '../../scripts/run-command.ts';
import { type Display, withDisplay } from '../../scripts/display.ts';
import { sandboxFlags } from '../../scripts/electron-runtime.ts';
import { launchElectron } from '../story/launch-electron.ts';

let folder: string;
let packaged: PackagedKiosk;
let display: Display;

test.describe.configure({ mode: 'serial' });

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tiki-package-'));
  const mode = process.env['NODE_ENV'];
  packaged = await packageKiosk({ output: join(folder, 'release'), say: () => undefined });
  // Stand-ins that a later test starts would refuse to run under `production`.
  expect(process.env['NODE_ENV']).toBe(mode);
  display = await withDisplay({ say: () => undefined });
});

test.afterAll(async () => {
  await display?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('is marked as no release unless it was made of Electron’s own binaries', async () => {
  const mark = await readFile(join(packaged.folder, noReleaseFile), 'utf8').catch(() => '');
  expect(mark.includes('is no release')).toBe(!packaged.isRelease);
});

test('has every fuse set as a released runtime must have it', async () => {
  const { stdout } = await runCommand('electron-fuses', ['read', '--app', packaged.executablePath], {
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  const fuses = Object.fromEntries(
    [...stdout.matchAll(/^\s*(\w+) is (\w+)/gm)].map(([, name, state]) => [name, state]),
  );
  expect(fuses).toMatchObject({
    RunAsNode: 'Disabled',
    EnableNodeOptionsEnvironmentVariable: 'Disabled',
    EnableNodeCliInspectArguments: 'Disabled',
    EnableCookieEncryption: 'Enabled',
    EnableEmbeddedAsarIntegrityValidation: 'Enabled',
    OnlyLoadAppFromAsar: 'Enabled',
    LoadBrowserProcessSpecificV8Snapshot: 'Disabled',
    GrantFileProtocolExtraPrivileges: 'Disabled',
  });
});

test('starts its own agent, and neither debugs nor runs as a plain Node', async () => {
  const data = join(folder, 'asked-to-misbehave');
  const kiosk = spawn(
    packaged.executablePath,
    ['--inspect=0', '--eval', 'console.log("ran as node")', ...sandboxFlags()],
    {
      cwd: folder,
      env: { ...surroundings(data), ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '--inspect=0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  track(kiosk);
  const ended = new Promise((resolve) => kiosk.once('exit', resolve));
  let output = '';
  for (const stream of [kiosk.stdout, kiosk.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const agent = connectToAgentOf(data);
  try {
    await agent.whenConnected(60_000);
    const phase = async () => (await agent.call('agent.state', {})).phase;
    await expect.poll(phase).toBe('not_enrolled');
  } finally {
    agent.close();
    kiosk.kill('SIGTERM');
  }
  expect(await ended).toBe(0);
  // It took its agent with it.
  expect(existsSync(join(data, 'agent.sock'))).toBe(false);
  expect(output).not.toContain('Debugger listening');
  expect(output).not.toContain('ran as node');
});

test('shows the welcome screen of a till that is not set up, locked as the source says', async () => {
  const data = join(folder, 'shown');
  const app = await launchElectron({
    executablePath: await withInspector(packaged),
    args: [...sandboxFlags()],
    env: surroundings(data),
  });
  try {
    expect(await app.evaluate(({ app: electron }) => electron.isPackaged)).toBe(true);
    const page = await app.firstWindow();
    await expect(page.getByTestId('screen-welcome')).toBeVisible();
    const agent = connectToAgentOf(data);
    await agent.whenConnected(60_000);
    expect((await agent.call('agent.state', {})).phase).toBe('not_enrolled');
    agent.close();
    const preferences = await app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows().map(({ webContents }) => {
        // Electron's own tests ask so; its published types leave it out.
        const read: unknown = Reflect.get(webContents, 'getLastWebPreferences');
        const preferences: unknown = typeof read === 'function' ? Reflect.apply(read, webContents, []) : null;
        return preferences;
      }),
    );
    expect(preferences).toHaveLength(1);
    expect(preferences[0]).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    });
    expect(
      await page.evaluate(() => ['require', 'process', 'Buffer'].filter((name) => name in window)),
    ).toEqual([]);
    const [response] = await Promise.all([
      page.waitForResponse('app://tikiwallet/'),
      page.reload({ waitUntil: 'domcontentloaded' }),
    ]);
    const policy = response.headers()['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("connect-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  } finally {
    await app.close();
  }
});

/** The same package, of which only the fuse differs that lets a test look into its main process. */
async function withInspector({ executablePath }: PackagedKiosk): Promise<string> {
  const inspected = `${executablePath}-inspected`;
  await copyFile(executablePath, inspected);
  const flip = await runCommand('electron-fuses', [
    'write',
    '--app',
    inspected,
    'EnableNodeCliInspectArguments=on',
  ]);
  expect(flip.code, flip.output).toBe(0);
  return inspected;
}

/** An environment of a shop's machine: no word of this repository's in it. */
function surroundings(data: string): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: folder,
    LANG: 'en_US.UTF-8',
    ...display.env,
    TIKI_KIOSK_DATA: data,
    TIKI_LISTEN_PORT: '0',
    // Nobody listens there: a till in a shop without internet.
    TIKI_API_URL: 'http://127.0.0.1:9',
  };
}

function connectToAgentOf(data: string): AgentClient {
  return connectAgent({
    socketPath: join(data, 'agent.sock'),
    token: () => readFile(join(data, 'agent.token'), 'utf8'),
  });
}
