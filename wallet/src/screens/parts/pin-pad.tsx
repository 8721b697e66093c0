/**
 * Six digits on keys of our own: large enough for any finger, in the order that everybody knows, and without a keyboard
 * that remembers words. Typed digits are never drawn or spoken; how many there are is. Never: judges a PIN.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../../i18n/translate.ts';
import { PIN_LENGTH } from '../../keys/pin-rules.ts';
import { Icon } from './icons.tsx';
import { Spinner } from './ui.tsx';

type Props = {
  readonly busy: boolean;
  /** Nothing can be typed: a pause. */
  readonly disabled?: boolean;
  /** What stands under the dots; a new one empties them. */
  readonly message?: ComponentChildren;
  readonly isBad?: boolean;
  readonly onPin: (pin: string) => void;
  /** Where a fingerprint or a face may stand in: also during a pause, which is for who guesses digits. */
  readonly onPasskey?: (() => void) | undefined;
  /** A second line, for what must be known before the next try; null keeps its place. */
  readonly aside?: ComponentChildren;
};

const FULL_MS = 120;
const DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

export function PinPad({ busy, disabled = false, message, isBad = false, aside, onPin, onPasskey }: Props) {
  const [typed, setTyped] = useState('');
  const typedRef = useRef('');
  const isShut = busy || disabled;
  const set = (next: string) => {
    typedRef.current = next;
    setTyped(next);
  };
  const press = (digit: string) => {
    // State arrives with the next drawing; quick fingers come sooner.
    if (isShut || typedRef.current.length >= PIN_LENGTH) return;
    const next = typedRef.current + digit;
    set(next);
    if (next.length < PIN_LENGTH) return;
    onPin(next);
    // The sixth dot is seen to fill; the next digits are another PIN.
    setTimeout(() => set(''), FULL_MS);
  };
  const drop = () => {
    if (!isShut) set(typedRef.current.slice(0, -1));
  };
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (/^[0-9]$/.test(event.key)) press(event.key);
      else if (event.key === 'Backspace') drop();
    };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  });
  return (
    <div class="pin" data-testid="pin-pad" data-entered={typed.length} aria-busy={busy}>
      <div class="pin-dots" dir="ltr" aria-hidden="true">
        {busy ? (
          <Spinner />
        ) : (
          Array.from({ length: PIN_LENGTH }, (_, index) => (
            <span key={index} class={index < typed.length ? 'pin-dot pin-dot-full' : 'pin-dot'} />
          ))
        )}
      </div>
      <p class="sr-only" role="status">
        {t('pin.entered', { count: typed.length, of: PIN_LENGTH })}
      </p>
      <div
        class={aside === undefined ? 'pin-message' : 'pin-message pin-message-tall'}
        role={isBad ? 'alert' : undefined}
        data-testid="pin-message"
      >
        <p>{message}</p>
        {aside !== null && aside !== undefined && <p class="strong">{aside}</p>}
      </div>
      <div class="pin-keys" role="group" aria-label={t('pin.keys')} dir="ltr">
        {DIGITS.map((digit) => (
          <Key key={digit} digit={digit} isShut={isShut} onPress={press} />
        ))}
        {onPasskey === undefined ? (
          <span />
        ) : (
          <button
            type="button"
            class="pin-key pin-key-quiet"
            disabled={busy}
            aria-label={t('passkey.use')}
            data-testid="pin-passkey"
            onClick={onPasskey}
          >
            <Icon name="finger" size={32} />
          </button>
        )}
        <Key digit="0" isShut={isShut} onPress={press} />
        <button
          type="button"
          class="pin-key pin-key-quiet"
          disabled={isShut || typed === ''}
          aria-label={t('pin.delete')}
          data-testid="pin-delete"
          onClick={drop}
        >
          <Icon name="erase" />
        </button>
      </div>
    </div>
  );
}

type KeyProps = { digit: string; isShut: boolean; onPress: (digit: string) => void };

function Key({ digit, isShut, onPress }: KeyProps) {
  return (
    <button
      type="button"
      class="pin-key"
      disabled={isShut}
      data-testid={`pin-${digit}`}
      onClick={() => onPress(digit)}
    >
      {digit}
    </button>
  );
}
