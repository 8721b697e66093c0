/**
 * Where the person is, in the address's fragment: the server and the service worker see one page. Never: carries
 * money or a secret in an address.
 */
import { useEffect, useState } from 'preact/hooks';

export interface Route {
  readonly name: string;
  readonly argument: string | null;
}

export function parseRoute(hash: string): Route {
  const [name = '', argument] = hash.replace(/^#\/?/, '').split('/');
  return { name, argument: argument === undefined || argument === '' ? null : decodeURIComponent(argument) };
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const listen = () => {
      setHash(location.hash);
      window.scrollTo(0, 0);
    };
    addEventListener('hashchange', listen);
    // The address may have changed between the first drawing and this subscription.
    setHash(location.hash);
    return () => removeEventListener('hashchange', listen);
  }, []);
  return parseRoute(hash);
}

export function go(path: string): void {
  location.hash = `#/${path}`;
}

/** Without a step back to where one must not return, e.g. from "paid" to "confirm". */
export function replace(path: string): void {
  history.replaceState(null, '', `#/${path}`);
  dispatchEvent(new HashChangeEvent('hashchange'));
}
