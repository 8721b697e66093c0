/** The audit log: what operators did, to whom, and why. Nothing here can be changed. */
import type { OperatorActView } from '@tikiwallet/server/contract';
import { Bdi, dateTime } from '@tikiwallet/wallet/look';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { usePages } from '../parts/load.tsx';
import { Area, Chip, PagedList } from '../parts/pieces.tsx';

const ACTS: Readonly<Record<OperatorActView['act'], Key>> = {
  user_found: 'log.user_found',
  user_suspended: 'log.user_suspended',
  user_restored: 'log.user_restored',
  sessions_ended: 'log.sessions_ended',
  quarantine_released: 'log.quarantine_released',
  case_judged: 'log.case_judged',
  operator_appointed: 'log.operator_appointed',
};

export function Log() {
  const { office } = useOffice();
  const acts = usePages('acts', (cursor) => office.api.operator.acts(cursor));
  return (
    <Area title={t('log.title')} testId="log">
      <p class="muted">{t('log.lead')}</p>
      <PagedList
        pages={acts}
        keyOf={({ id }) => id}
        draw={(act) => <ActLine act={act} />}
        empty={{ icon: 'activity', title: t('log.none'), text: t('log.none_text') }}
        testId="act-list"
      />
    </Area>
  );
}

function ActLine({ act }: { act: OperatorActView }) {
  return (
    <div class="line" data-testid="act" data-act={act.act}>
      <span class="line-main">
        <span class="line-title">
          {t(ACTS[act.act])}
          {act.subjectName !== null && (
            <>
              {' · '}
              <bdi>{act.subjectName}</bdi>
            </>
          )}
        </span>
        {act.reason !== '' && (
          <span>
            <bdi>{act.reason}</bdi>
          </span>
        )}
        <Bdi class="code line-hash">{act.subjectId}</Bdi>
        <span class="line-note">
          <bdi>{act.act === 'operator_appointed' ? t('log.by_terminal') : act.byName}</bdi> ·{' '}
          {dateTime(Date.parse(act.at))}
        </span>
      </span>
      {act.verdict !== null && (
        <span class="line-end">
          <Chip tone={act.verdict === 'fraud' ? 'bad' : 'ok'}>
            {t(act.verdict === 'fraud' ? 'cases.fraud' : 'cases.no_fraud')}
          </Chip>
        </span>
      )}
    </div>
  );
}
