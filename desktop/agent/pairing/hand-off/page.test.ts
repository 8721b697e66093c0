/** The hand-off page as a browser runs it: its own source, its own policy, a window that records. */
import { createHash } from 'node:crypto';
import { JSDOM } from 'jsdom';
import { expect, test, vi } from 'vitest';
import { HAND_OFF_HEADERS, handOffPage } from './page.ts';
import { handOff, type PageWindow } from './script.ts';
import { PAGE_WORDS } from './words.ts';

const KIOSK = 'http://192.168.49.1:7070';
const WALLET = 'https://wallet.test';
const OTHER = 'https://other.test';
const STATE = 'AAAAAAAAAAAAAAAAAAAAAA';
const view = { merchantName: 'Warung Sari', walletOrigins: [WALLET, OTHER] };
const html = (shown = view): string => new TextDecoder().decode(handOffPage(shown));

interface Given {
  readonly fragment?: string;
  readonly answers?: readonly (Response | Error)[];
  readonly languages?: readonly string[];
}

function fragment(changes: Readonly<Record<string, string>> = {}): string {
  return new URLSearchParams({ v: '1', s: STATE, o: WALLET, l: 'en', d: 'AQID', ...changes }).toString();
}

async function open({ fragment: text = fragment(), answers = [], languages = ['en'] }: Given) {
  const dom = new JSDOM(html(), { url: `${KIOSK}/pay#${text}` });
  const { window } = dom;
  const replace = vi.fn<(url: string) => void>();
  const fetched: { path: string; init: Readonly<Record<string, unknown>>; address: string }[] = [];
  const waiting = [...answers];
  const page: PageWindow = {
    location: { hash: window.location.hash, replace },
    history: window.history,
    navigator: { languages },
    document: window.document,
    AbortController,
    URLSearchParams,
    fetch: (path, init) => {
      fetched.push({ path, init, address: window.location.href });
      const answer = waiting.shift() ?? new TypeError('Failed to fetch');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    setTimeout: (work, ms) => (ms < 1_000 ? setTimeout(work, 0) : undefined),
    clearTimeout: () => undefined,
    atob,
    btoa,
  };
  await handOff(page);
  const { document } = window;
  const at = (id: string) => document.getElementById(id);
  return {
    document,
    replace,
    fetched,
    at,
    step: document.body.dataset['step'],
    address: window.location.href,
  };
}

const receipt = () => new Response(Uint8Array.of(251, 255, 7), { status: 200 });
const refusal = (code: string, status: number) => Response.json({ code }, { status });

test('R2 the fragment leaves the address before anything is sent, and travels as a body of its own kind', async () => {
  const { fetched, address } = await open({ answers: [receipt()] });
  expect(address).toBe(`${KIOSK}/pay`);
  expect(fetched).toHaveLength(1);
  expect(fetched[0]?.address).toBe(`${KIOSK}/pay`);
  expect(fetched[0]?.path).toBe('/v1/payments');
  expect(fetched[0]?.init).toMatchObject({
    method: 'POST',
    headers: { 'content-type': 'application/vnd.tikipay.sealed' },
    body: Uint8Array.of(1, 2, 3),
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    redirect: 'error',
  });
});

test('R2 the receipt goes back to the wallet that came, in the fragment', async () => {
  const { replace, at, step } = await open({ answers: [receipt()] });
  const back = `${WALLET}/return#v=1&s=${STATE}&r=-_8H`;
  expect(replace).toHaveBeenCalledExactlyOnceWith(back);
  expect(step).toBe('answered');
  // Where the browser does not go by itself, the person does.
  expect(at('back')?.getAttribute('href')).toBe(back);
  expect(at('back')?.hidden).toBe(false);
});

test('R2 a refusal is said with its code and goes back too', async () => {
  const { replace, at, step } = await open({ answers: [refusal('request_expired', 409)] });
  expect(replace).toHaveBeenCalledExactlyOnceWith(`${WALLET}/return#v=1&s=${STATE}&e=request_expired`);
  expect(step).toBe('refused');
  expect(at('code')?.textContent).toBe('Code request_expired');
});

test('an answer that is no answer of a kiosk is never copied into an address', async () => {
  for (const answer of [
    new Response('<html>', { status: 500 }),
    refusal('&r=forged', 400),
    Response.json({ code: 7 }, { status: 400 }),
    new Response(new Uint8Array(4_097), { status: 200 }),
  ]) {
    const { replace } = await open({ answers: [answer] });
    expect(replace).toHaveBeenCalledExactlyOnceWith(
      `${WALLET}/return#v=1&s=${STATE}&e=answer_not_understood`,
    );
  }
});

test('silence is asked three times with the same bytes, said, and taken back to the wallet', async () => {
  const { replace, fetched, step } = await open({});
  expect(fetched.map((one) => one.init['body'])).toEqual(Array(3).fill(Uint8Array.of(1, 2, 3)));
  expect(step).toBe('silent');
  expect(replace).toHaveBeenCalledExactlyOnceWith(`${WALLET}/return#v=1&s=${STATE}&e=kiosk_unreachable`);
});

test('a busy kiosk is asked again', async () => {
  const { replace } = await open({ answers: [refusal('kiosk_busy', 503), receipt()] });
  expect(replace).toHaveBeenCalledExactlyOnceWith(`${WALLET}/return#v=1&s=${STATE}&r=-_8H`);
});

test('R7 a wallet that the cloud did not name gets no payment through and no way back (no open redirect)', async () => {
  for (const origin of [
    'https://evil.test',
    'https://wallet.test.evil.test',
    `${WALLET}/`,
    `${WALLET}@evil.test`,
    'javascript:alert(1)//',
    '//evil.test',
    '',
  ]) {
    const { replace, fetched, at, step } = await open({
      fragment: fragment({ o: origin }),
      answers: [receipt()],
    });
    expect([step, at('back')?.hidden, fetched.length], origin).toEqual(['stranger', true, 0]);
    expect(replace).not.toHaveBeenCalled();
  }
});

test('a page that is loaded again, or opened by hand, sends nothing and shows the way home', async () => {
  for (const text of ['', 'v=1', fragment({ d: '' }), fragment({ d: 'a b' }), fragment({ s: '../..' })]) {
    const { fetched, step, at, replace } = await open({ fragment: text });
    expect([step, fetched.length], text).toEqual(['nothing', 0]);
    expect(at('back')?.getAttribute('href')).toBe(`${WALLET}/return`);
    expect(replace).not.toHaveBeenCalled();
  }
});

test('the page speaks the wallet’s language, or else the browser’s', async () => {
  const arabic = await open({ fragment: fragment({ l: 'ar' }), answers: [refusal('request_expired', 409)] });
  expect([arabic.document.documentElement.lang, arabic.document.documentElement.dir]).toEqual(['ar', 'rtl']);
  expect(arabic.at('say')?.textContent).toBe(PAGE_WORDS.ar.refused);
  const wished = await open({ fragment: 'l=xx', languages: ['fr-FR', 'sw-KE'] });
  expect(wished.at('say')?.textContent).toBe(PAGE_WORDS.sw.nothing);
});

test('every sentence of the page exists in every language', () => {
  const keys = Object.keys(PAGE_WORDS.en);
  for (const words of Object.values(PAGE_WORDS)) {
    expect(Object.keys(words)).toEqual(keys);
    expect(Object.values(words).every((sentence) => sentence.trim() !== '')).toBe(true);
  }
});

test('R6 the page may run its one script and speak to its own kiosk, and nothing else', () => {
  const document = new JSDOM(html()).window.document;
  const policy = HAND_OFF_HEADERS['content-security-policy'] ?? '';
  const runnable = [...document.querySelectorAll('script')].filter((one) => one.type === '');
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  expect(runnable).toHaveLength(1);
  expect(policy).toContain(`script-src ${hash(runnable[0]?.textContent ?? '')};`);
  expect(policy).toContain(`style-src ${hash(document.querySelector('style')?.textContent ?? '')};`);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(policy).toContain("form-action 'none'");
  expect(policy).not.toMatch(/unsafe|upgrade-insecure-requests|\*/);
  expect(document.querySelectorAll('form, img, link, iframe')).toHaveLength(0);
  const handlers = [...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames());
  expect(handlers.filter((name) => name.startsWith('on') || name === 'style')).toEqual([]);
});

test('a shop’s name is text, whatever stands in it', () => {
  const name = `</script><img src=x onerror="alert(1)">&'`;
  const page = html({ merchantName: name, walletOrigins: ['https://</script><b>'] });
  const { document } = new JSDOM(page).window;
  expect(document.querySelector('h1')?.textContent).toBe(name);
  expect(document.querySelectorAll('img, b')).toHaveLength(0);
});
