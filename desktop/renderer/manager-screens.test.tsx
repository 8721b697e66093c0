// @vitest-environment jsdom
/** What a shop decides at its till, and what a manager does there, in front of the fake agent. */
import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FAKE_PIN } from '../ipc/fake-manager.ts';
import { agent, show, typeDigits } from './test/till.tsx';

describe('a manager', () => {
  it('sees what was refused, what is at stake, and decides with a reason and the PIN', async () => {
    show('overridable');
    act(() => agent.hearOfCloud('offline'));
    fireEvent.click(screen.getByTestId('override-open'));
    await screen.findByTestId('override-dialog');
    expect(screen.getByTestId('override-risk').textContent).toContain('You may not get this money');
    expect(screen.getAllByTestId('override-code').map((one) => one.dataset['code'])).toEqual([
      'trust_bundle_too_old',
      'first_payment_exceeds_limit',
    ]);
    const accept = screen.getByTestId<HTMLButtonElement>('override-accept');
    typeDigits(FAKE_PIN);
    expect(accept.disabled).toBe(true);
    fireEvent.click(screen.getByTestId('override-reason-knows_customer'));
    expect(accept.disabled).toBe(false);
    fireEvent.click(accept);
    await screen.findByTestId('screen-paid');
    expect(screen.getByTestId('paid-tier').dataset['tier']).toBe('at_risk');
    expect(screen.getByTestId('paid-tier').textContent).toContain('you may not get this money');
  });

  it('who types a wrong PIN is told so, and nothing is paid', async () => {
    show('overridable');
    fireEvent.click(screen.getByTestId('override-open'));
    fireEvent.click(await screen.findByTestId('override-reason-emergency'));
    typeDigits('246802');
    fireEvent.click(screen.getByTestId('override-accept'));
    expect((await screen.findByTestId('problem')).dataset['code']).toBe('manager_pin_wrong');
    expect(screen.getByTestId<HTMLInputElement>('override-pin').value).toBe('');
    expect(agent.state.sale?.state).toBe('open');
  });

  it('is not offered what no one may decide', () => {
    show('refused');
    expect(screen.queryByTestId('override-open')).toBeNull();
  });

  it('sets a PIN with the account’s password, twice the same', async () => {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-settings'));
    expect(screen.getByTestId('manager-pin-state').textContent).toContain('Not set');
    fireEvent.click(screen.getByTestId('manager-pin-set'));
    fireEvent.change(await screen.findByTestId('manager-password'), { target: { value: 'a long password' } });
    fireEvent.change(screen.getByTestId('manager-pin-next'), { target: { value: '482913' } });
    fireEvent.change(screen.getByTestId('manager-pin-again'), { target: { value: '482914' } });
    expect(screen.getByTestId<HTMLButtonElement>('manager-pin-save').disabled).toBe(true);
    fireEvent.change(screen.getByTestId('manager-pin-again'), { target: { value: '482913' } });
    fireEvent.click(screen.getByTestId('manager-pin-save'));
    await waitFor(() => expect(agent.state.managerPin.state).toBe('set'));
  });

  it('sets a limit freely and takes it away with the PIN only', async () => {
    show('overridable');
    fireEvent.click(screen.getByTestId('cancel-sale'));
    fireEvent.click(await screen.findByTestId('nav-settings'));
    fireEvent.click(screen.getByTestId('limits-open'));
    await screen.findByTestId('limits');
    const row = () => document.querySelector<HTMLElement>('[data-name="perPaymentMinor"]');
    const counts = () => row()?.querySelector<HTMLElement>('[data-testid="limit-counts"]')?.dataset['value'];
    expect(counts()).toBe('20000000');
    expect(screen.getByTestId('limits').textContent).toContain('Within 10 min, sum');
    fireEvent.click(row()?.querySelector('button') ?? document.body);
    for (const key of ['5', '00', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    fireEvent.click(screen.getByTestId('limit-save'));
    await screen.findByTestId('limits');
    expect(counts()).toBe('50000');
    fireEvent.click(row()?.querySelector('button') ?? document.body);
    fireEvent.click(screen.getByTestId('limit-remove'));
    await screen.findByTestId('limit-prove');
    typeDigits(FAKE_PIN);
    fireEvent.click(screen.getByTestId('limit-save'));
    await screen.findByTestId('limits');
    expect(counts()).toBe('20000000');
  });
});

describe('a limit that needs a PIN', () => {
  it('where there is none yet, sets one in place, and what was asked for goes on after it', async () => {
    show('ready');
    fireEvent.click(await screen.findByTestId('nav-settings'));
    fireEvent.click(screen.getByTestId('limits-open'));
    await screen.findByTestId('limits');
    const row = () => document.querySelector('[data-name="perPaymentMinor"] button') ?? document.body;
    fireEvent.click(row());
    for (const key of ['5', '00', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    fireEvent.click(screen.getByTestId('limit-save'));
    await screen.findByTestId('limits');
    fireEvent.click(row());
    fireEvent.click(screen.getByTestId('limit-remove'));
    expect((await screen.findByTestId('limit-prove')).textContent).not.toContain('Settings');
    fireEvent.click(screen.getByTestId('limit-set-pin'));
    fireEvent.change(await screen.findByTestId('manager-password'), { target: { value: 'a long password' } });
    fireEvent.change(screen.getByTestId('manager-pin-next'), { target: { value: '482913' } });
    fireEvent.change(screen.getByTestId('manager-pin-again'), { target: { value: '482913' } });
    fireEvent.click(screen.getByTestId('manager-pin-save'));
    expect(await screen.findByTestId('limit-pin')).toBeTruthy();
  });
});

describe('several customers at once', () => {
  const standings = (): (string | undefined)[] =>
    screen.getAllByTestId('counter-sale').map((card) => card.dataset['standing']);
  const card = (index: number): HTMLElement => {
    const found = screen.getAllByTestId('counter-sale')[index];
    if (found === undefined) throw new Error('a sale on the counter');
    return found;
  };

  it('is off until a manager turns it on, and then the counter shows', async () => {
    show('overridable');
    act(() => agent.expire());
    fireEvent.click(screen.getByTestId('new-sale'));
    expect(screen.queryByTestId('counter')).toBeNull();
    fireEvent.click(screen.getByTestId('nav-settings'));
    fireEvent.click(screen.getByTestId('several-3'));
    fireEvent.change(await screen.findByTestId('several-pin'), { target: { value: FAKE_PIN } });
    fireEvent.click(screen.getByTestId('several-save'));
    await waitFor(() => expect(screen.getByTestId('several-3').getAttribute('aria-checked')).toBe('true'));
    fireEvent.click(screen.getByTestId('nav-sell'));
    expect(screen.getByTestId('counter')).toBeTruthy();
  });

  it('without a PIN leads to setting one, and what was asked for goes on after it', async () => {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-settings'));
    expect(screen.getByTestId('manager-pin-none').textContent).toContain('anyone at this till');
    fireEvent.click(screen.getByTestId('several-3'));
    fireEvent.click(await screen.findByTestId('several-set-pin'));
    await screen.findByTestId('manager-pin-next');
    act(() => agent.set({ managerPin: { state: 'set', retryAfterMs: 0 } }));
    fireEvent.click(screen.getByText('Cancel'));
    fireEvent.change(await screen.findByTestId('several-pin'), { target: { value: FAKE_PIN } });
    fireEvent.click(screen.getByTestId('several-save'));
    await waitFor(() => expect(screen.getByTestId('several-3').getAttribute('aria-checked')).toBe('true'));
  });

  it('each is on the counter with its digits; a tap brings it to the front with its own code', async () => {
    show('several');
    expect(screen.getByTestId('screen-sell')).toBeTruthy();
    expect(standings()).toEqual(['waiting', 'paid', 'manager', 'waiting']);
    expect(card(3).textContent).toContain(agent.state.sales[3]?.shortCode);
    fireEvent.click(card(3));
    await screen.findByTestId('screen-waiting');
    expect(screen.getByTestId('short-code').textContent).toBe(agent.state.sales[3]?.shortCode);
    fireEvent.click(card(2));
    await screen.findByTestId('override-open');
    fireEvent.click(screen.getByTestId('counter-new'));
    await screen.findByTestId('screen-sell');
  });

  it('one that is paid beside the one in front is announced with its amount, and hides nothing', () => {
    show('several_front');
    const front = agent.state.sale;
    const other = agent.state.sales[3];
    act(() => agent.pay(undefined, other?.saleId));
    expect(screen.getByTestId('announcer').textContent).toContain('125,000');
    expect(screen.getByTestId('announcer').textContent).toContain([...(other?.shortCode ?? '')].join(' '));
    expect(standings()).toEqual(['waiting', 'paid', 'manager', 'paid']);
    expect(screen.getByTestId('short-code').textContent).toBe(front?.shortCode);
    act(() => agent.pay());
    expect(screen.getByTestId('paid-amount').dataset['minor']).toBe(front?.amountMinor);
    expect(standings()).toEqual(['paid', 'paid', 'manager', 'paid']);
  });

  it('a paid one leaves the counter when it was seen, and the keypad says when it is full', async () => {
    show('several');
    fireEvent.click(card(1));
    fireEvent.click(await screen.findByTestId('new-sale'));
    await screen.findByTestId('screen-sell');
    expect(standings()).toEqual(['waiting', 'manager', 'waiting']);
    fireEvent.click(screen.getByTestId('key-5'));
    fireEvent.click(screen.getByTestId('charge'));
    await screen.findByTestId('screen-waiting');
    fireEvent.click(screen.getByTestId('counter-new'));
    await screen.findByTestId('counter-full');
    fireEvent.click(screen.getByTestId('key-5'));
    expect(screen.getByTestId<HTMLButtonElement>('charge').disabled).toBe(true);
  });
});

describe('the merchant’s limits for all tills', () => {
  const openEditor = async (name: string): Promise<void> => {
    fireEvent.click(await screen.findByTestId('limits-open'));
    const rows = await screen.findAllByTestId('limit-row');
    const row = rows.find((one) => one.dataset['name'] === name);
    fireEvent.click(row?.querySelector('button') ?? document.body);
    await screen.findByTestId('limit-editor');
  };

  it('stand beside the others, with whose limit counts', async () => {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-settings'));
    fireEvent.click(await screen.findByTestId('limits-open'));
    const rows = await screen.findAllByTestId('limit-row');
    const byName = (name: string) => rows.find((row) => row.dataset['name'] === name);
    expect(
      byName('daySumMinor')?.querySelector<HTMLElement>('[data-testid=limit-by]')?.dataset['owner'],
    ).toBe('cloud');
    expect(byName('dayCount')?.querySelector<HTMLElement>('[data-testid=limit-by]')?.dataset['owner']).toBe(
      'issuer',
    );
  });

  it('are set by the merchant who is signed in, and by nobody else', async () => {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-settings'));
    await openEditor('dayCount');
    fireEvent.click(screen.getByLabelText('Shop, all tills'));
    expect(screen.getByTestId('limit-all-tills').textContent).toContain('sign in first');
    fireEvent.click(screen.getByTestId('key-7'));
    expect(screen.getByTestId<HTMLButtonElement>('limit-save').disabled).toBe(true);
    await act(async () => {
      await agent.handlers['merchant.signIn']({ phone: '+6281234567890', password: 'a long password' });
    });
    fireEvent.click(screen.getByTestId('limit-save'));
    await waitFor(() => expect(screen.queryByTestId('limit-editor')).toBeNull());
    const rows = await screen.findAllByTestId('limit-row');
    const row = rows.find((one) => one.dataset['name'] === 'dayCount');
    expect(row?.querySelector('[data-testid=limit-of-cloud]')?.textContent).toContain('7');
    expect(row?.querySelector<HTMLElement>('[data-testid=limit-by]')?.dataset['owner']).toBe('cloud');
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

describe('giving money back', () => {
  async function openDetail(index = 7): Promise<void> {
    show('ready');
    fireEvent.click(screen.getByTestId('nav-activity'));
    const items = await screen.findAllByTestId('activity-item');
    fireEvent.click(items[index] ?? document.body);
  }

  it('in part: amount, reason, code, and what is left afterwards', async () => {
    await openDetail();
    fireEvent.click(await screen.findByTestId('give-back'));
    expect(screen.getByTestId('give-back-amount').dataset['minor']).toBe('1500000');
    fireEvent.click(screen.getByTestId('give-back-part'));
    for (const key of ['5', '00', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    expect(screen.getByTestId<HTMLButtonElement>('give-back-submit').disabled).toBe(true);
    fireEvent.click(screen.getByTestId('give-back-reason-goods_returned'));
    fireEvent.click(screen.getByTestId('give-back-submit'));
    const qr = await screen.findByTestId('give-back-qr');
    expect(qr.dataset['qrText']).toBe(agent.state.refund?.qrText);
    expect(agent.state.refund).toMatchObject({ kind: 'refund', amountMinor: '50000' });
    act(() => agent.refunds.giveBack());
    expect(screen.getByTestId('given-back-amount').dataset['minor']).toBe('50000');
    expect(screen.getByTestId('give-back-receipt-qr').dataset['qrText']).toMatch(/^TIKI1:D:/);
    await waitFor(() => expect(screen.getByTestId('announcer').textContent).toContain('Given back'));
    const done = screen.getByTestId('screen-given-back');
    expect(done.textContent).toContain('when this till settles');
    act(() => agent.refunds.settle());
    await waitFor(() => expect(done.textContent).toContain('is in the customer’s online wallet'));
    fireEvent.click(screen.getByTestId('give-back-done'));
    expect((await screen.findByTestId('given-back-sum')).dataset['minor']).toBe('50000');
    expect((await screen.findByTestId('given-back-part')).dataset['settlement']).toBe('settled');
  });

  it('whole is a void; more than is left cannot be asked for', async () => {
    await openDetail();
    fireEvent.click(await screen.findByTestId('give-back'));
    fireEvent.click(screen.getByTestId('give-back-reason-other'));
    fireEvent.click(screen.getByTestId('give-back-part'));
    for (const key of ['9', '00', '00', '00']) fireEvent.click(screen.getByTestId(`key-${key}`));
    expect(screen.getByRole('alert').textContent).toContain('More than is left');
    expect(screen.getByTestId<HTMLButtonElement>('give-back-submit').disabled).toBe(true);
    fireEvent.click(screen.getByTestId('give-back-whole'));
    fireEvent.click(screen.getByTestId('give-back-submit'));
    await screen.findByTestId('give-back-qr');
    expect(agent.state.refund).toMatchObject({ kind: 'void', amountMinor: '1500000' });
  });

  it('offers no new code while the till is stopped, and says why', async () => {
    await openDetail();
    fireEvent.click(await screen.findByTestId('give-back'));
    fireEvent.click(screen.getByTestId('give-back-reason-other'));
    fireEvent.click(screen.getByTestId('give-back-submit'));
    await screen.findByTestId('give-back-qr');
    act(() => agent.set({ problems: ['kiosk_suspended'] }));
    expect(screen.queryByTestId('give-back-qr')).toBeNull();
    act(() => agent.suspend());
    expect(screen.getByTestId('screen-give-back-over').textContent).toContain('suspended this till');
    expect(screen.queryByTestId('give-back-again')).toBeNull();
    fireEvent.click(screen.getByTestId('give-back-done'));
    expect((await screen.findByTestId('give-back-stopped')).textContent).toContain('stopped');
    expect(screen.queryByTestId('give-back')).toBeNull();
    act(() => agent.set({ problems: [] }));
    expect(screen.getByTestId('give-back')).toBeTruthy();
  });

  it('says a refused confirmation in a sentence, and an expired code as nothing given back', async () => {
    await openDetail();
    fireEvent.click(await screen.findByTestId('give-back'));
    fireEvent.click(screen.getByTestId('give-back-reason-other'));
    fireEvent.click(screen.getByTestId('give-back-submit'));
    await screen.findByTestId('give-back-qr');
    act(() => agent.refunds.refuse('refund_acceptance_signature_invalid'));
    expect(screen.getByTestId('give-back-refusal').textContent).toContain('not the phone that paid');
    act(() => agent.refunds.expire());
    expect(screen.getByTestId('screen-give-back-over').textContent).toContain('Nothing was given back');
    fireEvent.click(screen.getByTestId('give-back-again'));
    expect(screen.getByTestId('screen-give-back')).toBeTruthy();
  });

  it('asks for the manager where the till has a PIN, and tells a wrong one', async () => {
    await openDetail();
    act(() => agent.set({ managerPin: { state: 'set', retryAfterMs: 0 } }));
    fireEvent.click(await screen.findByTestId('give-back'));
    fireEvent.click(screen.getByTestId('give-back-reason-other'));
    fireEvent.click(screen.getByTestId('give-back-submit'));
    const type = (pin: string): void => {
      fireEvent.change(screen.getByTestId('give-back-pin'), { target: { value: pin } });
      fireEvent.click(screen.getByTestId('give-back-submit'));
    };
    type('111222');
    expect((await screen.findByTestId('problem')).dataset['code']).toBe('manager_pin_wrong');
    type(FAKE_PIN);
    await screen.findByTestId('give-back-qr');
  });

  it('says where it is done that anyone may, while the till has no PIN', async () => {
    await openDetail();
    fireEvent.click(await screen.findByTestId('give-back'));
    expect(screen.getByTestId('give-back-anyone').textContent).toContain('anyone at this till');
    fireEvent.click(screen.getByTestId('give-back-set-pin'));
    await screen.findByTestId('manager-pin-next');
    act(() => agent.set({ managerPin: { state: 'set', retryAfterMs: 0 } }));
    expect(screen.queryByTestId('give-back-anyone')).toBeNull();
  });

  it('ends "Paid" for that sale, and the day says what went back', async () => {
    show('waiting');
    act(() => agent.pay());
    await screen.findByTestId('screen-paid');
    expect(screen.queryByTestId('today-net')).toBeNull();
    fireEvent.click(screen.getByTestId('nav-activity'));
    const [newest] = await screen.findAllByTestId('activity-item');
    fireEvent.click(newest ?? document.body);
    fireEvent.click(await screen.findByTestId('give-back'));
    fireEvent.click(screen.getByTestId('give-back-reason-other'));
    fireEvent.click(screen.getByTestId('give-back-submit'));
    await screen.findByTestId('give-back-qr');
    const { sumMinor } = agent.state.today;
    const backMinor = agent.state.refund?.amountMinor ?? '0';
    act(() => agent.refunds.giveBack());
    fireEvent.click(screen.getByTestId('nav-sell'));
    expect(screen.getByTestId('screen-sell')).toBeTruthy();
    const digits = (testId: string) => screen.getByTestId(testId).textContent?.replaceAll(/\D/g, '');
    expect(digits('today-sum')).toBe((BigInt(sumMinor) - BigInt(backMinor)).toString());
    expect(digits('today-net')).toBe(sumMinor + backMinor);
  });

  it('is not offered for a sale that the cloud refused', async () => {
    await openDetail(6);
    expect((await screen.findByTestId('given-back')).textContent).toContain('nothing to give back');
    expect(screen.queryByTestId('give-back')).toBeNull();
  });
});
