// @vitest-environment jsdom
/** Every face of the till, rendered against the fake agent through the same bridge that the window gives it. */
import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { IpcError } from '../ipc/errors.ts';
import { fakeRadio } from '../ipc/fake-radio.ts';
import { HOSTILE_NAMES } from '../ipc/hostile-names.ts';
import { RadioState } from '../ipc/radio-contract.ts';
import { changeLanguage } from './language/i18n.ts';
import { agent, send, show, typeDigits } from './test/till.tsx';

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

  it('makes one kiosk of one name, also when the first answer was lost and the list has it by then', async () => {
    show('not_enrolled');
    const { 'kiosks.create': make } = agent.handlers;
    const create = vi.spyOn(agent.handlers, 'kiosks.create').mockImplementationOnce(async (wish) => {
      await make(wish);
      throw new IpcError('cloud_unreachable');
    });
    fireEvent.click(screen.getByTestId('choose-sign-in'));
    fireEvent.change(screen.getByTestId('sign-in-phone'), { target: { value: '+6281234567890' } });
    fireEvent.change(screen.getByTestId('sign-in-password'), { target: { value: 'a long password' } });
    fireEvent.click(screen.getByTestId('sign-in-submit'));
    fireEvent.change(await screen.findByTestId('kiosk-name'), { target: { value: 'Terrace' } });
    fireEvent.click(screen.getByTestId('create-kiosk'));
    await screen.findByTestId('problem');
    const list = vi.spyOn(agent.handlers, 'kiosks.list');
    // Somebody comes back to the window a minute later.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    fireEvent(document, new Event('visibilitychange', { bubbles: true }));
    await waitFor(() => expect(list).toHaveBeenCalled());
    await act(async () => void (await list.mock.results[0]?.value));
    vi.useRealTimers();
    fireEvent.click(screen.getByTestId('create-kiosk'));
    await screen.findByTestId('kiosk-code');
    const [first, second] = create.mock.calls.map(([wish]) => wish);
    expect(second).toEqual(first);
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

  it('that is open when the till is suspended ends with the reason, and nobody is told to try again', () => {
    show('refused');
    expect(screen.getByTestId('screen-waiting')).toBeTruthy();
    act(() => agent.set({ problems: ['kiosk_suspended'] }));
    expect(screen.queryByTestId('qr')).toBeNull();
    act(() => agent.suspend());
    const ended = screen.getByTestId('screen-stopped');
    expect(ended.textContent).toContain('Nothing was paid');
    expect(ended.textContent).toContain('suspended this till');
    expect(ended.textContent).not.toContain('try again');
    fireEvent.click(screen.getByTestId('stopped-close'));
    expect(screen.getByTestId('screen-sell')).toBeTruthy();
  });

  it('whose time is over gets no new code while the till is stopped', () => {
    show('expired');
    act(() => agent.set({ problems: ['kiosk_suspended'] }));
    expect(screen.queryByTestId('new-code')).toBeNull();
    expect(screen.getByTestId('screen-stopped').textContent).toContain('suspended this till');
    act(() => agent.set({ problems: [] }));
    expect(screen.getByTestId('new-code')).toBeTruthy();
  });

  it('that is cancelled makes room for the next', async () => {
    show('waiting');
    fireEvent.click(screen.getByTestId('cancel-sale'));
    await screen.findByTestId('screen-sell');
  });
});

describe('the customer’s number', () => {
  it('is asked for before the code when the cashier wishes, with the country filled in', async () => {
    show('ready');
    for (const key of ['7', '5', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    fireEvent.click(screen.getByTestId('charge-with-phone'));
    expect(screen.getByTestId<HTMLInputElement>('payer-phone').value).toBe('+62');
    // The zero that people say at home goes by itself.
    typeDigits('0812345678');
    expect(screen.getByTestId<HTMLInputElement>('payer-phone').value).toBe('+62812345678');
    fireEvent.click(screen.getByTestId('payer-show'));
    await screen.findByTestId('checks-payer');
    expect(agent.state.sale).toMatchObject({ amountMinor: '7500', checksPhone: true });
  });

  it('is asked for before every code where the shop wants it so', () => {
    localStorage.setItem('tiki.preferences', '{}');
    show('ready');
    fireEvent.click(screen.getByTestId('nav-settings'));
    fireEvent.click(screen.getByLabelText('Every sale'));
    fireEvent.click(screen.getByTestId('nav-sell'));
    fireEvent.click(screen.getByTestId('key-5'));
    fireEvent.click(screen.getByTestId('charge'));
    expect(screen.getByTestId('screen-payer-phone')).toBeTruthy();
    fireEvent.click(screen.getByTestId('payer-back'));
    fireEvent.click(screen.getByTestId('nav-settings'));
    fireEvent.click(screen.getByLabelText('When I choose'));
  });
});

describe('the shop’s risk', () => {
  it('R36 is said in plain words with the caps of this moment', () => {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-status'));
    expect(screen.getByTestId('panel-risk').textContent).toContain('you may not be paid');
    expect(screen.getByTestId('risk-caps').textContent).toMatch(/200,000.*5,000,000/);
    expect(screen.getByTestId('trust-next').textContent).toContain('Limits are halved from');
  });

  it('news about a sale say what happens next', async () => {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-activity'));
    const items = await screen.findAllByTestId('activity-item');
    const disputed = items.find((item) => item.dataset['settlement'] === 'disputed');
    fireEvent.click(disputed ?? document.body);
    expect((await screen.findByTestId('payment-next')).textContent).toContain('proof is with the service');
  });

  it('a kiosk that is denied says so over every screen', () => {
    show('kiosk_denied');
    expect(screen.getByTestId('problem-band').textContent).toContain(
      'blocked by its owner or by the service',
    );
    expect(screen.getByTestId('trust-state').textContent).toBe('Blocked');
    fireEvent.click(screen.getByTestId('nav-status'));
    expect(screen.getByTestId('panel-trust').textContent).not.toMatch(/full/i);
    expect(screen.queryByTestId('trust-next')).toBeNull();
  });

  it('a kiosk that its owner suspended says so, and that what it took goes on', () => {
    show('kiosk_suspended');
    expect(screen.getByTestId('problem-band').textContent).toContain('Payments already accepted go on');
    expect(screen.getByTestId('trust-state').textContent).toBe('Suspended');
    fireEvent.click(screen.getByTestId('nav-status'));
    expect(screen.getByTestId('panel-trust').textContent).toContain('once that is lifted');
    expect(screen.queryByTestId('trust-next')).toBeNull();
  });
});

describe('the bar', () => {
  it('says offline and what waits, in words', () => {
    show('offline_pending');
    expect(screen.getByTestId('cloud-state').textContent).toContain('Offline');
    expect(screen.getByTestId('pending-count').textContent).toBe('3');
    expect(screen.getByTestId('settlement-state').textContent).toContain('3 waiting');
  });

  it('says that it is connecting, which is not offline', () => {
    show('connecting');
    const chip = screen.getByTestId('cloud-state');
    expect(chip.dataset['state']).toBe('connecting');
    expect([chip.textContent, chip.getAttribute('aria-label')]).toEqual([
      'Connecting…',
      'Internet: Connecting…',
    ]);
    fireEvent.click(screen.getByTestId('nav-status'));
    expect(screen.getByTestId('panel-cloud').textContent).toContain('Connecting…');
  });

  it('shows how far a settlement has come', () => {
    show('settling');
    expect(screen.getByTestId('settlement-state').textContent).toContain('148 of 260');
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

describe('the Wi-Fi for phones', () => {
  async function charge(): Promise<void> {
    for (const key of ['5', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    fireEvent.click(screen.getByTestId('charge'));
    await screen.findByTestId('qr');
  }

  it('is a step before paying while phones can join, and no step at all otherwise', async () => {
    show('radio_up');
    await charge();
    fireEvent.click(screen.getByTestId('step-join'));
    const picture = await screen.findByTestId<HTMLImageElement>('join-qr');
    expect(picture.src).toMatch(/^data:image\/png;base64,/);
    expect(picture.alt).toContain('DIRECT-q7-Warung-Sari');
    expect(screen.queryByTestId('qr')).toBeNull();
    act(() => agent.set({ radio: fakeRadio('rebuilding') }));
    expect(screen.queryByTestId('pay-steps')).toBeNull();
    await screen.findByTestId('qr');
  });

  it('goes on to the code to pay by when a phone has joined', async () => {
    show('radio_up');
    await charge();
    fireEvent.click(screen.getByTestId('step-join'));
    await screen.findByTestId('join-qr');
    act(() => agent.set({ radio: { ...fakeRadio('up'), phones: { count: 4, names: [] } } }));
    await screen.findByTestId('qr');
    expect(screen.queryByTestId('join-qr')).toBeNull();
  });

  it.each(RadioState.options)('says the state %s in words, in the bar and on its page', (state) => {
    show('ready');
    act(() => agent.set({ radio: fakeRadio(state) }));
    expect(screen.getByTestId('radio-state').dataset['state']).toBe(state);
    fireEvent.click(screen.getByTestId('nav-status'));
    const words = screen.getByTestId('radio-word').textContent;
    expect(words).not.toBe('');
    expect(screen.getByTestId('radio-state').textContent).toBe(words);
  });

  it('R13 shows a hostile name, should the agent let one through, as text that changes nothing around it', async () => {
    show('radio_up');
    act(() => agent.set({ radio: fakeRadio('up', ['Galaxy-A14', ...HOSTILE_NAMES]) }));
    fireEvent.click(screen.getByTestId('nav-status'));
    fireEvent.click(screen.getByTestId('radio-open'));
    await screen.findByTestId('radio-details');
    const shown = screen.getAllByTestId('phone-names');
    expect(shown).toHaveLength(2);
    for (const names of shown) {
      expect(names.textContent).toMatch(/^Galaxy-A14, <img src=x onerror=alert\(1\)>, <b>bold<\/b>, /);
      // No control characters, no marks that turn the direction of writing, no half letters.
      expect(names.textContent).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect([...names.querySelectorAll('*')].every(({ tagName }) => ['SPAN', 'BDI'].includes(tagName))).toBe(
        true,
      );
      for (const name of names.querySelectorAll('bdi'))
        expect(name.textContent.length).toBeLessThanOrEqual(32);
    }
    expect(document.querySelector('img[src="x"], script')).toBeNull();
    expect(screen.getByTestId('radio-phones').dataset['count']).toBe(String(HOSTILE_NAMES.length + 1));
  });

  it('is switched on and off, in both kinds, and rotated', async () => {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-status'));
    fireEvent.click(screen.getByTestId('radio-open'));
    await screen.findByTestId('radio-details');
    fireEvent.click(screen.getByTestId('radio-on'));
    await screen.findByTestId('radio-ssid');
    expect(agent.state.radio.settings.isOn).toBe(true);
    fireEvent.click(screen.getByTestId('radio-rotate'));
    await waitFor(() => expect(agent.state.radio.joinCodeId).toBe(2));
  });

  it('is tested check by check, and the one that fails says what to do next', async () => {
    show('ready');
    act(() => agent.set({ radio: fakeRadio('not_permitted') }));
    fireEvent.click(screen.getByTestId('nav-status'));
    fireEvent.click(screen.getByTestId('radio-open'));
    fireEvent.click(await screen.findByTestId('radio-test'));
    await screen.findByTestId('radio-checks');
    const checks = screen.getAllByTestId('radio-check');
    expect(checks.map(({ dataset }) => dataset['outcome'])).toContain('failed');
    const failed = checks.find(({ dataset }) => dataset['outcome'] === 'failed');
    expect(failed?.dataset['name']).toBe('permission');
    expect(failed?.textContent).toContain('Install the agent as a service');
    expect(failed?.textContent).toContain('cap_net_admin_missing');
  });
});
