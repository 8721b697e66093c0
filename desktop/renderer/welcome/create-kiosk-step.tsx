/** Names a new kiosk and shows its enrolment code; one tap uses it on this device. Also used by the settings. */
import { Button, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import type { RendererResult } from '../../ipc/renderer-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Problem } from '../look/panel.tsx';
import { freeName, isTaken, MAX_KIOSK_NAME } from './kiosk-names.ts';
import { StepFrame } from './step-frame.tsx';
import classes from './welcome.module.css';

type Kiosk = RendererResult<'kiosks.create'>;

export function CreateKioskStep({ onBack }: { onBack: () => void }): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const [kiosk, setKiosk] = useState<Kiosk>();
  if (kiosk !== undefined) return <KioskCode kiosk={kiosk} onChange={setKiosk} canUseHere />;
  const name = state.merchant?.user.merchant?.businessName ?? state.merchant?.user.username ?? '';
  return (
    <StepFrame title={t('createKiosk.title')} body={t('createKiosk.body')} onBack={onBack}>
      {name !== '' && <p className={classes.signedIn}>{t('createKiosk.signedInAs', { name })}</p>}
      <CreateKioskForm onCreated={setKiosk} />
    </StepFrame>
  );
}

export function CreateKioskForm({ onCreated }: { onCreated: (kiosk: Kiosk) => void }): ReactElement {
  const { t } = useLanguage();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const tills = useQuery({ queryKey: ['kiosks.list'], queryFn: () => call('kiosks.list', {}) });
  // Blocked ones too: reports and receipts would speak of two tills by one name.
  const names = tills.data?.items.map((till) => till.name) ?? [];
  const create = useMutation({
    // The key belongs to the name: the same wish repeated after a lost answer makes one kiosk.
    mutationFn: (wish: { idempotencyKey: string; name: string }) => call('kiosks.create', wish),
    onSuccess: async (kiosk) => {
      onCreated(kiosk);
      await queries.invalidateQueries({ queryKey: ['kiosks.list'] });
    },
  });
  const wanted = name.trim();
  const again = create.isError && create.variables.name === wanted ? create.variables : undefined;
  // After a lost answer the till of that name may be the very one that is asked for.
  const taken = again === undefined && !create.isPending && isTaken(name, names);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wanted !== '' && !taken)
      create.mutate(again ?? { idempotencyKey: crypto.randomUUID(), name: wanted });
  };
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label={t('createKiosk.label')}
        placeholder={t('createKiosk.placeholder')}
        data-testid="kiosk-name"
        maxLength={MAX_KIOSK_NAME}
        value={name}
        error={taken ? t('createKiosk.taken') : undefined}
        onChange={(event) => setName(event.currentTarget.value)}
        autoFocus
      />
      {taken && (
        <Button
          variant="default"
          data-testid="kiosk-free-name"
          onClick={() => setName(freeName(name, names))}
          fullWidth
        >
          {t('createKiosk.takeFree', { name: freeName(name, names) })}
        </Button>
      )}
      {create.isError && <Problem code={codeOf(create.error)} />}
      <Button
        type="submit"
        data-testid="create-kiosk"
        disabled={name.trim() === '' || taken}
        loading={create.isPending}
        fullWidth
      >
        {t('createKiosk.submit')}
      </Button>
    </form>
  );
}

interface KioskCodeProps {
  kiosk: Kiosk;
  onChange: (kiosk: Kiosk) => void;
  /** False on a device that is enrolled already. */
  canUseHere: boolean;
  onDone?: () => void;
}

export function KioskCode({ kiosk, onChange, canUseHere, onDone }: KioskCodeProps): ReactElement {
  const { t, time } = useLanguage();
  const enrol = useMutation({ mutationFn: (code: string) => call('kiosk.enrol', { code }) });
  const renew = useMutation({
    mutationFn: () => call('kiosks.newCode', { kioskId: kiosk.id }),
    onSuccess: onChange,
  });
  const { enrolment } = kiosk;
  const failed = enrol.error ?? renew.error;
  return (
    <StepFrame title={t('createKiosk.codeTitle', { name: kiosk.name })} body={t('createKiosk.codeBody')}>
      {enrolment !== null && (
        <div className={classes.codeCard}>
          <span>{t('createKiosk.codeLabel')}</span>
          <strong className={classes.codeText} dir="ltr" data-testid="kiosk-code" data-selectable>
            {enrolment.code}
          </strong>
          <span>{t('createKiosk.validUntil', { time: time(enrolment.expiresAt) })}</span>
        </div>
      )}
      {failed !== null && <Problem code={codeOf(failed)} />}
      {canUseHere && enrolment !== null && (
        <Button
          data-testid="use-here"
          loading={enrol.isPending}
          onClick={() => enrol.mutate(enrolment.code)}
          fullWidth
        >
          {t('createKiosk.useHere')}
        </Button>
      )}
      <div className={classes.row}>
        <Button
          variant="default"
          data-testid="kiosk-new-code"
          loading={renew.isPending}
          onClick={() => renew.mutate()}
        >
          {t('createKiosk.newCode')}
        </Button>
        {onDone !== undefined && (
          <Button variant="default" data-testid="kiosk-code-done" onClick={onDone}>
            {t('createKiosk.done')}
          </Button>
        )}
      </div>
    </StepFrame>
  );
}
