/**
 * The one window: how it looks from outside, what it may do, and how it comes back when its page dies.
 * Owns the BrowserWindow; never decides what is on the page.
 */
import { type App, BrowserWindow, nativeTheme, screen } from 'electron';
import { join } from 'node:path';
import { APP_URL } from './app-protocol.ts';
import type { LaunchOptions } from './launch-options.ts';
import { isBlockedShortcut } from './shortcuts.ts';

/** R64: a dead or hung page is back within three seconds. */
const RELOAD_DELAY_MS = 250;
const HUNG_GRACE_MS = 1_500;
/** Matches the page's own backgrounds, so that nothing flashes before the first paint. */
const BACKGROUND = { light: '#f4f6f5', dark: '#101815' };

export interface MainWindowOptions {
  launch: LaunchOptions;
  preloadFile: string;
  log: (line: string) => void;
  isQuitting: () => boolean;
}

export function openMainWindow(app: App, options: MainWindowOptions): BrowserWindow {
  const { launch } = options;
  const kiosk = launch.mode === 'kiosk';
  const bounds = kiosk ? screen.getPrimaryDisplay().bounds : launch.size;
  const window = new BrowserWindow({
    ...bounds,
    minWidth: 640,
    minHeight: 480,
    useContentSize: !kiosk,
    kiosk,
    fullscreen: kiosk,
    frame: !kiosk,
    resizable: !kiosk,
    show: false,
    autoHideMenuBar: true,
    title: app.getName(),
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload: options.preloadFile,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      // Sounds belong to a payment that arrives, not to a tap.
      autoplayPolicy: 'no-user-gesture-required',
      // The countdown of an open sale must go on when another window covers this one.
      backgroundThrottling: false,
      devTools: launch.developerTools,
    },
  });
  window.removeMenu();
  window.once('ready-to-show', () => window.show());
  window.on('page-title-updated', (event) => event.preventDefault());
  // Alt+F4 and a window manager's close button: a kiosk ends with the app, not with its window.
  window.on('close', (event) => {
    if (kiosk && !options.isQuitting()) event.preventDefault();
  });
  guardKeys(window, launch);
  revive(window, options);
  void load(window, options);
  return window;
}

export function preloadFile(mainFolder: string): string {
  return join(mainFolder, '..', 'preload', 'index.cjs');
}

function guardKeys(window: BrowserWindow, launch: LaunchOptions): void {
  window.webContents.on('before-input-event', (event, input) => {
    if (isBlockedShortcut(input, launch)) event.preventDefault();
  });
  window.webContents.on('context-menu', (event) => event.preventDefault());
  window.webContents.on('did-finish-load', () => {
    window.webContents.setVisualZoomLevelLimits(1, 1).catch(() => undefined);
    window.webContents.setZoomFactor(1);
  });
}

async function load(window: BrowserWindow, options: MainWindowOptions): Promise<void> {
  try {
    await window.loadURL(APP_URL);
  } catch (error) {
    if (window.isDestroyed()) return;
    options.log(`the page did not load: ${error instanceof Error ? error.message : String(error)}`);
    setTimeout(() => void load(window, options), 1_000);
  }
}

function revive(window: BrowserWindow, options: MainWindowOptions): void {
  let hung: NodeJS.Timeout | undefined;
  window.webContents.on('render-process-gone', (_event, details) => {
    if (options.isQuitting() || window.isDestroyed()) return;
    options.log(`the page's process ended (${details.reason}); loading it again`);
    setTimeout(() => {
      if (!window.isDestroyed()) void load(window, options);
    }, RELOAD_DELAY_MS);
  });
  window.on('unresponsive', () => {
    hung = setTimeout(() => window.webContents.forcefullyCrashRenderer(), HUNG_GRACE_MS);
  });
  window.on('responsive', () => clearTimeout(hung));
}
