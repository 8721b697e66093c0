/** The manager's PIN in the settings: whether there is one, setting it with the account's password, changing it. */
import { Button, Modal, PasswordInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import type { AgentState } from '../../ipc/agent-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import type { IconName } from '../look/icons.tsx';
import { Panel, Problem, StateWord, type Tone } from '../look/panel.tsx';
import { CodePad } from '../welcome/code-pad.tsx';
import classes from './manager.module.css';
import { cleanPin, LEAST_PIN, PinEntry } from './pin-entry.tsx';
import { PinWait } from './pin-wait.tsx';

const LOOK: Readonly<Record<AgentState['managerPin']['state'], { tone: Tone; icon: IconName }>> = {
  none: { tone: 'calm', icon: 'key' },
  set: { tone: 'good', icon: 'check' },
  waiting: { tone: 'warn', icon: 'clock' },
  locked: { tone: 'bad', icon: 'stop' },
};

export function ManagerPanel(): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const [isSetting, setSetting] = useState(false);
  const [wasSaved, setWasSaved] = useState(false);
  const pin = state.managerPin.state;
  const { tone, icon } = LOOK[pin];
  return (
    <Panel title={t('manager.title')} icon="key" testId="panel-manager">
      <p>{t('manager.body')}</p>
      {pin === 'none' && <p data-testid="manager-pin-none">{t('manager.noneYet')}</p>}
      <div>
        <StateWord tone={tone} icon={icon} testId="manager-pin-state">
          {t(`manager.state.${pin}`)}
        </StateWord>
      </div>
      {wasSaved && <p role="status">{t('manager.saved')}</p>}
      <Button
        variant={pin === 'none' ? 'filled' : 'default'}
        data-testid="manager-pin-set"
        onClick={() => {
          setWasSaved(false);
          setSetting(true);
        }}
      >
        {t(pin === 'none' ? 'manager.set' : 'manager.change')}
      </Button>
      <SetPinDialog
        opened={isSetting}
        onClose={() => setSetting(false)}
        onSaved={() => {
          setSetting(false);
          setWasSaved(true);
        }}
      />
    </Panel>
  );
}

/** Also where a PIN turns out to be missing: nobody is sent away to look for the place where it is set. */
export function SetPinDialog({
  opened,
  onClose,
  onSaved,
}: {
  opened: boolean;
  onClose: () => void;
  onSaved: () => void;
}): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const pin = state.managerPin.state;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="min(920px, 96vw)"
      centered
      title={t('manager.title')}
      classNames={{ title: classes.title }}
      closeButtonProps={{ 'aria-label': t('common.close'), size: 48, iconSize: 26 }}
    >
      <SetPin hasFormer={pin === 'set' || pin === 'waiting'} onCancel={onClose} onSaved={onSaved} />
    </Modal>
  );
}

type Field = 'former' | 'next' | 'again';

export function SetPin({
  hasFormer,
  onSaved,
  onCancel,
}: {
  hasFormer: boolean;
  onSaved: () => void;
  onCancel: () => void;
}): ReactElement {
  const { t } = useLanguage();
  const [byPassword, setByPassword] = useState(!hasFormer);
  const [password, setPassword] = useState('');
  const [digits, setDigits] = useState({ former: '', next: '', again: '' });
  const [field, setField] = useState<Field>(hasFormer ? 'former' : 'next');
  const save = useMutation({
    mutationFn: () =>
      call('manager.setPin', {
        newPin: digits.next,
        proof: byPassword ? { kind: 'password', password } : { kind: 'pin', pin: digits.former },
      }),
    onSuccess: onSaved,
  });
  const change = (name: Field, value: string): void => {
    save.reset();
    setDigits((before) => ({ ...before, [name]: cleanPin(value) }));
  };
  const differs = digits.again.length >= digits.next.length && digits.again !== digits.next;
  const proves = byPassword ? password !== '' : digits.former.length >= LEAST_PIN;
  const isReady = proves && digits.next.length >= LEAST_PIN && digits.again === digits.next;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady && !save.isPending) save.mutate();
  };
  const entry = (name: Field, label: string, more: { description?: string; error?: string } = {}) => (
    <PinEntry
      label={label}
      value={digits[name]}
      onChange={(value) => change(name, value)}
      onFocus={() => setField(name)}
      testId={`manager-pin-${name}`}
      pad={false}
      {...more}
    />
  );
  return (
    <form className={classes.decide} onSubmit={submit}>
      <div className={classes.facts}>
        {byPassword ? (
          <PasswordInput
            label={t('manager.passwordLabel')}
            description={t('manager.passwordHint')}
            value={password}
            autoComplete="off"
            data-testid="manager-password"
            visibilityToggleButtonProps={{ 'aria-label': t('account.showPassword'), size: 48, tabIndex: 0 }}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
        ) : (
          entry('former', t('manager.currentPin'))
        )}
        {entry('next', t('manager.newPin'), { description: t('manager.newPinHint') })}
        {entry(
          'again',
          t('manager.again'),
          differs && digits.next !== '' ? { error: t('manager.differs') } : {},
        )}
        {hasFormer && (
          <Button
            variant="subtle"
            data-testid="manager-proof"
            onClick={() => {
              setByPassword(!byPassword);
              setField(byPassword ? 'former' : 'next');
            }}
          >
            {t(byPassword ? 'manager.useFormer' : 'manager.forgot')}
          </Button>
        )}
        {!byPassword && <PinWait />}
        {save.isError && <Problem code={codeOf(save.error)} />}
      </div>
      <div className={classes.facts} data-own-keys>
        <CodePad
          kind="digits"
          onKey={(key) => change(field, digits[field] + key)}
          onDelete={() => change(field, digits[field].slice(0, -1))}
        />
        <Button
          type="submit"
          fullWidth
          data-testid="manager-pin-save"
          disabled={!isReady}
          loading={save.isPending}
        >
          {t('manager.save')}
        </Button>
        <Button variant="default" fullWidth onClick={onCancel}>
          {t('common.cancel')}
        </Button>
      </div>
    </form>
  );
}
