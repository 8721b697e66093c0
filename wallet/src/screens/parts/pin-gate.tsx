/**
 * The step before something that needs the PIN: choosing one, or typing it. Wrong tries, pauses and the end of the keys
 * are said in words; what it was asked for stays on the screen.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { minutes } from '../../i18n/format.ts';
import { sentenceFor, t } from '../../i18n/translate.ts';
import { isTooSimple } from '../../keys/pin-rules.ts';
import type { VaultStatus } from '../../keys/vault.ts';
import type { ErrorCode } from '../../pay/codes.ts';
import type { PinNeed } from '../../unlocking.ts';
import { useWallet } from './context.ts';
import { PinPad } from './pin-pad.tsx';
import { Button, LinkButton, Notice, Screen, useAction } from './ui.tsx';

type GateProps = {
  readonly need: PinNeed;
  /** What the PIN is for: a shop and an amount, or a sentence. */
  readonly reason: ComponentChildren;
  readonly onOpen: () => void;
  readonly onCancel: () => void;
};

export function PinGate({ need, reason, onOpen, onCancel }: GateProps) {
  const { wallet } = useWallet();
  if (need === 'choose') {
    const choose = async (pin: string) => {
      await wallet.unlocking.choosePin(pin);
      onOpen();
    };
    return <ChoosePin onPin={choose} onCancel={onCancel} />;
  }
  const unlock = async (pin: string) => {
    await wallet.unlocking.unlock(pin);
    onOpen();
  };
  const byPasskey = async () => {
    await wallet.unlocking.unlockByPasskey();
    onOpen();
  };
  return (
    <TypePin
      title={t('pin.title')}
      reason={reason}
      onPin={unlock}
      onPasskey={byPasskey}
      onCancel={onCancel}
    />
  );
}

type TypeProps = {
  readonly title: string;
  readonly reason: ComponentChildren;
  readonly onPin: (pin: string) => Promise<void>;
  /** Where a fingerprint or a face may stand in for it. */
  readonly onPasskey?: () => Promise<void>;
  readonly onCancel: () => void;
};

/** Typing the PIN that there is, with everything that a wrong one leads to. */
export function TypePin({ title, reason, onPin, onPasskey, onCancel }: TypeProps) {
  const { state } = useWallet();
  const action = useAction();
  const waitMs = useWaiting();
  if (state.vault.kind === 'wiped') return <KeysDeleted why={state.vault.why} />;
  const isWaiting = waitMs > 0;
  const offersPasskey = onPasskey !== undefined && state.vault.kind === 'set' && state.vault.hasPasskey;
  return (
    <Screen title={title} back={null} testId="pin">
      <div class="pin-reason">{reason}</div>
      <PinPad
        busy={action.busy}
        disabled={isWaiting}
        isBad={isWaiting || action.code !== null}
        message={isWaiting ? t('pin.wait', { time: minutes(waitMs) }) : wrong(state.vault, action.code)}
        aside={mostlyGone(state.vault)}
        onPin={(pin) => action.run(() => onPin(pin))}
        onPasskey={offersPasskey ? () => action.run(onPasskey) : undefined}
      />
      <div class="pin-actions">
        <Button kind="quiet" disabled={action.busy} onClick={onCancel} testId="pin-cancel">
          {t('common.cancel')}
        </Button>
        <LinkButton to="pin/forgot" kind="quiet" testId="pin-forgot">
          {t('pin.forgot')}
        </LinkButton>
      </div>
    </Screen>
  );
}

/** The pause that is left, passing while this is on the screen. */
function useWaiting(): number {
  const { wallet, state } = useWallet();
  const waitMs = state.vault.kind === 'set' ? state.vault.waitMs : 0;
  const isWaiting = waitMs > 0;
  useEffect(() => {
    if (!isWaiting) return;
    const timer = setInterval(() => void wallet.unlocking.refresh(), 1_000);
    return () => clearInterval(timer);
  }, [wallet, isWaiting]);
  return waitMs;
}

function wrong(vault: VaultStatus, code: ErrorCode | null): string | null {
  if (code === null) return null;
  if (code !== 'pin_wrong' && code !== 'pin_wait') return sentenceFor(code);
  const left = vault.kind === 'set' ? vault.triesBeforeWait : 0;
  return left === 0 ? t('error.pin_wrong') : `${t('error.pin_wrong')} ${t('pin.left', { count: left })}`;
}

/** Once there were pauses: how many tries are left before the keys go. */
function mostlyGone(vault: VaultStatus): string | null {
  if (vault.kind !== 'set' || vault.triesBeforeWait > 0) return null;
  return t('pin.left_before_end', { count: vault.triesBeforeWipe });
}

type ChooseProps = {
  readonly onPin: (pin: string) => Promise<void>;
  readonly onCancel: () => void;
};

/** A new PIN, twice: nobody can read it back. */
export function ChoosePin({ onPin, onCancel }: ChooseProps) {
  const [first, setFirst] = useState<string | null>(null);
  const action = useAction();
  const take = (pin: string) => {
    if (first === null) {
      if (isTooSimple(pin)) action.fail('pin_too_simple');
      else {
        action.fail(null);
        setFirst(pin);
      }
    } else if (pin !== first) {
      setFirst(null);
      action.fail('pin_differs');
    } else action.run(() => onPin(pin));
  };
  return (
    <Screen title={t(first === null ? 'pin.choose' : 'pin.again')} back={null} testId="pin-choose">
      <div class="pin-reason">
        <p>{t(first === null ? 'pin.choose_text' : 'pin.again_text')}</p>
      </div>
      <PinPad
        key={first === null ? 'first' : 'again'}
        busy={action.busy}
        isBad={action.code !== null}
        message={action.code === null ? null : sentenceFor(action.code)}
        onPin={take}
      />
      <div class="pin-actions">
        <Button kind="quiet" disabled={action.busy} onClick={onCancel} testId="pin-cancel">
          {t('common.cancel')}
        </Button>
      </div>
    </Screen>
  );
}

/** The end of the keys is not the end of the money, and that is the first thing to say. */
export function KeysDeleted({ why }: { why: 'wrong_pins' | 'asked' }) {
  return (
    <Screen title={t('wiped.title')} back={null} testId="keys-deleted">
      <Notice tone={why === 'asked' ? 'info' : 'warn'} icon="lock" role="alert">
        <p>{t(why === 'asked' ? 'wiped.asked' : 'wiped.wrong_pins')}</p>
      </Notice>
      <Notice tone="ok" icon="check" title={t('wiped.safe')}>
        <p>{t('wiped.safe_text')}</p>
      </Notice>
      <div class="actions">
        <LinkButton to="" kind="primary" testId="keys-deleted-done">
          {t('common.to_home')}
        </LinkButton>
      </div>
    </Screen>
  );
}
