/** Before anybody is in. */
import {
  Button,
  ErrorNotice,
  Field,
  LanguagePicker,
  Logo,
  PasswordField,
  useAction,
} from '@tikiwallet/wallet/look';
import { useEffect, useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';

export function SignIn({ title, lead }: { title: Key; lead: Key }) {
  const { office, state } = useOffice();
  const [phone, setPhone] = useState('');
  const [password, setPassword] = useState('');
  const action = useAction();
  useEffect(() => {
    document.title = `${t(title)} · TikiWallet`;
  }, [title]);
  const region = state.config?.region ?? null;
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      await office.signIn({ phone: phone.trim(), password });
    });
  };
  return (
    <main class="sign-in" data-testid="sign-in">
      <div class="sign-in-language">
        <LanguagePicker compact />
      </div>
      <form class="panel sign-in-card" onSubmit={submit}>
        <Logo size={56} />
        <h1>{t(title)}</h1>
        <p class="muted">{t(lead)}</p>
        <Field
          label={t('common.phone')}
          value={phone}
          onInput={setPhone}
          hint={region === null ? t('common.phone_hint') : t('common.phone_hint_region', { region })}
          testId="sign-in-phone"
          input={{
            type: 'tel',
            autoComplete: 'username',
            inputMode: 'tel',
            required: true,
            minLength: 4,
            maxLength: 32,
            dir: 'ltr',
          }}
        />
        <PasswordField
          label={t('register.password')}
          value={password}
          onInput={setPassword}
          testId="sign-in-password"
          isNew={false}
        />
        {action.code !== null && <ErrorNotice code={action.code} />}
        <Button type="submit" busy={action.busy} testId="sign-in-submit">
          {t('login.submit')}
        </Button>
      </form>
    </main>
  );
}

/** Somebody is in whom this page is not for. */
export function NotYours({ text }: { text: Key }) {
  const { office } = useOffice();
  return (
    <main class="sign-in" data-testid="not-yours">
      <div class="panel sign-in-card">
        <Logo size={56} />
        <h1>{t('office.not_yours')}</h1>
        <p>{t(text)}</p>
        <Button kind="plain" icon="lock" onClick={() => void office.signOut()} testId="sign-out">
          {t('office.sign_out')}
        </Button>
      </div>
    </main>
  );
}
