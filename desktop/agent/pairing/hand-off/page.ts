/**
 * The hand-off page: for browsers that do not let the wallet's page speak to the kiosk, the wallet comes here by
 * navigation, with the sealed delivery behind the `#`, which no browser sends to a server. Owns the document and what
 * it may do; its script is in script.ts.
 */
import { createHash } from 'node:crypto';
import { handOff, type PageFacts } from './script.ts';
import { PAGE_WORDS } from './words.ts';

export interface HandOffView {
  readonly merchantName: string;
  /** The only places that the page goes back to. */
  readonly walletOrigins: readonly string[];
}

/** Both palettes of the wallet, a touch target of 48 px, and nothing that moves when the words change. */
const STYLE = `
:root { color-scheme: light dark; --bg: #f5f3ed; --ink: #15211f; --muted: #56645f; --brand: #0c5b50; --on-brand: #fff; --soft: #e2efeb; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0d1413; --ink: #ecf2f0; --muted: #a3b4af; --brand: #63ccb7; --on-brand: #05231e; --soft: #17332f; }
}
* { box-sizing: border-box; }
html { background: var(--bg); color: var(--ink); font: 400 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans Arabic', 'DejaVu Sans', sans-serif; }
body { margin: 0; min-block-size: 100vh; display: grid; place-items: center; padding: 1.5rem; }
main { inline-size: min(26rem, 100%); text-align: center; }
.mark { inline-size: 5.5rem; block-size: 5.5rem; margin: 0 auto 1.5rem; border-radius: 50%; background: var(--soft); color: var(--brand); display: grid; place-items: center; }
.mark svg { inline-size: 2.75rem; block-size: 2.75rem; }
#wait { position: absolute; inline-size: 5.5rem; block-size: 5.5rem; border-radius: 50%; border: 4px solid transparent; border-block-start-color: var(--brand); animation: turn 1s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) { #wait { animation: none; } }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
#say { font-size: 1.0625rem; min-block-size: 4.75rem; margin: 0; text-wrap: balance; }
#code { color: var(--muted); font-size: .875rem; margin: .5rem 0 0; min-block-size: 1.5em; overflow-wrap: anywhere; }
.place { min-block-size: 4.5rem; padding-block-start: 1.25rem; }
#back { display: grid; place-items: center; min-block-size: 52px; padding: .75rem 1.25rem; border-radius: 18px; background: var(--brand); color: var(--on-brand); font-weight: 600; text-decoration: none; }
#back:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
#wait[hidden] { display: none; }
#code[hidden], #back[hidden] { visibility: hidden; }
#code[hidden] { display: block; }
#back[hidden] { display: grid; }
`;

const SCRIPT = `(${handOff.toString()})(window);`;

const sourceOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** For the page alone: it runs its one script, wears its one style, and speaks to the kiosk that served it. */
const POLICY = [
  "default-src 'none'",
  `script-src ${sourceOf(SCRIPT)}`,
  `style-src ${sourceOf(STYLE)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const HAND_OFF_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

export function handOffPage(view: HandOffView): Uint8Array {
  const facts: PageFacts = { wallets: view.walletOrigins, words: PAGE_WORDS };
  const { en } = PAGE_WORDS;
  const name = escapeHtml(view.merchantName);
  return new TextEncoder().encode(`<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>TikiWallet</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<div class="mark"><span id="wait" hidden></span><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M4 9.5 5.5 4h13L20 9.5M4 9.5a2.7 2.7 0 0 0 5.3 0 2.7 2.7 0 0 0 5.4 0 2.7 2.7 0 0 0 5.3 0M5.5 12.5V20h13v-7.5M10 20v-4.5h4V20"/></svg></div>
<h1><bdi>${name}</bdi></h1>
<p id="say" role="status"></p>
<p id="code" dir="auto" hidden></p>
<noscript><p>${en.scriptless}</p></noscript>
<div class="place"><a id="back" hidden></a></div>
</main>
<script type="application/json" id="facts">${inScript(facts)}</script>
<script>${SCRIPT}</script>
</body>
</html>
`);
}

/** Signed by the cloud, and still not markup. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

function inScript(facts: PageFacts): string {
  return JSON.stringify(facts).replaceAll('<', '\\u003c');
}
