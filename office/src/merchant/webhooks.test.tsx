// @vitest-environment jsdom
/** What a shop decides once about an address that is told happens once, and a secret that is shown once can be read. */
import type { WebhookView } from '@tikiwallet/server/contract';
import { setLocale } from '@tikiwallet/wallet/look';
import { options, render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { speakOffice } from '../i18n/words.ts';
import { Office, OfficeContext } from '../office.ts';
import { Webhooks } from './webhooks.tsx';

// At once: a frame that is waited for may come when there is no window any more.
options.requestAnimationFrame = queueMicrotask;

type Answer = (request: Request) => Response | Promise<Response>;
let root: HTMLElement;
/** By the end of the path. */
let answers: Record<string, Answer>;
const keys: (string | null)[] = [];

const hook = (id: string, changes: Partial<WebhookView> = {}): WebhookView => ({
  id,
  url: `https://${id}.example/`,
  events: ['payment.settled'],
  createdAt: '2026-11-30T00:00:00.000Z',
  disabledAt: null,
  ...changes,
});

beforeEach(async () => {
  keys.length = 0;
  answers = {
    'GET /webhooks': () => Response.json({ items: [hook('first')] }),
    'GET /webhook-deliveries': () => Response.json({ items: [], nextCursor: null }),
  };
  root = document.body.appendChild(document.createElement('div'));
  speakOffice();
  // jsdom has none.
  HTMLDialogElement.prototype.showModal = () => undefined;
  await setLocale('en');
  const office = new Office({
    view: 'merchant',
    fetch: async (input, init) => {
      const request = new Request(
        new URL(input instanceof Request ? input.url : input, 'http://cloud.test'),
        init,
      );
      const { pathname } = new URL(request.url);
      const name = `${request.method} /${pathname.split('/').at(-1) ?? ''}`;
      return (await answers[name]?.(request)) ?? new Response(null, { status: 503 });
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
      merchant: { id: '01890000-0000-7000-8000-000000000002', businessName: 'Warung', teamRole: 'owner' },
    },
  });
  await act(() =>
    render(
      <OfficeContext.Provider value={office}>
        <Webhooks />
      </OfficeContext.Provider>,
      root,
    ),
  );
  await fact(() => expect(all('webhook')).toHaveLength(1));
});
afterEach(async () => {
  // What effects leave behind is cleared up now, not by a timer after the page is gone.
  await act(() => render(null, root));
  root.remove();
});

const fact = (look: () => void) => vi.waitFor(look, { timeout: 20_000 });
const all = (testId: string) => [...root.querySelectorAll<HTMLElement>(`[data-testid="${testId}"]`)];
const at = (testId: string): HTMLElement => {
  const [found] = all(testId);
  if (found === undefined) throw new Error(`${testId} is not there`);
  return found;
};
const press = async (testId: string) => {
  await act(() => at(testId).click());
};
const typeUrl = async (typed: string) => {
  const url = at('webhook-url');
  if (!(url instanceof HTMLInputElement)) throw new Error('no field');
  await act(() => {
    url.value = typed;
    url.dispatchEvent(new Event('input', { bubbles: true }));
  });
};

test('a new secret that was asked for again after a lost answer is the same one: the one in use still signs along', async () => {
  let isLost = true;
  answers['POST /secret'] = (request) => {
    keys.push(request.headers.get('idempotency-key'));
    return isLost
      ? Promise.reject(new TypeError('the line broke'))
      : Response.json({ ...hook('first'), secret: 'whsec_2' });
  };
  await press('webhook-secret');
  await press('webhook-secret-question-yes');
  await fact(() => expect(keys).toHaveLength(1));
  await fact(() => expect(at('webhook-secret-question-yes').hasAttribute('disabled')).toBe(false));
  isLost = false;
  await press('webhook-secret-question-yes');
  await fact(() => expect(at('webhook-secret-shown').textContent).toContain('whsec_2'));
  expect(keys[1]).toBe(keys[0]);
  // Another decision.
  await press('webhook-secret');
  await press('webhook-secret-question-yes');
  await fact(() => expect(keys).toHaveLength(3));
  expect(keys[2]).not.toBe(keys[0]);
});

test('an answer that comes late changes its own line, and takes no newer one away with its secret', async () => {
  const { promise: paused, resolve: pause } = Promise.withResolvers<Response>();
  answers['POST /disable'] = () => paused;
  answers['POST /webhooks'] = () => Response.json({ ...hook('second'), secret: 'whsec_1' });
  await press('webhook-pause');
  await typeUrl('https://second.example/');
  await press('webhook-create');
  await fact(() => expect(all('webhook')).toHaveLength(2));
  pause(Response.json(hook('first', { disabledAt: '2026-11-30T00:00:01.000Z' })));
  await fact(() => expect(at('webhook').dataset['told']).toBe('false'));
  expect(all('webhook')).toHaveLength(2);
  expect(at('webhook-secret-shown').textContent).toContain('whsec_1');
});

test('a secret stays until it is acknowledged, whatever address is added meanwhile', async () => {
  for (const id of ['second', 'third']) {
    answers['POST /webhooks'] = () => Response.json({ ...hook(id), secret: `whsec_${id}` });
    await typeUrl(`https://${id}.example/`);
    await press('webhook-create');
    await fact(() => expect(all('webhook-secret-shown').at(-1)?.textContent).toContain(`whsec_${id}`));
  }
  expect(all('webhook-secret-shown')[0]?.textContent).toContain('whsec_second');
  await press('webhook-secret-seen');
  expect(all('webhook-secret-shown').map((one) => one.textContent)).toEqual([
    expect.stringContaining('whsec_third'),
  ]);
});
