/** The PIN's own screens: changing it, changing what may be paid without it, and having forgotten it. */
import { useState } from 'preact/hooks';
import { money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import type { Forgetting } from '../unlocking.ts';
import { NeedsOnline } from './parts/needs-online.tsx';
import { ChoosePin, KeysDeleted, TypePin } from './parts/pin-gate.tsx';
import { currencyOf, useWallet } from './parts/context.ts';
import { go } from './parts/router.ts';
import { ResendSms, SmsCode } from './parts/sms-code.tsx';
import {
  Button,
  Empty,
  ErrorNotice,
  LinkButton,
  Notice,
  PasswordField,
  Screen,
  useAction,
} from './parts/ui.tsx';

/** `step`: `change`, `forgot`, `passkey`, or `limit-<minor units>`. */
export function PinScreen({ step }: { step: string }) {
  const { wallet, state } = useWallet();
  const limit = /^limit-(\d{1,15})$/.exec(step)?.[1];
  if (state.vault.kind === 'wiped') return <KeysDeleted why={state.vault.why} />;
  if (state.vault.kind === 'none') return <NoPin />;
  if (step === 'forgot') return <ForgotPin />;
  if (step === 'passkey') return <AddPasskey />;
  if (limit === undefined) return <ChangePin />;
  const limitMinor = BigInt(limit);
  const change = async (pin: string) => {
    await wallet.unlocking.changeLimit(pin, limitMinor);
    go('settings');
  };
  return (
    <TypePin
      title={t('pin.title')}
      reason={
        <p>
          {limitMinor === 0n
            ? t('pin.limit_never')
            : t('pin.limit_to', { amount: money(limitMinor, currencyOf(state)) })}
        </p>
      }
      onPin={change}
      onCancel={() => go('settings')}
    />
  );
}

function NoPin() {
  return (
    <Screen title={t('pin.settings')} back="settings" testId="pin-none">
      <Empty icon="lock" title={t('pin.settings')}>
        {t('pin.none')}
      </Empty>
      <div class="actions">
        <LinkButton to="load" kind="primary" icon="down">
          {t('load.title')}
        </LinkButton>
      </div>
    </Screen>
  );
}

function ChangePin() {
  const { wallet, state } = useWallet();
  const endsPasskey = state.vault.kind === 'set' && state.vault.hasPasskey;
  const [old, setOld] = useState<string | null>(null);
  const leave = () => go('settings');
  // The old PIN is tried when it is typed: who does not know it is not asked for a new one.
  const check = async (pin: string) => {
    await wallet.unlocking.unlock(pin);
    setOld(pin);
  };
  const change = async (pin: string) => {
    await wallet.unlocking.changePin(old ?? '', pin);
    leave();
  };
  return old === null ? (
    <TypePin
      title={t('pin.old')}
      reason={<p>{t(endsPasskey ? 'pin.old_text_passkey' : 'pin.old_text')}</p>}
      onPin={check}
      onCancel={leave}
    />
  ) : (
    <ChoosePin onPin={change} onCancel={leave} />
  );
}

function AddPasskey() {
  const { wallet } = useWallet();
  const leave = () => go('settings');
  const add = async (pin: string) => {
    await wallet.unlocking.addPasskey(pin);
    leave();
  };
  return (
    <TypePin title={t('passkey.add')} reason={<p>{t('passkey.add_text')}</p>} onPin={add} onCancel={leave} />
  );
}

function ForgotPin() {
  const [started, setStarted] = useState<{ readonly password: string; readonly step: Forgetting } | null>(
    null,
  );
  return (
    <Screen title={t('pin.forgot')} back="settings" testId="pin-forgotten">
      {started === null && <WhatForgettingMeans />}
      <NeedsOnline>
        {started === null ? (
          <ProvePassword onStarted={(password, step) => setStarted({ password, step })} />
        ) : (
          <ProvePhone password={started.password} first={started.step} />
        )}
      </NeedsOnline>
    </Screen>
  );
}

function WhatForgettingMeans() {
  return (
    <Notice tone="info" icon="lock">
      <ul class="bullets">
        <li>{t('forgot.nobody')}</li>
        <li>{t('forgot.deletes')}</li>
        <li>{t('forgot.returns')}</li>
        <li>{t('forgot.again')}</li>
      </ul>
    </Notice>
  );
}

function ProvePassword({ onStarted }: { onStarted: (password: string, step: Forgetting) => void }) {
  const { wallet } = useWallet();
  const [password, setPassword] = useState('');
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => onStarted(password, await wallet.unlocking.startForgetting(password)));
  };
  return (
    <form class="form" onSubmit={submit}>
      <PasswordField
        label={t('register.password')}
        value={password}
        onInput={setPassword}
        testId="forgot-password"
        isNew={false}
      />
      {action.code !== null && <ErrorNotice code={action.code} />}
      <div class="actions">
        <Button type="submit" busy={action.busy} disabled={password === ''} testId="forgot-send">
          {t('forgot.send')}
        </Button>
        <LinkButton to="settings" kind="quiet">
          {t('common.cancel')}
        </LinkButton>
      </div>
    </form>
  );
}

function ProvePhone({ password, first }: { password: string; first: Forgetting }) {
  const { wallet } = useWallet();
  const [step, setStep] = useState(first);
  const [code, setCode] = useState('');
  const action = useAction();
  const resend = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    if (code.length === 6) action.run(() => wallet.unlocking.forgetPin(step, code));
  };
  return (
    <form class="form" onSubmit={submit}>
      <SmsCode phone={step.phone} value={code} onInput={setCode} />
      <p class="muted">{t('forgot.code_text')}</p>
      {action.code !== null && <ErrorNotice code={action.code} />}
      {resend.code !== null && <ErrorNotice code={resend.code} />}
      <div class="actions">
        <Button
          type="submit"
          kind="danger"
          busy={action.busy}
          disabled={code.length !== 6}
          testId="forgot-submit"
        >
          {t('forgot.submit')}
        </Button>
        <ResendSms
          busy={resend.busy}
          resendAt={step.resendAt}
          onResend={() => resend.run(async () => setStep(await wallet.unlocking.startForgetting(password)))}
        />
        <LinkButton to="settings" kind="quiet">
          {t('common.cancel')}
        </LinkButton>
      </div>
    </form>
  );
}
