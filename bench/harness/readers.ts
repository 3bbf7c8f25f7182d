import { parentPort, workerData } from 'node:worker_threads';

// A worker: requests each path of a server again and again until it gets a message. It answers with the number of answers
// and the longest time for each path.

const { url, paths } = workerData as { readonly url: string; readonly paths: readonly string[] };
const stopping = new AbortController();

async function readAgain(path: string) {
  const read = { answers: 0, refused: 0, longestMs: 0 };
  let next: string | undefined;
  while (!stopping.signal.aborted) {
    const began = performance.now();
    try {
      const parameter = path.startsWith('/events') ? 'after' : 'cursor';
      const response = await fetch(`${url}${path}${next ? `&${parameter}=${next}` : ''}`, { signal: stopping.signal });
      const end = (await response.text()).slice(-4_000);
      // The next request asks for the next page; after the last page it starts again.
      next = /"next":"([^"]+)"(?!.*"caughtUp":true)/.exec(end)?.[1];
      if (response.ok) read.answers += 1;
      else read.refused += 1;
    } catch {
      read.refused += 1; // also when the server closed the connection
    }
    read.longestMs = Math.max(read.longestMs, Math.round(performance.now() - began));
  }
  return read;
}

const reading = Promise.all(paths.map(readAgain));
parentPort?.once('message', async () => {
  stopping.abort();
  parentPort?.postMessage(await reading);
});
