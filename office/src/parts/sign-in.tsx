/** Before anybody is in: a merchant by number and password, an operator by a code beside them. */
import type { SecondProofStarted } from '@tikiwallet/server/contract';
import { Button, ErrorNotice, LanguagePicker, Logo, PasswordField, useAction } from '@tikiwallet/wallet/look';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { type Credentials, useOffice } from '../office.ts';
import { CodeBySms } from './code-by-sms.tsx';
import { PhoneField } from './phone-field.tsx';

export function SignIn({ title, lead }: { title: Key; lead: Key }) {
  const { office } = useOffice();
  const [started, setStarted] = useState<{ by: Credentials; proof: SecondProofStarted } | null>(null);
  const begin = async (by: Credentials) => setStarted({ by, proof: await office.startSignIn(by) });
  useEffect(() => {
    document.title = `${t(title)} · TikiWallet`;
  }, [title]);
  return (
    <main class="sign-in" data-testid="sign-in">
      <div class="sign-in-language">
        <LanguagePicker compact />
      </div>
      {started === null ? (
        <ByPassword
          title={title}
          lead={lead}
          onSubmit={async (by) => (office.view === 'operator' ? await begin(by) : await office.signIn(by))}
        />
      ) : (
        <Card title={t(title)}>
          <CodeBySms
            sent={started.proof}
            onCode={(code) => office.finishSignIn({ resetToken: started.proof.resetToken, code })}
            onResend={() => begin(started.by)}
            onLeave={() => setStarted(null)}
          />
        </Card>
      )}
    </main>
  );
}

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="panel sign-in-card">
      <Logo size={56} />
      <h1>{title}</h1>
      {children}
    </div>
  );
}

function ByPassword({
  title,
  lead,
  onSubmit,
}: {
  title: Key;
  lead: Key;
  onSubmit: (by: Credentials) => Promise<void>;
}) {
  const { office, state } = useOffice();
  const [phone, setPhone] = useState('');
  const [password, setPassword] = useState('');
  const action = useAction();
  const region = state.config?.region ?? null;
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(() => onSubmit({ phone: phone.trim(), password }));
  };
  return (
    <Card title={t(title)}>
      <p class="muted">{t(lead)}</p>
      <form class="stack" onSubmit={submit}>
        <PhoneField
          value={phone}
          onInput={setPhone}
          hint={region === null ? t('common.phone_hint') : t('common.phone_hint_region', { region })}
          testId="sign-in-phone"
          isOwn
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
          {t(office.view === 'operator' ? 'transfer.next' : 'login.submit')}
        </Button>
      </form>
    </Card>
  );
}

/** Somebody is in whom this page is not for. */
export function NotYours({ text }: { text: Key }) {
  const { office } = useOffice();
  return (
    <main class="sign-in" data-testid="not-yours">
      <Card title={t('office.not_yours')}>
        <p>{t(text)}</p>
        <Button kind="plain" icon="lock" onClick={() => void office.signOut()} testId="sign-out">
          {t('office.sign_out')}
        </Button>
      </Card>
    </main>
  );
}
