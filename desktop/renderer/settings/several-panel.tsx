/** Several customers at once: how many sales may be open at this till. More than before needs the manager's PIN. */
import { Button, Modal } from '@mantine/core';
import { MAX_OPEN_REQUESTS } from '@tikiwallet/protocol';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Panel, Problem } from '../look/panel.tsx';
import managerClasses from '../manager/manager.module.css';
import { SetPinDialog } from '../manager/manager-panel.tsx';
import { LEAST_PIN, PinEntry } from '../manager/pin-entry.tsx';
import { PinWait } from '../manager/pin-wait.tsx';
import classes from './settings.module.css';

const CHOICES = Array.from({ length: MAX_OPEN_REQUESTS }, (_unused, index) => index + 1);

export function SeveralPanel(): ReactElement {
  const { t, count } = useLanguage();
  const { state } = useAgent();
  const { mostOpen } = state.till;
  const [asked, setAsked] = useState<number>();
  // One dialog at a time: what was asked for is kept meanwhile.
  const [isSettingPin, setSettingPin] = useState(false);
  const save = useMutation({
    mutationFn: (wish: { mostOpen: number; pin?: string }) => call('till.setMostOpen', wish),
    onSuccess: () => setAsked(undefined),
  });
  const choose = (most: number): void => {
    save.reset();
    if (most > mostOpen) setAsked(most);
    else if (most < mostOpen) save.mutate({ mostOpen: most });
  };
  return (
    <Panel title={t('several.setting')} icon="sell" testId="panel-several">
      <p className={classes.hint}>{t('several.settingHint')}</p>
      <div className={classes.choices} role="radiogroup" aria-label={t('several.setting')}>
        {CHOICES.map((most) => (
          <Button
            key={most}
            role="radio"
            aria-checked={most === mostOpen}
            variant={most === mostOpen ? 'filled' : 'default'}
            data-testid={`several-${most}`}
            onClick={() => choose(most)}
          >
            {most === 1 ? t('several.off') : count(most)}
          </Button>
        ))}
      </div>
      {save.isError && asked === undefined && <Problem code={codeOf(save.error)} />}
      <Modal
        opened={asked !== undefined && !isSettingPin}
        onClose={() => setAsked(undefined)}
        size="min(560px, 96vw)"
        centered
        title={t('several.setting')}
        classNames={{ title: managerClasses.title }}
        closeButtonProps={{ 'aria-label': t('common.close'), size: 48, iconSize: 26 }}
      >
        <Prove
          saving={save.isPending}
          error={save.error}
          onSetPin={() => setSettingPin(true)}
          onPin={(pin) => asked !== undefined && save.mutate({ mostOpen: asked, pin })}
        />
      </Modal>
      <SetPinDialog
        opened={isSettingPin}
        onClose={() => setSettingPin(false)}
        onSaved={() => setSettingPin(false)}
      />
    </Panel>
  );
}

function Prove({
  saving,
  error,
  onSetPin,
  onPin,
}: {
  saving: boolean;
  error: unknown;
  onSetPin: () => void;
  onPin: (pin: string) => void;
}): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const [pin, setPin] = useState('');
  const hasPin = state.managerPin.state !== 'none';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (pin.length < LEAST_PIN || saving) return;
    onPin(pin);
    setPin('');
  };
  return (
    <form className={managerClasses.facts} onSubmit={submit} data-own-keys>
      <p>{t('several.pinNeeded')}</p>
      {!hasPin && (
        <>
          <Problem code="manager_pin_not_set" tone="warn" />
          <Button data-testid="several-set-pin" onClick={onSetPin}>
            {t('manager.set')}
          </Button>
        </>
      )}
      {error !== null && error !== undefined && <Problem code={codeOf(error)} />}
      <PinWait />
      {hasPin && (
        <>
          <PinEntry label={t('manager.pin')} value={pin} onChange={setPin} testId="several-pin" autoFocus />
          <Button type="submit" data-testid="several-save" disabled={pin.length < LEAST_PIN} loading={saving}>
            {t('several.save')}
          </Button>
        </>
      )}
    </form>
  );
}
