/** What offline money is, what can happen to it, and how much is at stake for whom: in plain words, with figures (R36). */
import type { ComponentChildren } from 'preact';
import { deadline, money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { isSpendable } from '../pay/allowance-choice.ts';
import { limitOf } from '../unlocking.ts';
import { currencyOf, useNow, useWallet } from './parts/context.ts';
import { Screen } from './parts/ui.tsx';

export function HelpScreen() {
  const { wallet, state } = useWallet();
  const nowSeconds = Math.floor(useNow(wallet, 60_000) / 1_000);
  const currency = currencyOf(state);
  const ends = state.allowances.filter((one) => isSpendable(one, nowSeconds)).map((one) => one.notAfter);
  const limits = state.config?.limits;
  const withoutPin = limitOf(state);
  return (
    <Screen title={t('help.title')} back="settings" testId="help">
      <Answer question={t('help.offline')}>{t('help.offline_text')}</Answer>
      <Answer question={t('help.until')}>
        {t('help.until_text')}
        {ends.length > 0 && ` ${t('help.until_yours', { when: deadline(Math.min(...ends) * 1_000) })}`}
      </Answer>
      <Answer question={t('help.unconfirmed')}>{t('help.unconfirmed_text')}</Answer>
      <Answer question={t('help.refused')}>{t('help.refused_text')}</Answer>
      <Answer question={t('help.lost')}>
        {t('help.lost_text')}
        {withoutPin > 0n && ` ${t('help.lost_pin', { amount: money(withoutPin, currency) })}`}
      </Answer>
      <Answer question={t('help.shop_risk')}>
        {t('help.shop_risk_text')}
        {limits !== undefined &&
          ` ${t('help.caps', {
            payment: money(limits.perPaymentMaxMinor, currency),
            load: money(limits.allowanceMaxMinor, currency),
          })}`}
      </Answer>
      <Answer question={t('help.your_risk')}>{t('help.your_risk_text')}</Answer>
    </Screen>
  );
}

function Answer({ question, children }: { question: string; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>{question}</h2>
      <p>{children}</p>
    </section>
  );
}
