// @vitest-environment jsdom
/** Every face of the till, rendered against the fake agent through the same bridge that the window gives it. */
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeAgent, type FakeScenario } from '../ipc/fake-agent.ts';
import { IpcError } from '../ipc/errors.ts';
import type { RendererEvent, TikiBridge } from '../ipc/renderer-contract.ts';
import { App } from './app.tsx';
import { startConnection } from './agent/connection.ts';
import { changeLanguage, startLanguage } from './language/i18n.ts';

let agent: FakeAgent;
let stop: () => void = () => undefined;
let send: (event: RendererEvent) => void = () => undefined;

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

function show(scenario: FakeScenario, currency = 'IDR'): void {
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

describe('before there is anything to sell with', () => {
  it('says that it is starting', () => {
    show('starting');
    expect(screen.getByTestId('screen-starting')).toBeTruthy();
  });

  it('offers the three ways in, and enrols with a code', async () => {
    show('not_enrolled');
    expect(screen.getByTestId('choose-sign-in')).toBeTruthy();
    expect(screen.getByTestId('choose-register')).toBeTruthy();
    fireEvent.click(screen.getByTestId('choose-code'));
    fireEvent.change(screen.getByTestId('enrol-code'), { target: { value: 'k7qm 3xtr' } });
    expect(screen.getByTestId<HTMLInputElement>('enrol-code').value).toBe('K7QM-3XTR');
    fireEvent.click(screen.getByTestId('enrol-submit'));
    await screen.findByTestId('screen-sell');
  });

  it('says a wrong code in a sentence with its code for support', async () => {
    show('not_enrolled');
    fireEvent.click(screen.getByTestId('choose-code'));
    fireEvent.change(screen.getByTestId('enrol-code'), { target: { value: 'XXXX1234' } });
    fireEvent.click(screen.getByTestId('enrol-submit'));
    const problem = await screen.findByTestId('problem');
    expect(problem.textContent).toContain('This code is not right');
    expect(problem.textContent).toContain('enrolment_code_incorrect');
  });

  it('leads from signing in to a kiosk on this device', async () => {
    show('not_enrolled');
    fireEvent.click(screen.getByTestId('choose-sign-in'));
    fireEvent.change(screen.getByTestId('sign-in-phone'), { target: { value: '+6281234567890' } });
    fireEvent.change(screen.getByTestId('sign-in-password'), { target: { value: 'a long password' } });
    fireEvent.click(screen.getByTestId('sign-in-submit'));
    fireEvent.change(await screen.findByTestId('kiosk-name'), { target: { value: 'Counter 1' } });
    fireEvent.click(screen.getByTestId('create-kiosk'));
    expect((await screen.findByTestId('kiosk-code')).textContent).toBe('K7QM-3XTR');
    fireEvent.click(screen.getByTestId('use-here'));
    await screen.findByTestId('screen-sell');
  });
});

describe('what is wrong with this till', () => {
  it('stands over every screen, with its code for support, until it is put right', () => {
    show('ready');
    expect(screen.queryByTestId('problem-band')).toBeNull();
    act(() => agent.set({ problems: ['clock_behind_trusted_time'] }));
    expect(screen.getByTestId('problem-band').textContent).toContain('The clock of this device is wrong');
    expect(screen.getByTestId('problem-band').textContent).toContain('clock_behind_trusted_time');
    act(() => agent.set({ problems: [] }));
    expect(screen.queryByTestId('problem-band')).toBeNull();
  });

  it('is the reason that a stopped till gives', () => {
    show('quarantined');
    act(() => agent.set({ problems: ['journal_unconfirmed'] }));
    expect(screen.getByTestId('screen-quarantined').textContent).toContain('Connect it to the internet once');
  });
});

describe('a sale', () => {
  it('is charged from the keypad and waits with its code', async () => {
    show('ready');
    for (const key of ['1', '2', '5', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    expect(screen.getByTestId('amount-display').dataset['minor']).toBe('12500');
    fireEvent.click(screen.getByTestId('charge'));
    const qr = await screen.findByTestId('qr');
    expect(qr.dataset['qrText']).toBe(agent.state.sale?.qrText);
    expect(screen.getByTestId('short-code').textContent).toBe('4821');
    expect(screen.getByTestId('sale-countdown').textContent).toMatch(/^[12]:\d\d$/);
  });

  it('is charged from a keyboard', async () => {
    show('ready');
    for (const key of ['7', '5', '0', '0', 'Backspace', 'Enter']) fireEvent.keyDown(document.body, { key });
    await screen.findByTestId('qr');
    expect(agent.state.sale?.amountMinor).toBe('750');
  });

  it('above the limit cannot be charged and says why', () => {
    show('ready');
    for (const key of ['9', '00', '00', '00', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    expect(screen.getByTestId<HTMLButtonElement>('charge').disabled).toBe(true);
    expect(screen.getByRole('alert').textContent).toContain('Above the limit');
  });

  it('shows a refusal as a sentence and stays open', () => {
    show('refused');
    const refusal = screen.getByTestId('last-refusal');
    expect(refusal.textContent).toContain('does not have enough offline money');
    expect(refusal.textContent).toContain('payment_exceeds_allowance');
    expect(screen.getByTestId('qr')).toBeTruthy();
  });

  it('announces that it was paid, with amount, phone, receipt, tier and state', async () => {
    show('waiting');
    act(() => agent.pay());
    expect(screen.getByTestId('screen-paid')).toBeTruthy();
    expect(screen.getByTestId('paid-amount').dataset['minor']).toBe('4275000');
    expect(screen.getByTestId('paid-receipt').textContent).toContain('129');
    expect(screen.getByTestId('paid-tier').dataset['tier']).toBe('reserved');
    expect(screen.getByTestId('paid-state').dataset['settlement']).toBe('settled');
    await waitFor(() => expect(screen.getByTestId('announcer').textContent).toContain('Paid'));
    fireEvent.click(screen.getByTestId('new-sale'));
    expect(screen.getByTestId('screen-sell')).toBeTruthy();
  });

  it('that was paid offline says where the money stands', () => {
    show('paid_offline');
    expect(screen.getByTestId('paid-state').textContent).toContain('when the internet returns');
  });

  it('is brought to the front when it is paid while another screen is on', async () => {
    show('waiting');
    fireEvent.click(screen.getByTestId('nav-activity'));
    await screen.findAllByTestId('activity-item');
    act(() => agent.pay());
    expect(screen.getByTestId('screen-paid')).toBeTruthy();
  });

  it('whose time is over offers a new code for the same amount', async () => {
    show('expired');
    const before = agent.state.sale;
    fireEvent.click(screen.getByTestId('new-code'));
    await screen.findByTestId('qr');
    expect(agent.state.sale?.amountMinor).toBe(before?.amountMinor);
    expect(agent.state.sale?.saleId).not.toBe(before?.saleId);
  });

  it('that is cancelled makes room for the next', async () => {
    show('waiting');
    fireEvent.click(screen.getByTestId('cancel-sale'));
    await screen.findByTestId('screen-sell');
  });
});

describe('the bar', () => {
  it('says offline and what waits, in words', () => {
    show('offline_pending');
    expect(screen.getByTestId('cloud-state').textContent).toContain('Offline');
    expect(screen.getByTestId('pending-count').textContent).toBe('3');
    expect(screen.getByTestId('settlement-state').textContent).toContain('3 waiting');
  });

  it('shows how far a settlement has come', () => {
    show('settling');
    expect(screen.getByTestId('settlement-state').textContent).toContain('148 of 260');
  });
});

describe('the back office', () => {
  it('lists payments with their states and opens one', async () => {
    show('offline_pending');
    fireEvent.click(screen.getByTestId('nav-activity'));
    const items = await screen.findAllByTestId('activity-item');
    expect(items).toHaveLength(30);
    expect(items[0]?.textContent).toContain('On this device');
    fireEvent.click(screen.getByTestId('activity-more'));
    await waitFor(() => expect(screen.getAllByTestId('activity-item')).toHaveLength(60));
  });

  it('has words for an empty list', async () => {
    show('fresh');
    fireEvent.click(screen.getByTestId('nav-activity'));
    await screen.findByTestId('activity-empty');
  });

  it('says why settlement has stopped', () => {
    show('settle_refused');
    fireEvent.click(screen.getByTestId('nav-status'));
    expect(screen.getByTestId('problem').dataset['code']).toBe('batch_chain_broken');
  });
});

describe('when something is wrong', () => {
  it('a lost agent takes the whole screen, and its return gives it back', () => {
    show('waiting');
    act(() => send({ type: 'agentLost', since: new Date().toISOString() }));
    expect(screen.getByRole('alert').textContent).toContain('Do not hand over goods');
    expect(screen.queryByTestId('qr')).toBeNull();
    act(() => send({ type: 'agentState', state: agent.state }));
    expect(screen.getByTestId('qr')).toBeTruthy();
  });

  it('a quarantined record stops selling', () => {
    show('quarantined');
    expect(screen.getByTestId('screen-quarantined').textContent).toContain('journal_quarantined');
    expect(screen.queryByTestId('charge')).toBeNull();
  });
});

describe('another language', () => {
  it('turns the page for Arabic and keeps the sale', async () => {
    show('waiting');
    await act(() => changeLanguage('ar'));
    expect(document.documentElement.dir).toBe('rtl');
    expect(screen.getByTestId('screen-waiting').textContent).toContain('بانتظار الدفع');
    expect(screen.getByTestId('qr')).toBeTruthy();
  });
});
