/**
 * Installs the service worker that the build makes. A new version waits until the person agrees, and is never
 * offered while a payment is on the screen.
 */
import { registerSW } from 'virtual:pwa-register';
import type { Wallet } from './wallet.ts';

/** Caches can be evicted under a service worker that stays: it then answers nothing without a network. */
async function dropEmptied(): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration();
  if (registration?.active === null || registration === undefined) return;
  const page = await caches.match('/index.html', { ignoreSearch: true });
  // Without a network there is nothing to fill them with; what is registered is kept for then.
  if (page === undefined && navigator.onLine) await registration.unregister();
}

export async function registerServiceWorker(wallet: Wallet): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  // Storage that refuses to be read is no reason to be without a service worker.
  await dropEmptied().catch(console.warn);
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
