/** Which keys a page and a passer-by may not press. Pure, and apart from Electron so that its law can be tested. */
import type { Input } from 'electron';
import type { WindowMode } from './launch-options.ts';

type Keys = Pick<Input, 'key' | 'code' | 'control' | 'alt' | 'meta' | 'shift'>;

/** With Control: copying, pasting, undoing, and moving by words. Everything else that it does belongs to a browser. */
const EDITING = new Set([
  ...['KeyA', 'KeyC', 'KeyV', 'KeyX', 'KeyZ', 'Backspace', 'Delete', 'Home', 'End'],
  ...['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'ControlLeft', 'ControlRight'],
]);
const BROWSER_KEYS = new Set([
  'BrowserBack',
  'BrowserForward',
  'BrowserRefresh',
  'BrowserHome',
  'PrintScreen',
]);
const HISTORY_KEYS = new Set(['ArrowLeft', 'ArrowRight', 'Home']);

/** The keys that would leave, reload, print, zoom, search or inspect. Typing and moving about stay (R63). */
export function isBlockedShortcut(
  input: Keys,
  where: { mode: WindowMode; developerTools: boolean },
): boolean {
  const kiosk = where.mode === 'kiosk';
  if (
    where.developerTools &&
    (input.key === 'F12' || (input.control && input.shift && input.code === 'KeyI'))
  )
    return false;
  if (/^F([1-9]|1[0-9]|2[0-4])$/.test(input.key)) {
    const closesWindow = input.alt && input.key === 'F4';
    return kiosk || !closesWindow;
  }
  if (BROWSER_KEYS.has(input.key)) return true;
  if (input.meta) return kiosk;
  if (input.alt) return kiosk || HISTORY_KEYS.has(input.key);
  if (!input.control) return false;
  if (!kiosk && (input.code === 'KeyQ' || input.code === 'KeyW')) return false;
  return input.shift ? input.code.startsWith('Key') && input.code !== 'KeyZ' : !EDITING.has(input.code);
}
