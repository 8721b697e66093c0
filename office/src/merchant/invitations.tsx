/** Signed in, and in nobody's team: what is offered to this number, or that this page is for shops. */
import { Button, dateTime, ErrorNotice, Logo, useAction } from '@tikiwallet/wallet/look';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { useLoad } from '../parts/load.tsx';
import { ROLE_NAMES } from '../parts/roles.ts';
import { NotYours } from '../parts/sign-in.tsx';

export function Invitations() {
  const { office } = useOffice();
  const received = useLoad('received', () => office.api.receivedInvitations());
  const action = useAction();
  const items = received.value?.items ?? [];
  if (items.length === 0) return <NotYours text="merchant.not_yours" />;
  const answer = (id: string, word: 'accept' | 'decline') =>
    action.run(async () => {
      office.became(await office.api.answerInvitation(id, word));
      received.reload();
    });
  return (
    <main class="sign-in" data-testid="invitations">
      {items.map((invitation) => (
        <div key={invitation.id} class="panel sign-in-card">
          <Logo size={56} />
          <h1>
            <bdi>{invitation.businessName}</bdi>
          </h1>
          <p>{t('team.offered', { role: t(ROLE_NAMES[invitation.role]) })}</p>
          <p class="muted">{t('team.open_until', { when: dateTime(Date.parse(invitation.expiresAt)) })}</p>
          {action.code !== null && <ErrorNotice code={action.code} />}
          <Button busy={action.busy} onClick={() => answer(invitation.id, 'accept')} testId="accept">
            {t('team.accept')}
          </Button>
          <Button kind="plain" disabled={action.busy} onClick={() => answer(invitation.id, 'decline')}>
            {t('team.decline')}
          </Button>
        </div>
      ))}
      <Button kind="quiet" icon="lock" onClick={() => void office.signOut()}>
        {t('office.sign_out')}
      </Button>
    </main>
  );
}
