/** Starts the merchant's or the operator's pages, by the address that was opened. Only wires. */
import { initialLocale, sentenceFor, startLocale } from '@tikiwallet/wallet/look';
import '@tikiwallet/wallet/styles/base.css';
import '@tikiwallet/wallet/styles/parts.css';
import { render } from 'preact';
import { speakOffice } from './i18n/words.ts';
import { OfficeContext, Office } from './office.ts';
import './styles/office.css';

async function start(root: HTMLElement): Promise<void> {
  const isOperator = location.pathname.startsWith('/operator');
  speakOffice();
  await startLocale(initialLocale(localStorage, navigator.languages));
  const office = new Office({
    view: isOperator ? 'operator' : 'merchant',
    fetch: (input, init) => fetch(input, init),
  });
  const [{ App }] = await Promise.all([
    isOperator ? import('./operator/app.tsx') : import('./merchant/app.tsx'),
    office.start(),
  ]);
  render(
    <OfficeContext.Provider value={office}>
      <App />
    </OfficeContext.Provider>,
    root,
  );
}

function showFailure(root: HTMLElement, error: unknown): void {
  console.error(error);
  render(
    <main class="screen">
      <h1>TikiWallet</h1>
      <p role="alert">{sentenceFor('network_unreachable')}</p>
    </main>,
    root,
  );
}

const root = document.getElementById('app');
if (root === null) throw new TypeError('index.html has no #app');
start(root).catch((error: unknown) => showFailure(root, error));
