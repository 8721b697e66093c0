/** What the provider did not answer, the person may try again. */
import { problem } from '../http/problem.ts';
import { ProviderUnavailable } from './port.ts';

/** For `catch`. @throws ApiProblem `payment_provider_unavailable`, or what was thrown */
export function tryAgain(cause: unknown): never {
  throw cause instanceof ProviderUnavailable
    ? problem('payment_provider_unavailable', { cause, retryAfterMs: 2000 })
    : cause;
}
