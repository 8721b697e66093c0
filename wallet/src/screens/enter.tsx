/** Before the wallet is someone's: welcome, register, the code from the SMS, log in. */
import { useState } from 'preact/hooks';
import { t } from '../i18n/translate.ts';
import { useNow, useWallet } from './parts/context.ts';
import { Logo } from './parts/icons.tsx';
import { go } from './parts/router.ts';
import {
  Bdi,
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
  const { registration, config } = state;
  const [code, setCode] = useState('');
  const action = useAction();
  const resend = useAction();
  const now = useNow(wallet, 500);
  if (registration === null) return <LostRegistration />;

  const waitSeconds = Math.max(0, Math.ceil((registration.resendAt - now) / 1000));
  const verify = (digits: string) =>
    action.run(async () => {
      // The frame shows the wallet once there is a person.
      await wallet.verify(digits);
    });
  const type = (text: string) => {
    const digits = text
      .replace(/[\u0660-\u0669\u06F0-\u06F9]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf))
      .replace(/\D/g, '')
      .slice(0, 6);
    setCode(digits);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (code.length === 6) verify(code);
  };
  const inbox = config?.standIns.smsInboxUrl ?? null;
  return (
    <Screen title={t('code.title')} back="register" testId="code">
      <form class="form" onSubmit={submit}>
        <p class="lead">
          {t('code.sent_to')} <Bdi class="strong">{registration.phone}</Bdi>
        </p>
        <Field
          label={t('code.label')}
          value={code}
          onInput={type}
          testId="otp-code"
          input={{
            inputMode: 'numeric',
            autoComplete: 'one-time-code',
            pattern: '[0-9]{6}',
            maxLength: 6,
            required: true,
            dir: 'ltr',
            class: 'code-input',
            autoFocus: true,
          }}
        />
        {config?.standIns.twilio === true && (
          <Notice tone="info" icon="phone" testId="sms-stand-in">
            <p>{t('code.stand_in')}</p>
            {inbox !== null && (
              <a href={inbox} target="_blank" rel="noopener noreferrer">
                {t('code.stand_in_link')}
              </a>
            )}
          </Notice>
        )}
        {action.code !== null && <ErrorNotice code={action.code} />}
        {resend.code !== null && <ErrorNotice code={resend.code} />}
        <div class="actions">
          <Button type="submit" busy={action.busy} disabled={code.length !== 6} testId="otp-submit">
            {t('code.submit')}
          </Button>
          <Button
            kind="quiet"
            busy={resend.busy}
            disabled={waitSeconds > 0}
            testId="otp-resend"
            onClick={() => resend.run(() => wallet.resendCode())}
          >
            {waitSeconds > 0 ? t('code.resend_in', { seconds: waitSeconds }) : t('code.resend')}
          </Button>
        </div>
      </form>
    </Screen>
  );
}

function LostRegistration() {
  return (
    <Screen title={t('code.title')} back="register">
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
