/** The two steps of a customer without internet: join this kiosk's Wi-Fi, then pay. One code at a time is on the screen. */
import { UnstyledButton } from '@mantine/core';
import { type ReactElement, useEffect, useRef } from 'react';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import classes from './wifi.module.css';

export type PayStep = 'join' | 'pay';

export function PaySteps({
  step,
  onChange,
}: {
  step: PayStep;
  onChange: (step: PayStep) => void;
}): ReactElement {
  const { t } = useLanguage();
  const { count } = useAgent().state.radio.phones;
  const before = useRef(count);
  // A phone has joined: the code to pay by is what it needs next.
  useEffect(() => {
    if (step === 'join' && count > before.current) onChange('pay');
    before.current = count;
  }, [count, step, onChange]);
  return (
    <div className={classes.steps} role="group" aria-label={t('wifi.steps')} data-testid="pay-steps">
      {(['join', 'pay'] as const).map((name, index) => (
        <UnstyledButton
          key={name}
          className={classes.step}
          data-testid={`step-${name}`}
          aria-pressed={step === name}
          onClick={() => onChange(name)}
        >
          <span className={`${classes.stepNumber} tiki-number`}>{index + 1}</span>
          {t(name === 'join' ? 'wifi.stepJoin' : 'wifi.stepPay')}
        </UnstyledButton>
      ))}
    </div>
  );
}
