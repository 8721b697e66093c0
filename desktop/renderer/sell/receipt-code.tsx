/** The receipt as a code, for a customer's phone that could not be reached by radio. */
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call, codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { QrCode } from './qr-code.tsx';
import classes from './receipt-code.module.css';

export function ReceiptCode({ paymentHash }: { paymentHash: string }): ReactElement {
  const { t } = useLanguage();
  const receipt = useQuery({
    queryKey: ['receipt', paymentHash],
    queryFn: () => call('payment.receipt', { paymentHash }),
  });
  const qrText = receipt.data?.qrText ?? null;
  return (
    <div className={classes.card}>
      <div className={classes.code}>
        {qrText !== null && <QrCode text={qrText} label={t('paid.receiptLabel')} testId="receipt-qr" />}
        {receipt.isError && <Problem code={codeOf(receipt.error)} onRetry={() => void receipt.refetch()} />}
      </div>
      <p className={classes.words}>{t('paid.receiptScan')}</p>
    </div>
  );
}
