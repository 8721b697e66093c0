/** Before the wallet is someone's: welcome, register, the code from the SMS, log in. */
import { useState } from 'preact/hooks';
import { t } from '../i18n/translate.ts';
import { useWallet } from './parts/context.ts';
import { Logo } from './parts/icons.tsx';
import { go } from './parts/router.ts';
import {
  Button,
  ErrorNotice,
  Field,
  LinkButton,
  Notice,
  PasswordField,
  Screen,
  useAction,
} from './parts/ui.tsx';
import { LanguagePicker } from './parts/language-picker.tsx';
import { ResendSms, SmsCode } from './parts/sms-code.tsx';

export function Welcome() {
  const { state } = useWallet();
  return (
    <section class="screen welcome" data-testid="welcome">
      <div class="welcome-language">
        <LanguagePicker compact />
      </div>
      <div class="welcome-body">
        <Logo size={72} />
        <h1>{t('welcome.title')}</h1>
        <p class="lead">{t('welcome.lead')}</p>
        <ol class="welcome-steps">
          <li>{t('welcome.step_top_up')}</li>
          <li>{t('welcome.step_load')}</li>
          <li>{t('welcome.step_pay')}</li>
        </ol>
      </div>
      {!state.reachable && (
        <Notice tone="warn" icon="offline" role="status">
          <p>{t('welcome.needs_internet')}</p>
        </Notice>
      )}
      <div class="actions">
        <LinkButton to="register" kind="primary" testId="welcome-register">
          {t('welcome.register')}
        </LinkButton>
        <LinkButton to="login" testId="welcome-login">
          {t('welcome.login')}
        </LinkButton>
      </div>
    </section>
  );
}

export function Register() {
  const { wallet, state } = useWallet();
  const [phone, setPhone] = useState('');
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      await wallet.register({ phone: phone.trim(), username: username.trim(), password });
      go('code');
    });
  };
  return (
    <Screen title={t('register.title')} back="welcome" testId="register">
      <form class="form" onSubmit={submit}>
        <PhoneField
          value={phone}
          onInput={setPhone}
          testId="register-phone"
          region={state.config?.region ?? null}
        />
        <Field
          label={t('register.username')}
          value={username}
          onInput={setUsername}
          hint={t('register.username_hint')}
          testId="register-username"
          input={{
            autoComplete: 'username',
            required: true,
            minLength: 2,
            maxLength: 32,
            autoCapitalize: 'none',
            spellcheck: false,
          }}
        />
        <PasswordField
          label={t('register.password')}
          hint={t('register.password_hint')}
          value={password}
          onInput={setPassword}
          testId="register-password"
          isNew
        />
        {action.code !== null && <ErrorNotice code={action.code} />}
        <div class="actions">
          <Button type="submit" busy={action.busy} testId="register-submit">
            {t('register.submit')}
          </Button>
          <p class="aside">
            {t('register.have_account')} <a href="#/login">{t('welcome.login')}</a>
          </p>
        </div>
      </form>
    </Screen>
  );
}

export function PhoneField({
  value,
  onInput,
  testId,
  region,
  label,
}: {
  value: string;
  onInput: (value: string) => void;
  testId: string;
  region: string | null;
  label?: string;
}) {
  return (
    <Field
      label={label ?? t('common.phone')}
      value={value}
      onInput={onInput}
      hint={region === null ? t('common.phone_hint') : t('common.phone_hint_region', { region })}
      testId={testId}
      input={{
        type: 'tel',
        autoComplete: 'tel',
        inputMode: 'tel',
        required: true,
        minLength: 4,
        maxLength: 32,
        dir: 'ltr',
      }}
    />
  );
}

export function Code() {
  const { wallet, state } = useWallet();
  const { registration } = state;
  const [code, setCode] = useState('');
  const action = useAction();
  const resend = useAction();
  if (registration === null) return <LostRegistration />;

  const verify = (digits: string) =>
    action.run(async () => {
      // The frame shows the wallet once there is a person.
      await wallet.verify(digits);
    });
  const submit = (event: Event) => {
    event.preventDefault();
    if (code.length === 6) verify(code);
  };
  return (
    <Screen title={t('otp.title')} back="register" testId="code">
      <form class="form" onSubmit={submit}>
        <SmsCode phone={registration.phone} value={code} onInput={setCode} />
        {action.code !== null && <ErrorNotice code={action.code} />}
        {resend.code !== null && <ErrorNotice code={resend.code} />}
        <div class="actions">
          <Button type="submit" busy={action.busy} disabled={code.length !== 6} testId="otp-submit">
            {t('otp.submit')}
          </Button>
          <ResendSms
            busy={resend.busy}
            resendAt={registration.resendAt}
            onResend={() => resend.run(() => wallet.resendCode())}
          />
        </div>
      </form>
    </Screen>
  );
}

function LostRegistration() {
  return (
    <Screen title={t('otp.title')} back="register">
      <ErrorNotice code="registration_not_found" />
      <div class="actions">
        <LinkButton to="register" kind="primary">
          {t('welcome.register')}
        </LinkButton>
      </div>
    </Screen>
  );
}

export function LogIn() {
  const { wallet, state } = useWallet();
  const [phone, setPhone] = useState(state.profile?.phone ?? '');
  const [password, setPassword] = useState('');
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      await wallet.logIn({ phone: phone.trim(), password });
    });
  };
  return (
    <Screen title={t('login.title')} back={state.profile === null ? 'welcome' : ''} testId="login">
      <form class="form" onSubmit={submit}>
        <PhoneField
          value={phone}
          onInput={setPhone}
          testId="login-phone"
          region={state.config?.region ?? null}
        />
        <PasswordField
          label={t('register.password')}
          value={password}
          onInput={setPassword}
          testId="login-password"
          isNew={false}
        />
        {action.code !== null && <ErrorNotice code={action.code} />}
        <div class="actions">
          <Button type="submit" busy={action.busy} testId="login-submit">
            {t('login.submit')}
          </Button>
          <p class="aside">
            <a href="#/forgotten" data-testid="login-forgotten">
              {t('reset.title')}
            </a>
          </p>
          {state.profile === null && (
            <p class="aside">
              {t('login.no_account')} <a href="#/register">{t('welcome.register')}</a>
            </p>
          )}
        </div>
      </form>
    </Screen>
  );
}
