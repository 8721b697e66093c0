/** The field for a code from an SMS, and the way to another code: for every page, whoever's session it is. */
import type { PublicConfig } from '@tikiwallet/server/contract';
import { t } from '../../i18n/translate.ts';
import { Bdi, Button, Field, Notice } from './ui.tsx';

type CodeFieldProps = {
  readonly phone: string;
  readonly value: string;
  readonly onInput: (digits: string) => void;
  readonly standIns: PublicConfig['standIns'] | null;
};

/** Whatever digits a keyboard types, as six of the Latin ones at most. */
function digitsOf(text: string): string {
  return text
    .replace(/[\u0660-\u0669\u06F0-\u06F9]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf))
    .replace(/\D/g, '')
    .slice(0, 6);
}

export function CodeField({ phone, value, onInput, standIns }: CodeFieldProps) {
  const inbox = standIns?.smsInboxUrl ?? null;
  return (
    <>
      <p class="lead">
        {t('otp.sent_to')} <Bdi class="strong">{phone}</Bdi>
      </p>
      <Field
        label={t('otp.label')}
        value={value}
        onInput={(text) => onInput(digitsOf(text))}
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
      {standIns?.twilio === true && (
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

type ResendCodeProps = {
  readonly busy: boolean;
  readonly waitSeconds: number;
  readonly onResend: () => void;
};

export function ResendCode({ busy, waitSeconds, onResend }: ResendCodeProps) {
  return (
    <Button kind="quiet" busy={busy} disabled={waitSeconds > 0} testId="otp-resend" onClick={onResend}>
      {waitSeconds > 0 ? t('otp.resend_in', { seconds: waitSeconds }) : t('otp.resend')}
    </Button>
  );
}
