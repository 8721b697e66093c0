/** What a person may set on this till, and the merchant's account behind it. */
import { Button, SegmentedControl, Switch, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { playChime } from '../frame/chime.ts';
import { isLanguage, LANGUAGES } from '../language/i18n.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Fact, Facts, Page, Panel } from '../look/panel.tsx';
import { ManagerPanel } from '../manager/manager-panel.tsx';
import { takeLanguage } from './take-language.ts';
import { LimitsSettings } from './limits-panel.tsx';
import { MerchantPanel } from './merchant-panel.tsx';
import { SeveralPanel } from './several-panel.tsx';
import { changePreferences, NEW_SALE_CHOICES, usePreferences } from './preferences.ts';
import classes from './settings.module.css';

export function SettingsScreen(): ReactElement {
  const { t } = useLanguage();
  return (
    <Page title={t('settings.title')}>
      <div className={classes.columns} data-testid="screen-settings">
        <div className={classes.column}>
          <LanguagePanel />
          <LookPanel />
          <SalePanel />
          <PayerPanel />
          <SeveralPanel />
        </div>
        <div className={classes.column}>
          <MerchantPanel />
          <ManagerPanel />
          <LimitsSettings />
          <DevicePanel />
        </div>
      </div>
    </Page>
  );
}

function LanguagePanel(): ReactElement {
  const { t, language } = useLanguage();
  const choose = (code: string): void => {
    if (!isLanguage(code)) return;
    void takeLanguage(code);
  };
  return (
    <Panel title={t('settings.language')} icon="language">
      <div className={classes.languages} role="radiogroup" aria-label={t('settings.language')}>
        {LANGUAGES.map((known) => (
          <Button
            key={known.code}
            role="radio"
            aria-checked={known.code === language}
            lang={known.code}
            variant={known.code === language ? 'filled' : 'default'}
            data-testid={`language-${known.code}`}
            onClick={() => choose(known.code)}
          >
            {known.name}
          </Button>
        ))}
      </div>
    </Panel>
  );
}

function LookPanel(): ReactElement {
  const { t } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Panel title={t('settings.look')} icon="look">
      <SegmentedControl
        fullWidth
        size="lg"
        aria-label={t('settings.look')}
        data-testid="color-scheme"
        classNames={{ label: classes.segment }}
        value={colorScheme}
        onChange={(value) => setColorScheme(value === 'light' || value === 'dark' ? value : 'auto')}
        data={[
          { value: 'auto', label: t('settings.lookAuto') },
          { value: 'light', label: t('settings.lookLight') },
          { value: 'dark', label: t('settings.lookDark') },
        ]}
      />
    </Panel>
  );
}

function SalePanel(): ReactElement {
  const { t, count } = useLanguage();
  const { sound, newSaleAfterSeconds } = usePreferences();
  return (
    <Panel title={t('settings.auto')} icon="sell">
      <p className={classes.hint} id="auto-hint">
        {t('settings.autoHint')}
      </p>
      <SegmentedControl
        fullWidth
        size="lg"
        aria-label={t('settings.autoHint')}
        data-testid="new-sale-after"
        classNames={{ label: classes.segment }}
        value={String(newSaleAfterSeconds)}
        onChange={(value) =>
          changePreferences({
            newSaleAfterSeconds: NEW_SALE_CHOICES.find((choice) => String(choice) === value) ?? 0,
          })
        }
        data={NEW_SALE_CHOICES.map((seconds) => ({
          value: String(seconds),
          label:
            seconds === 0 ? t('settings.autoOff') : t('settings.autoSeconds', { seconds: count(seconds) }),
        }))}
      />
      <div className={classes.soundRow}>
        <Switch
          size="lg"
          data-testid="sound"
          checked={sound}
          label={t('settings.soundOn')}
          onChange={(event) => changePreferences({ sound: event.currentTarget.checked })}
          classNames={{ body: classes.switchBody, label: classes.switchLabel }}
        />
        <Button
          variant="default"
          leftSection={<Icon name="sound" size={22} />}
          onClick={() => playChime('paid')}
        >
          {t('settings.soundTest')}
        </Button>
      </div>
    </Panel>
  );
}

function PayerPanel(): ReactElement {
  const { t } = useLanguage();
  const { checksPhone } = usePreferences();
  return (
    <Panel title={t('payer.setting')} icon="user" testId="panel-payer">
      <p className={classes.hint} id="payer-hint">
        {t('payer.settingHint')}
      </p>
      <SegmentedControl
        fullWidth
        size="lg"
        aria-label={t('payer.setting')}
        data-testid="checks-phone"
        classNames={{ label: classes.segment }}
        value={checksPhone}
        onChange={(value) => changePreferences({ checksPhone: value === 'always' ? 'always' : 'perSale' })}
        data={[
          { value: 'perSale', label: t('payer.perSale') },
          { value: 'always', label: t('payer.always') },
        ]}
      />
    </Panel>
  );
}

function DevicePanel(): ReactElement {
  const { t, day } = useLanguage();
  const { state } = useAgent();
  const info = useQuery({
    queryKey: ['window.info'],
    queryFn: () => call('window.info', {}),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Panel title={t('settings.device')} icon="key">
      <Facts>
        <Fact label={t('status.name')}>{state.kiosk?.name}</Fact>
        <Fact label={t('status.shop')}>{state.kiosk?.merchantName}</Fact>
        {state.kiosk !== null && (
          <Fact label={t('status.certificateEnd')}>{day(state.kiosk.certificateNotAfter)}</Fact>
        )}
        <Fact label={t('settings.version')}>
          <span dir="ltr">
            {[info.data?.appVersion, state.version]
              .filter((version, index, all) => version !== undefined && all.indexOf(version) === index)
              .join(' / ')}
          </span>
        </Fact>
      </Facts>
    </Panel>
  );
}
