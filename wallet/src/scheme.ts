/** Light, dark, or as the phone has it. `first-paint.js` applies the same choice before anything is drawn. */
export const SCHEMES = ['system', 'light', 'dark'] as const;
export type Scheme = (typeof SCHEMES)[number];
const STORAGE_NAME = 'tiki.scheme';

export function chosenScheme(): Scheme {
  const stored = localStorage.getItem(STORAGE_NAME);
  return SCHEMES.find((scheme) => scheme === stored) ?? 'system';
}

export function chooseScheme(scheme: Scheme): void {
  if (scheme === 'system') {
    localStorage.removeItem(STORAGE_NAME);
    delete document.documentElement.dataset['scheme'];
    return;
  }
  localStorage.setItem(STORAGE_NAME, scheme);
  document.documentElement.dataset['scheme'] = scheme;
}
