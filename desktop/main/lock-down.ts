/**
 * Everything a page or a passer-by at the keyboard may not do, denied in one place (R61 to R63).
 * Owns the denials; grants nothing but the camera picture, and that only to this app's own page.
 */
import { type App, type Input, Menu, type Session, type WebContents } from 'electron';
import { isAppUrl } from './app-protocol.ts';
import type { WindowMode } from './launch-options.ts';

/** Before any window: whatever web contents appear, by whatever way, are locked from their first moment. */
export function lockApp(app: App): void {
  Menu.setApplicationMenu(null);
  app.on('web-contents-created', (_event, contents) => lockContents(contents));
}

function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-navigate', (event) => {
    if (!isAppUrl(event.url)) event.preventDefault();
  });
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame || !isAppUrl(event.url)) event.preventDefault();
  });
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.on('will-prevent-unload', (event) => event.preventDefault());
}

/** Electron grants every permission unless it is told otherwise. */
export function lockSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer, details) => {
    answer(permission === 'media' && isAppUrl(contents.getURL()) && wantsPictureOnly(details));
  });
  session.setPermissionCheckHandler((_contents, permission, origin, details) => {
    return permission === 'media' && isAppUrl(`${origin}/`) && details.mediaType === 'video';
  });
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
  // The page has no business on any network; the policy says so too, this holds even where a policy has a hole.
  session.webRequest.onBeforeRequest((details, answer) => {
    const allowed =
      isAppUrl(details.url) ||
      details.url.startsWith('blob:') ||
      details.url.startsWith('data:') ||
      details.url.startsWith('devtools:');
    answer({ cancel: !allowed });
  });
}

function wantsPictureOnly(details: object): boolean {
  if (!('mediaTypes' in details) || !Array.isArray(details.mediaTypes)) return false;
  return details.mediaTypes.length === 1 && details.mediaTypes[0] === 'video';
}

type Keys = Pick<Input, 'key' | 'code' | 'control' | 'alt' | 'meta' | 'shift'>;

/**
 * The keys that would leave, reload, print, zoom, search or inspect. Typing, moving about, copying and pasting stay:
 * they are how a page is used without a mouse.
 */
export function isBlockedShortcut(
  input: Keys,
  where: { mode: WindowMode; developerTools: boolean },
): boolean {
  if (/^F([1-9]|1[0-9]|2[0-4])$/.test(input.key))
    return (
      !(input.key === 'F12' && where.developerTools) &&
      (where.mode === 'kiosk' || input.key !== 'F4' || !input.alt)
    );
  if (input.meta) return where.mode === 'kiosk';
  if (input.alt) return where.mode === 'kiosk' || ['ArrowLeft', 'ArrowRight', 'Home'].includes(input.key);
  if (!input.control)
    return ['BrowserBack', 'BrowserForward', 'BrowserRefresh', 'BrowserHome', 'PrintScreen'].includes(
      input.key,
    );
  if (where.developerTools && input.shift && input.code === 'KeyI') return false;
  if (where.mode === 'desktop' && (input.code === 'KeyQ' || input.code === 'KeyW')) return false;
  return (
    ![
      'KeyA',
      'KeyC',
      'KeyV',
      'KeyX',
      'KeyZ',
      'Backspace',
      'Delete',
      'ArrowLeft',
      'ArrowRight',
      'ArrowUp',
      'ArrowDown',
      'Home',
      'End',
      'ControlLeft',
      'ControlRight',
    ].includes(input.code) ||
    (input.shift && input.code === 'KeyC')
  );
}
