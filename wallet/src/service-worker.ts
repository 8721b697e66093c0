/**
 * Installs the service worker that the build makes. A new version waits until the person agrees, and is never
 * offered while a payment is on the screen.
 */
import { registerSW } from 'virtual:pwa-register';
import type { Wallet } from './wallet.ts';

export function registerServiceWorker(wallet: Wallet): void {
  if (!('serviceWorker' in navigator)) return;
  const update = registerSW({
    onNeedRefresh() {
      wallet.state.change({ applyUpdate: () => void update() });
    },
    onRegisterError(error: unknown) {
      // Private windows and odd policies: the wallet works, only not from cold without a network.
      console.warn('The service worker was not installed.', error);
    },
  });
}
