/** Everything about the kiosk's Wi-Fi: the code to join, its settings, and a test that says what to do next. */
import { Button, SegmentedControl, Switch } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { type RadioSettings, ROTATION_HOURS } from '../../ipc/radio-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Fact, Facts, Problem } from '../look/panel.tsx';
import { JoinCode } from './join-code.tsx';
import { PhoneNames } from './phone-names.tsx';
import { RadioTest } from './radio-test.tsx';
import { RadioWord } from './radio-word.tsx';
import classes from './wifi.module.css';

export function RadioDetails(): ReactElement {
  const { t } = useLanguage();
  const { radio } = useAgent().state;
  return (
    <div className={classes.layout} data-testid="radio-details">
      <div className={classes.column}>
        <RadioWord />
        <p className={classes.hint}>{t(`status.radioHint.${radio.state}`)}</p>
        {radio.network !== null && (
          <>
            {radio.joinCodeId !== null && (
              <div className={classes.code}>
                <JoinCode />
              </div>
            )}
            <p className={classes.hint}>{t('wifi.joinScan')}</p>
            <Facts>
              <Fact label={t('wifi.network')} hint={t('wifi.noInternet')}>
                <span dir="ltr" data-selectable data-testid="radio-ssid">
                  {radio.network.ssid}
                </span>
              </Fact>
              <Fact
                label={t('wifi.connected')}
                hint={radio.phones.names.length > 0 ? <PhoneNames /> : undefined}
              >
                {t('wifi.phones', { count: radio.phones.count })}
              </Fact>
            </Facts>
          </>
        )}
        <Settings />
      </div>
      <RadioTest />
    </div>
  );
}

function Settings(): ReactElement {
  const { t } = useLanguage();
  const { settings, joinCodeId } = useAgent().state.radio;
  const configure = useMutation({ mutationFn: (wanted: RadioSettings) => call('radio.configure', wanted) });
  const rotate = useMutation({ mutationFn: () => call('radio.rotate', {}) });
  const change = (wanted: Partial<RadioSettings>): void => configure.mutate({ ...settings, ...wanted });
  return (
    <section className={classes.column} aria-label={t('settings.title')}>
      <Switch
        size="lg"
        data-testid="radio-on"
        checked={settings.isOn}
        label={t('wifi.on')}
        onChange={(event) => change({ isOn: event.currentTarget.checked })}
        classNames={{ body: classes.switchBody, label: classes.switchLabel }}
      />
      <p className={classes.hint}>{t('wifi.modeHint')}</p>
      <SegmentedControl
        fullWidth
        size="lg"
        aria-label={t('wifi.modeHint')}
        data-testid="radio-mode"
        classNames={{ label: classes.segment }}
        value={settings.mode}
        onChange={(value) => change({ mode: value === 'access_point' ? 'access_point' : 'wifi_direct' })}
        data={[
          { value: 'wifi_direct', label: t('wifi.modeDirect') },
          { value: 'access_point', label: t('wifi.modePlain') },
        ]}
      />
      <p className={classes.hint}>{t('wifi.rotationHint')}</p>
      <SegmentedControl
        fullWidth
        size="lg"
        aria-label={t('wifi.rotationHint')}
        data-testid="radio-rotation"
        classNames={{ label: classes.segment }}
        value={String(settings.rotationHours)}
        onChange={(value) =>
          change({ rotationHours: ROTATION_HOURS.find((hours) => String(hours) === value) ?? 12 })
        }
        data={ROTATION_HOURS.map((hours) => ({
          value: String(hours),
          label: t('limits.hours', { count: hours }),
        }))}
      />
      {joinCodeId !== null && (
        <Button
          variant="default"
          data-testid="radio-rotate"
          leftSection={<Icon name="refresh" size={22} />}
          loading={rotate.isPending}
          onClick={() => rotate.mutate()}
        >
          {t('wifi.rotate')}
        </Button>
      )}
      {rotate.isSuccess && <p role="status">{t('wifi.rotated')}</p>}
      {configure.isError && <Problem code={codeOf(configure.error)} />}
      {rotate.isError && <Problem code={codeOf(rotate.error)} />}
    </section>
  );
}
