/** A time limit that can be combined with other signals. */

/**
 * A signal that is aborted after some milliseconds, with the error that `AbortSignal.timeout` gives. One of that kind
 * is forgotten by the garbage collector when nothing but `AbortSignal.any` refers to it, and then never fires
 * (nodejs/node#57736); this one is held by its timer. It keeps no process alive.
 */
export function deadlineAfter(ms: number): AbortSignal {
  const controller = new AbortController();
  const timeout = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
  setTimeout(() => controller.abort(timeout), ms).unref();
  return controller.signal;
}
