/** The entry of Electron's main process: constructs, connects, starts. What each part does stands in its own file. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { app, type BrowserWindow, ipcMain, protocol, session } from 'electron';
import { agentEndpoint } from '../ipc/transport.ts';
import { linkAgent } from './agent-link.ts';
import { agentRecord } from './agent-record.ts';
import { agentEnvironment, superviseAgent } from './agent-process.ts';
import { APP_SCHEME, serveApp } from './app-protocol.ts';
import { readLaunchOptions } from './launch-options.ts';
import { lockApp, lockSession } from './lock-down.ts';
import { EVENT_CHANNEL, serveRenderer } from './renderer-calls.ts';
import { openMainWindow, preloadFile } from './window.ts';

/** out/main, in the folder of the app. */
const mainFolder = import.meta.dirname;

const launch = readLaunchOptions({
  env: process.env,
  isPackaged: app.isPackaged,
  userData: app.getPath('userData'),
  appFolder: join(mainFolder, '..', '..'),
  resourcesFolder: process.resourcesPath,
  platform: process.platform,
});
const log = (line: string): void => void process.stderr.write(`till window: ${line}\n`);

mkdirSync(launch.dataFolder, { recursive: true, mode: 0o700 });
if (launch.profileFolder !== undefined) app.setPath('userData', launch.profileFolder);
// The switch is there only for tests that run as root, where Chromium's own sandbox refuses to start.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
protocol.registerSchemesAsPrivileged([
  {
    scheme: APP_SCHEME,
    privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
  },
]);

// One window per data folder: a second start brings the first window forward.
if (app.requestSingleInstanceLock()) start();
else app.quit();

function start(): void {
  let window: BrowserWindow | undefined;
  let quitting = false;
  const endpoint = launch.attachTo ?? agentEndpoint(launch.dataFolder);
  const agent = superviseAgent({
    ...launch.agent,
    env: agentEnvironment(process.env, launch.dataFolder),
    socketPath: endpoint.socketPath,
    record: agentRecord(join(app.getPath('userData'), 'agent.json')),
    log,
  });
  const link = linkAgent({
    ...endpoint,
    onEvent: (event) => {
      if (window !== undefined && !window.isDestroyed()) window.webContents.send(EVENT_CHANNEL, event);
    },
  });
  const keepAgent = (): void => {
    // Whoever names a socket has an agent of their own, and its life is their business.
    if (launch.attachTo !== undefined) return;
    if (link.client.connected) agent.answered();
    else void agent.ensure();
  };
  keepAgent();
  const keeper = setInterval(keepAgent, 2_000);

  lockApp(app);
  serveRenderer(ipcMain, {
    agent: link.client,
    newestEvent: () => link.newest(),
    windowInfo: () => ({
      appVersion: app.getVersion(),
      mode: launch.mode,
      locale: app.getPreferredSystemLanguages()[0] ?? app.getLocale(),
    }),
  });
  app.on('second-instance', () => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  app.on('before-quit', () => {
    quitting = true;
  });
  app.on('window-all-closed', () => app.quit());
  app.on('will-quit', (event) => {
    // The app is gone only when its agent has written what it was writing.
    event.preventDefault();
    clearInterval(keeper);
    link.close();
    void agent.stop().finally(() => app.exit(0));
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit());

  void app.whenReady().then(() => {
    protocol.handle(APP_SCHEME, serveApp(join(mainFolder, '..', 'renderer')));
    lockSession(session.defaultSession);
    window = openMainWindow(app, {
      launch,
      preloadFile: preloadFile(mainFolder),
      log,
      isQuitting: () => quitting,
    });
  });
}
