import { parentPort, workerData } from 'node:worker_threads';

// A worker: asks for each path of a server over and over, each again as soon as it is answered, until it gets a message.
// Answers with how many answers each path got and the longest time that one took.

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
      // A page goes on after the page before; the last one starts anew.
      next = /"next":"([^"]+)"(?!.*"caughtUp":true)/.exec(end)?.[1];
      if (response.ok) read.answers += 1;
      else read.refused += 1;
    } catch {
      read.refused += 1; // also a connection that was closed under the request
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
