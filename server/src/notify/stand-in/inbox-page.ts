/** The stand-in's inbox as a page: what a phone would have shown. No external assets. */
import { html, raw } from 'hono/html';
import type { SmsMessage } from './twilio-stand-in.ts';

const STYLE = `
:root{color-scheme:light dark;--bg:#eef2f6;--card:#fff;--ink:#17212b;--soft:#66788a;--line:#dfe6ed;--code:#0b6e4f}
@media(prefers-color-scheme:dark){:root{--bg:#10161c;--card:#1a222b;--ink:#e8eef4;--soft:#8fa2b5;--line:#2a3540;--code:#5fd6a8}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:0 auto;padding:2rem 1rem 4rem}h1{font-size:1.35rem;margin:0}
.note{color:var(--soft);margin:.25rem 0 1.5rem}
article{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1rem 1.1rem;margin-bottom:.75rem}
header{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);font-size:.875rem}
.to{font-weight:600;color:var(--ink)}p{margin:.5rem 0 0}
.code{display:block;font:700 2rem/1.3 ui-monospace,monospace;letter-spacing:.18em;color:var(--code)}
.empty{text-align:center;color:var(--soft);padding:3rem 1rem}`;

/** Newest first; reloads itself every two seconds. */
export function inboxPage(messages: readonly SmsMessage[]) {
  const articles = messages.toReversed().map(
    (message) => html`<article>
        <header><span class="to">${message.to}</span><time datetime="${message.sentAt}">${message.sentAt.slice(11, 19)} UTC</time></header>
        <p>${message.body}</p>
        <span class="code" aria-label="code">${message.code}</span>
      </article>`,
  );
  const empty = html`<article class="empty">No messages yet. Register in the wallet and the code appears here.</article>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="refresh" content="2" />
        <title>SMS inbox (stand-in)</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>SMS inbox</h1>
          <p class="note">A stand-in for Twilio on this machine: nothing is sent to real phones.</p>
          ${articles.length === 0 ? empty : articles}
        </main>
      </body>
    </html>`;
}
