/** Keys on the screen for codes: letters and digits, or digits alone. For tills that have no keyboard. */
import { UnstyledButton } from '@mantine/core';
import type { ReactElement } from 'react';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import classes from './code-pad.module.css';

const LETTERS_AND_DIGITS = ['1234567890', 'QWERTYUIOP', 'ASDFGHJKL', 'ZXCVBNM'] as const;
/** The space keeps the zero below the eight. */
const DIGITS = ['123', '456', '789', ' 0'] as const;

export function CodePad({
  kind,
  onKey,
  onDelete,
}: {
  kind: 'code' | 'digits';
  onKey: (key: string) => void;
  onDelete: () => void;
}): ReactElement {
  const { t } = useLanguage();
  const rows = kind === 'code' ? LETTERS_AND_DIGITS : DIGITS;
  return (
    <div className={classes.pad} data-kind={kind} dir="ltr" role="group" aria-label={t('enrol.keys')}>
      {rows.map((row, index) => (
        <div key={row} className={classes.row}>
          {[...row].map((key) =>
            key === ' ' ? (
              <span key={key} className={classes.key} data-blank />
            ) : (
              // The field keeps the focus, so that a real keyboard and the screen can take turns.
              <UnstyledButton
                key={key}
                className={classes.key}
                tabIndex={-1}
                data-testid={`code-key-${key}`}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => onKey(key)}
              >
                {key}
              </UnstyledButton>
            ),
          )}
          {index === rows.length - 1 && (
            <UnstyledButton
              className={classes.key}
              data-wide
              tabIndex={-1}
              data-testid="code-key-delete"
              aria-label={t('enrol.delete')}
              onMouseDown={(event) => event.preventDefault()}
              onClick={onDelete}
            >
              <Icon name="backspace" size={24} />
            </UnstyledButton>
          )}
        </div>
      ))}
    </div>
  );
}
