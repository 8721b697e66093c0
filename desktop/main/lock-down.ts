/**
 * Everything a page or a passer-by at the keyboard may not do, denied in one place (R61 to R63).
 * Owns the denials; grants the camera's picture and copying text, and those only to this app's own page.
 */
import { type App, Menu, type Session, type WebContents } from 'electron';
import { isAppUrl } from './app-protocol.ts';

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

/** Writing plain text to the clipboard after a tap: how a payment's id reaches a message to support. */
const COPYING = 'clipboard-sanitized-write';

/** Electron grants every permission unless it is told otherwise. */
export function lockSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer, details) => {
    const ours = isAppUrl(contents.getURL());
    answer(ours && (permission === COPYING || (permission === 'media' && wantsPictureOnly(details))));
  });
  session.setPermissionCheckHandler((_contents, permission, origin, details) => {
    // The type of the check names fewer permissions than Chromium asks about.
    const asked: string = permission;
    return (
      isAppUrl(`${origin}/`) && (asked === COPYING || (asked === 'media' && details.mediaType === 'video'))
    );
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
