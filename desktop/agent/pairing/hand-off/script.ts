/**
 * What runs in the phone's browser on the kiosk's hand-off page: takes the sealed delivery out of the address, posts it
 * to the kiosk that served the page, and carries the answer back to the wallet. Never: opens what is sealed, believes
 * an answer, or goes anywhere but to a wallet that the kiosk named.
 *
 * `handOff` is sent to the browser as its own source text. It must use nothing from outside itself but its argument,
 * and nothing newer than the oldest browser that the wallet supports.
 */
import type { PageWords } from './words.ts';

/** What the page tells its script, in a block of data. */
export interface PageFacts {
  readonly wallets: readonly string[];
  readonly words: Readonly<Record<string, PageWords>>;
}

interface PageElement {
  textContent: string | null;
  hidden: boolean;
  href?: string;
  focus?(): void;
}

interface PageResponse {
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The part of a browser's window that is used. */
export interface PageWindow {
  readonly location: { readonly hash: string; replace(url: string): void };
  readonly history: { replaceState(state: null, unused: string, url: string): void };
  readonly navigator: { readonly languages: readonly string[] };
  readonly document: {
    readonly documentElement: { lang: string; dir: string };
    readonly body: { readonly dataset: Record<string, string | undefined> };
    getElementById(id: string): PageElement | null;
  };
  readonly AbortController: new () => { readonly signal: unknown; abort(): void };
  readonly URLSearchParams: new (text: string) => { get(name: string): string | null };
  fetch(path: string, init: Readonly<Record<string, unknown>>): Promise<PageResponse>;
  setTimeout(work: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  atob(text: string): string;
  btoa(text: string): string;
}

export async function handOff(page: PageWindow): Promise<void> {
  const ATTEMPTS = 3;
  const ATTEMPT_MS = 3000;
  const PAUSE_MS = 400;
  const MAX_RECEIPT_BYTES = 4096;

  // First of all, before anything can fail: out of the address bar and of the history.
  const given = new page.URLSearchParams(page.location.hash.slice(1));
  page.history.replaceState(null, '', '/pay');

  const { document } = page;
  const facts = JSON.parse(document.getElementById('facts')?.textContent ?? '{}') as PageFacts;
  const wished = [given.get('l'), ...page.navigator.languages].map((one) => (one ?? '').slice(0, 2));
  const language = wished.find((one) => Object.keys(facts.words).includes(one)) ?? 'en';
  const words = facts.words[language];
  if (words === undefined) return;
  document.documentElement.lang = language;
  document.documentElement.dir = language === 'ar' ? 'rtl' : 'ltr';

  // Exactly one of the wallets that the cloud named to this kiosk, or nowhere: an open redirect is an attack.
  const wallet = facts.wallets.find((one) => one === given.get('o'));
  const state = /^[A-Za-z0-9_-]{22}$/.exec(given.get('s') ?? '')?.[0];
  const sealed = /^[A-Za-z0-9_-]{1,5600}$/.exec(given.get('d') ?? '')?.[0];

  function show(step: keyof PageWords, code: string | null, href: string | null): void {
    document.body.dataset['step'] = step;
    const say = document.getElementById('say');
    if (say !== null) say.textContent = words?.[step] ?? '';
    const wait = document.getElementById('wait');
    if (wait !== null) wait.hidden = step !== 'handing';
    const line = document.getElementById('code');
    if (line !== null) {
      line.hidden = code === null;
      line.textContent = code === null ? '' : `${words?.code ?? ''} ${code}`;
    }
    const back = document.getElementById('back');
    if (back === null) return;
    back.textContent = words?.back ?? '';
    back.hidden = href === null;
    if (href === null) return;
    back.href = href;
    back.focus?.();
  }

  async function post(body: Uint8Array): Promise<{ status: number; bytes: Uint8Array } | null> {
    const stop = new page.AbortController();
    const timer = page.setTimeout(() => stop.abort(), ATTEMPT_MS);
    try {
      const response = await page.fetch('/v1/payments', {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.tikipay.sealed' },
        body,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
        signal: stop.signal,
      });
      return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
    } catch {
      // Out of reach, or too slow: the page is told nothing more.
      return null;
    } finally {
      page.clearTimeout(timer);
    }
  }

  function codeIn(bytes: Uint8Array): string {
    try {
      const text = String.fromCharCode(...bytes.subarray(0, 1024));
      const code: unknown = (JSON.parse(text) as { code?: unknown }).code;
      return typeof code === 'string' && /^[a-z0-9_]{1,64}$/.test(code) ? code : 'answer_not_understood';
    } catch {
      return 'answer_not_understood';
    }
  }

  if (wallet === undefined) {
    const isEmpty = given.get('d') === null;
    const [home] = facts.wallets;
    // A page that was loaded again has lost its payment on purpose; the wallet has not.
    if (isEmpty) show('nothing', null, home === undefined ? null : `${home}/return`);
    else show('stranger', 'origin_not_allowed', null);
    return;
  }
  if (state === undefined || sealed === undefined) {
    show('nothing', 'message_malformed', `${wallet}/return`);
    return;
  }
  show('handing', null, null);
  const binary = page.atob(sealed.replace(/-/g, '+').replace(/_/g, '/'));
  const body = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const home = `${wallet}/return#v=1&s=${state}`;
  let answer = await post(body);
  for (let attempt = 2; attempt <= ATTEMPTS && (answer === null || answer.status === 503); attempt += 1) {
    // Said before the second try: whoever does not want to wait goes back, and loses nothing.
    if (answer === null) show('silent', 'kiosk_unreachable', `${home}&e=kiosk_unreachable`);
    await new Promise<void>((resolve) => page.setTimeout(resolve, PAUSE_MS));
    answer = (await post(body)) ?? answer;
  }
  if (answer === null) {
    page.location.replace(`${home}&e=kiosk_unreachable`);
    return;
  }
  if (answer.status === 200 && answer.bytes.length <= MAX_RECEIPT_BYTES) {
    const text = page.btoa(String.fromCharCode(...answer.bytes));
    const receipt = text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    show('answered', null, `${home}&r=${receipt}`);
    page.location.replace(`${home}&r=${receipt}`);
    return;
  }
  const code = codeIn(answer.bytes);
  show('refused', code, `${home}&e=${code}`);
  page.location.replace(`${home}&e=${code}`);
}
