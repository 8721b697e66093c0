/** One limit of the shop's or the till's, typed on the keypad; then the PIN when it is raised. The agent judges both. */
import { Button, SegmentedControl } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import { LimitOwner, type LimitLine } from '../../ipc/agent-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { LEAST_PIN, PinEntry } from '../manager/pin-entry.tsx';
import { PinWait } from '../manager/pin-wait.tsx';
import { pressKey } from '../sell/keypad-amount.ts';
import { Keypad } from '../sell/keypad.tsx';
import { useLimitText, valueOfDigits, zerosOf } from './limit-text.ts';
import classes from './limits.module.css';

interface LimitEditorProps {
  line: LimitLine;
  lines: readonly LimitLine[];
  /** With the limits as they are now, or without a change. */
  onDone: (lines?: readonly LimitLine[]) => void;
}

/** What is to be saved: a value, or null for no limit of this owner. */
type Wish = string | null;

export function LimitEditor({ line, lines, onDone }: LimitEditorProps): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const [owner, setOwner] = useState<LimitOwner>('merchant');
  const [digits, setDigits] = useState('0');
  const [proved, setProved] = useState<{ readonly wish: Wish }>();
  const former = line[owner];
  const value = valueOfDigits(line.name, digits);
  const save = useMutation({
    mutationFn: ({ wish, pin }: { wish: Wish; pin?: string }) =>
      call('limits.set', {
        owner,
        limits: ownLimits(lines, owner, line.name, wish),
        ...(pin === undefined ? {} : { pin }),
      }),
    onSuccess: (answer) => onDone(answer.lines),
  });
  const isRaise = (wish: Wish): boolean =>
    former !== null && (wish === null || BigInt(wish) > BigInt(former));
  const ask = (wish: Wish): void => {
    save.reset();
    if (isRaise(wish)) setProved({ wish });
    else save.mutate({ wish });
  };
  if (proved !== undefined)
    return (
      <ProveStep
        line={line}
        wish={proved.wish}
        saving={save.isPending}
        error={save.error}
        onPin={(pin) => save.mutate({ wish: proved.wish, pin })}
        onBack={() => setProved(undefined)}
      />
    );
  const isReady = digits !== '0' && value !== former;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady && !save.isPending) ask(value);
  };
  return (
    <form className={classes.editor} onSubmit={submit} data-testid="limit-editor" data-own-keys>
      <div className={classes.side}>
        <h3 className={classes.group}>{t(`limits.name.${line.name}`)}</h3>
        <SegmentedControl
          fullWidth
          size="lg"
          aria-label={t('limits.ownerQuestion')}
          data-testid="limit-owner"
          classNames={{ label: classes.segment }}
          value={owner}
          onChange={(next) => {
            setOwner(LimitOwner.options.find((option) => option === next) ?? 'merchant');
            save.reset();
          }}
          data={LimitOwner.options.map((one) => ({ value: one, label: t(`limits.owner.${one}`) }))}
        />
        <Typed line={line} owner={owner} value={value} isEmpty={digits === '0'} />
        {save.isError && <Problem code={codeOf(save.error)} />}
        <div className={classes.buttons}>
          <Button type="submit" data-testid="limit-save" disabled={!isReady} loading={save.isPending}>
            {t('limits.save')}
          </Button>
          {former !== null && (
            <Button variant="default" data-testid="limit-remove" onClick={() => ask(null)}>
              {t('limits.remove')}
            </Button>
          )}
          <Button variant="default" data-testid="limit-back" onClick={() => onDone()}>
            {t('common.back')}
          </Button>
        </div>
      </div>
      <div className={classes.keys}>
        <Keypad
          zeros={zerosOf(line.name, state.kiosk?.currency ?? 'USD')}
          onKey={(key) => setDigits((before) => pressKey(before, key))}
        />
      </div>
    </form>
  );
}

function Typed({
  line,
  owner,
  value,
  isEmpty,
}: {
  line: LimitLine;
  owner: LimitOwner;
  value: string;
  isEmpty: boolean;
}): ReactElement {
  const { t } = useLanguage();
  const text = useLimitText();
  const isAbove = BigInt(value) > BigInt(line.issuer);
  const service = `${t('limits.owner.issuer')}: ${text(line.name, line.issuer)}`;
  return (
    <p className={classes.typed}>
      <small>{t(line.name === 'maxOfflineSeconds' ? 'limits.inHours' : 'limits.newValue')}</small>
      <output className="tiki-number" data-testid="limit-value" data-empty={isEmpty || undefined}>
        {text(line.name, isEmpty ? line[owner] : value)}
      </output>
      <span className={classes.hint} data-above={isAbove || undefined}>
        {isAbove ? t('limits.aboveService') : service}
      </span>
    </p>
  );
}

function ProveStep({
  line,
  wish,
  saving,
  error,
  onPin,
  onBack,
}: {
  line: LimitLine;
  wish: Wish;
  saving: boolean;
  error: unknown;
  onPin: (pin: string) => void;
  onBack: () => void;
}): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const text = useLimitText();
  const [pin, setPin] = useState('');
  const hasPin = state.managerPin.state !== 'none';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (pin.length < LEAST_PIN || saving) return;
    onPin(pin);
    setPin('');
  };
  return (
    <form className={classes.editor} onSubmit={submit} data-testid="limit-prove" data-own-keys>
      <div className={classes.side}>
        <h3 className={classes.group}>{t(`limits.name.${line.name}`)}</h3>
        <p className={classes.typed}>
          <small>{t('limits.newValue')}</small>
          <output className="tiki-number">{text(line.name, wish)}</output>
        </p>
        <p className={classes.hint}>{t('limits.pinNeeded')}</p>
        {!hasPin && <Problem code="manager_pin_not_set" tone="warn" />}
        {error !== null && error !== undefined && <Problem code={codeOf(error)} />}
        <PinWait />
        <div className={classes.buttons}>
          <Button
            type="submit"
            data-testid="limit-save"
            disabled={!hasPin || pin.length < LEAST_PIN}
            loading={saving}
          >
            {t('limits.save')}
          </Button>
          <Button variant="default" data-testid="limit-back" onClick={onBack}>
            {t('common.back')}
          </Button>
        </div>
      </div>
      {hasPin && (
        <PinEntry label={t('manager.pin')} value={pin} onChange={setPin} testId="limit-pin" autoFocus />
      )}
    </form>
  );
}

/** All of this owner's limits with one exchanged; null takes it away. */
function ownLimits(
  lines: readonly LimitLine[],
  owner: LimitOwner,
  name: LimitLine['name'],
  wish: Wish,
): Record<string, string> {
  const entries = lines.flatMap((one) => {
    const value = one.name === name ? wish : one[owner];
    return value === null ? [] : [[one.name, value] as const];
  });
  return Object.fromEntries(entries);
}
