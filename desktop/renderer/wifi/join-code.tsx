/** The code to join the kiosk's Wi-Fi, as large as its box allows, always black on white. */
import type { ReactElement } from 'react';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { useJoinPicture } from './use-join-picture.ts';
import classes from './wifi.module.css';

export function JoinCode(): ReactElement {
  const { t } = useLanguage();
  const { network } = useAgent().state.radio;
  const picture = useJoinPicture();
  return (
    <div className={classes.joinBox}>
      {picture !== null && picture !== undefined && (
        <img
          className={classes.joinPicture}
          data-testid="join-qr"
          src={picture}
          alt={t('wifi.joinLabel', { name: network?.ssid ?? '' })}
        />
      )}
    </div>
  );
}
