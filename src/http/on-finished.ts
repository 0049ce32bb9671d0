import type { ServerResponse } from 'node:http';

/** Calls back once: when the last byte of an answer has been handed over, or its client has hung up before. */
export function onFinished(answer: ServerResponse, callback: () => void): void {
  let hasEnded = false;
  function end(): void {
    if (hasEnded) return;
    hasEnded = true;
    callback();
  }
  answer.once('finish', end).once('close', end);
}
