/** Somebody's phone number: another person's by default, one's own where a session begins. */
import { Field } from '@tikiwallet/wallet/look';
import { t } from '../i18n/words.ts';

export function PhoneField({
  value,
  onInput,
  testId,
  hint,
  isOwn = false,
}: {
  value: string;
  onInput: (typed: string) => void;
  testId: string;
  hint?: string;
  isOwn?: boolean;
}) {
  return (
    <Field
      label={t('common.phone')}
      value={value}
      onInput={onInput}
      {...(hint === undefined ? {} : { hint })}
      testId={testId}
      input={{
        type: 'tel',
        inputMode: 'tel',
        autoComplete: isOwn ? 'username' : 'off',
        required: true,
        minLength: 4,
        maxLength: 32,
        dir: 'ltr',
      }}
    />
  );
}
