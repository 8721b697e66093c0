/** The merchant's pages: which one is shown, and to whom. */
import type { Permission, TeamRole } from '@tikiwallet/server/contract';
import { Empty, type IconName, lazy, localeState, useObservable, useRoute } from '@tikiwallet/wallet/look';
import type { ComponentType } from 'preact';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { mayDo } from '../parts/permissions.ts';
import { Area } from '../parts/pieces.tsx';
import { ROLE_NAMES } from '../parts/roles.ts';
import { Shell } from '../parts/shell.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { Invitations } from './invitations.tsx';
import { Sales } from './sales.tsx';

const Kiosks = lazy(
  () => import('./kiosks.tsx'),
  (module) => module.Kiosks,
);
const PayOuts = lazy(
  () => import('./pay-outs.tsx'),
  (module) => module.PayOuts,
);
const Cases = lazy(
  () => import('./cases.tsx'),
  (module) => module.Cases,
);
const Team = lazy(
  () => import('./team.tsx'),
  (module) => module.Team,
);
const Statements = lazy(
  () => import('./statements.tsx'),
  (module) => module.Statements,
);
const Webhooks = lazy(
  () => import('./webhooks.tsx'),
  (module) => module.Webhooks,
);
const Limits = lazy(
  () => import('./limits.tsx'),
  (module) => module.Limits,
);

export function App() {
  // A changed language draws everything anew.
  const { locale } = useObservable(localeState);
  return <Merchant key={locale} />;
}

interface MerchantArea {
  readonly to: string;
  readonly needs: Permission;
  readonly icon: IconName;
  readonly title: Key;
  readonly page: ComponentType;
}
/** Every page of a shop, and what a person must be allowed for it. The first is where everybody begins. */
const AREAS: readonly [MerchantArea, ...MerchantArea[]] = [
  { to: 'sales', needs: 'sales.read', icon: 'activity', title: 'sales.title', page: Sales },
  { to: 'kiosks', needs: 'kiosks.read', icon: 'shop', title: 'kiosks.title', page: Kiosks },
  { to: 'pay-outs', needs: 'pay_outs.read', icon: 'up', title: 'payouts.title', page: PayOuts },
  { to: 'statements', needs: 'pay_outs.read', icon: 'down', title: 'statements.title', page: Statements },
  { to: 'cases', needs: 'disputes.read', icon: 'alert', title: 'cases.title', page: Cases },
  { to: 'team', needs: 'team.read', icon: 'people', title: 'team.title', page: Team },
  { to: 'limits', needs: 'limits.read', icon: 'settings', title: 'limits.title', page: Limits },
  { to: 'webhooks', needs: 'webhooks.manage', icon: 'send', title: 'webhooks.title', page: Webhooks },
];

function Merchant() {
  const { state } = useOffice();
  const route = useRoute();
  const { user } = state;
  if (user === null) return <SignIn title="merchant.title" lead="merchant.lead" />;
  if (user.merchant === null) return <Invitations />;
  const { businessName, teamRole } = user.merchant;
  const links = AREAS.filter(({ needs }) => mayDo(teamRole, needs));
  const area = AREAS.find(({ to }) => to === route.name) ?? AREAS[0];
  return (
    <Shell name={businessName} areas={links.map(({ to, icon, title }) => ({ to, icon, label: t(title) }))}>
      {mayDo(teamRole, area.needs) ? <area.page /> : <NotForYourRole title={t(area.title)} role={teamRole} />}
    </Shell>
  );
}

/** An address that somebody sent, or kept from before: said in words, and nothing is asked of the cloud. */
function NotForYourRole({ title, role }: { title: string; role: TeamRole }) {
  return (
    <Area title={title} testId="not-for-your-role">
      <Empty icon="lock" title={t('office.not_for_role')}>
        {t('office.not_for_role_text', { role: t(ROLE_NAMES[role]) })}
      </Empty>
    </Area>
  );
}
