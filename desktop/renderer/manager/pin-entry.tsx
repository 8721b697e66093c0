/** A field for a PIN with its keys: dots, never digits. Holds nothing; whoever shows it forgets the digits afterwards. */
import { PasswordInput } from '@mantine/core';
import { type ReactElement, useEffect, useRef } from 'react';
import { isFocusLost } from '../look/use-start.ts';
import { CodePad } from '../welcome/code-pad.tsx';
import classes from './manager.module.css';

export const LEAST_PIN = 6;
const MOST_PIN = 12;

interface PinEntryProps {
  label: string;
  description?: string | undefined;
  value: string;
  onChange: (digits: string) => void;
  testId: string;
  error?: string | undefined;
  /** The keys are below this field; false where several fields share one pad. */
  pad?: boolean;
  onFocus?: () => void;
  autoFocus?: boolean;
}

export function cleanPin(text: string): string {
  return text.replaceAll(/\D/g, '').slice(0, MOST_PIN);
}

export function PinEntry({
  label,
  description,
  value,
  onChange,
  testId,
  error,
  pad = true,
  onFocus,
  autoFocus = false,
}: PinEntryProps): ReactElement {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // A dialog that opens finds it by itself; a step inside an open one does not.
    if (autoFocus && isFocusLost()) field.current?.focus();
  }, [autoFocus]);
  return (
    <div className={classes.pin} data-own-keys>
      <PasswordInput
        ref={field}
        label={label}
        description={description}
        error={error}
        value={value}
        dir="ltr"
        inputMode="none"
        autoComplete="off"
        visible={false}
        rightSection={<></>}
        data-testid={testId}
        classNames={{ innerInput: classes.pinInput }}
        data-autofocus={autoFocus || undefined}
        onFocus={onFocus}
        onChange={(event) => onChange(cleanPin(event.currentTarget.value))}
      />
      {pad && (
        <CodePad
          kind="digits"
          onKey={(key) => onChange(cleanPin(value + key))}
          onDelete={() => onChange(value.slice(0, -1))}
        />
      )}
    </div>
  );
}
