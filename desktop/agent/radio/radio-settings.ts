/**
 * What a person has set about the radio, in a file of its own: whatever becomes of it, money is elsewhere. Owns the file;
 * what cannot be read is what the environment says, which is `off` unless somebody said otherwise.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

export const ROTATION_HOURS = [4, 8, 12, 24] as const;

export const RadioSettings = z.object({
  isOn: z.boolean(),
  /** `access_point`: a plain network without Wi-Fi Direct, for radios and phones that stumble over it. */
  mode: z.enum(['wifi_direct', 'access_point']),
  /** A passphrase is used for so long at most; a new day begins with a new one as well. */
  rotationHours: z.literal(ROTATION_HOURS),
});
export type RadioSettings = z.infer<typeof RadioSettings>;

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
