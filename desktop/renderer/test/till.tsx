/** The whole window before the fake agent, for the tests of its screens: imported by each of them, which sets it up there. */
import { cleanup, configure, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { FakeAgent, type FakeScenario } from '../../ipc/fake-agent.ts';
import { IpcError } from '../../ipc/errors.ts';
import type { RendererEvent, TikiBridge } from '../../ipc/renderer-contract.ts';
import { App } from '../app.tsx';
import { startConnection } from '../agent/connection.ts';
import { changeLanguage, startLanguage } from '../language/i18n.ts';

// What comes is waited for, however busy the machine is.
configure({ asyncUtilTimeout: 20_000 });

export let agent: FakeAgent;
let stop: () => void = () => undefined;
export let send: (event: RendererEvent) => void = () => undefined;

/** The fake agent behind a bridge, as main would put it there. */
function bridgeTo(fake: FakeAgent): TikiBridge {
  const handlers: Record<string, (params: never) => Promise<unknown>> = fake.handlers;
  const answer = async (name: string, params: object): Promise<object> => {
    if (name === 'window.info')
      return { ok: true, value: { appVersion: '0.1.0', mode: 'desktop', locale: 'en-US' } };
    try {
      return { ok: true, value: await handlers[name]?.(params as never) };
    } catch (error) {
      return { ok: false, code: error instanceof IpcError ? error.code : 'internal_error' };
    }
  };
  return {
    call: answer as TikiBridge['call'],
    onEvent(listener) {
      send = listener;
      listener({ type: 'agentState', state: fake.state });
      return fake.onState((state) => listener({ type: 'agentState', state }));
    },
  };
}

export function show(scenario: FakeScenario, currency = 'IDR'): void {
  agent = new FakeAgent({ scenario, currency, cloudDelayMs: 0 });
  const bridge = bridgeTo(agent);
  Object.defineProperty(window, 'tiki', { value: bridge, configurable: true });
  stop = startConnection(bridge);
  render(<App nonce="" />);
}

beforeAll(async () => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      unobserve(): void {}
      disconnect(): void {}
    },
  );
  window.matchMedia = (query) => ({
    matches: false,
    media: query,
    onchange: null,
    addListener: () => undefined,
    removeListener: () => undefined,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    dispatchEvent: () => false,
  });
  await startLanguage('en', 'en');
});
beforeEach(() => localStorage.clear());
afterEach(async () => {
  cleanup();
  stop();
  await changeLanguage('en');
});

export const typeDigits = (digits: string): void => {
  for (const digit of digits) fireEvent.click(screen.getByTestId(`code-key-${digit}`));
};
