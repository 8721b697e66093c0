/** The whole page: which of the screens is on, given what is known about the agent. Owns no screen's content. */
import { DirectionProvider, MantineProvider, useDirection } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactElement, useEffect, useMemo, useRef, useState } from 'react';
import { ActivityScreen } from './activity/activity-screen.tsx';
import { AgentStateContext, useAgent, useConnection } from './agent/connection.ts';
import { Announcer } from './frame/announcer.tsx';
import { LostNotice, QuarantinedNotice, StartingNotice } from './frame/notice.tsx';
import { LanguageNote } from './frame/language-note.tsx';
import { ProblemBand } from './frame/problem-band.tsx';
import { SideRail, type View } from './frame/side-rail.tsx';
import { StatusBar } from './frame/status-bar.tsx';
import { directionOf } from './language/i18n.ts';
import { useLanguage } from './language/use-language.ts';
import { cssVariables, theme } from './look/theme.ts';
import { SaleView, useGivenBackPutAway } from './sell/sale-view.tsx';
import { SettingsScreen } from './settings/settings-screen.tsx';
import { StatusScreen } from './status/status-screen.tsx';
import { WelcomeScreen } from './welcome/welcome-screen.tsx';
import { WithScreenKeyboard } from './typing/screen-keyboard.tsx';
import type { WindowMode } from './typing/typed-field.ts';
import classes from './app.module.css';

interface AppProps {
  nonce: string;
  /** A kiosk has no keyboard unless somebody proves otherwise by typing. */
  mode?: WindowMode;
}

export function App({ nonce, mode = 'desktop' }: AppProps): ReactElement {
  const { language } = useLanguage();
  const queries = useMemo(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: { retry: 1, staleTime: 5_000, networkMode: 'always' },
          mutations: { networkMode: 'always' },
        },
      }),
    [],
  );
  return (
    <DirectionProvider initialDirection={directionOf(language)} detectDirection={false}>
      <FollowDirection language={language} />
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        defaultColorScheme="auto"
        getStyleNonce={() => nonce}
      >
        <QueryClientProvider client={queries}>
          <WithScreenKeyboard mode={mode}>
            <Screens />
            <LanguageNote />
          </WithScreenKeyboard>
        </QueryClientProvider>
      </MantineProvider>
    </DirectionProvider>
  );
}

/** Turns the page when the language turns, without starting the screens anew. */
function FollowDirection({ language }: { language: string }): null {
  const { setDirection } = useDirection();
  useEffect(() => setDirection(directionOf(language)), [language, setDirection]);
  return null;
}

function Screens(): ReactElement {
  const connection = useConnection();
  if (connection.kind === 'starting') return <StartingNotice />;
  if (connection.kind === 'lost') return <LostNotice since={connection.since} />;
  const { state } = connection;
  return (
    <AgentStateContext value={connection}>
      <Announcer />
      {state.phase === 'starting' && <StartingNotice />}
      {state.phase === 'quarantined' && (
        <QuarantinedNotice deviceId={state.kiosk?.id} problems={state.problems} />
      )}
      {state.phase === 'not_enrolled' && <WelcomeScreen />}
      {state.phase === 'ready' && <Till />}
    </AgentStateContext>
  );
}

function Till(): ReactElement {
  const { state } = useAgent();
  const [view, setView] = useState<View>('sell');
  useGivenBackPutAway();
  const open = state.sales.some((sale) => sale.state === 'open');
  const paid = state.sales.filter((sale) => sale.state === 'paid').map(({ saleId }) => saleId);
  const wasPaid = useRef(paid);
  const paidIds = paid.join(' ');
  // Money that arrives is shown wherever the cashier is.
  useEffect(() => {
    const now = paidIds.split(' ').filter((saleId) => saleId !== '');
    if (now.some((saleId) => !wasPaid.current.includes(saleId))) setView('sell');
    wasPaid.current = now;
  }, [paidIds]);
  return (
    <div className={classes.till}>
      <StatusBar onOpenStatus={() => setView('status')} />
      <ProblemBand />
      <div className={classes.middle}>
        <SideRail view={view} onChange={setView} saleOpen={open} />
        {/* It scrolls, and where nothing in it can be focused the arrow keys must reach it all the same. */}
        <main className={classes.main} data-view={view} tabIndex={0}>
          {view === 'sell' && <SaleView />}
          {view === 'activity' && <ActivityScreen />}
          {view === 'status' && <StatusScreen />}
          {view === 'settings' && <SettingsScreen />}
        </main>
      </div>
    </div>
  );
}
