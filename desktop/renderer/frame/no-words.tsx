/** No language's file could be read, so the program's folder is damaged: the one screen whose words stand in the code. */
import type { ReactElement } from 'react';
import classes from './notice.module.css';

export function NoWords(): ReactElement {
  return (
    <main className={classes.alarm} data-testid="screen-no-words" role="alert">
      <h1 className={classes.title}>TikiWallet</h1>
      <p className={classes.body}>
        The sentences of this till could not be read. Payments already accepted stay stored. Start the till
        again; if it says this again, install it again over this one.
      </p>
      <small className={classes.code}>language_not_loaded</small>
    </main>
  );
}
