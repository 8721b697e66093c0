/** Typing the code from an SMS, and asking for another one. */
import { t } from '../../i18n/translate.ts';
import { useNow, useWallet } from './context.ts';
import { Bdi, Button, Field, Notice } from './ui.tsx';

type SmsCodeProps = {
  readonly phone: string;
  readonly value: string;
  readonly onInput: (digits: string) => void;
};

export function SmsCode({ phone, value, onInput }: SmsCodeProps) {
  const { state } = useWallet();
  const { config } = state;
  const type = (text: string) => {
    const digits = text
      .replace(/[\u0660-\u0669\u06F0-\u06F9]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf))
      .replace(/\D/g, '')
      .slice(0, 6);
    onInput(digits);
  };
  const inbox = config?.standIns.smsInboxUrl ?? null;
  return (
    <>
      <p class="lead">
        {t('otp.sent_to')} <Bdi class="strong">{phone}</Bdi>
      </p>
      <Field
        label={t('otp.label')}
        value={value}
        onInput={type}
        testId="otp-code"
        input={{
          inputMode: 'numeric',
          autoComplete: 'one-time-code',
          pattern: '[0-9]{6}',
          maxLength: 6,
          required: true,
          dir: 'ltr',
          class: 'code-input',
          autoFocus: true,
        }}
      />
      {config?.standIns.twilio === true && (
        <Notice tone="info" icon="phone" testId="sms-stand-in">
          <p>{t('otp.stand_in')}</p>
          {inbox !== null && (
            <a href={inbox} target="_blank" rel="noopener noreferrer">
              {t('otp.stand_in_link')}
            </a>
          )}
        </Notice>
      )}
    </>
  );
}

type ResendProps = {
  readonly busy: boolean;
  /** Milliseconds since 1970. */
  readonly resendAt: number;
  readonly onResend: () => void;
};

export function ResendSms({ busy, resendAt, onResend }: ResendProps) {
  const { wallet } = useWallet();
  const now = useNow(wallet, 500);
  const waitSeconds = Math.max(0, Math.ceil((resendAt - now) / 1000));
  return (
    <Button kind="quiet" busy={busy} disabled={waitSeconds > 0} testId="otp-resend" onClick={onResend}>
      {waitSeconds > 0 ? t('otp.resend_in', { seconds: waitSeconds }) : t('otp.resend')}
    </Button>
  );
}
