/** Enters the enrolment code that binds this device to a shop. */
import { Button, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import { call, codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { CodePad } from './code-pad.tsx';
import { CODE_LENGTH, cleanCode, showCode } from './enrolment-code.ts';
import { StepFrame } from './step-frame.tsx';
import classes from './welcome.module.css';

export function EnrolStep({ onBack }: { onBack: () => void }): ReactElement {
  const { t } = useLanguage();
  const [code, setCode] = useState('');
  const enrol = useMutation({ mutationFn: () => call('kiosk.enrol', { code }) });
  const change = (next: string): void => {
    setCode(cleanCode(next));
    enrol.reset();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (code.length === CODE_LENGTH) enrol.mutate();
  };
  return (
    <StepFrame title={t('enrol.title')} body={t('enrol.body')} onBack={onBack}>
      <form className={classes.form} onSubmit={submit} data-own-keys>
        <TextInput
          aria-label={t('enrol.label')}
          data-testid="enrol-code"
          classNames={{ input: classes.codeInput }}
          value={showCode(code)}
          placeholder="ABCD-EFGH"
          dir="ltr"
          autoFocus
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          inputMode="none"
          onChange={(event) => change(event.currentTarget.value)}
        />
        <CodePad kind="code" onKey={(key) => change(code + key)} onDelete={() => change(code.slice(0, -1))} />
        {enrol.isError && <Problem code={codeOf(enrol.error)} />}
        <Button
          type="submit"
          data-testid="enrol-submit"
          disabled={code.length < CODE_LENGTH}
          loading={enrol.isPending}
          fullWidth
        >
          {t('enrol.submit')}
        </Button>
      </form>
    </StepFrame>
  );
}
