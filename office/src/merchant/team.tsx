/** Who works in the shop and what each may do: invited by number, changed or sent away at once. */
import type { InvitedRole, TeamRole, TeamView } from '@tikiwallet/server/contract';
import { Bdi, Button, dateTime, ErrorNotice, Icon, shortWhen, useAction } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { isThere, Shown, useLoad } from '../parts/load.tsx';
import { useMay } from '../parts/permissions.ts';
import { PhoneField } from '../parts/phone-field.tsx';
import { Area, Chip, Confirm, Panel } from '../parts/pieces.tsx';
import { ROLE_NAMES } from '../parts/roles.ts';

const ROLE_TEXTS: Readonly<Record<TeamRole, Key>> = {
  owner: 'team.owner_text',
  manager: 'team.manager_text',
  cashier: 'team.cashier_text',
};
type Member = TeamView['members'][number];

export function Team() {
  const { office } = useOffice();
  const team = useLoad('team', () => office.api.team());
  const mayManage = useMay('team.manage');
  return (
    <Area title={t('team.title')} testId="team">
      <Shown of={team} lines={4}>
        {({ members, invitations }) => (
          <>
            <ul class="list" data-testid="member-list">
              {members.map((member) => (
                <li key={member.id}>
                  <MemberLine member={member} mayManage={mayManage} onChange={team.set} />
                </li>
              ))}
            </ul>
            {invitations.length > 0 && (
              <section class="stack">
                <h2>{t('team.invited')}</h2>
                <ul class="list">
                  {invitations.map((invitation) => (
                    <li key={invitation.id}>
                      <InvitationLine invitation={invitation} mayManage={mayManage} onChange={team.set} />
                    </li>
                  ))}
                </ul>
              </section>
            )}
          </>
        )}
      </Shown>
      {mayManage && isThere(team) && <Invite onChange={team.set} />}
      {isThere(team) && <WhoMay />}
    </Area>
  );
}

function WhoMay() {
  return (
    <Panel title={t('team.who_may')}>
      <dl class="role-list">
        {(['owner', 'manager', 'cashier'] as const).map((role) => (
          <div key={role}>
            <dt>{t(ROLE_NAMES[role])}</dt>
            <dd class="muted">{t(ROLE_TEXTS[role])}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

/** A manager manages cashiers only; nobody changes the owner, or themselves. */
function useMayChange(member: Member, mayManage: boolean): boolean {
  const { state } = useOffice();
  if (!mayManage || member.isSelf || member.role === 'owner') return false;
  return state.user?.merchant?.teamRole === 'owner' || member.role === 'cashier';
}

function MemberLine({
  member,
  mayManage,
  onChange,
}: {
  member: Member;
  mayManage: boolean;
  onChange: (team: TeamView) => void;
}) {
  const { office, state } = useOffice();
  const [asks, setAsks] = useState(false);
  const change = useAction();
  const remove = useAction();
  const mayChange = useMayChange(member, mayManage);
  const isOwner = state.user?.merchant?.teamRole === 'owner';
  const other: InvitedRole = member.role === 'manager' ? 'cashier' : 'manager';
  return (
    <div class="line" data-testid="member" data-role={member.role}>
      <span class="line-main">
        <span class="line-title">
          <bdi>{member.username}</bdi> {member.isSelf && <span class="muted">({t('team.you')})</span>}
        </span>
        <span class="line-note">
          <Bdi>{member.phone}</Bdi> ·{' '}
          {t('team.since', { when: shortWhen(Date.parse(member.addedAt), Date.now()) })}
        </span>
      </span>
      <span class="line-end">
        <Chip tone={member.role === 'owner' ? 'ok' : 'plain'}>{t(ROLE_NAMES[member.role])}</Chip>
      </span>
      {change.code !== null && <ErrorNotice code={change.code} />}
      {mayChange && (
        <span class="line-actions">
          {isOwner && (
            <Button
              kind="plain"
              busy={change.busy}
              testId="member-role"
              onClick={() => change.run(async () => onChange(await office.api.setTeamRole(member.id, other)))}
            >
              {t(other === 'manager' ? 'team.make_manager' : 'team.make_cashier')}
            </Button>
          )}
          <Button kind="quiet" testId="member-remove" onClick={() => setAsks(true)}>
            {t('team.remove')}
          </Button>
        </span>
      )}
      {asks && (
        <Confirm
          title={t('team.remove_title', { name: member.username })}
          text={t('team.remove_text')}
          yes={t('team.remove')}
          busy={remove.busy}
          code={remove.code}
          testId="remove"
          onNo={() => setAsks(false)}
          onYes={() =>
            remove.run(async () => {
              onChange(await office.api.removeMember(member.id));
              setAsks(false);
            })
          }
        />
      )}
    </div>
  );
}

function InvitationLine({
  invitation,
  mayManage,
  onChange,
}: {
  invitation: TeamView['invitations'][number];
  mayManage: boolean;
  onChange: (team: TeamView) => void;
}) {
  const { office } = useOffice();
  const action = useAction();
  return (
    <div class="line" data-testid="invitation">
      <span class="line-main">
        <span class="line-title">
          <Icon name="phone" size={18} /> <Bdi>{invitation.phone}</Bdi>
        </span>
        <span class="line-note">
          {t(ROLE_NAMES[invitation.role])} ·{' '}
          {t('team.open_until', { when: dateTime(Date.parse(invitation.expiresAt)) })}
        </span>
      </span>
      {action.code !== null && <ErrorNotice code={action.code} />}
      {mayManage && (
        <span class="line-end">
          <Button
            kind="quiet"
            busy={action.busy}
            onClick={() =>
              action.run(async () => onChange(await office.api.withdrawInvitation(invitation.id)))
            }
          >
            {t('team.take_back')}
          </Button>
        </span>
      )}
    </div>
  );
}

function Invite({ onChange }: { onChange: (team: TeamView) => void }) {
  const { office, state } = useOffice();
  const [phone, setPhone] = useState('');
  const [role, setRole] = useState<InvitedRole>('cashier');
  const action = useAction();
  const isOwner = state.user?.merchant?.teamRole === 'owner';
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      onChange(await office.api.invite({ phone: phone.trim(), role }));
      setPhone('');
    });
  };
  const roles: readonly InvitedRole[] = isOwner ? ['cashier', 'manager'] : ['cashier'];
  return (
    <Panel title={t('team.invite')} lead={t('team.invite_text')} testId="invite">
      <form class="stack" onSubmit={submit}>
        <div class="inline-form">
          <PhoneField value={phone} onInput={setPhone} testId="invite-phone" />
          <fieldset class="segments role-choice">
            <legend>{t('team.role')}</legend>
            {roles.map((one) => (
              <label key={one} class="segment">
                <input
                  type="radio"
                  name="role"
                  value={one}
                  checked={one === role}
                  onChange={() => setRole(one)}
                />
                <span>{t(ROLE_NAMES[one])}</span>
              </label>
            ))}
          </fieldset>
          <Button type="submit" icon="plus" busy={action.busy} testId="invite-submit">
            {t('team.invite_submit')}
          </Button>
        </div>
        {action.code !== null && <ErrorNotice code={action.code} />}
      </form>
    </Panel>
  );
}
