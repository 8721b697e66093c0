// @vitest-environment jsdom
/** What a shop has set is said to be set, until it types something else. */
import type { MerchantLimitsView } from '@tikiwallet/server/contract';
import { setLocale } from '@tikiwallet/wallet/look';
import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { speakOffice } from '../i18n/words.ts';
import { Office, OfficeContext } from '../office.ts';
import { Limits } from './limits.tsx';

let root: HTMLElement;
const view = (version: number, perPaymentMinor?: string): MerchantLimitsView => ({
  version,
  currency: 'SGD',
  limits: perPaymentMinor === undefined ? {} : { perPaymentMinor },
  service: { perPaymentMinor: '10000' },
  splitWindowSeconds: 120,
  setAt: version === 0 ? null : '2026-11-30T00:00:00.000Z',
});

beforeEach(async () => {
  root = document.body.appendChild(document.createElement('div'));
  speakOffice();
  await setLocale('en');
  const office = new Office({
    view: 'merchant',
    // The cloud counts a version for each change.
    fetch: (_input, init) =>
      Promise.resolve(Response.json(init?.method === 'PUT' ? view(1, '6000') : view(0))),
  });
  office.client.take({
    accessToken: 'a token',
    accessExpiresAt: new Date(Date.now() + 900_000).toISOString(),
    sessionExpiresAt: new Date(Date.now() + 900_000).toISOString(),
    user: {
      id: '01890000-0000-7000-8000-000000000001',
      role: 'customer',
      phone: '+6581234567',
      username: 'dewi',
      currency: 'SGD',
      merchant: { id: '01890000-0000-7000-8000-000000000002', businessName: 'Warung', teamRole: 'owner' },
    },
  });
  await act(() =>
    render(
      <OfficeContext.Provider value={office}>
        <Limits />
      </OfficeContext.Provider>,
      root,
    ),
  );
});
afterEach(async () => {
  // What effects leave behind is cleared up now, not by a timer after the page is gone.
  await act(() => render(null, root));
  root.remove();
});

const fact = (look: () => void) => vi.waitFor(look, { timeout: 20_000 });
const find = (testId: string) => root.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
const type = async (typed: string) => {
  const field = find('limit-perPaymentMinor');
  if (!(field instanceof HTMLInputElement)) throw new Error('no field');
  await act(() => {
    field.value = typed;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
};

test('limits that were set are said to be set, until another is typed', async () => {
  await fact(() => expect(find('limit-perPaymentMinor')).not.toBeNull());
  expect(find('limits-saved')).toBeNull();
  await type('60');
  await act(() => find('limits-save')?.click());
  await fact(() => expect(find('limits-saved')?.textContent).toContain('Saved'));
  await type('70');
  expect(find('limits-saved')).toBeNull();
});
