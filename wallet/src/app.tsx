/** Which screen is shown: entry before there is a person, the wallet after. Owns the frame around the screens. */
import { useEffect } from 'preact/hooks';
import { t, localeState } from './i18n/translate.ts';
import { Code, LogIn, Register, Welcome } from './screens/enter.tsx';
import { Home } from './screens/home.tsx';
import { currencyOf, useWallet, WalletContext } from './screens/parts/context.ts';
import { SupportContact } from './screens/parts/help-line.tsx';
import { Icon, Logo, type IconName } from './screens/parts/icons.tsx';
import { lazy } from './screens/parts/lazy.tsx';
import { parseRoute, replace, useRoute, type Route } from './screens/parts/router.ts';
import { useObservable } from './wallet-state.ts';
import type { Wallet } from './wallet.ts';

const Pay = lazy(
  () => import('./screens/pay.tsx'),
  (module) => module.PayScreen,
);
const ShowCode = lazy(
  () => import('./screens/show-code.tsx'),
  (module) => module.ShowCodeScreen,
);
const Return = lazy(
  () => import('./screens/return.tsx'),
  (module) => module.ReturnScreen,
);
const Activity = lazy(
  () => import('./screens/activity.tsx'),
  (module) => module.ActivityScreen,
);
const Detail = lazy(
  () => import('./screens/activity.tsx'),
  (module) => module.ActivityDetail,
);
const TopUp = lazy(
  () => import('./screens/top-up.tsx'),
  (module) => module.TopUpScreen,
);
const TopUpReturn = lazy(
  () => import('./screens/top-up.tsx'),
  (module) => module.TopUpReturn,
);
const Load = lazy(
  () => import('./screens/offline.tsx'),
  (module) => module.LoadScreen,
);
const Offline = lazy(
  () => import('./screens/offline.tsx'),
  (module) => module.OfflineScreen,
);
const Transfer = lazy(
  () => import('./screens/transfer.tsx'),
  (module) => module.TransferScreen,
);
const Withdraw = lazy(
  () => import('./screens/withdraw.tsx'),
  (module) => module.WithdrawScreen,
);
const WithdrawalState = lazy(
  () => import('./screens/withdrawal.tsx'),
  (module) => module.WithdrawalScreen,
);
const Pin = lazy(
  () => import('./screens/pin.tsx'),
  (module) => module.PinScreen,
);
const Help = lazy(
  () => import('./screens/help.tsx'),
  (module) => module.HelpScreen,
);
const Settings = lazy(
  () => import('./screens/settings.tsx'),
  (module) => module.SettingsScreen,
);

const Refund = lazy(
  () => import('./screens/refund.tsx'),
  (module) => module.RefundScreen,
);
const Devices = lazy(
  () => import('./screens/account.tsx'),
  (module) => module.DevicesScreen,
);
const NewNumber = lazy(
  () => import('./screens/account.tsx'),
  (module) => module.NumberScreen,
);
const Closing = lazy(
  () => import('./screens/account.tsx'),
  (module) => module.ClosingScreen,
);
const Forgotten = lazy(
  () => import('./screens/forgotten.tsx'),
  (module) => module.ForgottenScreen,
);
const Phones = lazy(
  () => import('./screens/phones.tsx'),
  (module) => module.PhonesScreen,
);

export function App({ wallet }: { wallet: Wallet }) {
  // A changed language draws everything anew.
  const { locale } = useObservable(localeState);
  return (
    <WalletContext.Provider value={wallet}>
      <Frame key={locale} />
    </WalletContext.Provider>
  );
}

const ENTRY = ['welcome', 'register', 'code', 'login', 'forgotten'];
/** Screens for everybody, in or not. */
const OPEN = ['settings', 'return'];
/** Screens on which nothing may distract from one decision. */
const WITHOUT_TABS = ['pay', 'refund', 'pin', 'show-code', 'return', 'topup-return'];
/** The main areas; on a phone every other screen has its whole height for itself. */
const AREAS = ['', 'settings'];

function Frame() {
  const { wallet, state } = useWallet();
  const route = useRoute();
  const isEntered = state.profile !== null;
  useEffect(() => {
    // Asked again here: what was drawn may be a step behind the address.
    const { name } = parseRoute(location.hash);
    const isEntry = ENTRY.includes(name);
    if (!isEntered && !isEntry && !OPEN.includes(name)) {
      replace(state.registration === null ? 'welcome' : 'code');
    }
    // Someone who is in needs no welcome; logging in again is theirs when the session has ended.
    if (isEntered && isEntry && !(['login', 'forgotten'].includes(name) && state.session !== 'active'))
      replace('');
  }, [wallet, isEntered, route.name, state.session, state.registration]);
  const showsTabs = isEntered && !WITHOUT_TABS.includes(route.name) && !ENTRY.includes(route.name);
  const isArea = AREAS.includes(route.name) || (route.name === 'activity' && route.argument === null);
  const frame = showsTabs ? `frame frame-tabs ${isArea ? '' : 'frame-task'}` : 'frame';
  return (
    <div class={frame}>
      <a class="skip" href="#main" onClick={skipToMain}>
        {t('common.skip')}
      </a>
      {showsTabs && <TopBar />}
      <main id="main" tabIndex={-1}>
        <SupportContact.Provider value={state.config?.supportContact ?? null}>
          <Current route={route} key={`${route.name}/${route.argument ?? ''}`} />
        </SupportContact.Provider>
      </main>
      {showsTabs && <Tabs current={route.name} />}
    </div>
  );
}

/** The fragment is the router's; a skip link moves the focus by itself. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Current({ route }: { route: Route }) {
  const { state } = useWallet();
  if (state.profile === null) {
    switch (route.name) {
      case 'register':
        return <Register />;
      case 'code':
        return <Code />;
      case 'login':
        return <LogIn />;
      case 'forgotten':
        return <Forgotten />;
      case 'settings':
        return <Settings />;
      case 'return':
        return <Return />;
      default:
        return <Welcome />;
    }
  }
  switch (route.name) {
    case 'login':
      return <LogIn />;
    case 'forgotten':
      return <Forgotten />;
    case 'pay':
      return <Pay />;
    case 'show-code':
      return <ShowCode id={route.argument ?? ''} />;
    case 'return':
      return <Return />;
    case 'activity':
      return route.argument === null ? <Activity /> : <Detail id={route.argument} />;
    case 'topup':
      return <TopUp />;
    case 'topup-return':
      return (
        <TopUpReturn
          id={(route.argument ?? '').replace(/~cancelled$/, '')}
          wasCancelled={route.argument?.endsWith('~cancelled') === true}
        />
      );
    case 'load':
      return <Load key={currencyOf(state)} />;
    case 'offline':
      return <Offline />;
    case 'transfer':
      return <Transfer />;
    case 'withdraw':
      return route.argument === null ? <Withdraw /> : <WithdrawalState id={route.argument} />;
    case 'help':
      return <Help />;
    case 'pin':
      return <Pin step={route.argument ?? 'change'} />;
    case 'settings':
      return <Settings />;
    case 'refund':
      return <Refund id={route.argument ?? ''} />;
    case 'phones':
      return <Phones />;
    case 'devices':
      return <Devices />;
    case 'number':
      return <NewNumber />;
    case 'closing':
      return <Closing />;
    default:
      return <Home />;
  }
}

function TopBar() {
  return (
    <header class="topbar">
      <a class="brand" href="#/" aria-label={`TikiWallet: ${t('home.title')}`}>
        <Logo size={30} />
        <span>TikiWallet</span>
      </a>
      <a class="icon-button" href="#/settings" aria-label={t('settings.title')} data-testid="settings-link">
        <Icon name="settings" />
      </a>
    </header>
  );
}

function Tabs({ current }: { current: string }) {
  const tab = (name: string, icon: IconName, label: string) => (
    <a class="tab" href={`#/${name}`} aria-current={current === name ? 'page' : undefined}>
      <Icon name={icon} />
      <span>{label}</span>
    </a>
  );
  return (
    <nav class="tabs" aria-label={t('common.navigation')}>
      {tab('', 'home', t('home.title'))}
      <a class="tab-pay" href="#/pay" data-testid="pay-button">
        <Icon name="scan" />
        <span>{t('home.pay')}</span>
      </a>
      {tab('activity', 'activity', t('activity.title'))}
    </nav>
  );
}
