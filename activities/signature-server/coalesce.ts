/**
 * Runs `work` for any number of requests: never two at once, and at most one more waiting. The promise a request gets
 * settles with a run that began after the request, so what happened before the request has been seen by it.
 */
export function coalesce<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let trailing: Promise<T> | undefined;

  const run = (): Promise<T> => {
    const current = work().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };
  return () => {
    // A run that waits begins a moment after the one before has ended; who asks in that moment joins it.
    if (running === undefined && trailing === undefined) return run();
    trailing ??= (running ?? Promise.resolve()).then(noop, noop).then(() => {
      trailing = undefined;
      return run();
    });
    return trailing;
  };
}

function noop(): void {
  // How the run before ended is told to those who asked for it.
}
