/** The operator's pages: which one is shown, and to whom. */
import { localeState, useObservable } from '@tikiwallet/wallet/look';
import { useOffice } from '../office.ts';
import { NotYours, SignIn } from '../parts/sign-in.tsx';

export function App() {
  // A changed language draws everything anew.
  const { locale } = useObservable(localeState);
  return <Operator key={locale} />;
}

function Operator() {
  const { state } = useOffice();
  if (state.user === null) return <SignIn title="operator.title" lead="operator.lead" />;
  return <NotYours text="operator.not_yours" />;
}
