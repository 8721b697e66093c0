/** Starts the wallet: language, database, wallet, screens, service worker. Only wires. */
import { render } from 'preact';
import { App } from './app.tsx';
import { createClock } from './clock.ts';
import { hasWords, initialLocale, sentenceFor, startLocale, t } from './i18n/translate.ts';
import { listenForInstall } from './install.ts';
import { keepInStep } from './keep-in-step.ts';
import { getMeta, openWalletDatabase, StoreUnavailable } from './store/database.ts';
import { cacheMirror, localStorageMirror } from './store/marker.ts';
import { takeReturnAddress } from './return-address.ts';
import { registerServiceWorker } from './service-worker.ts';
import './styles/base.css';
import './styles/parts.css';
import './styles/screens.css';
import { Wallet } from './wallet.ts';

async function start(root: HTMLElement): Promise<void> {
  takeReturnAddress();
  listenForInstall();
  await startLocale(initialLocale(localStorage, navigator.languages));
  const database = await openWalletDatabase();
  const clock = createClock({
    offsetMs: (await getMeta(database, 'clockOffsetMs')) ?? 0,
    newestTime: (await getMeta(database, 'newestTime')) ?? 0,
  });
  const wallet = new Wallet({
    database,
    clock,
    mirrors: [localStorageMirror(localStorage), ...('caches' in globalThis ? [cacheMirror(caches)] : [])],
    fetch: (input, init) => fetch(input, init),
  });
  await wallet.start();
  render(<App wallet={wallet} />, root);
  keepInStep(wallet);
  registerServiceWorker(wallet);
}

/** The last resort: storage is blocked or belongs to a newer version. A sentence, a code, and nothing that lies. */
function showFailure(root: HTMLElement, error: unknown): void {
  console.error(error);
  const words = hasWords();
  const code = !words ? 'language_not_loaded' : error instanceof StoreUnavailable ? error.code : 'unknown';
  render(
    <main class="screen">
      <h1>TikiWallet</h1>
      <div class="notice notice-bad" role="alert">
        <div>
          <p>{sentenceFor(code)}</p>
          <p class="error-code">
            {words && t('common.code')} <bdi data-testid="error-code">{code}</bdi>
          </p>
        </div>
      </div>
    </main>,
    root,
  );
}

const root = document.getElementById('app');
if (root === null) throw new TypeError('index.html has no #app');
start(root).catch((error: unknown) => showFailure(root, error));
