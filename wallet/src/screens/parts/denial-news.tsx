/** An allowance that nobody accepts any more: which, why, what becomes of its money, and whom to ask. */
import type { Allowance } from '@tikiwallet/server/contract';
import type { ComponentChildren } from 'preact';
import { dateTime, money } from '../../i18n/format.ts';
import { t } from '../../i18n/translate.ts';
import { useWallet } from './context.ts';
import { HelpLine } from './help-line.tsx';
import { Button, Notice } from './ui.tsx';

export function DenialNews({ denied }: { denied: Allowance }) {
  const { wallet } = useWallet();
  return (
    <Notice
      tone="bad"
      icon="alert"
      title={t('denied.title', { amount: money(BigInt(denied.capMinor), denied.currency) })}
      testId="denial-news"
    >
      <DenialReason deniedFor={denied.deniedFor}>
        {denied.deniedFor === 'lost' && denied.returnsBy !== null && (
          <p>{t('offline.returning_by', { when: dateTime(Date.parse(denied.returnsBy)) })}</p>
        )}
      </DenialReason>
      <Button kind="plain" testId="denial-read" onClick={() => void wallet.markDenialsRead([denied.id])}>
        {t('denied.read')}
      </Button>
    </Notice>
  );
}

/** Why, in a sentence. `null` for the news of a denial whose reason this phone has not heard. */
export function DenialReason({
  deniedFor,
  children,
}: {
  deniedFor: Allowance['deniedFor'];
  children?: ComponentChildren;
}) {
  return (
    <>
      <p data-testid="denial-reason" data-reason={deniedFor ?? 'unknown'}>
        {t(sentenceOf(deniedFor))}
      </p>
      {children}
      <HelpLine code="allowance_denied" />
    </>
  );
}

function sentenceOf(deniedFor: Allowance['deniedFor']) {
  switch (deniedFor) {
    case 'double_spend':
      return 'denied.double_spend';
    case 'lost':
      return 'denied.lost';
    case 'operator':
      return 'denied.operator';
    case 'closing':
    case null:
      return 'error.allowance_denied';
  }
}
