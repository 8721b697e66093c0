/** The twelve keys of the till. Owns no amount: it tells which key was pressed. */
import { UnstyledButton } from '@mantine/core';
import type { ReactElement } from 'react';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import type { KeypadKey } from './keypad-amount.ts';
import classes from './keypad.module.css';

export function Keypad({
  zeros,
  onKey,
}: {
  zeros: '00' | '000';
  onKey: (key: KeypadKey) => void;
}): ReactElement {
  const { t } = useLanguage();
  const digits: KeypadKey[] = ['1', '2', '3', '4', '5', '6', '7', '8', '9', zeros, '0'];
  return (
    // A keypad is laid out the same way in every language, as telephones and card terminals are.
    <div className={classes.keypad} dir="ltr" role="group" aria-label={t('sell.keypad')}>
      {digits.map((key) => (
        <UnstyledButton
          key={key}
          className={classes.key}
          data-testid={`key-${key}`}
          onClick={() => onKey(key)}
        >
          {key}
        </UnstyledButton>
      ))}
      <UnstyledButton
        className={classes.key}
        data-testid="key-backspace"
        aria-label={t('sell.backspace')}
        onClick={() => onKey('backspace')}
      >
        <Icon name="backspace" size="1.15em" />
      </UnstyledButton>
    </div>
  );
}
