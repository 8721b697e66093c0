// A language whose file does not load: the till says so in words that it has, and stays as it was.

// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';
import { readPreferences } from '../settings/preferences.ts';
import { show } from '../test/till.tsx';
import { chooseLanguage, startLanguage } from './i18n.ts';

vi.mock('./locales/vi.json', () => {
  throw new Error('the file is damaged');
});

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});

it('is named on the screen, in the language that is on, and is not remembered', async () => {
  show('ready');
  fireEvent.click(await screen.findByTestId('nav-settings'));
  fireEvent.click(await screen.findByTestId('language-vi'));
  const note = await screen.findByTestId('language-missing');
  expect(note.textContent).toContain('Tiếng Việt');
  expect(note.textContent).toContain('could not be loaded');
  expect(document.documentElement.lang).toBe('en');
  expect(readPreferences().language).toBeUndefined();
  fireEvent.click(screen.getByTestId('language-id'));
  await waitFor(() => expect(document.documentElement.lang).toBe('id'));
  expect(screen.queryByTestId('language-missing')).toBeNull();
  expect(readPreferences().language).toBe('id');
});

it('at the start gives way to English, and the screens say so', async () => {
  expect(await startLanguage('vi', 'vi-VN')).toBe(true);
  expect(document.documentElement.lang).toBe('en');
  show('ready');
  expect((await screen.findByTestId('language-missing')).dataset['language']).toBe('vi');
  fireEvent.click(screen.getByTestId('language-put-away'));
  expect(screen.queryByTestId('language-missing')).toBeNull();
  expect(chooseLanguage(undefined, 'vi-VN')).toBe('vi');
});
