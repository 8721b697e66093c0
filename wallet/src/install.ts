/** The browser's offer to install the wallet, kept until the person asks for it. */
import { Observable } from './wallet-state.ts';

/** Chromium's event; not in the DOM's types because it is in no standard. */
interface BeforeInstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

function isInstallPrompt(event: Event): event is BeforeInstallPrompt {
  return 'prompt' in event && typeof event.prompt === 'function';
}

export const installPrompt = new Observable<{ prompt: (() => Promise<void>) | null }>({ prompt: null });

export function listenForInstall(): void {
  addEventListener('beforeinstallprompt', (event) => {
    if (!isInstallPrompt(event)) return;
    event.preventDefault();
    installPrompt.change({
      prompt: async () => {
        installPrompt.change({ prompt: null });
        await event.prompt();
      },
    });
  });
  addEventListener('appinstalled', () => installPrompt.change({ prompt: null }));
}

export function isInstalled(): boolean {
  return matchMedia('(display-mode: standalone)').matches;
}
