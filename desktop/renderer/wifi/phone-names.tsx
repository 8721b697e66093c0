/** What phones in the Wi-Fi call themselves. Strangers choose these names: each is text of its own and changes nothing around it. */
import type { ReactElement } from 'react';
import { useAgent } from '../agent/connection.ts';
import classes from './wifi.module.css';

const LONGEST = 32;

export function PhoneNames(): ReactElement | null {
  const names = useAgent()
    .state.radio.phones.names.map(shownName)
    .filter((name) => name !== '');
  if (names.length === 0) return null;
  return (
    <span className={classes.names} data-testid="phone-names">
      {names.map((name, index) => (
        <span key={index}>
          {index > 0 && ', '}
          <bdi>{name}</bdi>
        </span>
      ))}
    </span>
  );
}

/** Without what is not a letter, a mark, a number or a sign, and no longer than a line. */
function shownName(name: string): string {
  return name
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .trim()
    .slice(0, LONGEST);
}
