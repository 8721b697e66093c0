/**
 * Around what only the cloud can do: says why it cannot be done now, and the way back to when it can. What was
 * already on the screen stays there: a lost connection takes away neither what was typed nor what became of it.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../i18n/translate.ts';
import { useWallet } from './context.ts';
import { Button, LinkButton, Notice, useAction } from './ui.tsx';

export function NeedsOnline({ children }: { children: ComponentChildren }) {
  const { state } = useWallet();
  const isPossible = state.reachable && state.session !== 'none';
  const [wasPossible, setWasPossible] = useState(isPossible);
  useEffect(() => {
    if (isPossible) setWasPossible(true);
  }, [isPossible]);
  return (
    <>
      {!isPossible && <WhyNot />}
      {(isPossible || wasPossible) && children}
    </>
  );
}

function WhyNot() {
  const { wallet, state } = useWallet();
  const action = useAction();
  if (!state.reachable) {
    return (
      <Notice tone="warn" icon="offline" title={t('online.needed')} role="status" testId="needs-online">
        <p>{t('online.needed_text')}</p>
        <Button kind="plain" busy={action.busy} onClick={() => action.run(() => wallet.sync())}>
          {t('common.try_again')}
        </Button>
      </Notice>
    );
  }
  return (
    <Notice tone="info" icon="lock" title={t('online.sign_in')} testId="needs-session">
      <p>{t('home.session_ended')}</p>
      <LinkButton to="login" kind="primary">
        {t('login.submit')}
      </LinkButton>
    </Notice>
  );
}
