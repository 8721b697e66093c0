// @vitest-environment jsdom
/** A language whose file does not load: said in the language that is on, which stays; never a blank page and never silence. */
import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hasWords, localeState, sentenceFor, startLocale } from '../../i18n/translate.ts';
import { LanguagePicker } from './language-picker.tsx';

vi.mock('../../i18n/locales/vi.json', () => {
  throw new Error('no network');
});

let root: HTMLElement;
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  localStorage.clear();
  root = document.body.appendChild(document.createElement('div'));
});
afterEach(async () => {
  await act(() => render(null, root));
  root.remove();
});

const choose = async (locale: string): Promise<HTMLSelectElement> => {
  const select = root.querySelector('select');
  if (select === null) throw new Error('no picker');
  select.value = locale;
  await act(() => void select.dispatchEvent(new Event('change', { bubbles: true })));
  return select;
};

test('before any language is there, a code still has a sentence', () => {
  expect(hasWords()).toBe(false);
  expect(sentenceFor('unknown')).toContain('Check the internet connection');
});

test('a start with a language that does not load begins in English and says so', async () => {
  await startLocale('vi');
  await act(() => render(<LanguagePicker />, root));
  expect(document.documentElement.lang).toBe('en');
  expect(root.querySelector('[role=alert]')?.textContent).toContain('Tiếng Việt');
});

test('a language that does not load is named, not remembered, and the one that is on stays chosen', async () => {
  await startLocale('en');
  await act(() => render(<LanguagePicker />, root));
  expect(root.querySelector('[role=alert]')).toBeNull();
  const select = await choose('vi');
  await vi.waitFor(() => expect(localeState.value.missing).toBe('vi'));
  await act(() => undefined);
  expect(root.querySelector('[role=alert]')?.textContent).toContain('could not be loaded');
  expect(select.value).toBe('en');
  expect(localStorage.getItem('tiki.locale')).toBeNull();
  await choose('id');
  await vi.waitFor(() => expect(document.documentElement.lang).toBe('id'));
  await act(() => undefined);
  expect(root.querySelector('[role=alert]')).toBeNull();
  expect(localStorage.getItem('tiki.locale')).toBe('id');
});
