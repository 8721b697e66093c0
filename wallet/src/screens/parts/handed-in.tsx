/** What became of a receipt that this phone handed in for the shop. */
import { dateTime } from '../../i18n/format.ts';
import { t } from '../../i18n/translate.ts';
import type { HandedIn } from '../../store/schema.ts';
import { Notice } from './ui.tsx';

export function HandedInNotice({ handedIn }: { handedIn: HandedIn }) {
  const isGood = handedIn.state === 'paid';
  return (
    <div data-testid="handed-in" data-state={handedIn.state}>
      <Notice tone={isGood ? 'ok' : 'warn'} icon={isGood ? 'check' : 'alert'} title={t('claim.title')}>
        <p>{t(`claim.${handedIn.state}`)}</p>
        {handedIn.state === 'invalid' && (
          <p class="error-code">
            {t('common.code')} <bdi data-testid="error-code">claim_invalid</bdi>
          </p>
        )}
        <p class="muted">{dateTime(handedIn.atMs)}</p>
      </Notice>
    </div>
  );
}
