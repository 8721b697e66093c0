/** The resting face of the till: an amount, a keypad, one large button. Keyboard and touch do the same. */
import { Button, UnstyledButton } from '@mantine/core';
import { currencyExponent } from '@tikiwallet/protocol';
import { type CSSProperties, type ReactElement, useCallback, useEffect, useRef, useState } from 'react';
import { codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import { useStart } from '../look/use-start.ts';
import { usePreferences } from '../settings/preferences.ts';
import { isOver, type KeypadKey, keyOfKeyboard, pressKey, zerosKey } from './keypad-amount.ts';
import { Keypad } from './keypad.tsx';
import classes from './sell-screen.module.css';
import { netOf } from './today-net.ts';

interface SellScreenProps {
  /** `withPhone`: the customer's number is asked for first. */
  onCharge: (amountMinor: string, withPhone: boolean) => void;
  charging: boolean;
  error: unknown;
  /** As many sales are open as may be. */
  full?: boolean;
}

export function SellScreen({ onCharge, charging, error, full = false }: SellScreenProps): ReactElement {
  const { state } = useAgent();
  const { t, money } = useLanguage();
  const [amount, setAmount] = useState('0');
  const start = useStart();
  const currency = state.kiosk?.currency ?? 'USD';
  const { checksPhone } = usePreferences();
  const limit = state.limits.perPaymentMinor;
  // Above the shop's own limit a manager may still agree; above the service's nobody may.
  const most = state.limits.withManagerMinor ?? limit;
  const over = isOver(amount, most);
  const needsManager = !over && isOver(amount, limit);
  const ready = amount !== '0' && !over && !charging && !full;

  const press = useCallback((key: KeypadKey): void => setAmount((before) => pressKey(before, key)), []);
  const charge = (withPhone = checksPhone === 'always'): void => {
    if (ready) onCharge(amount, withPhone);
  };
  useKeyboard(press, () => charge());

  const shown = money(amount, currency);
  return (
    <div className={classes.sell} data-testid="screen-sell">
      <section className={classes.display} aria-label={t('sell.amount')}>
        <div className={classes.amountRow}>
          <h1 className={classes.label} ref={start} tabIndex={-1}>
            {t('sell.title')}
          </h1>
          {amount !== '0' && (
            <UnstyledButton className={classes.clear} data-testid="key-clear" onClick={() => press('clear')}>
              {t('sell.clear')}
            </UnstyledButton>
          )}
        </div>
        <div className={classes.amountBox}>
          <output
            className={`${classes.amount} tiki-number`}
            data-testid="amount-display"
            data-minor={amount}
            data-empty={amount === '0' || undefined}
            style={{ '--letters': shown.length } as CSSProperties}
          >
            {shown}
          </output>
        </div>
        <p
          className={classes.limit}
          data-over={over || undefined}
          data-manager={needsManager || undefined}
          role={over || needsManager ? 'alert' : undefined}
        >
          {over
            ? t('sell.overLimit', { amount: money(most, currency) })
            : needsManager
              ? t('sell.needsManager', { amount: money(limit, currency) })
              : amount === '0'
                ? t('sell.hint')
                : t('sell.limit', { amount: money(limit, currency) })}
        </p>
        {full && (
          <p className={classes.limit} data-manager role="status" data-testid="counter-full">
            {t('several.full', { count: state.till.mostOpen })}
          </p>
        )}
        {error !== null && error !== undefined && <Problem code={codeOf(error)} />}
        <Today />
      </section>
      <section className={classes.keys}>
        <Keypad zeros={zerosKey(currencyExponent(currency))} onKey={press} />
        <Button
          className={classes.charge}
          fullWidth
          data-testid="charge"
          disabled={!ready && !charging}
          loading={charging}
          onClick={() => charge()}
        >
          {amount === '0' ? t('sell.charge') : t('sell.chargeAmount', { amount: shown })}
        </Button>
        {checksPhone === 'perSale' && (
          <Button
            variant="default"
            fullWidth
            data-testid="charge-with-phone"
            disabled={!ready}
            leftSection={<Icon name="user" size={22} />}
            onClick={() => charge(true)}
          >
            {t('payer.ask')}
          </Button>
        )}
      </section>
    </div>
  );
}

/** Digits, Backspace, Escape and Enter, unless somebody types into a field or holds a modifier. */
function useKeyboard(press: (key: KeypadKey) => void, charge: () => void): void {
  const newest = useRef(charge);
  newest.current = charge;
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      const key = keyOfKeyboard(event.key);
      if (key === undefined) return;
      // Enter on a focused key presses that key; everywhere else it charges.
      if (key === 'charge' && event.target instanceof HTMLButtonElement) return;
      event.preventDefault();
      if (key === 'charge') newest.current();
      else press(key);
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [press]);
}

function Today(): ReactElement {
  const { state } = useAgent();
  const { t, money } = useLanguage();
  const currency = state.kiosk?.currency ?? 'USD';
  const { pendingCount, pendingMinor } = state.settlement;
  return (
    <dl className={classes.today}>
      <div>
        <dt>{t('sell.today')}</dt>
        <dd className="tiki-number" data-testid="today-sum">
          {money(netOf(state.today), currency)}
        </dd>
        <dd className={classes.small} data-testid="today-count">
          {t('sell.todaySales', { count: state.today.count })}
        </dd>
        {state.today.refundedMinor !== '0' && (
          <dd className={classes.small} data-testid="today-net">
            {t('sell.todayNet', {
              sold: money(state.today.sumMinor, currency),
              back: money(state.today.refundedMinor, currency),
            })}
          </dd>
        )}
      </div>
      {pendingCount > 0 && (
        <div>
          <dt>{t('sell.onDevice')}</dt>
          <dd className="tiki-number">{money(pendingMinor, currency)}</dd>
          <dd className={classes.small}>{t('bar.settleWaiting', { count: pendingCount })}</dd>
        </div>
      )}
    </dl>
  );
}
