/** A question before an act of the operator: what it does, and the reason that the audit log keeps. */
import { Field, useAction } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { Confirm } from './pieces.tsx';

export function Reasoned({
  title,
  text,
  yes,
  onAct,
  onLeave,
}: {
  title: string;
  text: string;
  yes: string;
  onAct: (reason: string) => Promise<void>;
  onLeave: () => void;
}) {
  const [reason, setReason] = useState('');
  const action = useAction();
  return (
    <Confirm
      title={title}
      text={text}
      yes={yes}
      busy={action.busy}
      code={action.code}
      testId="act"
      onNo={onLeave}
      onYes={() =>
        action.run(async () => {
          await onAct(reason.trim());
          onLeave();
        })
      }
    >
      <Field
        label={t('operator.reason')}
        value={reason}
        onInput={setReason}
        hint={t('operator.reason_hint')}
        testId="reason"
        input={{ required: true, minLength: 5, maxLength: 300, autoComplete: 'off' }}
      />
    </Confirm>
  );
}
