/** How much and why, and the manager's PIN where this till has one. Holds a wish; gives nothing back. */
import { Button } from '@mantine/core';
import { currencyExponent } from '@tikiwallet/protocol';
import { type CSSProperties, type FormEvent, type ReactElement, useEffect, useRef, useState } from 'react';
import { type Payment, RefundReason } from '../../ipc/agent-contract.ts';
import { codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import { SetPinDialog } from '../manager/manager-panel.tsx';
import { LEAST_PIN, PinEntry } from '../manager/pin-entry.tsx';
import { PinWait, usePinWaitMs } from '../manager/pin-wait.tsx';
import { isOver, pressKey, zerosKey } from '../sell/keypad-amount.ts';
import { Keypad } from '../sell/keypad.tsx';
import classes from './give-back.module.css';

export interface Wish {
  readonly kind: 'void' | 'refund';
  readonly amountMinor: string;
  readonly reason: RefundReason;
  readonly pin: string | null;
}

interface ChooseStepProps {
  payment: Payment;
  onAsk: (wish: Wish) => void;
  /** The wish changed: what was said of the former one is over. */
  onForgetError: () => void;
  asking: boolean;
  error: unknown;
  onClose: () => void;
}

export function ChooseStep(props: ChooseStepProps): ReactElement {
  const { payment, onAsk, onForgetError, asking, error, onClose } = props;
  const { state } = useAgent();
  const { t, money } = useLanguage();
  const [share, setShare] = useState<'whole' | 'part'>('whole');
  const [typed, setTyped] = useState('0');
  const [reason, setReason] = useState<RefundReason>();
  const [isAtPin, setIsAtPin] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);

  const leftMinor = (BigInt(payment.amountMinor) - BigInt(payment.refundedMinor)).toString();
  const isUntouched = payment.refundedMinor === '0';
  const amountMinor = share === 'whole' ? leftMinor : typed;
  const isTooMuch = isOver(amountMinor, leftMinor);
  const isReady = amountMinor !== '0' && !isTooMuch && reason !== undefined;
  const needsPin = state.managerPin.state !== 'none';
  const ask = (pin: string | null): void => {
    if (!isReady || asking) return;
    onAsk({ kind: share === 'whole' && isUntouched ? 'void' : 'refund', amountMinor, reason, pin });
  };
  const shown = money(amountMinor, payment.currency);
  return (
    <div className={classes.choose} data-testid="screen-give-back" data-own-keys>
      <section className={classes.side}>
        <div className={classes.head}>
          <Button
            variant="default"
            className={classes.back}
            data-testid="give-back-close"
            aria-label={t('common.back')}
            onClick={isAtPin ? () => setIsAtPin(false) : onClose}
          >
            <Icon name="back" size={24} />
          </Button>
          <h1 className={classes.title} ref={heading} tabIndex={-1}>
            {t('giveBack.title')}
          </h1>
        </div>
        <div className={classes.amountBox}>
          <output
            className={`${classes.amount} tiki-number`}
            data-testid="give-back-amount"
            data-minor={amountMinor}
            style={{ '--letters': shown.length } as CSSProperties}
          >
            {shown}
          </output>
        </div>
        <p className={classes.left} data-over={isTooMuch || undefined} role={isTooMuch ? 'alert' : undefined}>
          {t(isTooMuch ? 'giveBack.overLeft' : 'giveBack.left', {
            amount: money(leftMinor, payment.currency),
          })}
        </p>
        <Choices
          label={t('giveBack.amount')}
          chosen={share}
          of={['whole', 'part'] as const}
          word={(one) => t(one === 'whole' && !isUntouched ? 'giveBack.rest' : `giveBack.${one}`)}
          testId="give-back"
          onChoose={(one) => {
            setShare(one);
            onForgetError();
          }}
        />
        <Choices
          label={t('giveBack.reason')}
          chosen={reason}
          of={RefundReason.options}
          word={(one) => t(`giveBack.reasons.${one}`)}
          testId="give-back-reason"
          onChoose={setReason}
        />
      </section>
      <section className={classes.side}>
        {isAtPin ? (
          <PinStep onPin={ask} asking={asking} error={error} />
        ) : (
          <>
            {share === 'whole' ? (
              <p className={classes.how}>
                <Icon name="shield" size={22} />
                {t('giveBack.how')}
              </p>
            ) : (
              <div className={classes.keys}>
                <Keypad
                  zeros={zerosKey(currencyExponent(payment.currency))}
                  onKey={(key) => {
                    setTyped((before) => pressKey(before, key));
                    onForgetError();
                  }}
                />
              </div>
            )}
            {!needsPin && <Anyone />}
            <Said code={error === null || error === undefined ? null : codeOf(error)} />
            <Button
              fullWidth
              data-testid="give-back-submit"
              disabled={!isReady}
              loading={asking}
              onClick={() => (needsPin ? setIsAtPin(true) : ask(null))}
            >
              {t('giveBack.show')}
            </Button>
          </>
        )}
      </section>
    </div>
  );
}

/** Settings says that a manager gives money back: without a PIN that is not so, and whoever stands here is told. */
function Anyone(): ReactElement {
  const { t } = useLanguage();
  const [isSetting, setSetting] = useState(false);
  return (
    <div className={classes.anyone} data-testid="give-back-anyone">
      <p>
        <Icon name="key" size={22} />
        {t('giveBack.anyone')}
      </p>
      <Button variant="default" data-testid="give-back-set-pin" onClick={() => setSetting(true)}>
        {t('manager.set')}
      </Button>
      <SetPinDialog opened={isSetting} onClose={() => setSetting(false)} onSaved={() => setSetting(false)} />
    </div>
  );
}

/** Why it cannot be asked. Once it is over it keeps its place: the keys above must not grow under a finger. */
function Said({ code }: { code: string | null }): ReactElement | null {
  const [kept, setKept] = useState(code);
  if (code !== null && code !== kept) setKept(code);
  if (code !== null) return <Problem kind="refusal" code={code} />;
  if (kept === null) return null;
  return (
    <div className={classes.placeKept} aria-hidden="true">
      <Problem kind="refusal" code={kept} />
    </div>
  );
}

function PinStep({
  onPin,
  asking,
  error,
}: {
  onPin: (pin: string) => void;
  asking: boolean;
  error: unknown;
}): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const [pin, setPin] = useState('');
  const waitMs = usePinWaitMs();
  const isReady = pin.length >= LEAST_PIN && waitMs <= 0 && state.managerPin.state === 'set';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!isReady || asking) return;
    onPin(pin);
    setPin('');
  };
  return (
    <form className={classes.pin} onSubmit={submit}>
      <PinEntry
        label={t('manager.pin')}
        description={t('giveBack.pinHint')}
        value={pin}
        onChange={setPin}
        testId="give-back-pin"
        autoFocus
      />
      <PinWait />
      {error !== null && error !== undefined && state.managerPin.state !== 'locked' && (
        <Problem code={codeOf(error)} />
      )}
      <Button type="submit" fullWidth data-testid="give-back-submit" disabled={!isReady} loading={asking}>
        {t('giveBack.show')}
      </Button>
    </form>
  );
}

/** One of a few, each large enough for a finger. */
function Choices<T extends string>({
  label,
  chosen,
  of,
  word,
  testId,
  onChoose,
}: {
  label: string;
  chosen: T | undefined;
  of: readonly T[];
  word: (one: T) => string;
  testId: string;
  onChoose: (one: T) => void;
}): ReactElement {
  return (
    <div role="radiogroup" aria-label={label}>
      <p className={classes.label} aria-hidden="true">
        {label}
      </p>
      <div className={classes.choices}>
        {of.map((one) => (
          <Button
            key={one}
            size="md"
            role="radio"
            aria-checked={one === chosen}
            variant={one === chosen ? 'filled' : 'default'}
            data-testid={`${testId}-${one}`}
            onClick={() => onChoose(one)}
          >
            {word(one)}
          </Button>
        ))}
      </div>
    </div>
  );
}
