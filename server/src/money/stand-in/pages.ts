/** The stand-in's checkout page. No external assets, no script: it also works in the plainest browser. */
import { html, raw } from 'hono/html';
import { formatMinor } from '../../ledger/print.ts';
import type { CheckoutRecord } from './state.ts';

const STYLE = `
:root{color-scheme:light dark;--bg:#f3f5f8;--card:#fff;--ink:#1a2330;--soft:#667386;--line:#d8dfe8;--accent:#4f46e5;--on:#fff;--bad:#b42318;--badbg:#fef3f2}
@media(prefers-color-scheme:dark){:root{--bg:#11151b;--card:#1a2029;--ink:#e9edf3;--soft:#95a2b3;--line:#2c3644;--accent:#7c75ff;--on:#0e1116;--bad:#ff9b91;--badbg:#3a1d1b}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:26rem;margin:0 auto;padding:1.5rem 1rem 3rem}
.test{display:inline-block;border:1px solid var(--line);border-radius:99px;padding:.1rem .7rem;font-size:.8rem;color:var(--soft)}
.sum{margin:1rem 0 1.25rem}.sum span{color:var(--soft)}.sum strong{display:block;font-size:2.25rem;line-height:1.2;letter-spacing:-.02em}
form,.box{background:var(--card);border:1px solid var(--line);border-radius:16px;padding:1.25rem}
label{display:block;font-size:.875rem;font-weight:600;margin:0 0 .9rem}
input{display:block;width:100%;margin-top:.3rem;padding:.8rem .9rem;font:inherit;font-weight:400;color:inherit;background:transparent;border:1px solid var(--line);border-radius:10px}
input:focus{outline:2px solid var(--accent);outline-offset:1px}.row{display:grid;grid-template-columns:1fr 1fr;gap:.75rem}
button{width:100%;padding:.95rem;border:0;border-radius:10px;background:var(--accent);color:var(--on);font:600 1.05rem system-ui,sans-serif;cursor:pointer}
.cancel{display:block;text-align:center;margin-top:1rem;padding:.6rem;color:var(--soft)}
.bad{background:var(--badbg);color:var(--bad);border-radius:10px;padding:.75rem .9rem;margin:0 0 1rem}
.help{color:var(--soft);font-size:.85rem;margin-top:1.25rem}code{font:.85rem ui-monospace,monospace}
table{width:100%;border-collapse:collapse;font-size:.9rem}td{padding:.45rem 0;border-top:1px solid var(--line)}td:last-child{text-align:right}`;

export function page(title: string, content: ReturnType<typeof html>) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <main><span class="test">Test mode: stand-in for Stripe</span>${content}</main>
      </body>
    </html>`;
}

const amountOf = (checkout: CheckoutRecord) => {
  const currency = checkout.currency.toUpperCase();
  return `${currency} ${formatMinor(BigInt(checkout.amount), currency)}`;
};

/** The card form. `refusal` is the sentence shown after a declined attempt. */
export function cardPage(checkout: CheckoutRecord, refusal: string | null) {
  return page(
    'Pay',
    html`<div class="sum"><span>${checkout.title}</span><strong>${amountOf(checkout)}</strong></div>
      <form method="post" action="/c/pay/${checkout.id}" autocomplete="off">
        ${refusal === null ? '' : html`<p class="bad" role="alert">${refusal}</p>`}
        <label>Card number
          <input name="number" inputmode="numeric" placeholder="4242 4242 4242 4242" maxlength="23" required autofocus />
        </label>
        <div class="row">
          <label>Expiry <input name="expiry" inputmode="numeric" placeholder="12 / 34" maxlength="7" required /></label>
          <label>CVC <input name="cvc" inputmode="numeric" placeholder="123" maxlength="4" required /></label>
        </div>
        <button type="submit">Pay ${amountOf(checkout)}</button>
      </form>
      ${checkout.cancelUrl === null ? '' : html`<a class="cancel" href="${checkout.cancelUrl}">Cancel and go back</a>`}
      <p class="help">
        No real card is charged. <code>4242 4242 4242 4242</code> pays, <code>4000 0000 0000 0002</code> is declined,
        <code>4000 0000 0000 9995</code> has no funds, <code>4000 0000 0000 0259</code> pays and is contested afterwards. Any future date and any CVC.
      </p>`,
  );
}

/** For a checkout that is over. */
export function closedPage(checkout: CheckoutRecord) {
  const paid = checkout.status === 'complete';
  const sentence = paid ? 'This has been paid.' : 'This checkout has expired.';
  const back = paid ? checkout.successUrl : checkout.cancelUrl;
  return page(
    sentence,
    html`<div class="sum"><span>${checkout.title}</span><strong>${amountOf(checkout)}</strong></div>
      <div class="box">${sentence} ${back === null ? '' : html`<a class="cancel" href="${back}">Go back</a>`}</div>`,
  );
}

export function missingPage() {
  return page(
    'Not found',
    html`<div class="sum"><strong>Nothing here</strong></div><div class="box">There is no such checkout.</div>`,
  );
}

/** The front page: what went through lately. */
export function overviewPage(checkouts: readonly CheckoutRecord[]) {
  const rows = checkouts
    .toReversed()
    .slice(0, 50)
    .map(
      (item) =>
        html`<tr><td>${new Date(item.created * 1000).toISOString().slice(0, 19)}Z</td><td>${amountOf(item)}</td><td>${item.status}</td></tr>`,
    );
  return page(
    'Stripe stand-in',
    html`<div class="sum"><strong>Checkouts</strong><span>Made on this machine, newest first</span></div>
      <div class="box">${rows.length === 0 ? 'None yet.' : html`<table>${rows}</table>`}</div>`,
  );
}
