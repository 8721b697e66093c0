// @vitest-environment jsdom
/** What a person's role lets them see here, whatever address they open: and that the cloud is not asked for the rest. */
import type { TeamRole } from '@tikiwallet/server/contract';
import { setLocale } from '@tikiwallet/wallet/look';
import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PERMISSIONS_OF } from '@tikiwallet/server/permissions';
import { speakOffice } from '../i18n/words.ts';
import { Office, OfficeContext } from '../office.ts';
import { App } from './app.tsx';

const asked: string[] = [];
let root: HTMLElement;

beforeEach(async () => {
  asked.length = 0;
  root = document.body.appendChild(document.createElement('div'));
  speakOffice();
  // jsdom has none.
  vi.stubGlobal('scrollTo', () => undefined);
  await setLocale('en');
});
afterEach(async () => {
  // What effects leave behind is cleared up now, not by a timer after the page is gone.
  await act(() => render(null, root));
  root.remove();
  location.hash = '';
});

async function open(role: TeamRole, page: string): Promise<void> {
  const office = new Office({
    view: 'merchant',
    fetch: (input) => {
      const address = input instanceof Request ? input.url : input.toString();
      asked.push(new URL(address, 'http://cloud.test').pathname);
      return Promise.resolve(new Response(null, { status: 503 }));
    },
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
      merchant: { id: '01890000-0000-7000-8000-000000000002', businessName: 'Warung', teamRole: role },
    },
  });
  location.hash = `#/${page}`;
  await act(() =>
    render(
      <OfficeContext.Provider value={office}>
        <App />
      </OfficeContext.Provider>,
      root,
    ),
  );
}

const PAGES = ['sales', 'kiosks', 'pay-outs', 'statements', 'cases', 'team', 'limits', 'webhooks'];
const at = (testId: string) => root.querySelector(`[data-testid="${testId}"]`);
const linked = () =>
  [...root.querySelectorAll('nav a')].map((link) => link.getAttribute('href')?.slice('#/'.length));

test.each([
  ['owner', PAGES],
  ['manager', PAGES.filter((page) => page !== 'webhooks')],
  ['cashier', ['sales', 'kiosks']],
] as const)('R52: a %s is shown exactly the pages of that role', async (role, pages) => {
  await open(role, 'sales');
  expect(linked()).toEqual(pages);
});

test.each(PAGES.filter((page) => !['sales', 'kiosks'].includes(page)))(
  'R52: a cashier who opens the address of %s reads that it is not for them, and nothing is asked',
  async (page) => {
    await open('cashier', page);
    await vi.waitFor(() => expect(at('not-for-your-role')).not.toBeNull());
    expect(root.textContent).toContain('Not for your role');
    expect(root.textContent).toContain('Cashier');
    expect(asked.filter((path) => path.startsWith('/v1/merchant'))).toEqual([]);
  },
);

test('a page that nobody knows is the first one', async () => {
  await open('cashier', 'treasure');
  expect(at('sales')).not.toBeNull();
  expect(PERMISSIONS_OF.cashier).toContain('sales.read');
});
