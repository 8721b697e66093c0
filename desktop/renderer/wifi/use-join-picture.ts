/** The picture that phones join by. It alone holds the passphrase, so it is asked for when it is shown, and let go of after. */
import { useQuery } from '@tanstack/react-query';
import { call } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';

/** Undefined while it is on its way, null while nobody can join. */
export function useJoinPicture(): string | null | undefined {
  const { joinCodeId } = useAgent().state.radio;
  const picture = useQuery({
    queryKey: ['radio.joinCode', joinCodeId],
    queryFn: () => call('radio.joinCode', {}),
    enabled: joinCodeId !== null,
    gcTime: 0,
  });
  if (joinCodeId === null) return null;
  return picture.data?.picture;
}
