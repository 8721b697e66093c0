/** A forgotten password: a code by SMS, then a new one. */
import { useState } from 'preact/hooks';
import type { ResetSent } from '../account.ts';
import { t } from '../i18n/translate.ts';
import { PhoneField } from './enter.tsx';
import { useWallet } from './parts/context.ts';
import { ResendSms, SmsCode } from './parts/sms-code.tsx';
import { Button, ErrorNotice, Notice, PasswordField, Screen, useAction } from './parts/ui.tsx';

export function ForgottenScreen() {
  const [sent, setSent] = useState<ResetSent | null>(null);
  return (
    <Screen title={t('reset.title')} back="login" testId="forgotten">
      {sent === null ? <AskPhone onSent={setSent} /> : <Choose sent={sent} onSent={setSent} />}
    </Screen>
  );
}

function AskPhone({ onSent }: { onSent: (sent: ResetSent) => void }) {
  const { wallet, state } = useWallet();
  const [phone, setPhone] = useState(state.profile?.phone ?? '');
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => onSent(await wallet.account.startPasswordReset(phone.trim())));
  };
  return (
    <form class="form" onSubmit={submit}>
      <p class="lead">{t('reset.lead')}</p>
      <PhoneField
        value={phone}
        onInput={setPhone}
        testId="forgotten-phone"
        region={state.config?.region ?? null}
      />
      {action.code !== null && <ErrorNotice code={action.code} />}
      <div class="actions">
        <Button type="submit" busy={action.busy} testId="forgotten-send">
          {t('forgot.send')}
        </Button>
      </div>
    </form>
  );
}

function Choose({ sent, onSent }: { sent: ResetSent; onSent: (sent: ResetSent) => void }) {
  const { wallet } = useWallet();
  const [code, setCode] = useState('');
  const [password, setPassword] = useState('');
  const action = useAction();
  const resend = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    // The frame shows the wallet once there is a session.
    if (code.length === 6)
      action.run(() => wallet.account.finishPasswordReset({ resetId: sent.resetId, code, password }));
  };
  return (
    <form class="form" onSubmit={submit}>
      <SmsCode phone={sent.phone} value={code} onInput={setCode} />
      <Notice tone="info">
        <p>{t('reset.no_sms')}</p>
      </Notice>
      <PasswordField
        label={t('reset.new_password')}
        hint={t('register.password_hint')}
        value={password}
        onInput={setPassword}
        testId="forgotten-password"
        isNew
      />
      {action.code !== null && <ErrorNotice code={action.code} />}
      {resend.code !== null && <ErrorNotice code={resend.code} />}
      <div class="actions">
        <Button type="submit" busy={action.busy} disabled={code.length !== 6} testId="forgotten-submit">
          {t('reset.submit')}
        </Button>
        <ResendSms
          busy={resend.busy}
          resendAt={sent.resendAt}
          onResend={() => resend.run(async () => onSent(await wallet.account.startPasswordReset(sent.phone)))}
        />
      </div>
    </form>
  );
}
