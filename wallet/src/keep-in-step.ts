/** When the wallet looks for the cloud: at the start, when the network or the person comes back, and now and then. */
import { ignoreOffline, type Wallet } from './wallet.ts';

/** Often enough to notice that the internet went or came, seldom enough for a metered connection. */
const WHEN_REACHABLE_MS = 60_000;
const WHEN_NOT_MS = 8_000;

export function keepInStep(wallet: Wallet): void {
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    if (document.visibilityState === 'hidden') return;
    const done = () => {
      timer = window.setTimeout(look, wallet.state.value.reachable ? WHEN_REACHABLE_MS : WHEN_NOT_MS);
    };
    wallet
      .sync()
      .catch(ignoreOffline)
      .then(done, (error: unknown) => {
        console.error(error);
        done();
      });
  };
  addEventListener('online', look);
  addEventListener('offline', () => wallet.state.change({ reachable: false }));
  document.addEventListener('visibilitychange', () => {
    // Put away is put away: the next larger payment asks for the PIN again.
    if (document.visibilityState === 'hidden') wallet.unlocking.lock();
    look();
  });
  // Back from the kiosk's page with the "back" button: this page was asleep while another one took the receipt.
  addEventListener('pageshow', (event) => {
    if (event.persisted) wallet.lookAgain().catch(console.error);
  });
  look();
}
