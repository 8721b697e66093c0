/** Language, colours, installing, storage, signing out, about. */
import { useEffect, useState } from 'preact/hooks';
import { money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { chooseScheme, chosenScheme, SCHEMES, type Scheme } from '../scheme.ts';
import { limitOf, mostWithoutPin } from '../unlocking.ts';
import { currencyOf, useWallet } from './parts/context.ts';
import { go, replace } from './parts/router.ts';
import { LanguagePicker } from './parts/language-picker.tsx';
import { Bdi, Button, ErrorNotice, LinkButton, Notice, Row, Screen, useAction } from './parts/ui.tsx';
import { installPrompt, isInstalled } from '../install.ts';
import { useObservable } from '../wallet-state.ts';

export function SettingsScreen() {
  const { state } = useWallet();
  return (
    <Screen title={t('settings.title')} testId="settings">
      <div class="settings">
        <section class="panel">
          <LanguagePicker />
          <SchemePicker />
        </section>
        {state.profile !== null && <PinPanel />}
        <InstallPanel />
        <StoragePanel />
        {state.profile !== null && (
          <section class="panel">
            <h2>{t('phones.title')}</h2>
            <p>{t('settings.phones_text')}</p>
            <LinkButton to="phones" icon="lock" testId="phones-link">
              {t('settings.phones_link')}
            </LinkButton>
          </section>
        )}
        {state.profile !== null && <AccountPanel />}
        <section class="panel">
          <h2>{t('settings.about')}</h2>
          <p>{t('settings.about_text')}</p>
          <p class="muted">{t('settings.risk')}</p>
          {state.profile !== null && (
            <LinkButton to="help" testId="help-link">
              {t('help.title')}
            </LinkButton>
          )}
        </section>
      </div>
    </Screen>
  );
}

function SchemePicker() {
  const [scheme, setScheme] = useState<Scheme>(chosenScheme());
  return (
    <fieldset class="segments">
      <legend>{t('settings.scheme')}</legend>
      {SCHEMES.map((one) => (
        <label key={one} class="segment">
          <input
            type="radio"
            name="scheme"
            checked={scheme === one}
            onChange={() => {
              chooseScheme(one);
              setScheme(one);
            }}
          />
          <span>{t(`settings.scheme_${one}`)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** The PIN, and what may be paid without it. Each change goes through the PIN itself. */
function PinPanel() {
  const { state } = useWallet();
  const currency = currencyOf(state);
  const most = mostWithoutPin(state);
  const limit = limitOf(state);
  const choices = [...new Set([most, most / 2n, 0n])];
  return (
    <section class="panel" data-testid="pin-panel" data-vault={state.vault.kind}>
      <h2>{t('pin.settings')}</h2>
      {state.vault.kind === 'set' ? (
        <>
          <p>{limit === 0n ? t('pin.asks_always') : t('pin.asks', { amount: money(limit, currency) })}</p>
          <div class="picks" role="group" aria-label={t('pin.limit')}>
            {choices.map((choice) => (
              <button
                key={choice.toString()}
                type="button"
                class="pick"
                aria-pressed={choice === limit}
                data-testid="pin-limit"
                data-minor={choice.toString()}
                onClick={() => choice !== limit && go(`pin/limit-${choice.toString()}`)}
              >
                {choice === 0n ? t('pin.limit_always') : <Bdi>{money(choice, currency)}</Bdi>}
              </button>
            ))}
          </div>
          <LinkButton to="pin/change" icon="lock" testId="pin-change">
            {t('pin.change')}
          </LinkButton>
          <PasskeyChoice hasPasskey={state.vault.hasPasskey} />
        </>
      ) : (
        <p>{t(state.vault.kind === 'wiped' ? 'wiped.safe_text' : 'pin.none')}</p>
      )}
    </section>
  );
}

/** A second way in beside the PIN, where the phone can verify a person. */
function PasskeyChoice({ hasPasskey }: { hasPasskey: boolean }) {
  const { wallet } = useWallet();
  const [isPossible, setIsPossible] = useState(false);
  const action = useAction();
  useEffect(() => {
    wallet.unlocking.isPasskeyPossible().then(setIsPossible, console.error);
  }, [wallet]);
  if (hasPasskey)
    return (
      <>
        <p data-testid="passkey-on">{t('passkey.on')}</p>
        <Button
          kind="plain"
          busy={action.busy}
          onClick={() => action.run(() => wallet.unlocking.dropPasskey())}
          testId="passkey-drop"
        >
          {t('passkey.drop')}
        </Button>
      </>
    );
  return isPossible ? (
    <LinkButton to="pin/passkey" icon="finger" testId="passkey-add">
      {t('passkey.add')}
    </LinkButton>
  ) : null;
}

function InstallPanel() {
  const { prompt } = useObservable(installPrompt);
  const action = useAction();
  return (
    <section class="panel">
      <h2>{t('settings.install')}</h2>
      {isInstalled() ? (
        <p>{t('settings.installed')}</p>
      ) : (
        <>
          <p>{t('settings.install_text')}</p>
          {prompt === null ? (
            <p class="muted">{t('settings.install_manual')}</p>
          ) : (
            <Button kind="plain" icon="down" busy={action.busy} onClick={() => action.run(prompt)}>
              {t('settings.install_button')}
            </Button>
          )}
        </>
      )}
    </section>
  );
}

function StoragePanel() {
  const [persisted, setPersisted] = useState<boolean | null>(null);
  const action = useAction();
  useEffect(() => {
    void navigator.storage?.persisted?.().then(setPersisted, () => setPersisted(null));
  }, []);
  const ask = async () => setPersisted(await navigator.storage.persist());
  return (
    <section class="panel">
      <h2>{t('settings.storage')}</h2>
      <p data-testid="storage-state" data-persisted={String(persisted)}>
        {persisted === true ? t('settings.storage_kept') : t('settings.storage_may_go')}
      </p>
      {persisted === false && (
        <Button kind="plain" icon="lock" busy={action.busy} onClick={() => action.run(ask)}>
          {t('settings.storage_ask')}
        </Button>
      )}
    </section>
  );
}

function AccountPanel() {
  const { wallet, state } = useWallet();
  const action = useAction();
  const [asks, setAsks] = useState(false);
  const leave = async () => {
    await wallet.signOut();
    replace('welcome');
  };
  const open = new Set(state.allowances.filter((one) => one.cloudStatus !== 'closed').map((one) => one.id));
  const unsent = state.payments.filter(
    (payment) =>
      (payment.state === 'signed' || payment.state === 'unconfirmed') && open.has(payment.allowanceId),
  );
  return (
    <section class="panel">
      <h2>{t('settings.account')}</h2>
      <dl class="rows">
        <Row label={t('register.username')}>
          <bdi>{state.profile?.username}</bdi>
        </Row>
        <Row label={t('common.phone')}>
          <Bdi>{state.profile?.phone}</Bdi>
        </Row>
      </dl>
      <LinkButton to="devices" icon="phone" testId="devices-link">
        {t('devices.title')}
      </LinkButton>
      <LinkButton to="number" icon="send" testId="number-link">
        {t('number.title')}
      </LinkButton>
      {unsent.length > 0 ? (
        <Notice tone="warn" icon="alert" testId="sign-out-blocked">
          <p>{t('settings.sign_out_blocked')}</p>
          <a href="#/activity">{t('activity.title')}</a>
        </Notice>
      ) : asks ? (
        <Notice tone="warn" icon="alert" title={t('settings.sign_out_title')}>
          <p>{t('settings.sign_out_text')}</p>
          <div class="button-row">
            <Button
              kind="danger"
              busy={action.busy}
              testId="sign-out-confirm"
              onClick={() => action.run(leave)}
            >
              {t('settings.sign_out')}
            </Button>
            <Button kind="quiet" onClick={() => setAsks(false)}>
              {t('common.cancel')}
            </Button>
          </div>
        </Notice>
      ) : (
        <Button kind="plain" testId="sign-out" onClick={() => setAsks(true)}>
          {t('settings.sign_out')}
        </Button>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
      <LinkButton to="closing" kind="quiet" icon="erase" testId="closing-link">
        {t('closing.title')}
      </LinkButton>
    </section>
  );
}
