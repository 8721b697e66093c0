/** Around what only the cloud can do: says why it cannot be done now, and the way back to when it can. */
import type { ComponentChildren } from 'preact';
import { t } from '../../i18n/translate.ts';
import { useWallet } from './context.ts';
import { Button, LinkButton, Notice, useAction } from './ui.tsx';

export function NeedsOnline({ children }: { children: ComponentChildren }) {
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
  if (state.session === 'none') {
    return (
      <Notice tone="info" icon="lock" title={t('online.sign_in')} testId="needs-session">
        <p>{t('home.session_ended')}</p>
        <LinkButton to="login" kind="primary">
          {t('login.submit')}
        </LinkButton>
      </Notice>
    );
  }
  return <>{children}</>;
}
