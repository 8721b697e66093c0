/** The merchant's pages: which one is shown, and to whom. */
import { lazy, localeState, useObservable, useRoute } from '@tikiwallet/wallet/look';
import type { Permission, TeamRole } from '@tikiwallet/server/contract';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { may } from '../parts/permissions.ts';
import { type AreaLink, Shell } from '../parts/shell.tsx';
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
const Limits = lazy(
  () => import('./limits.tsx'),
  (module) => module.Limits,
);

export function App() {
  // A changed language draws everything anew.
  const { locale } = useObservable(localeState);
  return <Merchant key={locale} />;
}

function Merchant() {
  const { state } = useOffice();
  const { user } = state;
  if (user === null) return <SignIn title="merchant.title" lead="merchant.lead" />;
  if (user.merchant === null) return <Invitations />;
  return (
    <Shell name={user.merchant.businessName} areas={areas(user.merchant.teamRole)}>
      <Current />
    </Shell>
  );
}

function areas(role: TeamRole): readonly AreaLink[] {
  const all: readonly (AreaLink & { readonly needs: Permission })[] = [
    { needs: 'sales.read', to: 'sales', icon: 'activity', label: t('sales.title') },
    { needs: 'kiosks.read', to: 'kiosks', icon: 'shop', label: t('kiosks.title') },
    { needs: 'pay_outs.read', to: 'pay-outs', icon: 'up', label: t('payouts.title') },
    { needs: 'disputes.read', to: 'cases', icon: 'alert', label: t('cases.title') },
    { needs: 'team.read', to: 'team', icon: 'people', label: t('team.title') },
    { needs: 'limits.read', to: 'limits', icon: 'settings', label: t('limits.title') },
  ];
  return all.filter(({ needs }) => may(role, needs));
}

function Current() {
  const route = useRoute();
  switch (route.name) {
    case 'kiosks':
      return <Kiosks />;
    case 'pay-outs':
      return <PayOuts />;
    case 'cases':
      return <Cases />;
    case 'team':
      return <Team />;
    case 'limits':
      return <Limits />;
    default:
      return <Sales />;
  }
}
