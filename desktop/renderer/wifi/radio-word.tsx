/** How the radio stands, in a word or two, with the phones that are in its network. */
import type { ReactElement } from 'react';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { StateWord } from '../look/panel.tsx';
import { radioTone } from './radio-tone.ts';

export function RadioWord(): ReactElement {
  const { radio } = useAgent().state;
  const { t } = useLanguage();
  return (
    <StateWord tone={radioTone(radio.state)} icon="radio" testId="radio-word">
      {radio.state === 'up' ? t('wifi.up', { count: radio.phones.count }) : t(`bar.radio.${radio.state}`)}
    </StateWord>
  );
}
