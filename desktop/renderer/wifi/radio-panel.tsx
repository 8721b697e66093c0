/** The radio on the status screen: how it stands, in words, and the way to everything else about it. */
import { Button, Modal } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Fact, Facts, Panel } from '../look/panel.tsx';
import { RadioDetails } from './radio-details.tsx';
import { PhoneNames } from './phone-names.tsx';
import { RadioWord } from './radio-word.tsx';
import classes from './wifi.module.css';

export function RadioPanel(): ReactElement {
  const { state } = useAgent();
  const { t } = useLanguage();
  const [isOpen, setOpen] = useState(false);
  const { addresses, radio } = state;
  return (
    <Panel title={t('wifi.title')} icon="radio" testId="panel-radio">
      <RadioWord />
      <p className={classes.hint}>{t(`status.radioHint.${radio.state}`)}</p>
      <Facts>
        {radio.network !== null && (
          <Fact label={t('wifi.connected')} hint={radio.phones.names.length > 0 ? <PhoneNames /> : undefined}>
            <span data-testid="radio-phones" data-count={radio.phones.count}>
              {t('wifi.phones', { count: radio.phones.count })}
            </span>
          </Fact>
        )}
        <Fact label={t('status.addresses')}>
          {addresses.length === 0 ? t('status.noAddresses') : null}
          {addresses.map((address) => (
            <span key={address} dir="ltr" className={classes.address} data-selectable>
              {address}
            </span>
          ))}
        </Fact>
      </Facts>
      <Button variant="default" data-testid="radio-open" onClick={() => setOpen(true)}>
        {t('wifi.open')}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        size="min(1120px, 98vw)"
        title={t('wifi.title')}
        classNames={{ title: classes.title }}
        closeButtonProps={{ 'aria-label': t('common.close'), size: 48, iconSize: 26 }}
      >
        <RadioDetails />
      </Modal>
    </Panel>
  );
}
