/**
 * The till's camera, for a customer whose phone reaches no network. On only while it is shown; its picture goes to the
 * decoder on this machine and nowhere else.
 */
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import classes from './customer-camera.module.css';
import { readCodes } from './read-codes.ts';

type CameraState = 'starting' | 'live' | 'denied' | 'missing';

export function CustomerCamera({ onText }: { onText: (text: string) => void }): ReactElement {
  const { t } = useLanguage();
  const video = useRef<HTMLVideoElement>(null);
  const newest = useRef(onText);
  useEffect(() => {
    newest.current = onText;
  });
  const [state, setState] = useState<CameraState>('starting');
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    return watch(element, setState, (text) => newest.current(text));
  }, []);
  return (
    <div className={classes.camera} data-testid="camera" data-state={state}>
      <video ref={video} className={classes.picture} muted playsInline aria-label={t('camera.label')} />
      {state === 'live' && <span className={classes.frame} aria-hidden="true" />}
      {state === 'starting' && <p className={classes.words}>{t('camera.starting')}</p>}
      {(state === 'denied' || state === 'missing') && (
        <p className={classes.words} role="alert">
          <Icon name="alert" size={34} />
          {t(`camera.${state}`)}
        </p>
      )}
    </div>
  );
}

/** @returns what switches the camera off. */
function watch(
  video: HTMLVideoElement,
  onState: (state: CameraState) => void,
  onText: (text: string) => void,
): () => void {
  let isOver = false;
  let stream: MediaStream | undefined;
  let stopReading: (() => void) | undefined;
  const start = async (): Promise<void> => {
    const opened = await openCamera();
    if (isOver) return close(opened);
    stream = opened;
    video.srcObject = opened;
    await video.play();
    if (isOver) return;
    stopReading = readCodes(video, onText);
    onState('live');
  };
  start().catch((error: unknown) => {
    // Going back while the camera starts interrupts `play`; that is no problem to tell.
    if (!isOver) onState(problemOf(error));
  });
  return () => {
    isOver = true;
    stopReading?.();
    if (stream !== undefined) close(stream);
  };
}

async function openCamera(): Promise<MediaStream> {
  if (!('mediaDevices' in navigator)) throw new DOMException('no camera interface', 'NotFoundError');
  return await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { width: { ideal: 1280 }, height: { ideal: 720 } },
  });
}

function close(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function problemOf(error: unknown): CameraState {
  const isRefusal =
    error instanceof DOMException && (error.name === 'NotAllowedError' || error.name === 'SecurityError');
  return isRefusal ? 'denied' : 'missing';
}
