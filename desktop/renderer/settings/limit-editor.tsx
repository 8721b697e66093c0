/** One limit of the shop's or the till's, typed on the keypad; then the PIN when it is raised. The agent judges both. */
import { Button, SegmentedControl } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import { LimitOwner, type LimitLine, type LimitName } from '../../ipc/agent-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { SetPin } from '../manager/manager-panel.tsx';
import { LEAST_PIN, PinEntry } from '../manager/pin-entry.tsx';
import { useStart } from '../look/use-start.ts';
import { PinWait } from '../manager/pin-wait.tsx';
import { pressKey } from '../sell/keypad-amount.ts';
import { Keypad } from '../sell/keypad.tsx';
import { useLimitName, useLimitText, valueOfDigits, zerosOf } from './limit-text.ts';
import classes from './limits.module.css';

interface LimitEditorProps {
  line: LimitLine;
  lines: readonly LimitLine[];
  /** With the limits as they are now, or without a change. */
  onDone: (lines?: readonly LimitLine[]) => void;
}

/** Also the merchant for all tills, whose limits the cloud keeps. */
type Owner = LimitOwner | 'cloud';
const OWNERS: readonly Owner[] = ['cloud', ...LimitOwner.options];

/** What is to be saved: a value, or null for no limit of this owner. */
type Wish = string | null;

export function LimitEditor({ line, lines, onDone }: LimitEditorProps): ReactElement {
  const { t } = useLanguage();
  const name = useLimitName();
  const { state } = useAgent();
  const start = useStart();
  const [owner, setOwner] = useState<Owner>('merchant');
  const [digits, setDigits] = useState('0');
  const [proved, setProved] = useState<{ readonly wish: Wish }>();
  const former = line[owner];
  const value = valueOfDigits(line.name, digits);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: ({ wish, pin }: { wish: Wish; pin?: string }) => {
      const limits = ownLimits(lines, owner, line.name, wish);
      if (owner === 'cloud') return call('merchant.setLimits', { limits });
      return call('limits.set', { owner, limits, ...(pin === undefined ? {} : { pin }) });
    },
    onSuccess: (answer) => onDone(answer.lines),
    // What was set elsewhere meanwhile is what the next wish has to begin with.
    onError: () => queries.invalidateQueries({ queryKey: ['limits.get'] }),
  });
  const isRaise = (wish: Wish): boolean =>
    owner !== 'cloud' && former !== null && (wish === null || BigInt(wish) > BigInt(former));
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
  const maySet = owner !== 'cloud' || state.merchant !== null;
  const isReady = digits !== '0' && value !== former && maySet;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady && !save.isPending) ask(value);
  };
  return (
    <form className={classes.editor} onSubmit={submit} data-testid="limit-editor" data-own-keys>
      <div className={classes.side}>
        <h3 className={classes.group} ref={start} tabIndex={-1}>
          {name(line)}
        </h3>
        <SegmentedControl
          fullWidth
          size="lg"
          aria-label={t('limits.ownerQuestion')}
          data-testid="limit-owner"
          classNames={{ label: classes.segment }}
          value={owner}
          onChange={(next) => {
            setOwner(OWNERS.find((option) => option === next) ?? 'merchant');
            save.reset();
          }}
          data={OWNERS.map((one) => ({ value: one, label: t(`limits.owner.${one}`) }))}
        />
        <Typed line={line} owner={owner} value={value} isEmpty={digits === '0'} />
        {owner === 'cloud' && (
          <p className={classes.hint} data-testid="limit-all-tills">
            {t(maySet ? 'limits.allTills' : 'limits.signIn')}
          </p>
        )}
        {save.isError && <Problem code={codeOf(save.error)} />}
        <div className={classes.buttons}>
          <Button type="submit" data-testid="limit-save" disabled={!isReady} loading={save.isPending}>
            {t('limits.save')}
          </Button>
          {former !== null && maySet && (
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
  owner: Owner;
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
  const name = useLimitName();
  const [pin, setPin] = useState('');
  const [isSettingPin, setSettingPin] = useState(false);
  const hasPin = state.managerPin.state !== 'none';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (pin.length < LEAST_PIN || saving) return;
    onPin(pin);
    setPin('');
  };
  const leaveSetting = (): void => setSettingPin(false);
  // In place: what was asked for waits meanwhile.
  if (isSettingPin) return <SetPin hasFormer={false} onCancel={leaveSetting} onSaved={leaveSetting} />;
  return (
    <form className={classes.editor} onSubmit={submit} data-testid="limit-prove" data-own-keys>
      <div className={classes.side}>
        <h3 className={classes.group}>{name(line)}</h3>
        <p className={classes.typed}>
          <small>{t('limits.newValue')}</small>
          <output className="tiki-number">{text(line.name, wish)}</output>
        </p>
        <p className={classes.hint}>{t('limits.pinNeeded')}</p>
        {!hasPin && (
          <>
            <Problem code="manager_pin_not_set" tone="warn" />
            <Button data-testid="limit-set-pin" onClick={() => setSettingPin(true)}>
              {t('manager.set')}
            </Button>
          </>
        )}
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
  owner: Owner,
  name: LimitLine['name'],
  wish: Wish,
): Partial<Record<LimitName, string>> {
  const entries = lines.flatMap((one) => {
    const value = one.name === name ? wish : one[owner];
    return value === null ? [] : [[one.name, value] as const];
  });
  return Object.fromEntries(entries);
}
