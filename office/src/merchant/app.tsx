/** The merchant's pages: which one is shown, and to whom. */
import { lazy, localeState, useObservable, useRoute } from '@tikiwallet/wallet/look';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { type AreaLink, Shell } from '../parts/shell.tsx';
import { NotYours, SignIn } from '../parts/sign-in.tsx';
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
  if (user.merchant === null) return <NotYours text="merchant.not_yours" />;
  return (
    <Shell name={user.merchant.businessName} areas={areas()}>
      <Current />
    </Shell>
  );
}

function areas(): readonly AreaLink[] {
  return [
    { to: 'sales', icon: 'activity', label: t('sales.title') },
    { to: 'kiosks', icon: 'shop', label: t('kiosks.title') },
    { to: 'pay-outs', icon: 'up', label: t('payouts.title') },
    { to: 'cases', icon: 'alert', label: t('cases.title') },
    { to: 'limits', icon: 'settings', label: t('limits.title') },
  ];
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
    case 'limits':
      return <Limits />;
    default:
      return <Sales />;
  }
}
