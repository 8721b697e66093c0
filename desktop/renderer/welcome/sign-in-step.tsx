/** Signs the merchant in to the cloud: here on the way to a kiosk, in the settings for the back office. */
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import { call, codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { StepFrame } from './step-frame.tsx';
import classes from './welcome.module.css';

export function SignInStep({
  onBack,
  onSignedIn,
}: {
  onBack: () => void;
  onSignedIn: () => void;
}): ReactElement {
  const { t } = useLanguage();
  return (
    <StepFrame title={t('account.signInTitle')} body={t('account.signInBody')} onBack={onBack}>
      <SignInForm onSignedIn={onSignedIn} />
    </StepFrame>
  );
}

export function SignInForm({ onSignedIn }: { onSignedIn: () => void }): ReactElement {
  const { t } = useLanguage();
  const [phone, setPhone] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: () => call('merchant.signIn', { phone, password }),
    onSuccess: onSignedIn,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    signIn.mutate();
  };
  const ready = phone.trim().length >= 4 && password.length > 0;
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label={t('account.phone')}
        data-testid="sign-in-phone"
        type="tel"
        inputMode="tel"
        dir="ltr"
        autoComplete="tel"
        value={phone}
        onChange={(event) => setPhone(event.currentTarget.value)}
        autoFocus
      />
      <PasswordInput
        label={t('account.password')}
        data-testid="sign-in-password"
        autoComplete="current-password"
        visibilityToggleButtonProps={{ 'aria-label': t('account.showPassword'), tabIndex: 0 }}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {signIn.isError && <Problem code={codeOf(signIn.error)} />}
      <Button
        type="submit"
        data-testid="sign-in-submit"
        disabled={!ready}
        loading={signIn.isPending}
        fullWidth
      >
        {t('account.signInSubmit')}
      </Button>
    </form>
  );
}
