/** What needs a person's judgement: journals in quarantine, proven double spends, and receipts that nothing covers. */
import type { OperatorCaseView, QuarantineView } from '@tikiwallet/server/contract';
import { Bdi, Button, dateTime, Empty, relative, Row } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { CaseLine, Claims, DoubleSpends, proofFile } from '../parts/case-lists.tsx';
import { isThere, Shown, useLoad, usePages } from '../parts/load.tsx';
import { Area, Chip } from '../parts/pieces.tsx';
import { Reasoned } from '../parts/reasoned.tsx';

export function Cases() {
  const { office } = useOffice();
  const api = office.api.operator;
  const quarantines = useLoad('quarantines', () => api.quarantines());
  const cases = usePages('operator-cases', (cursor) => api.cases(cursor));
  const claims = usePages('operator-claims', (cursor) => api.claims(cursor));
  return (
    <Area title={t('cases.title')} testId="operator-cases">
      <section class="stack">
        <h2>{t('quarantine.title')}</h2>
        <p class="muted">{t('quarantine.lead')}</p>
        <Shown of={quarantines} lines={1}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty icon="check" title={t('quarantine.none')}>
                {t('quarantine.none_text')}
              </Empty>
            ) : (
              <ul class="cards">
                {items.map((one) => (
                  <li key={one.id}>
                    <Quarantine found={one} onChange={(rest) => quarantines.set({ items: rest })} />
                  </li>
                ))}
              </ul>
            )
          }
        </Shown>
      </section>
      {isThere(quarantines) && (
        <DoubleSpends
          pages={cases}
          draw={(found) => <Case found={found} onJudged={cases.reload} />}
          none={t('cases.nobody')}
        />
      )}
      {isThere(quarantines) && isThere(cases) && <Claims pages={claims} />}
    </Area>
  );
}

function Quarantine({
  found,
  onChange,
}: {
  found: QuarantineView;
  onChange: (items: readonly QuarantineView[]) => void;
}) {
  const { office } = useOffice();
  const [asks, setAsks] = useState(false);
  return (
    <article class="card" data-testid="quarantine">
      <header>
        <h2>
          <bdi>{found.kioskName}</bdi> · <bdi>{found.businessName}</bdi>
        </h2>
        <Chip tone="bad">{t('kiosks.state_quarantined')}</Chip>
      </header>
      <dl class="rows">
        <Row label={t('quarantine.since')}>{dateTime(Date.parse(found.quarantinedAt))}</Row>
        <Row label={t('kiosks.settled_to')}>{found.settledSequence}</Row>
        <Row label={t('kiosks.last_contact')}>
          {found.lastContactAt === null
            ? t('kiosks.never')
            : relative(Date.parse(found.lastContactAt), Date.now())}
        </Row>
        {found.breaks.slice(0, 3).map((one) => (
          <Row key={one.at} label={t('quarantine.differs', { number: one.sequence })}>
            <Bdi class="code">{one.storedHash.slice(0, 16)}</Bdi>
          </Row>
        ))}
      </dl>
      <div class="button-row">
        <Button kind="plain" icon="check" testId="release" onClick={() => setAsks(true)}>
          {t('quarantine.release')}
        </Button>
      </div>
      {asks && (
        <Reasoned
          title={t('quarantine.release')}
          text={t('quarantine.release_text')}
          yes={t('quarantine.release')}
          onLeave={() => setAsks(false)}
          onAct={async (reason) => onChange((await office.api.operator.release(found.id, reason)).items)}
        />
      )}
    </article>
  );
}

function Case({ found, onJudged }: { found: OperatorCaseView; onJudged: () => void }) {
  const { office } = useOffice();
  const [verdict, setVerdict] = useState<'fraud' | 'no_fraud' | null>(null);
  const { judgement } = found;
  return (
    <div>
      <CaseLine found={found} onProof={() => office.save(...proofFile('operator', found.id))} />
      <div class="line judgement">
        {judgement === null ? (
          <p class="muted">{t('cases.not_judged')}</p>
        ) : (
          <p>
            <Chip tone={judgement.verdict === 'fraud' ? 'bad' : 'ok'} testId="verdict">
              {t(judgement.verdict === 'fraud' ? 'cases.fraud' : 'cases.no_fraud')}
            </Chip>{' '}
            <bdi>{judgement.reason}</bdi> <span class="muted">{dateTime(Date.parse(judgement.at))}</span>
          </p>
        )}
        <span class="line-actions">
          <Button kind="plain" testId="judge-fraud" onClick={() => setVerdict('fraud')}>
            {t('cases.fraud')}
          </Button>
          <Button kind="plain" testId="judge-no-fraud" onClick={() => setVerdict('no_fraud')}>
            {t('cases.no_fraud')}
          </Button>
        </span>
      </div>
      {verdict !== null && (
        <Reasoned
          title={t(verdict === 'fraud' ? 'cases.fraud' : 'cases.no_fraud')}
          text={t('cases.judge_text')}
          yes={t('cases.judge')}
          onLeave={() => setVerdict(null)}
          onAct={async (reason) => {
            await office.api.operator.judge(found.id, { verdict, reason });
            onJudged();
          }}
        />
      )}
    </div>
  );
}
