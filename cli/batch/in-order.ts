/** What happens next: the source gives something, or the oldest work is done. */
type Event<Item, Result> =
  { readonly from: 'source'; readonly next: IteratorResult<Item> } | { readonly from: 'work'; readonly result: Result };

/**
 * Works on the items of a source, at most `concurrency` at a time, and gives the results in the order of the items, each
 * as soon as it is there: a program that writes a line and waits for its answer gets it. The source is asked for no more
 * than is worked on, so an endless one costs no memory.
 */
export async function* inOrder<Item, Result>(
  source: AsyncIterable<Item>,
  { concurrency, work }: { readonly concurrency: number; readonly work: (item: Item) => Promise<Result> },
): AsyncGenerator<Result> {
  const items = source[Symbol.asyncIterator]();
  const running: Promise<Result>[] = [];
  let next: Promise<IteratorResult<Item>> | undefined = listened(items.next());
  try {
    for (;;) {
      const wanted = running.length < concurrency ? next : undefined;
      const [oldest] = running;
      if (wanted === undefined && oldest === undefined) return;
      const event: Event<Item, Result> = await firstOf(wanted, oldest);
      if (event.from === 'work') {
        void running.shift();
        yield event.result;
      } else if (event.next.done === true) {
        next = undefined;
      } else {
        running.push(listened(work(event.next.value)));
        next = listened(items.next());
      }
    }
  } finally {
    await Promise.allSettled(running);
  }
}

async function firstOf<Item, Result>(
  next: Promise<IteratorResult<Item>> | undefined,
  work: Promise<Result> | undefined,
): Promise<Event<Item, Result>> {
  const events: Promise<Event<Item, Result>>[] = [];
  if (work !== undefined) events.push(work.then((result) => ({ from: 'work', result })));
  if (next !== undefined) events.push(next.then((one) => ({ from: 'source', next: one })));
  return await Promise.race(events);
}

/** A promise that may fail before anybody waits for it; who waits later still hears of it. */
function listened<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
