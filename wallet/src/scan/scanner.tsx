/**
 * The camera and its decode loop: one frame at a time to the worker, the next when it has answered. Loaded only when
 * the person wants to scan. Never: judges what it reads; the caller says whether to go on.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/translate.ts';
import type { ErrorCode } from '../pay/codes.ts';
import { Icon } from '../screens/parts/icons.tsx';
import type { DecodeAnswer } from './decode-worker.ts';

type Props = {
  readonly onText: (text: string) => void;
  readonly onProblem: (code: ErrorCode) => void;
  /** While something that was read is looked at, no further frame is. */
  readonly paused: boolean;
};

/** Longest side of a frame that is looked at: enough for a dense code, quick on a cheap phone. */
const MAX_FRAME = 1_280;
const PAUSE_MS = 60;

export function Scanner({ onText, onProblem, paused }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const latestRef = useRef({ onText, onProblem, paused });
  useEffect(() => {
    latestRef.current = { onText, onProblem, paused };
  });
  const [live, setLive] = useState(false);
  const [torch, setTorch] = useState<MediaStreamTrack | null>(null);
  const [torchOn, setTorchOn] = useState(false);

  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    let isOver = false;
    let stream: MediaStream | null = null;
    const stopDecoding = decodeFrom(
      element,
      () => isOver || latestRef.current.paused,
      (text) => latestRef.current.onText(text),
    );
    openCamera()
      .then(
        async (opened) => {
          stream = opened;
          if (isOver) return closeCamera(opened);
          element.srcObject = opened;
          await element.play();
          setLive(true);
          const [track] = opened.getVideoTracks();
          if (track !== undefined && hasTorch(track)) setTorch(track);
        },
        (error: unknown) => {
          if (!isOver) latestRef.current.onProblem(cameraProblem(error));
        },
      )
      .catch((error: unknown) => {
        // Leaving the screen interrupts `play`; that is no problem to tell.
        if (!isOver) latestRef.current.onProblem(cameraProblem(error));
      });
    return () => {
      isOver = true;
      stopDecoding();
      if (stream !== null) closeCamera(stream);
    };
  }, []);

  const switchTorch = () => {
    if (torch === null) return;
    const next = !torchOn;
    // `torch` is newer than the DOM's types.
    const constraint: MediaTrackConstraintSet & { torch: boolean } = { torch: next };
    torch.applyConstraints({ advanced: [constraint] }).then(
      () => setTorchOn(next),
      () => setTorch(null),
    );
  };

  return (
    <div class="scanner">
      <video
        ref={video}
        muted
        playsInline
        autoPlay
        aria-label={t('scan.camera')}
        data-testid="scan-video"
        data-live={live}
      />
      <span class="scanner-frame" aria-hidden="true" />
      {torch !== null && (
        <button
          type="button"
          class="icon-button scanner-torch"
          aria-pressed={torchOn}
          aria-label={t('scan.torch')}
          onClick={switchTorch}
        >
          <Icon name="torch" />
        </button>
      )}
    </div>
  );
}

async function openCamera(): Promise<MediaStream> {
  if (!('mediaDevices' in navigator)) throw new DOMException('no camera interface', 'NotFoundError');
  return await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 }, height: { ideal: 720 } },
  });
}

function closeCamera(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function hasTorch(track: MediaStreamTrack): boolean {
  return 'getCapabilities' in track && 'torch' in track.getCapabilities();
}

function cameraProblem(error: unknown): ErrorCode {
  return error instanceof DOMException && (error.name === 'NotAllowedError' || error.name === 'SecurityError')
    ? 'camera_denied'
    : 'camera_missing';
}

/** @returns what stops it. */
function decodeFrom(
  video: HTMLVideoElement,
  isPaused: () => boolean,
  onText: (text: string) => void,
): () => void {
  const worker = new Worker(new URL('./decode-worker.ts', import.meta.url), { type: 'module' });
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  let timer = 0;
  let id = 0;
  const next = () => {
    timer = window.setTimeout(look, PAUSE_MS);
  };
  const look = () => {
    if (
      isPaused() ||
      context === null ||
      video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ||
      video.videoWidth === 0
    )
      return next();
    const scale = Math.min(1, MAX_FRAME / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const frame = context.getImageData(0, 0, canvas.width, canvas.height);
    id += 1;
    worker.postMessage({ id, frame }, [frame.data.buffer]);
  };
  worker.addEventListener('message', (event: MessageEvent<DecodeAnswer>) => {
    const [text] = event.data.texts;
    if (text !== undefined && !isPaused()) onText(text);
    next();
  });
  next();
  return () => {
    clearTimeout(timer);
    worker.terminate();
  };
}
