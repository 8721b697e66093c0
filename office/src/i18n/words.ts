/** The sentences of these pages, beside the wallet's that they share. Each file is complete (locales.test.ts). */
import { alsoSay, type Key as WalletKey, speak } from '@tikiwallet/wallet/look';
import type en from './locales/en.json';

export type Key = WalletKey | keyof typeof en;

export function speakOffice(): void {
  alsoSay({
    en: () => import('./locales/en.json'),
    id: () => import('./locales/id.json'),
    vi: () => import('./locales/vi.json'),
    ar: () => import('./locales/ar.json'),
    sw: () => import('./locales/sw.json'),
  });
}

export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return speak(key, values);
}
