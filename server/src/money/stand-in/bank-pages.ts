/** The stand-in's onboarding page: where Stripe would ask for a bank account and much more. */
import { html } from 'hono/html';
import { page } from './pages.ts';

export function bankPage(token: string, at: { readonly isAgain: boolean; readonly refusal: string | null }) {
  return page(
    'Your bank account',
    html`<div class="sum"><strong>Your bank account</strong><span>${at.isAgain ? 'Takes the place of the one you named before.' : 'Where your money shall go.'}</span></div>
      <form method="post" action="/setup/s/${token}" autocomplete="off">
        ${at.refusal === null ? '' : html`<p class="bad" role="alert">${at.refusal}</p>`}
        <label>Account holder <input name="holder" maxlength="80" required autofocus /></label>
        <label>Bank <input name="name" maxlength="60" placeholder="Test Bank" required /></label>
        <label>Account number
          <input name="number" inputmode="numeric" placeholder="000123456789" maxlength="23" required />
        </label>
        <button type="submit">Save</button>
      </form>
      <p class="help">
        No real bank is paid. Any number of 6 to 17 digits takes money; <code>000111111116</code> has no account,
        <code>000111111113</code> was closed: money to these comes back.
      </p>`,
  );
}

export function linkOverPage() {
  return page(
    'This link is over',
    html`<div class="sum"><strong>This link is over</strong></div>
      <div class="box">Go back to where you came from and ask for a new one.</div>`,
  );
}
