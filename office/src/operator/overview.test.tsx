// @vitest-environment jsdom
/** What differs in the books is said in the page's own language, by its code. */
import type { DifferenceView } from '@tikiwallet/server/contract';
import { LOCALES, setLocale } from '@tikiwallet/wallet/look';
import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test } from 'vitest';
import en from '../i18n/locales/en.json';
import { speakOffice, t } from '../i18n/words.ts';
import { Differences } from './overview.tsx';

let root: HTMLElement;
beforeEach(() => {
  root = document.body.appendChild(document.createElement('div'));
  speakOffice();
});
afterEach(async () => {
  await act(() => render(null, root));
  root.remove();
});

const one = (code: DifferenceView['code'], accountId: string | null = null): DifferenceView => ({
  ...{ code, accountId, what: 'only a terminal shows this' },
  ...{ expectedMinor: '1200', foundMinor: '1100' },
});
const differences = [
  one('pay_outs_in_transit'),
  one('on_the_way_to_banks'),
  one('held_for_us'),
  one('account_at_stripe', 'acct_1A2b'),
];

test.each(LOCALES)('%s: each difference is a sentence of that language', async (locale) => {
  await setLocale(locale);
  await act(() => render(<Differences differences={differences} currency="SGD" />, root));
  const said = [...root.querySelectorAll('li')].map((line) => line.textContent);
  const keys = [
    'books.differ_transit',
    'books.differ_banks',
    'books.differ_held',
    'books.differ_account',
  ] as const;
  for (const [index, key] of keys.entries()) {
    expect(said[index]).toContain(t(key));
    if (locale !== 'en') expect(said[index]).not.toContain(en[key]);
  }
  expect(root.textContent).not.toContain('only a terminal');
  expect(said[3]).toContain('acct_1A2b');
});
