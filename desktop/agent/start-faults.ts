/** What a failed start is called in one sentence, and the exit code that a supervisor can tell apart. */
import { ConfigInvalid } from './config.ts';
import { FolderInUse } from './data-folder.ts';

/** After sysexits.h, where it has a word. */
export const EXIT = {
  settings: 64,
  addressUnavailable: 69,
  crashed: 70,
  folderUnavailable: 73,
  storage: 74,
  folderInUse: 75,
  stoppedTwice: 130,
} as const;

export interface StartFault {
  readonly sentence: string;
  readonly code: number;
}

export function explainStart(error: unknown): StartFault {
  if (error instanceof ConfigInvalid) return { sentence: error.message, code: EXIT.settings };
  if (error instanceof FolderInUse) return { sentence: error.message, code: EXIT.folderInUse };
  const fault = systemErrorOf(error);
  switch (fault?.code) {
    case 'EADDRINUSE':
      return {
        sentence: `Port ${fault.port} on ${fault.address} is taken by another program; set TIKI_LISTEN_PORT to a free port.`,
        code: EXIT.addressUnavailable,
      };
    case 'EADDRNOTAVAIL':
      return {
        sentence: `This machine has no address ${fault.address}; set TIKI_LISTEN_HOST to one that it has.`,
        code: EXIT.addressUnavailable,
      };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_READONLY':
      return {
        sentence: `The data folder cannot be used (${fault.code} ${fault.path}); set TIKI_KIOSK_DATA to a folder of this user.`,
        code: EXIT.folderUnavailable,
      };
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        sentence:
          'The disk of the data folder is full; free some space and start again. Nothing that was accepted is lost.',
        code: EXIT.storage,
      };
    case 'EIO':
      return {
        sentence:
          'The disk of the data folder fails; do not go on selling with it. Copy the data folder and replace the disk.',
        code: EXIT.storage,
      };
    default:
      return { sentence: 'The agent could not start.', code: EXIT.crashed };
  }
}

function systemErrorOf(error: unknown): { code: string; address: string; port: string; path: string } | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  const text = (name: string): string => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  return { code: error.code, address: text('address'), port: text('port'), path: text('path') };
}
