/** The entry of the pages: reads the preferences, loads the language, mounts the app. */
import { createRoot } from 'react-dom/client';
import '@mantine/core/styles.css';
import './look/fonts.css';
import './look/tokens.css';
import { App } from './app.tsx';
import { NoWords } from './frame/no-words.tsx';
import { startConnection } from './agent/connection.ts';
import { startLanguage } from './language/i18n.ts';
import { readPreferences } from './settings/preferences.ts';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
// The scroll lock of dialogs asks for the nonce under this name before it writes its style element.
Object.assign(globalThis, { __webpack_nonce__: nonce });

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
startConnection(window.tiki);
const info = await window.tiki.call('window.info', {});
const locale = info.ok ? info.value.locale : navigator.language;
const hasWords = await startLanguage(readPreferences().language, locale);
createRoot(root).render(
  hasWords ? <App nonce={nonce} mode={info.ok ? info.value.mode : 'desktop'} /> : <NoWords />,
);
