/** The person's account: where it is signed in, another phone number, and the end of it. */
import type { ClosingBlocker, DeviceSession } from '@tikiwallet/server/contract';
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { CodeSent } from '../account.ts';
import { dateTime } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { type ErrorCode, WalletError } from '../pay/codes.ts';
import { PhoneField } from './enter.tsx';
import { useWallet } from './parts/context.ts';
import { NeedsOnline } from './parts/needs-online.tsx';
import { go, replace } from './parts/router.ts';
import { StepUp, TypeCode } from './parts/step-up.tsx';
import {
  Button,
  ErrorNotice,
  LinkButton,
  Notice,
  PasswordField,
  Row,
  Screen,
  Skeleton,
  useAction,
} from './parts/ui.tsx';

/** What the cloud answers, asked when the screen opens and again on demand. */
function useAsked<T>(ask: () => Promise<T>): { value: T | null; code: ErrorCode | null; again: () => void } {
  const [value, setValue] = useState<T | null>(null);
  const [code, setCode] = useState<ErrorCode | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isOver = false;
    const look = async (): Promise<void> => {
      try {
        const answer = await ask();
        if (!isOver) setValue(answer);
        if (!isOver) setCode(null);
      } catch (error) {
        if (!(error instanceof WalletError)) throw error;
        if (!isOver) setCode(error.code);
      }
    };
    void look();
    return () => {
      isOver = true;
    };
  }, [ask, round]);
  return { value, code, again: () => setRound((last) => last + 1) };
}

export function DevicesScreen() {
  return (
    <Screen title={t('devices.title')} back="settings" testId="devices">
      <p class="lead">{t('devices.lead')}</p>
      <NeedsOnline>
        <Devices />
      </NeedsOnline>
    </Screen>
  );
}

function Devices() {
  const { wallet } = useWallet();
  const ask = useCallback(() => wallet.account.devices(), [wallet]);
  const { value, code, again } = useAsked(ask);
  if (value === null) return code === null ? <Skeleton lines={4} /> : <ErrorNotice code={code} />;
  return (
    <>
      <div class="stack">
        {value.map((device) => (
          <Device key={device.id} device={device} onEnded={again} />
        ))}
      </div>
      {code !== null && <ErrorNotice code={code} />}
      <Everywhere />
    </>
  );
}

function Device({ device, onEnded }: { device: DeviceSession; onEnded: () => void }) {
  const { wallet } = useWallet();
  const action = useAction();
  const unknown = device.client === 'agent' ? 'devices.kiosk' : 'devices.unknown';
  const name = device.deviceName ?? t(unknown);
  const end = () =>
    action.run(async () => {
      await wallet.account.signOutDevice(device.id);
      onEnded();
    });
  return (
    <article class="card" data-testid="device" data-current={String(device.isCurrent)}>
      <header>
        <h2>
          <bdi>{name}</bdi>
        </h2>
        {device.isCurrent && <span class="chip">{t('devices.current')}</span>}
      </header>
      <dl class="rows">
        <Row label={t('devices.last_used')}>{dateTime(Date.parse(device.lastUsedAt))}</Row>
        <Row label={t('devices.signed_in')}>{dateTime(Date.parse(device.signedInAt))}</Row>
      </dl>
      {!device.isCurrent && (
        <Button kind="plain" busy={action.busy} testId="device-end" onClick={end}>
          {t('devices.end')}
        </Button>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
    </article>
  );
}

function Everywhere() {
  const { wallet } = useWallet();
  const [asks, setAsks] = useState(false);
  const action = useAction();
  const leave = async () => {
    await wallet.account.signOutEverywhere();
    replace('welcome');
  };
  if (!asks)
    return (
      <div class="actions">
        <Button kind="quiet" testId="sign-out-everywhere" onClick={() => setAsks(true)}>
          {t('devices.everywhere')}
        </Button>
      </div>
    );
  return (
    <Notice tone="warn" icon="alert" title={t('devices.everywhere_title')}>
      <p>{t('devices.everywhere_text')}</p>
      <div class="button-row">
        <Button
          kind="danger"
          busy={action.busy}
          testId="sign-out-everywhere-confirm"
          onClick={() => action.run(leave)}
        >
          {t('devices.everywhere')}
        </Button>
        <Button kind="quiet" onClick={() => setAsks(false)}>
          {t('common.cancel')}
        </Button>
      </div>
      {action.code !== null && <ErrorNotice code={action.code} />}
    </Notice>
  );
}

export function NumberScreen() {
  return (
    <Screen title={t('number.title')} back="settings" testId="number">
      <NeedsOnline>
        <NewNumber />
      </NeedsOnline>
    </Screen>
  );
}

type NumberStep =
  | { readonly kind: 'ask' }
  /** With the old phone at hand, or its password. */
  | { readonly kind: 'prove'; readonly phone: string }
  | { readonly kind: 'code'; readonly phone: string; readonly sent: CodeSent }
  | { readonly kind: 'done' };

function NewNumber() {
  const { wallet, state } = useWallet();
  const [step, setStep] = useState<NumberStep>({ kind: 'ask' });
  const resend = useAction();
  const send = async (phone: string, password: string | null) =>
    setStep({ kind: 'code', phone, sent: await wallet.account.startPhoneChange(phone, password) });
  switch (step.kind) {
    case 'ask':
      return <AskNumber onChosen={(phone) => setStep({ kind: 'prove', phone })} />;
    case 'prove':
      return <ProveOldNumber onProved={(password) => send(step.phone, password)} />;
    case 'code':
      return (
        <TypeCode
          sent={step.sent}
          resend={() => resend.run(() => send(step.phone, null))}
          isAsking={resend.busy}
          askCode={resend.code}
          onSubmit={async (code) => {
            await wallet.account.finishPhoneChange(code);
            setStep({ kind: 'done' });
          }}
        />
      );
    case 'done':
      return (
        <Notice tone="ok" icon="check" role="status" testId="number-done">
          <p>{t('number.done', { phone: state.profile?.phone ?? '' })}</p>
        </Notice>
      );
  }
}

function AskNumber({ onChosen }: { onChosen: (phone: string) => void }) {
  const { state } = useWallet();
  const [phone, setPhone] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    onChosen(phone.trim());
  };
  return (
    <form class="form" onSubmit={submit}>
      <p class="lead">{t('number.lead')}</p>
      <PhoneField
        value={phone}
        onInput={setPhone}
        testId="number-phone"
        label={t('number.new')}
        region={state.config?.region ?? null}
      />
      <div class="actions">
        <Button type="submit" testId="number-next">
          {t('common.continue')}
        </Button>
      </div>
    </form>
  );
}

function ProveOldNumber({ onProved }: { onProved: (password: string | null) => Promise<void> }) {
  const [isLost, setIsLost] = useState(false);
  const [password, setPassword] = useState('');
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(() => onProved(password));
  };
  if (!isLost)
    return (
      <div class="stack">
        <StepUp act="phone_change" onProved={() => onProved(null)} />
        <Button kind="quiet" testId="number-lost" onClick={() => setIsLost(true)}>
          {t('number.lost')}
        </Button>
      </div>
    );
  return (
    <form class="form" onSubmit={submit}>
      <Notice tone="info" icon="clock">
        <p>{t('number.lost_text')}</p>
      </Notice>
      <PasswordField
        label={t('register.password')}
        value={password}
        onInput={setPassword}
        testId="number-password"
        isNew={false}
      />
      {action.code !== null && <ErrorNotice code={action.code} />}
      <div class="actions">
        <Button type="submit" busy={action.busy} testId="number-send">
          {t('forgot.send')}
        </Button>
        <Button kind="quiet" onClick={() => setIsLost(false)}>
          {t('common.back')}
        </Button>
      </div>
    </form>
  );
}

export function ClosingScreen() {
  return (
    <Screen title={t('closing.title')} back="settings" testId="closing">
      <NeedsOnline>
        <Closing />
      </NeedsOnline>
    </Screen>
  );
}

/** Where each matter is ended. */
const REMEDIES: Readonly<Partial<Record<ClosingBlocker, string>>> = {
  balance: 'withdraw',
  offline_money: 'phones',
  withdrawal: 'activity',
  top_up: 'activity',
};

function Closing() {
  const { wallet } = useWallet();
  const ask = useCallback(() => wallet.account.closingBlockers(), [wallet]);
  const { value, code, again } = useAsked(ask);
  if (value === null) return code === null ? <Skeleton lines={4} /> : <ErrorNotice code={code} />;
  if (value.length === 0) return <CloseNow />;
  return (
    <div class="stack" data-testid="closing-blocked">
      <p class="lead">{t('closing.blocked')}</p>
      {value.map((blocker) => (
        <Notice key={blocker} tone="warn" icon="alert">
          <p>{t(`closing.${blocker}`)}</p>
          {REMEDIES[blocker] !== undefined && <a href={`#/${REMEDIES[blocker]}`}>{t('closing.look')}</a>}
        </Notice>
      ))}
      <Button kind="plain" onClick={again}>
        {t('common.try_again')}
      </Button>
    </div>
  );
}

function CloseNow() {
  const { wallet } = useWallet();
  const [password, setPassword] = useState('');
  const [isSure, setIsSure] = useState(false);
  const close = async () => {
    await wallet.account.close(password);
    go('welcome');
  };
  const submit = (event: Event) => {
    event.preventDefault();
    setIsSure(true);
  };
  if (isSure) return <StepUp act="account_closing" onProved={close} />;
  return (
    <form class="form" onSubmit={submit}>
      <Notice tone="warn" icon="alert" title={t('closing.for_good')}>
        <p>{t('closing.erased')}</p>
        <p>{t('closing.kept')}</p>
      </Notice>
      <PasswordField
        label={t('register.password')}
        value={password}
        onInput={setPassword}
        testId="closing-password"
        isNew={false}
      />
      <div class="actions">
        <Button type="submit" kind="danger" testId="closing-next">
          {t('common.continue')}
        </Button>
        <LinkButton to="settings" kind="quiet">
          {t('common.cancel')}
        </LinkButton>
      </div>
    </form>
  );
}
