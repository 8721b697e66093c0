/** Before the code: the number that the customer tells the cashier. Only the phone with that number can pay then. */
import { Button, TextInput } from '@mantine/core';
import { type FormEvent, type ReactElement, useState } from 'react';
import { codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { CodePad } from '../welcome/code-pad.tsx';
import { callingCodeOf, cleanPhone, isWholePhone } from './calling-code.ts';
import classes from './payer-phone.module.css';

interface PayerPhoneScreenProps {
  amountMinor: string;
  /** E.164, or undefined for a sale without the number. */
  onPhone: (phone: string | undefined) => void;
  onBack: () => void;
  charging: boolean;
  error: unknown;
}

export function PayerPhoneScreen({
  amountMinor,
  onPhone,
  onBack,
  charging,
  error,
}: PayerPhoneScreenProps): ReactElement {
  const { state } = useAgent();
  const { t, money } = useLanguage();
  const home = callingCodeOf(state.kiosk?.merchantPhone ?? '');
  const [digits, setDigits] = useState(home);
  const change = (typed: string): void => setDigits(cleanPhone(typed, home));
  const isReady = isWholePhone(digits) && digits !== home && !charging;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady) onPhone(`+${digits}`);
  };
  return (
    <form className={classes.screen} onSubmit={submit} data-testid="screen-payer-phone" data-own-keys>
      <section className={classes.side}>
        <p className={`${classes.amount} tiki-number`}>
          {money(amountMinor, state.kiosk?.currency ?? 'USD')}
        </p>
        <h1 className={classes.title}>{t('payer.title')}</h1>
        <p className={classes.body}>{t('payer.body')}</p>
        <TextInput
          aria-label={t('payer.title')}
          data-testid="payer-phone"
          classNames={{ input: classes.input }}
          value={`+${digits}`}
          dir="ltr"
          autoFocus
          autoComplete="off"
          inputMode="none"
          onChange={(event) => change(event.currentTarget.value)}
        />
        {error !== null && error !== undefined && <Problem code={codeOf(error)} />}
      </section>
      <section className={classes.side}>
        <CodePad
          kind="digits"
          onKey={(key) => change(digits + key)}
          onDelete={() => change(digits.slice(0, -1))}
        />
        <div className={classes.actions}>
          <Button type="submit" fullWidth data-testid="payer-show" disabled={!isReady} loading={charging}>
            {t('payer.show')}
          </Button>
          <div className={classes.pair}>
            <Button variant="default" data-testid="payer-skip" onClick={() => onPhone(undefined)}>
              {t('payer.skip')}
            </Button>
            <Button variant="default" data-testid="payer-back" onClick={onBack}>
              {t('common.back')}
            </Button>
          </div>
        </div>
      </section>
    </form>
  );
}
