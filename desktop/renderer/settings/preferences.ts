/** What this screen remembers about itself: language, sound, what happens after a payment. Nothing about money. */
import { useSyncExternalStore } from 'react';

export interface Preferences {
  language: string | undefined;
  sound: boolean;
  /** Seconds until a paid sale makes room for the next; 0 waits for a tap. */
  newSaleAfterSeconds: number;
  /** Ask for the customer's number before every code, or only when the cashier chooses. */
  checksPhone: 'always' | 'perSale';
}

export const NEW_SALE_CHOICES = [0, 5, 10, 30] as const;
const KEY = 'tiki.preferences';
const DEFAULTS: Preferences = {
  language: undefined,
  sound: true,
  newSaleAfterSeconds: 0,
  checksPhone: 'perSale',
};
const listeners = new Set<() => void>();
let cached: Preferences | undefined;

/** Pure: anything unexpected in the store falls back to its default. */
export function parsePreferences(text: string | null): Preferences {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? '{}');
  } catch {
    // A torn write after a power cut: the defaults serve.
    return DEFAULTS;
  }
  if (typeof stored !== 'object' || stored === null) return DEFAULTS;
  const language = 'language' in stored && typeof stored.language === 'string' ? stored.language : undefined;
  const sound = 'sound' in stored && typeof stored.sound === 'boolean' ? stored.sound : DEFAULTS.sound;
  const seconds =
    'newSaleAfterSeconds' in stored
      ? NEW_SALE_CHOICES.find((choice) => choice === stored.newSaleAfterSeconds)
      : undefined;
  const checksPhone =
    'checksPhone' in stored && stored.checksPhone === 'always' ? 'always' : DEFAULTS.checksPhone;
  return {
    language,
    sound,
    newSaleAfterSeconds: seconds ?? DEFAULTS.newSaleAfterSeconds,
    checksPhone,
  };
}

export function readPreferences(): Preferences {
  cached ??= parsePreferences(localStorage.getItem(KEY));
  return cached;
}

export function changePreferences(change: Partial<Preferences>): void {
  cached = { ...readPreferences(), ...change };
  localStorage.setItem(KEY, JSON.stringify(cached));
  for (const listener of [...listeners]) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, readPreferences);
}
