/** Every limit with its three owners, and the one that counts: to read, and to set below the service's. */
import { Button, Modal, Skeleton, UnstyledButton } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import type { LimitLine } from '../../ipc/agent-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Panel, Problem } from '../look/panel.tsx';
import { isFocusLost } from '../look/use-start.ts';
import { LimitEditor } from './limit-editor.tsx';
import { limitGroups, useLimitName, useLimitText } from './limit-text.ts';
import classes from './limits.module.css';

const OWNERS = ['issuer', 'cloud', 'merchant', 'kiosk'] as const;

/** Pure: whose limit is the lowest; of two that are the same, the one that others cannot lift. */
export function decidingOwner(line: Pick<LimitLine, (typeof OWNERS)[number]>): (typeof OWNERS)[number] {
  const valueOf = (owner: (typeof OWNERS)[number]): bigint | null => {
    const value = line[owner];
    return value === null ? null : BigInt(value);
  };
  return OWNERS.reduce((lowest, owner) => {
    const [former, value] = [valueOf(lowest), valueOf(owner)];
    return value !== null && (former === null || value < former) ? owner : lowest;
  });
}

export function LimitsSettings(): ReactElement {
  const { t } = useLanguage();
  const [isOpen, setOpen] = useState(false);
  return (
    <Panel title={t('limits.title')} icon="shield" testId="panel-own-limits">
      <p>{t('limits.body')}</p>
      <Button variant="default" data-testid="limits-open" onClick={() => setOpen(true)}>
        {t('limits.open')}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        size="min(1120px, 98vw)"
        title={t('limits.title')}
        classNames={{ title: classes.title }}
        closeButtonProps={{ 'aria-label': t('common.close'), size: 48, iconSize: 26 }}
      >
        <Limits />
      </Modal>
    </Panel>
  );
}

function Limits(): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const queries = useQueryClient();
  const [editedName, setEdited] = useState<LimitLine['name']>();
  const list = useRef<HTMLDivElement>(null);
  const lastName = useRef<string>(undefined);
  useEffect(() => {
    // Back from one limit to the list: on from where it was left.
    if (editedName === undefined && lastName.current !== undefined && isFocusLost())
      list.current?.querySelector<HTMLElement>(`[data-name="${lastName.current}"] button`)?.focus();
    lastName.current = editedName;
  }, [editedName]);
  // Freshness changes what counts, and with it the page.
  const queryKey = ['limits.get', state.trust?.level];
  const limits = useQuery({ queryKey, queryFn: () => call('limits.get', {}) });
  if (limits.isPending) return <Skeleton height={320} radius={12} aria-label={t('common.loading')} />;
  if (limits.isError) return <Problem code={codeOf(limits.error)} onRetry={() => void limits.refetch()} />;
  const { lines } = limits.data;
  const edited = lines.find(({ name }) => name === editedName);
  if (edited !== undefined)
    return (
      <LimitEditor
        line={edited}
        lines={lines}
        onDone={(next) => {
          if (next !== undefined) queries.setQueryData(queryKey, { lines: next });
          setEdited(undefined);
        }}
      />
    );
  return (
    <div ref={list} className={classes.groups} data-testid="limits">
      {limitGroups(lines).map(({ title, members }) => (
        <section key={title} aria-label={t(title)}>
          <h3 className={classes.group}>{t(title)}</h3>
          <ul className={classes.lines}>
            {members.map((line) => (
              <LimitRow key={line.name} line={line} onEdit={() => setEdited(line.name)} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function LimitRow({ line, onEdit }: { line: LimitLine; onEdit: () => void }): ReactElement {
  const { t } = useLanguage();
  const text = useLimitText();
  const name = useLimitName();
  return (
    <li data-testid="limit-row" data-name={line.name}>
      <UnstyledButton className={classes.row} onClick={onEdit}>
        <span className={classes.name}>{name(line)}</span>
        {OWNERS.map((owner) => (
          <span key={owner} className={classes.owner} data-testid={`limit-of-${owner}`}>
            <small>{t(`limits.owner.${owner}`)}</small>
            <span className="tiki-number" data-unset={line[owner] === null || undefined}>
              {text(line.name, line[owner])}
            </span>
          </span>
        ))}
        <span className={classes.owner} data-counts>
          <small>{t('limits.counts')}</small>
          <strong className="tiki-number" data-testid="limit-counts" data-value={line.counts}>
            {text(line.name, line.counts)}
          </strong>
          <small data-testid="limit-by" data-owner={decidingOwner(line)}>
            {t('limits.by', { owner: t(`limits.owner.${decidingOwner(line)}`) })}
          </small>
        </span>
      </UnstyledButton>
    </li>
  );
}
