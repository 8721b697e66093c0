/** The operator's pages: which one is shown, and to whom. */
import { lazy, localeState, useObservable, useRoute } from '@tikiwallet/wallet/look';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { type AreaLink, Shell } from '../parts/shell.tsx';
import { NotYours, SignIn } from '../parts/sign-in.tsx';
import { Overview } from './overview.tsx';

const People = lazy(
  () => import('./people.tsx'),
  (module) => module.People,
);
const Cases = lazy(
  () => import('./cases.tsx'),
  (module) => module.Cases,
);
const Rules = lazy(
  () => import('./rules.tsx'),
  (module) => module.Rules,
);
const Log = lazy(
  () => import('./log.tsx'),
  (module) => module.Log,
);

export function App() {
  // A changed language draws everything anew.
  const { locale } = useObservable(localeState);
  return <Operator key={locale} />;
}

function Operator() {
  const { state } = useOffice();
  if (state.user === null) return <SignIn title="operator.title" lead="operator.lead" />;
  if (state.user.role !== 'operator') return <NotYours text="operator.not_yours" />;
  return (
    <Shell name={t('operator.title')} areas={areas()}>
      <Current />
    </Shell>
  );
}

function areas(): readonly AreaLink[] {
  return [
    { to: 'overview', icon: 'home', label: t('overview.title') },
    { to: 'people', icon: 'people', label: t('people.title') },
    { to: 'cases', icon: 'alert', label: t('cases.title') },
    { to: 'rules', icon: 'settings', label: t('rules.title') },
    { to: 'log', icon: 'activity', label: t('log.title') },
  ];
}

function Current() {
  const route = useRoute();
  switch (route.name) {
    case 'people':
      return <People />;
    case 'cases':
      return <Cases />;
    case 'rules':
      return <Rules />;
    case 'log':
      return <Log />;
    default:
      return <Overview />;
  }
}
