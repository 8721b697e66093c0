/** Looks at each thing that a phone needs to pay over the Wi-Fi, in order, and says what to do about the one that fails. */
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import type { RadioCheck } from '../../ipc/radio-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import classes from './wifi.module.css';

const ICONS: Readonly<Record<RadioCheck['outcome'], IconName>> = {
  passed: 'check',
  failed: 'alert',
  not_tried: 'clock',
};

export function RadioTest(): ReactElement {
  const { t } = useLanguage();
  const test = useMutation({ mutationFn: () => call('radio.selfTest', {}) });
  return (
    <section className={classes.column} aria-label={t('wifi.test')}>
      <h3 className={classes.heading}>{t('wifi.test')}</h3>
      <p className={classes.hint}>{t('wifi.testHint')}</p>
      <Button
        variant="default"
        data-testid="radio-test"
        loading={test.isPending}
        leftSection={<Icon name="status" size={22} />}
        onClick={() => test.mutate()}
      >
        {t('wifi.testStart')}
      </Button>
      {test.isError && <Problem code={codeOf(test.error)} />}
      {test.isSuccess && (
        <ol className={classes.checks} data-testid="radio-checks" aria-live="polite">
          {test.data.checks.map((check) => (
            <Check key={check.name} check={check} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Check({ check }: { check: RadioCheck }): ReactElement {
  const { t } = useLanguage();
  const { name, outcome, code } = check;
  return (
    <li className={classes.check} data-testid="radio-check" data-name={name} data-outcome={outcome}>
      <Icon name={ICONS[outcome]} size={22} />
      <span>{t(`wifi.check.${name}`)}</span>
      <span>{t(`wifi.outcome.${outcome}`)}</span>
      {outcome === 'failed' && (
        <p className={classes.next}>
          {t(`wifi.next.${name}`)}
          <small data-selectable>{t('common.support', { code: code ?? '' })}</small>
        </p>
      )}
    </li>
  );
}
