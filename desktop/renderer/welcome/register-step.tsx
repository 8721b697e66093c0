/** Registers a shop: name, phone, user, password. Nothing exists before the code of the next step is right. */
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call, codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import type { Registration } from './otp-step.tsx';
import { StepFrame } from './step-frame.tsx';
import classes from './welcome.module.css';

export function RegisterStep({
  onBack,
  onSent,
}: {
  onBack: () => void;
  onSent: (registration: Registration) => void;
}): ReactElement {
  const { t } = useLanguage();
  const form = useForm({
    initialValues: { businessName: '', phone: '', username: '', password: '' },
    validate: {
      businessName: (value) => (value.trim().length < 2 ? t('account.required') : null),
      phone: (value) => (/^\+?[0-9 ()-]{4,32}$/.test(value.trim()) ? null : t('account.phoneInvalid')),
      username: (value) => (value.trim().length < 2 ? t('account.required') : null),
      password: (value) => (value.length < 8 ? t('account.passwordHint') : null),
    },
  });
  const register = useMutation({
    mutationFn: (values: typeof form.values) => call('merchant.register', values),
    onSuccess: onSent,
  });
  return (
    <StepFrame title={t('account.registerTitle')} body={t('account.registerBody')} onBack={onBack}>
      <form className={classes.form} noValidate onSubmit={form.onSubmit((values) => register.mutate(values))}>
        <div className={classes.pair}>
          <TextInput
            label={t('account.businessName')}
            description={t('account.businessNameHint')}
            data-testid="register-business-name"
            maxLength={32}
            autoFocus
            {...form.getInputProps('businessName')}
          />
          <TextInput
            label={t('account.phone')}
            description={t('account.phoneHint')}
            data-testid="register-phone"
            type="tel"
            inputMode="tel"
            dir="ltr"
            autoComplete="tel"
            maxLength={32}
            {...form.getInputProps('phone')}
          />
        </div>
        <div className={classes.pair}>
          <TextInput
            label={t('account.username')}
            data-testid="register-username"
            autoComplete="username"
            maxLength={32}
            {...form.getInputProps('username')}
          />
          <PasswordInput
            label={t('account.password')}
            placeholder={t('account.passwordHint')}
            data-testid="register-password"
            autoComplete="new-password"
            maxLength={200}
            visibilityToggleButtonProps={{ 'aria-label': t('account.showPassword'), tabIndex: 0 }}
            {...form.getInputProps('password')}
          />
        </div>
        {register.isError && <Problem code={codeOf(register.error)} />}
        <Button type="submit" data-testid="register-submit" loading={register.isPending} fullWidth>
          {t('account.registerSubmit')}
        </Button>
      </form>
    </StepFrame>
  );
}
