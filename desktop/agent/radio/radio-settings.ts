/**
 * What a person has set about the radio, in a file of its own: whatever becomes of it, money is elsewhere. Owns the file;
 * what cannot be read is what the environment says, which is `off` unless somebody said otherwise.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { RadioSettings } from '../../ipc/index.ts';

export const DEFAULT_ROTATION_HOURS = 12;

export function readRadioSettings(path: string, fallback: RadioSettings): RadioSettings {
  try {
    const parsed = RadioSettings.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : fallback;
  } catch {
    return fallback;
  }
}

/** @throws the system's error */
export function writeRadioSettings(path: string, settings: RadioSettings): void {
  const draft = `${path}.new`;
  writeFileSync(draft, JSON.stringify(settings), { mode: 0o600 });
  renameSync(draft, path);
}
